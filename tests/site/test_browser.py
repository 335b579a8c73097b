"""The page of results in a real browser: no errors, no network; it sorts, filters, follows links, prints, folds."""

import re
import shutil

import pytest
from results_folder import HOSTILE

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser on the PATH: one of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


class Watched:
    """A page with what it said and asked for."""

    def __init__(self, page, file):
        self.page, self.said, self.asked = page, [], []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self.asked.append(request.url))
        self.url = file.as_uri()
        page.set_default_timeout(5_000)
        page.goto(self.url)

    def column(self, table, name):
        """Texts of a column of the rows that are seen."""
        return self.page.locator(table).evaluate(
            """(table, name) => {
                const heads = [...table.tHead.rows[0].cells];
                const place = heads.findIndex((head) => head.textContent === name);
                const seen = [...table.tBodies[0].rows].filter((row) => !row.hidden);
                return seen.map((row) => row.cells[place].textContent);
            }""",
            name,
        )


@pytest.fixture
def opened(browser, site):
    """Open the page in a window: ``opened(width=390)``; what it says on the console fails the test."""
    contexts, watched = [], []

    def show(width=1400, height=1000, **settings):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **settings))
        watched.append(Watched(contexts[-1].new_page(), site))
        return watched[-1]

    yield show
    for context in contexts:
        context.close()
    assert [text for one in watched for text in one.said] == []


NOTHING = "\N{EN DASH}"
ACCURACY = '[id="accuracy:h@1:s@1"] table'


def test_it_loads_without_a_network(opened, site):
    window = opened()
    assert window.page.title() == "Reward model reports"
    assert window.asked == [site.as_uri()]
    assert window.page.locator("article figure svg").count() == window.page.locator("article figure").count() > 2


def test_texts_of_the_data_stay_texts(opened):
    window = opened()
    assert HOSTILE in window.column(ACCURACY, "subset")
    assert window.page.locator("img, main script, iframe").count() == 0
    assert HOSTILE[:20] in window.page.locator('[id="accuracy:h@1:s@1"] figure svg').text_content()


def test_numbers_sort_both_ways_with_nothing_last(opened):
    window = opened()
    button = window.page.locator(f"{ACCURACY} thead button", has_text="n_pairs")
    head = button.locator("xpath=..")
    button.click()
    up = [int(text) for text in window.column(ACCURACY, "n_pairs")]
    assert up == sorted(up) and len(set(up)) > 1 and head.get_attribute("aria-sort") == "ascending"
    button.focus()
    window.page.keyboard.press("Enter")
    assert [int(text) for text in window.column(ACCURACY, "n_pairs")] == up[::-1]
    assert head.get_attribute("aria-sort") == "descending"
    low = window.page.locator(f"{ACCURACY} thead button").get_by_text("low", exact=True)
    for _ in range(2):
        low.click()
        texts = window.column(ACCURACY, "low")
        missing = texts.count(NOTHING)
        assert missing and texts[-missing:] == [NOTHING] * missing
    assert window.page.locator(f"{ACCURACY} [aria-sort]").count() == 1


def test_names_sort_with_their_numbers(opened):
    window = opened()
    button = window.page.locator(f"{ACCURACY} thead button", has_text="subset")
    button.click()
    up = window.column(ACCURACY, "subset")
    assert up.index("part 2") < up.index("part 10")
    button.click()
    down = window.column(ACCURACY, "subset")
    assert down.index("part 10") < down.index("part 2") and sorted(down) == sorted(up)


def test_a_filter_keeps_rows_with_every_word(opened):
    window = opened()
    everything = len(window.column(ACCURACY, "subset"))
    holder = window.page.locator(ACCURACY).locator("xpath=../..")
    holder.locator("input").fill("ONERROR quoted")
    assert window.column(ACCURACY, "subset") == [HOSTILE]
    assert holder.locator(".count").text_content() == f"1 of {everything} rows"
    holder.locator("input").fill("")
    assert len(window.column(ACCURACY, "subset")) == everything


def test_a_head_hides_what_is_of_others(opened):
    window = opened()
    window.page.select_option("#head", "other@1")
    assert not window.page.locator('[id="accuracy:h@1:s@1"]').is_visible()
    assert window.page.locator('[id="accuracy:other@1:s@1"]').is_visible()
    assert set(window.column("#results table", "head")) == {"other@1"}
    window.page.goto(window.url + "#accuracy:h@1:s@1")
    assert window.page.locator('[id="accuracy:h@1:s@1"]').is_visible()


