"""The report in a real browser, as a reader has it."""

import pytest
from browser import CHROMIUM, browser

LEAST_CONTRAST = 4.5  # of text, by WCAG 2.1, level AA

CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] / 255 + under[i] * (1 - top[3] / 255));
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ground = el => { const own = rgb(getComputedStyle(el).backgroundColor);
    const under = el.parentElement ? ground(el.parentElement) : dark ? [18, 18, 18] : [255, 255, 255];
    return over(own, under); };
  const found = {};
  for (const el of document.querySelectorAll("main *")) {
    const written = [...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!written || !el.offsetParent) continue;
    const under = ground(el), text = over(rgb(getComputedStyle(el).color), under);
    const [a, b] = [light(text), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    found[el.tagName] = Math.min(found[el.tagName] ?? 99, ratio);
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(tab, smoke_run):
    tab.open(smoke_run / "report.html")
    return tab


def cells(page, column):
    rows = "[...document.querySelectorAll('.whole tbody tr')].filter(row => !row.hidden)"
    return page.run(
        f"{rows}.map(row => row.cells[{column}].dataset.sort ?? row.cells[{column}].textContent)"
    )


def heading(page, name):
    names = page.run("[...document.querySelectorAll('.whole thead th')].map(th => th.textContent)")
    return names.index(name)


def test_it_logs_no_error_and_asks_for_nothing_else(page, smoke_run):
    assert not page.seen("Runtime.exceptionThrown")
    assert not [log for log in page.seen("Log.entryAdded") if log["entry"]["level"] == "error"]
    asked = [sent["request"]["url"] for sent in page.seen("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith("data:")] == [
        (smoke_run / "report.html").as_uri()
    ]


def test_every_image_has_loaded_and_says_what_it_shows(page):
    page.run("document.querySelectorAll('img').forEach(img => img.loading = 'eager')")
    images = page.run("[...document.images].map(img => [img.alt.length, img.naturalWidth])")
    assert images
    assert all(alt > 40 and width > 300 for alt, width in images)


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it_round(page):
    column = heading(page, "elbo")
    click = f"document.querySelectorAll('.whole thead button')[{column}].click()"
    page.run(click)
    rising = [float(value) for value in cells(page, column)]
    assert rising == sorted(rising)
    page.run(click)
    assert [float(value) for value in cells(page, column)] == rising[::-1]
    sorted_by = "document.querySelector('.whole th[aria-sort=descending]').textContent"
    assert page.run(sorted_by) == "elbo"


def test_words_filter_the_rows(page):
    page.run("document.querySelector('#filter').value = 'fullrank'")
    page.run("document.querySelector('#filter').dispatchEvent(new Event('input'))")
    assert set(cells(page, heading(page, "guide"))) == {"fullrank"}
    assert page.run("document.querySelector('#count').textContent") == "1 of 2 rows"


def test_a_number_says_its_unit_its_error_and_its_floor(page):
    column = heading(page, "kl_guide_posterior")
    told = page.run(f"document.querySelector('.whole tbody tr').cells[{column}].title")
    assert "nats" in told
    assert "standard error" in told
    assert "floor" in told


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(tab, smoke_run, scheme):
    tab.open(smoke_run / "report.html", scheme=scheme)
    found = tab.run(CONTRAST)
    assert found
    assert not {name: ratio for name, ratio in found.items() if ratio < LEAST_CONTRAST}


def test_a_phone_scrolls_tables_but_not_the_page(tab, smoke_run):
    tab.open(smoke_run / "report.html", width=360)
    assert tab.run("document.documentElement.scrollWidth") <= 360


def test_what_can_be_scrolled_or_pressed_can_be_reached_with_the_keyboard(page):
    assert page.run("[...document.querySelectorAll('.wide')].every(el => el.tabIndex === 0)")
    assert page.run(
        "[...document.querySelectorAll('.whole thead button')].every(el => el.tabIndex === 0)"
    )
    assert page.run("[...document.querySelectorAll('input')].every(el => el.labels.length === 1)")


def test_it_prints_without_what_is_folded(tab, page):
    tab.call("Emulation.setEmulatedMedia", media="print")
    assert tab.run("getComputedStyle(document.querySelector('.whole')).display") == "none"
    tab.call("Emulation.setEmulatedMedia", media="screen")
