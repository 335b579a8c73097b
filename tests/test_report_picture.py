"""Pictures: which marks there are, on which axes, and that every kind can be drawn in both themes."""

import math
import xml.etree.ElementTree as ET

import pyarrow as pa
import pytest

from rmstore.errors import MissingPackageError, ReportError
from rmstore.reports.drawing import png, svg
from rmstore.reports.header import parse
from rmstore.reports.picture import Frame, picture
from rmstore.reports.points import points, upright
from rmstore.reports.theme import DARK, LIGHT

COLUMNS = {
    "dataset": "VARCHAR", "subset": "VARCHAR", "head": "VARCHAR", "n": "BIGINT", "accuracy": "DOUBLE", "low": "DOUBLE",
    "high": "DOUBLE", "random": "DOUBLE",
}  # fmt: skip
ROWS = [
    ("hh", "a", "h@1", 1, 0.7, 0.6, 0.8, 0.5),
    ("hh", "all", "h@2", 10, 0.8, 0.7, 0.9, 0.5),
    ("shp", "a", "h@1", 1, 0.6, None, None, 0.5),
    ("shp", "all", "h@2", 100, 0.9, 0.8, 1.0, None),
]


def report(chart):
    header = {
        "report": "mine", "title": "A title that is long enough to need a second line, since nobody reads such titles",
        "grain": "one row", "engines": "duckdb", "params": "",
        "columns": ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items()), "chart": chart,
    }  # fmt: skip
    return parse("".join(f"-- {key}: {text}\n" for key, text in header.items()) + "select 1", name="mine", path="mine")


def table(rows=ROWS):
    kinds = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64()}
    arrays = zip(*rows, strict=True) if rows else [[]] * len(COLUMNS)
    return pa.table([pa.array(cells, kinds[COLUMNS[name]]) for name, cells in zip(COLUMNS, arrays, strict=True)],
                    names=list(COLUMNS))  # fmt: skip


def marks(chart, rows=ROWS, keys=()):
    found = table(rows)
    return points(upright(report(chart).chart, found), found, keys)


BAR = "bar x=subset y=accuracy,random low=low high=high"
EVERY_KIND = [
    BAR,
    f"{BAR} color=head",
    f"{BAR} facet=dataset y_title='accuracy (share of votes)'",
    "bar x=subset y=accuracy y_scale=log",
    "line x=n y=accuracy,random low=low high=high x_scale=log",
    "line x=n y=accuracy low=low high=high color=head facet=dataset",
    "line x=subset y=accuracy",
    "points x=random y=accuracy,high low=low high=high diagonal=yes color=head",
    "points x=accuracy y=subset low=low high=high x_title='win rate'",
    "heatmap x=subset y=dataset color=accuracy",
]


@pytest.mark.parametrize("chart", EVERY_KIND)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_kind_is_drawn_inside_its_frame(chart, theme):
    text = svg(report(chart), table(), Frame(theme, report(chart).title, "head h@1, 5 pairs"))
    drawn = ET.fromstring(text)
    width, height = (float(drawn.get(name)) for name in ("width", "height"))
    assert 500 < width < 1_100 and 100 < height < 900
    assert drawn.find("{*}rect").get("fill") == {"light": LIGHT, "dark": DARK}[theme]["paper"]
    assert "head h@1, 5 pairs" in "".join(drawn.itertext()) and "NaN" not in text


def test_the_measure_has_the_interval_and_others_stand_beside():
    found = marks(BAR)
    assert (found.measure, found.series) == ("accuracy", ("accuracy", "random"))
    measured = [row for row in found.rows if row["series"] == "accuracy"]
    assert [(row["low"], row["high"]) for row in measured] == [(0.6, 0.8), (0.7, 0.9), (None, None), (0.8, 1.0)]
    assert [row["y"] for row in found.rows if row["series"] == "random"] == [0.5, 0.5, 0.5]
    assert all(row["low"] is None for row in found.rows if row["series"] == "random")


def test_rows_that_would_lie_over_each_other_are_told_apart():
    assert marks(BAR).categories == ["hh · h@1 · a", "hh · h@2 · all", "shp · h@1 · a", "shp · h@2 · all"]
    assert marks(f"{BAR} facet=dataset").categories == ["a", "all"]
    assert marks(BAR, keys=("dataset", "subset")).categories == ["hh · a", "hh · all", "shp · a", "shp · all"]
    assert marks(BAR, keys=("head", "subset")).categories == marks(BAR).categories  # these do not tell all rows apart
    twice = [("d", name, "h", n, 0.5, None, None, None) for name in ("x", "y") for n in (1, 2)]
    assert marks("line x=n y=accuracy", twice).facets == ("x", "y")


def test_totals_of_a_single_data_set_do_not_show_it_twice():
    def rows(*data_sets):
        return [(name, "a", "h", 1, value, None, None, 0.5) for name, value in data_sets]

    chart = f"{BAR} facet=dataset"
    assert marks(chart, rows(("hh", 0.6), ("all", 0.6))).facets == ("hh",)
    assert marks(chart, rows(("hh", 0.6), ("all", 0.7))).facets == ("hh", "all")
    assert marks(chart, rows(("hh", 0.6), ("shp", 0.6), ("all", 0.6))).facets == ("hh", "shp", "all")
    assert marks(chart, rows(("all", 0.6))).facets == ("all",)
    assert marks("bar x=dataset y=accuracy", rows(("hh", 0.6), ("all", 0.6))).categories == ["hh"]


