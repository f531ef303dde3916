"""The small version of `make calibration`: do 95 % intervals cover, and is the committed table whole?"""

import pandas as pd
import pytest
from conftest import ROOT
from scipy.stats import binom

from benchmarks.calibration import DIMENSIONS, REPLICATIONS, calibrate

FEW = 40


def test_intervals_cover_the_known_truth():
    table = calibrate(5, FEW)
    covered = (table["coverage"] * FEW).round().astype(int)
    # Of coverages that are 95 % indeed, all six stay above this in 99.9 of 100 such tests.
    assert (covered >= binom.ppf(0.001 / 6, FEW, 0.95)).all(), table
    assert table["mean_se"].to_numpy() == pytest.approx(table["spread"].to_numpy(), rel=0.4)


def test_the_committed_table_covers_in_90_to_99_of_100():
    table = pd.read_csv(ROOT / "benchmarks" / "calibration.csv")
    assert sorted(set(table["dim"])) == sorted(DIMENSIONS)
    assert (table["replications"] == REPLICATIONS).all()
    assert table["coverage"].between(0.9, 0.99).all(), table
