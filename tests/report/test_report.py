"""The report and its figures, drawn from a real run."""

import html
import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from PIL import Image

from elbo_room.estimate import number, with_error
from elbo_room.report.pages import write_report
from elbo_room.report.sections import _said
from elbo_room.report.style import Look
from elbo_room.tables.pairs import telling_pair
from elbo_room.tables.verdict import RULES

FIGURES = ("room", "ways", "climb", "draws", "intervals", "prediction", "price")
"""These Gaussians have no learning rate; where a guide has several, there is an eighth."""


class Page(HTMLParser):
    """The images and the outgoing addresses of a page."""

    def __init__(self, text):
        super().__init__()
        self.images, self.addresses, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids.add(found.get("id"))
        if tag == "img":
            self.images.append(found)
        self.addresses += [found[key] for key in ("src", "href") if key in found]


@pytest.fixture(scope="module")
def page(smoke_run):
    return Page((smoke_run / "report.html").read_text(encoding="utf-8"))


def test_each_model_has_four_figures_that_are_not_blank(smoke_run):
    for name in FIGURES:
        with Image.open(smoke_run / "figures" / f"regression-regression-{name}.png") as image:
            assert len(image.convert("RGB").getcolors(1 << 20)) > 20


def test_every_image_says_in_words_what_it_shows(page):
    assert len(page.images) == len(FIGURES)
    assert all(len(image["alt"]) > 40 for image in page.images)


def test_the_report_asks_for_nothing_from_the_network(page):
    assert all(a.startswith(("data:image/webp;base64,", "#")) for a in page.addresses)


def test_links_inside_the_report_lead_somewhere(page):
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= page.ids


def test_the_report_holds_the_docstring_and_a_row_for_each_pair(smoke_run, page):
    text = (smoke_run / "report.html").read_text(encoding="utf-8")
    assert "What closes the room, when everything is known?" in text
    rows = pd.read_csv(smoke_run / "table.csv")
    whole = text.split('<section id="table">')[1]
    assert len(re.findall("<tr><td", whole)) == len(rows.drop_duplicates(["model", "guide"]))


def test_the_shown_room_is_the_one_in_the_table(smoke_run):
    rows = pd.read_csv(smoke_run / "table.csv").sort_values("elbo")
    row = rows[rows["guide"] == "meanfield"].iloc[1]  # of two seeds, the upper is the median's
    shown = with_error(row["kl_guide_posterior"], row["kl_guide_posterior_se"])
    assert shown in (smoke_run / "report.html").read_text(encoding="utf-8")


def test_the_rule_of_the_verdicts_is_printed(smoke_run):
    text = html.unescape((smoke_run / "report.html").read_text(encoding="utf-8"))
    for rule in RULES:
        assert f"<b>{rule.word}</b></dt><dd>{rule.text}." in text


def test_a_number_at_its_floor_is_called_indistinguishable():
    row = pd.Series({"x": 0.5, "x_se": 0.1, "x_floor": 0.35, "y": 0.5, "y_se": 0.1, "y_floor": 0.0})
    assert _said(row, "x") == "indistinguishable"
    assert _said(row, "y") == "0.50 ± 0.10"
    assert _said(row.drop("x_floor"), "x") == "0.50 ± 0.10"


def test_a_number_lost_in_its_noise_is_not_called_indistinguishable():
    row = pd.Series({"kl_x": 39_942.0, "kl_x_se": 31_415.0, "kl_x_floor": 24_457.0})
    assert _said(row, "kl_x") == "4e04 ± 3e04"


def test_nothing_is_drawn_again_when_nothing_has_changed(smoke_run, tmp_path):
    copy = shutil.copytree(smoke_run, tmp_path / "results")
    before = (copy / "report.html").stat().st_mtime_ns
    write_report(copy)
    assert (copy / "report.html").stat().st_mtime_ns == before


def test_without_a_certificate_only_the_climb_is_drawn(smoke_run, tmp_path):
    copy = shutil.copytree(smoke_run, tmp_path / "results")
    shutil.rmtree(copy / "figures")
    facts = pd.read_csv(copy / "references.csv")
    facts = facts.assign(reference="nuts", log_integral=None, objections="R-hat 2 >= 1.01")
    facts.to_csv(copy / "references.csv", index=False)
    text = write_report(copy).read_text(encoding="utf-8")
    drawn = {path.stem for path in (copy / "figures").iterdir()}
    assert drawn == {"regression-regression-climb"}
    assert "refused: R-hat 2 &gt;= 1.01" in text


def test_a_guide_keeps_its_colour_and_marker_in_every_figure():
    look = Look([f"guide_{i}" for i in range(10)])
    assert len({look.colour(guide) for guide in look.guides}) == 10
    assert len({look.marker(guide) for guide in look.guides}) == 10


@pytest.mark.parametrize(
    ("value", "se", "shown"),
    [
        (1.16432, 0.0104, "1.164 ± 0.010"),
        (29.04, 2.91, "29.0 ± 2.9"),
        (-24.7272, 0.0, "-24.7"),
        (0.0, 0.0, "0"),
        (-1e-9, 2e-9, "0.0000 ± 0.0000"),
        (float("nan"), 1.0, "none"),
    ],
)
def test_numbers_show_the_digits_that_their_errors_bear(value, se, shown):
    assert with_error(value, se) == shown


def test_huge_numbers_stay_short():
    assert number(8.58e104) == "9e104"


def test_the_pair_shown_is_the_one_that_differs():
    reference = {"a": [0.0, 1, 2, 3] * 50, "b": [3.0, 1, 0, 2] * 50, "c": [1.0, 2, 3, 0] * 50}
    guide = {**reference, "b": [0.0] * 200, "c": [0.0] * 200}
    assert telling_pair(reference, [guide]) == ("b", "c")
    assert telling_pair({"a": reference["a"]}, [guide]) == ("a", "a")