def test_every_link_leads_somewhere(opened, site):
    window = opened()
    dead = window.page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')]
            .map((link) => decodeURIComponent(link.hash.slice(1))).filter((id) => !document.getElementById(id))"""
    )
    assert dead == []
    files = window.page.eval_on_selector_all("article .below a", "links => links.map((link) => link.href)")
    assert len(files) == window.page.locator("article").count()
    from urllib.parse import unquote, urlsplit

    for file in files:
        place = unquote(urlsplit(file).path)
        assert place.startswith(str(site.parent)) and place.endswith(".parquet")
    window.page.locator(".contents a", has_text="bon").first.click()
    assert window.page.evaluate("location.hash") == "#bon"
    assert window.page.locator("#bon h2").evaluate("place => place.getBoundingClientRect().top") < 300


def test_a_link_opens_what_is_folded(opened):
    window = opened()
    window.page.goto(window.url + "#head:h@1")
    assert window.page.locator('[id="head:h@1"]').get_attribute("open") is not None


def test_themes(opened):
    def paper(window):
        return window.page.evaluate("getComputedStyle(document.body).backgroundColor")

    def bars(window):
        return window.page.locator('svg [fill="#0072b2"]').first.evaluate("bar => getComputedStyle(bar).fill")

    window = opened(color_scheme="light")
    assert (paper(window), bars(window)) == ("rgb(255, 255, 255)", "rgb(0, 114, 178)")
    button = window.page.locator("#theme")
    button.click()
    button.click()
    assert button.text_content() == "Theme: dark"
    assert (paper(window), bars(window)) == ("rgb(21, 24, 30)", "rgb(86, 180, 233)")
    assert paper(opened(color_scheme="dark")) == "rgb(21, 24, 30)"


def test_it_prints_everything_on_white(opened):
    window = opened(color_scheme="dark")
    document = window.page.pdf(prefer_css_page_size=True)
    assert document.startswith(b"%PDF") and int(re.search(rb"/Type /Pages\s*/Count (\d+)", document)[1]) > 5
    window.page.emulate_media(media="print")
    assert window.page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')") == "#ffffff"
    window.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert window.page.locator("details:not([open])").count() == 0
    for place in window.page.locator("article .scroll").all():
        assert place.evaluate("place => getComputedStyle(place).overflow") == "visible"
    names = window.page.locator(f"{ACCURACY} thead th:not(.whisker)").evaluate_all(
        "heads => heads.map((head) => getComputedStyle(head, '::before').content)"
    )
    assert names[:2] == ['"dataset"', '"subset"'] and "none" not in names
    window.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert window.page.locator("details:not([open])").count() > 0


@pytest.mark.parametrize("width", [390, 1400])
def test_a_page_is_never_wider_than_its_window(opened, width):
    window = opened(width=width)
    window.page.evaluate("document.querySelectorAll('details').forEach((place) => { place.open = true; })")
    assert window.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_narrow_window_folds_the_contents(opened):
    window = opened(width=390)
    assert not window.page.locator(".contents a").first.is_visible()
    window.page.locator(".contents summary").click()
    assert window.page.locator(".contents a").first.is_visible()


def test_what_is_cut_fades_until_its_end_is_seen(opened):
    painted = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
                 () => done(document.querySelector('.picture').className))))"""
    narrow, wide = opened(width=390).page, opened(width=1400).page
    assert (narrow.evaluate(painted), wide.evaluate(painted)) == ("picture more", "picture")
    narrow.evaluate("() => { const p = document.querySelector('.picture'); p.scrollTo(p.scrollWidth, 0); }")
    assert narrow.evaluate(painted) == "picture"


def test_numbers_say_all_of_themselves(opened):
    window = opened()
    cells = window.page.locator(f"{ACCURACY} td.n[data-v]")
    cell = cells.nth(cells.evaluate_all("cells => cells.findIndex((cell) => cell.dataset.v.length > 10)"))
    cell.hover()
    full, shown = cell.get_attribute("title"), cell.text_content()
    assert len(full) > 10 > len(shown) and float(full) == pytest.approx(float(shown), abs=5e-4)


def test_keyboards_and_screen_readers(opened):
    window = opened()
    page = window.page
    assert page.locator("thead th:not([scope=col])").count() == 0
    assert page.locator("tbody th:not([scope=row])").count() == 0
    assert page.evaluate("new Set([...document.querySelectorAll('[id]')].map((place) => place.id)).size") == (
        page.locator("[id]").count()
    )
    names = ":is(button, select, input, summary, a)"
    silent = page.eval_on_selector_all(
        names, "all => all.filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length)).length"
    )
    assert silent == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