def test_what_an_axis_lacks_is_left_out_and_counted():
    values = [(0.5, 0.1), (math.nan, 0.1), (math.inf, 0.1), (0.25, -1.0), (0.5, 0.25), (None, None)]
    rows = [("d", "a", "h", n, value, low, 1.0, 0.1) for n, (value, low) in enumerate(values)]
    found = marks("line x=n y=accuracy low=low high=high x_scale=log y_scale=log", rows)
    assert [(row["x"], row["y"], row["low"]) for row in found.rows] == [(3, 0.25, None), (4, 0.5, 0.25)]
    assert found.notes == ["1 value outside the axes left out"]
    assert found.has_gaps


def test_a_heatmap_with_a_domain_gives_a_value_the_same_colour_in_every_run():
    def colour(value, others, domain):
        rows = [("d", str(n), "h", n, cell, None, None, None) for n, cell in enumerate([value, *others])]
        drawn = svg(report(f"heatmap x=subset y=dataset color=accuracy {domain}"), table(rows), Frame())
        cells = ET.fromstring(drawn).iterfind(".//{*}g[@aria-roledescription='rect mark container']/{*}path")
        return next(cell.get("fill") for cell in cells)

    runs = [(0.6, [0.5, 0.7]), (0.6, [0.59, 0.61]), (0.6, [0.1])]
    assert len({colour(*run, "color_domain=0,1") for run in runs}) == 1
    assert len({colour(*run, "") for run in runs}) > 1
    assert colour(0.6, [0.1], "color_domain=-1,1") != colour(-0.6, [0.1], "color_domain=-1,1")
    assert colour(0.6, [3.0], "color_domain=0,1") != colour(0.6, [0.5], "color_domain=0,1")  # what is beyond extends it


def test_few_places_on_a_logarithmic_axis_are_its_ticks():
    def drawn(places):
        rows = [("d", "a", "h", n, 0.5, None, None, None) for n in places]
        return svg(report("line x=n y=accuracy x_scale=log"), table(rows), Frame())

    assert all(f">{label}<" in drawn([250, 500, 1848]) for label in ("250", "500", "1,848"))
    assert ">273<" not in drawn(range(251, 300, 2))


def test_cells_without_a_value_are_no_note():
    rows = [("d", name, "h", 1, value, None, None, None) for name, value in (("x", 0.5), ("y", None))]
    found = marks("heatmap x=subset y=dataset color=accuracy", rows)
    assert len(found.rows) == 1 and found.notes == []


def test_a_picture_says_what_it_leaves_out():
    rows = [("d", f"s{n}", "h", n, 0.5, None, None, None) for n in range(100)]
    text = svg(report("bar x=subset y=accuracy"), table(rows), Frame())
    assert "the first 80 of 100 rows" in text and ">s79<" in text and ">s80<" not in text


@pytest.mark.parametrize(
    ("rows", "said"),
    [([], "The report has no rows"), ([("d", "s", "h", 1, None, None, None, None)], "No value of accuracy in 1 row<")],
)
def test_a_picture_of_nothing_says_so(rows, said):
    assert said in svg(report("bar x=subset y=accuracy low=low high=high"), table(rows), Frame())


def test_texts_of_the_data_stay_texts():
    names = ["</svg><script>alert(1)</script>", "\u202egnp", "a\x00b\x1b[31m", "long " * 40, "", None]
    rows = [("d", name, "h", 1, 0.5, None, None, None) for name in names]
    text = svg(report("bar x=subset y=accuracy"), table(rows), Frame())
    drawn = ET.fromstring(text)
    texts = [one.text for one in drawn.findall(".//{*}text")]
    assert "<script" not in text and names[0] in texts
    assert {"\\u202egnp", "a\\x00b\\x1b[31m", "(empty)", "(none)"} <= set(texts)
    assert any(one.startswith("long long") and one.endswith("…") for one in texts if one)


def test_pictures_repeat_and_share_a_page():
    first, again, other = (svg(report(EVERY_KIND[-1]), table(), Frame(), prefix=text) for text in ("p1-", "p1-", "p2-"))
    ids = [{one.get("id") for one in ET.fromstring(text).iter() if one.get("id")} for text in (first, other)]
    assert first == again and ids[0] and not ids[0] & ids[1]


def test_png():
    image = png(report(BAR), table(), Frame("dark"))
    assert image.startswith(b"\x89PNG") and int.from_bytes(image[16:20], "big") > 1_000


def test_only_colours_of_the_theme_are_used():
    import json

    text = json.dumps(picture(report(BAR), table(), Frame("dark")))
    assert LIGHT["ink"] not in text and DARK["ink"] in text


def test_what_cannot_be_drawn(monkeypatch):
    with pytest.raises(ReportError, match="'mine' has no picture"):
        svg(report(""), table(), Frame())
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'rmstore\[charts\]'"):
        svg(report(BAR), table(), Frame())
