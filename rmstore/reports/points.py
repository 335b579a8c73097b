"""The points of a picture: one per row and measure, with names that tell rows apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rmstore.references import TOTAL
from rmstore.reports.chart import Chart
from rmstore.reports.text import clean, is_number, shortened, words

LABEL = 46
"""Characters of the name of a category; longer ones end with an ellipsis."""
MOST_ROWS = {"bar": 80, "dots": 80, "heatmap": 4000, "line": 6000, "points": 6000}
MOST_PANELS = 12
ROWWISE = ("bar", "dots")
"""Kinds whose categories stand below each other; dots are points of which one side is named."""
SEPARATOR = " · "

Point = dict[str, Any]


@dataclass(frozen=True)
class Points:
    """What a picture shows.

    Attributes:
        rows: a dict per mark: x, y, low, high, series (the measure or what it stands beside), color, facet, place.
        measure: name of the first series.
        series: names of all, in the order of the header.
        colors: values of the colour channel in the order of the rows; empty where there is none, or it is a number.
        facets: panels in order; empty for a single one.
        x_is_number: whether x is a quantity rather than a name.
        y_is_number: the same of y.
        extra: columns that the names of the categories begin with.
        notes: what is left out, for the caption.
    """

    rows: list[Point]
    measure: str
    series: tuple[str, ...]
    colors: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    x_is_number: bool = False
    y_is_number: bool = True
    extra: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def categories(self) -> list[str]:
        """Values of x in the order of the rows."""
        return list(dict.fromkeys(row["x"] for row in self.rows))

    @property
    def has_interval(self) -> bool:
        """Whether any mark has one."""
        return any(row["low"] is not None for row in self.rows)

    @property
    def has_gaps(self) -> bool:
        """Whether some marks of the measure have an interval and others none."""
        return self.has_interval and any(row["low"] is None for row in self.rows if row["series"] == self.measure)


def upright(chart: Chart, table: pa.Table) -> Chart:
    """Return a chart in the kind that it is drawn as: points over names become dots, names on the side of x."""
    if chart.kind != "points":
        return chart
    x, y = (_is_numeric(table.select(chart.channels[name][:1]).to_pylist(), chart.channels[name][0]) for name in "xy")
    if x == y:
        return chart
    if not x:
        return Chart("dots", chart.channels, chart.settings)
    channels = {_turned(name): columns for name, columns in chart.channels.items()}
    settings = {_turned(name): value for name, value in chart.settings.items()}
    return Chart("dots", channels, settings)


def _turned(name: str) -> str:
    """Return a channel or setting of one axis as that of the other."""
    axis, title, rest = name.partition("_")
    return {"x": "y", "y": "x"}.get(axis, axis) + title + rest


def points(chart: Chart, table: pa.Table, keys: Sequence[str] = ()) -> Points:
    """Return the marks of an upright chart over the rows of a run; totals of a single data set would show it twice.

    Rows that differ in a text column which the chart does not show would be drawn over each other: a bar is then
    named by that column too, and a line or heatmap gets a panel for each of its values. What is NULL or not finite is
    left out; what a logarithmic axis lacks is left out and counted.

    Args:
        chart: what to draw.
        table: the rows.
        keys: columns that name a row; other texts are taken where these do not tell all rows apart.
    """
    channels = {name: columns[0] for name, columns in chart.channels.items()}
    rows, extra = _told_apart(chart, table, keys)
    notes: list[str] = []
    x_is_number = chart.kind not in ROWWISE and _is_numeric(rows, channels["x"])
    y_is_number, measured = chart.kind != "heatmap", "color" if chart.kind == "heatmap" else "y"
    names = chart.measures
    marks: list[Point] = []
    dropped = 0
    for place, row in enumerate(rows):
        for series in names:
            mark = {
                "x": _number(row[channels["x"]]) if x_is_number else row["_x"],
                "y": _number(row[series]) if y_is_number else _label(row[channels["y"]]),
                "series": words(series),
                "color": _color(chart, row, channels),
                "facet": row["_facet"],
                "place": place,
                **(_interval(row, channels) if series == names[0] else {"low": None, "high": None}),
            }
            if _fits(mark, chart):
                marks.append(mark)
            elif mark[measured] is not None:
                dropped += 1
    if dropped:
        notes.append(f"{dropped} value{'s' * (dropped > 1)} outside the axes left out")
    marks = _fewer(marks, chart.kind, notes)
    facets = tuple(dict.fromkeys(mark["facet"] for mark in marks if mark["facet"]))
    shown = {mark["series"] for mark in marks}
    colors = dict.fromkeys(mark["color"] for mark in marks if isinstance(mark["color"], str))
    return Points(
        rows=marks, measure=words(names[0]), series=tuple(words(name) for name in names if words(name) in shown),
        colors=tuple(colors), facets=facets, x_is_number=x_is_number, y_is_number=y_is_number,
        extra=extra if chart.kind in ROWWISE else (), notes=notes,
    )  # fmt: skip


def _told_apart(chart: Chart, table: pa.Table, keys: Sequence[str]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the rows with ``_x``, the name of their category, ``_facet``, that of their panel, and what names add."""
    channels = {name: columns[0] for name, columns in chart.channels.items()}
    rows = _without_repeats(table.to_pylist())
    within = [channels[name] for name in ("x", "color", "facet") if name in channels]
    if chart.kind == "heatmap":
        within = [channels[name] for name in ("x", "y", "facet") if name in channels]
    texts = [
        name for name, kind in zip(table.column_names, table.schema.types, strict=True)
        if (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and name not in channels.values()
        and len({row[name] for row in rows}) > 1
    ]  # fmt: skip
    named = [name for name in texts if name in keys]
    extra: list[str] = []
    if chart.kind != "points" and _repeats(rows, within):
        extra = texts if _repeats(rows, [*within, *named]) else named
    for row in rows:
        more = [_label(row[name]) for name in extra]
        x, facet = _label(row[channels["x"]]), [_label(row[channels["facet"]])] if "facet" in channels else []
        row["_x"] = _joined([*more, x]) if chart.kind in ROWWISE else x
        row["_facet"] = _joined(facet if chart.kind in ROWWISE else [*facet, *more])
    return rows, tuple(extra)


def _without_repeats(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without totals over data sets that say the same as those of the one data set there is."""
    if len({row.get("dataset", TOTAL) for row in rows} - {TOTAL}) != 1:
        return rows
    said = [repr({**row, "dataset": TOTAL}) for row in rows]
    others = {text for row, text in zip(rows, said, strict=True) if row["dataset"] != TOTAL}
    return [row for row, text in zip(rows, said, strict=True) if row["dataset"] != TOTAL or text not in others]


def _repeats(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> bool:
    """Return whether some rows have the same values of these columns."""
    return len({tuple(row[name] for name in names) for row in rows}) < len(rows)


def _joined(parts: Sequence[str]) -> str:
    """Return parts of a name as one, a total of totals as 'all'."""
    return "all" if parts and set(parts) == {"all"} else SEPARATOR.join(parts)


def _label(value: Any) -> str:
    if value is None:
        return "(none)"
    return shortened(clean(value).replace("\n", " "), LABEL) or "(empty)"


def _is_numeric(rows: Sequence[dict[str, Any]], name: str) -> bool:
    present = [row[name] for row in rows if row[name] is not None]
    return bool(present) and all(is_number(value) for value in present)


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) and math.isfinite(value) else None


def _interval(row: dict[str, Any], channels: dict[str, str]) -> dict[str, float | None]:
    """Return both ends, or neither."""
    ends = {side: _number(row[channels[side]]) if side in channels else None for side in ("low", "high")}
    return ends if None not in ends.values() else {"low": None, "high": None}


def _color(chart: Chart, row: dict[str, Any], channels: dict[str, str]) -> str | float | None:
    if "color" not in channels:
        return None
    value = row[channels["color"]]
    return _number(value) if chart.kind == "heatmap" else _label(value)


def _fits(mark: Point, chart: Chart) -> bool:
    """Return whether a mark has a place on its axes, and take away interval ends that have none."""
    measured = mark["color"] if chart.kind == "heatmap" else mark["y"]
    if mark["x"] is None or measured is None:
        return False
    for axis, names in (("x_scale", ("x",)), ("y_scale", ("y", "low", "high"))):
        least = {"log": math.ulp(0.0), "sqrt": 0.0}.get(chart.settings.get(axis, ""), -math.inf)
        for name in names:
            value = mark[name]
            if isinstance(value, float) and value < least:
                if name in {"x", "y"}:
                    return False
                mark["low"] = mark["high"] = None
    return True


def _fewer(marks: list[Point], kind: str, notes: list[str]) -> list[Point]:
    """Return the marks that fit on one picture, the first ones, and say what is not on it."""
    facets = list(dict.fromkeys(mark["facet"] for mark in marks))
    if len(facets) > MOST_PANELS:
        notes.append(f"the first {MOST_PANELS} of {len(facets)} panels")
        marks = [mark for mark in marks if mark["facet"] in facets[:MOST_PANELS]]
    places = list(dict.fromkeys(mark["place"] for mark in marks))
    if len(places) > MOST_ROWS[kind]:
        notes.append(f"the first {MOST_ROWS[kind]} of {len(places)} rows")
        kept = set(places[: MOST_ROWS[kind]])
        marks = [mark for mark in marks if mark["place"] in kept]
    return marks
