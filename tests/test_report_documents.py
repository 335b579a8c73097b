"""report run --to FILE.md, .html, .svg and .png: whole documents with their provenance beside them."""

import json
import re
import sys
from html.parser import HTMLParser

import pytest
from lab import fill

from rmstore import reports
from rmstore.errors import MissingPackageError, OptionError, ReportError, StoreError
from rmstore.reports.html import environment

NAME = 'a|b <b>*x*</b> `y` "z"'
ROWS = [
    {"prompt": str(number), "text": text, "reward": reward, "gold": reward, "subset": NAME if number % 2 else "plain"}
    for number in range(6) for text, reward in (("good", 1.0 if number else -3.0), ("bad", -1.0))
]  # fmt: skip
BARE = """\
-- report:  bare
-- title:   No picture
-- grain:   one row
-- engines: duckdb
-- params:
-- columns: n BIGINT
select 1::bigint as n
"""


@pytest.fixture(scope="module")
def store():
    import rmstore

    with rmstore.connect() as opened:
        fill(opened, ROWS, [(2 * n, 2 * n + 1, 1.0, ROWS[2 * n]["subset"]) for n in range(6)])
        yield opened


@pytest.fixture
def run(store, tmp_path):
    def to(name):
        reports.run(store, "accuracy", {"head": "h"}, to=tmp_path / name)
        return (tmp_path / name).read_bytes(), json.loads((tmp_path / f"{name}.provenance.json").read_text())

    return to


def test_markdown(run):
    text, provenance = run("acc.md")
    lines = text.decode().splitlines()
    assert lines[0].startswith("## How often a head") and lines[2] == "head h@1, snapshot s@1, split test, 6 pairs"
    head, rule, *rows = [line for line in lines if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in (head, rule, *rows)} == {len(head.split(" | ")) + 1}
    cells = dict(zip(head.strip("| ").split(" | "), rows[-1].strip("| ").split(" | "), strict=False))
    assert (cells["n_pairs"], cells["accuracy"]) == ("6", "0.833")
    assert any(r"a\|b &lt;b&gt;\*x\*&lt;/b&gt; \`y\`" in row for row in rows)
    assert f"- sql sha256: {provenance['sql_sha256']}" in lines and "  - head: h@1" in lines


class Page(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_html(run):
    text, provenance = run("acc.html")
    page = Page(text.decode())
    names = [tag for tag, _ in page.tags]
    assert names.count("svg") >= 1 and names.count("script") == 1 and names.count("table") == 1 and "b" in names
    assert NAME in page.texts and "<b>*x*" not in text.decode()
    assert provenance["sql"] in page.texts and provenance["sql_sha256"] in page.texts
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    links = [value for _, attrs in page.tags for name, value in attrs.items() if name in {"src", "href"}]
    assert links == ["data:,"]


@pytest.mark.parametrize(("name", "paper"), [("acc.svg", "#ffffff"), ("acc.dark.svg", "#15181e")])
def test_svg(run, name, paper):
    text = run(name)[0].decode()
    assert f'fill="{paper}"' in text[:400]
    assert "How often a head" in text and "head h@1, snapshot s@1, split test, 6 pairs" in text


def test_png(run):
    assert run("acc.png")[0] != run("acc.dark.png")[0]


def test_a_picture_of_a_report_without_one(store, tmp_path):
    (tmp_path / "bare.sql").write_text(BARE)
    for name in ("bare.svg", "bare.PNG"):
        with pytest.raises(ReportError, match="'bare' has no picture"):
            reports.run(store, "bare", to=tmp_path / name, dirs=[tmp_path])
    reports.run(store, "bare", to=tmp_path / "bare.html", dirs=[tmp_path])
    assert "No picture" in (tmp_path / "bare.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.html", "bare.html.provenance.json", "bare.sql"]


def test_an_ending_that_means_nothing(store, tmp_path):
    with pytest.raises(OptionError, match=r"of a report also \.md, \.html, \.svg, \.png"):
        reports.run(store, "accuracy", {"head": "h"}, to=tmp_path / "acc.pdf")


@pytest.mark.parametrize(("name", "package"), [("a.svg", "vl_convert"), ("a.png", "altair"), ("a.html", "jinja2")])
def test_without_the_packages(store, tmp_path, monkeypatch, name, package):
    environment.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=r"rmstore\[charts\]"):
        reports.run(store, "accuracy", {"head": "h"}, to=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(store, tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        reports.run(store, "accuracy", {"head": "h"}, to=tmp_path / "no" / "acc.md")
