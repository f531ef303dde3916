"""The small version of `make calibration`: do 95 % intervals cover, and does the committed table say so?

Where every coverage is what it should be and no estimate is biased, each test passes in 99.9 of 100 tables: its bounds
are those of binomials, of Student's t and of chi squared, for as many rows as there are.
"""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from scipy.stats import binom, chi2, t

from benchmarks.calibration import BEGIN, KEYS, PAGE, REPLICATIONS, calibrate, summary
from benchmarks.conjugate import conjugate
from benchmarks.quote import quoted

FEW = 40
ALPHA = 0.001
KNOWN = {
    ("meanfield", "log_evidence"): 0.985,
    ("narrow", "weighted_log_sd_error"): 0.92,
    ("narrow", "weighted_quantile_error_05"): 0.925,
}
"""What is known to cover more or less, and how much. The docs say why."""


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(ROOT / "benchmarks" / "calibration.csv")


def covers(table):
    """Whether each row's count of intervals that hold the truth is a likely one."""
    each = ALPHA / 2 / len(table)
    size = table["replications"]
    names = zip(table["guide"], table["quantity"], strict=True)
    share = np.array([KNOWN.get(name, 0.95) for name in names])
    count = (table["coverage"] * size).round()
    return (count >= binom.ppf(each, size, share)) & (count <= binom.isf(each, size, share))


def is_honest(table):
    """Whether the mean square that each row is off by is a likely one for its standard errors."""
    each = ALPHA / 2 / len(table)
    size = table["replications"]
    square = size * (table["off"] / table["mean_se"]) ** 2
    return square.between(chi2.ppf(each, size), chi2.isf(each, size))


def plain(table):
    """Rows of what is not known to be otherwise."""
    names = zip(table["guide"], table["quantity"], strict=True)
    return table[[name not in KNOWN for name in names]]


def test_intervals_cover_the_known_truth():
    table = calibrate(5, FEW, keys=0)
    assert covers(table).all(), table[~covers(table)]
    rest = plain(table)
    assert is_honest(rest).all(), rest[~is_honest(rest)]


def test_the_committed_table_is_whole(committed):
    names = list(conjugate(1).truth) * len(REPLICATIONS) * len(KEYS)
    assert list(zip(committed["guide"], committed["quantity"], strict=True)) == names
    assert set(zip(committed["dim"], committed["keys"], strict=True)) == {
        (dim, keys) for dim in REPLICATIONS for keys in KEYS
    }
    wanted = committed["dim"].map(REPLICATIONS)
    withheld = (committed["quantity"] == "c2st") & (committed["dim"] == 1)
    assert (committed["replications"] == wanted)[~withheld].all()
    assert (committed["replications"] >= wanted / 2)[withheld].all()


def test_every_row_covers(committed):
    assert covers(committed).all(), committed[~covers(committed)]


def test_every_quantity_covers_over_all_dimensions(committed):
    counted = committed.assign(coverage=committed["coverage"] * committed["replications"])
    pooled = counted.groupby(["guide", "quantity"])[["coverage", "replications"]].sum()
    pooled["coverage"] /= pooled["replications"]
    table = pooled.reset_index()
    assert covers(table).all(), table[~covers(table)]


def test_nothing_is_biased(committed):
    rows = committed.dropna(subset="bias")
    limit = t.isf(ALPHA / 2 / len(rows), rows["replications"] - 1)
    assert (rows["bias"].abs() < limit).all(), rows[rows["bias"].abs() >= limit]


def test_standard_errors_are_what_estimates_are_off_by(committed):
    rows = plain(committed)
    assert is_honest(rows).all(), rows[~is_honest(rows)]


def test_the_docs_quote_it(committed):
    assert quoted(PAGE, BEGIN) == summary(committed)
