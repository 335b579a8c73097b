"""The picture of a report: the chart of its header over the rows of a run, drawn by Altair."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rmstore.errors import MissingPackageError, ReportError
from rmstore.reports.chart import Chart
from rmstore.reports.header import Report
from rmstore.reports.points import ROWWISE, Point, Points, points, upright
from rmstore.reports.scales import WIDTH, Scales
from rmstore.reports.text import clean, words
from rmstore.reports.theme import LIGHT, THEMES, config

if TYPE_CHECKING:
    import altair as alt

STEP = 26
"""Pixels that a category of a bar chart is high, for each of its bars."""
CELL = 36
"""Pixels that a cell of a heatmap is wide where it has room for its number."""


@dataclass(frozen=True)
class Frame:
    """What stands around a plot: title and caption (nothing where the page has its own), and the theme."""

    theme: str = "light"
    title: str = ""
    caption: str = ""


def picture(report: Report, table: pa.Table, frame: Frame) -> dict[str, Any]:
    """Return the Vega-Lite specification of a report's picture.

    The first column of ``y`` is drawn as the measure with its interval (a band along a line, a rule over a bar or a
    point), the others as lighter marks of their own. Where there is nothing to draw, the picture says so.

    Args:
        report: the report, whose header declares the chart.
        table: the rows of a run.
        frame: title, caption and theme.

    Raises:
        ReportError: the report declares no chart.
        MissingPackageError: Altair is not installed.
    """
    if report.chart is None:
        raise ReportError(
            f"report {report.name!r} has no picture",
            hint="its header needs a line '-- chart:'; or ask for another format",
        )
    alt, chart = altair(), upright(report.chart, table)
    marks = points(chart, table, report.compare.keys if report.compare else ())
    drawn = _Drawing(alt, chart, marks, frame).chart() if marks.rows else _nothing(alt, chart, table, frame)
    notes = [*([frame.caption] if frame.caption else []), *marks.notes]
    if frame.title or notes:
        drawn = drawn.properties(title=_title(alt, frame.title, notes))
    specification: dict[str, Any] = drawn.configure(**config(frame.theme)).to_dict()
    return specification


def altair() -> Any:
    """Return the package.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import altair
    except ImportError as problem:
        raise MissingPackageError("altair", "charts", "a picture") from problem
    return altair


def _title(alt: Any, title: str, notes: Sequence[str]) -> Any:
    lines = textwrap.wrap(clean(title), 78) or [""]
    below = [line for note in notes for line in textwrap.wrap(clean(note), 112)]
    return alt.TitleParams(text=lines, subtitle=below) if below else alt.TitleParams(text=lines)


def _nothing(alt: Any, chart: Chart, table: pa.Table, frame: Frame) -> Any:
    measure = words(chart.measures[0])
    number = "1 row" if table.num_rows == 1 else f"{table.num_rows:,} rows"
    text = f"No value of {measure} in {number}" if table.num_rows else "The report has no rows"
    return (
        alt.Chart(alt.InlineData(values=[{"text": text}]))
        .mark_text(fontSize=14, color=THEMES[frame.theme]["soft"])
        .encode(text="text:N")
        .properties(width=WIDTH, height=120)
    )


class _Drawing:
    """One picture in the making."""

    def __init__(self, alt: Any, chart: Chart, marks: Points, frame: Frame) -> None:
        self.alt, self.kind, self.marks = alt, chart.kind, marks
        self.settings, self.domain, self.palette = chart.settings, chart.color_domain, THEMES[frame.theme]
        self.facets = marks.facets if len(marks.facets) > 1 else ()
        self.scales = Scales(alt, chart, marks, frame.theme)
        below = not self.facets or self.kind in ROWWISE  # panels of bars have rows of their own
        self.panel_columns = 1 if below else 2 if len(self.facets) in {2, 4} else 3
        self.width = WIDTH if below else (WIDTH + 80) // self.panel_columns - 40

    def chart(self) -> alt.Chart:
        draw = {"line": self._lines, "points": self._dots, "heatmap": self._cells}.get(self.kind, self._bars)
        drawn = self.alt.layer(*draw()).properties(width=self.width, height=self._height())
        if not self.facets:
            return drawn
        header = self.alt.Header(labelLimit=self.width, labelAnchor="start" if self.kind in ROWWISE else "middle")
        drawn = drawn.facet(
            facet=self.alt.Facet("facet:N", sort=list(self.facets), header=header), columns=self.panel_columns,
            spacing=14 if self.kind in ROWWISE else 32, data=self.alt.InlineData(values=self.marks.rows),
        )  # fmt: skip
        return drawn.resolve_scale(y="independent") if self.kind in ROWWISE else drawn

    def _height(self) -> Any:
        """Return the height of a panel; categories have a height each, so that panels may differ."""
        if self.kind in ROWWISE:
            return self.alt.Step(STEP * self._bars_each(), **{"for": "position"})
        if self.kind == "heatmap":
            return self.alt.Step(30)
        return 200 if self.facets else 320

    def _bars_each(self) -> float:
        return 1 + 0.6 * (len(self.marks.colors) - 1) if self.marks.colors else 1

    # -- kinds ---------------------------------------------------------------------------------------------------------

    def _bars(self) -> list[Any]:
        """Horizontal bars from zero, or dots where the axis has no zero; what the measure stands beside as dots."""
        alt, scales = self.alt, self.scales
        measured = self._layer(lambda row: row["series"] == self.marks.measure)
        beside = self._layer(lambda row: row["series"] != self.marks.measure)
        title = None if self.facets else scales.axis_title("x")  # once would be enough, a panel too low for it
        category = alt.Y("x:N", sort=self.marks.categories, title=title, axis=scales.name_axis())
        has_zero = self.kind == "bar" and self.settings.get("y_scale") != "log"
        value = scales.quantity("X", "y", "y", zero=has_zero)
        offset = {"yOffset": alt.YOffset("color:N", sort=list(self.marks.colors))} if self.marks.colors else {}
        bar = measured.mark_bar(opacity=0.9) if has_zero else measured.mark_point(filled=True, size=80, opacity=1)
        layers = [bar.encode(y=category, x=value, color=scales.color(), **offset)]
        if self.marks.has_interval:
            rules = self._whiskers(measured.transform_filter("isValid(datum.low)"), category, "X", offset)
            layers = [*layers, *rules] if has_zero else [*rules, *layers]
        if len(self.marks.series) > 1:
            dots = beside.mark_point(filled=True, size=62, opacity=1, stroke=self.palette["paper"], strokeWidth=1)
            layers.append(dots.encode(y=category, x=value, color=scales.color(), shape=scales.shape(), **offset))
        return layers

    def _lines(self) -> list[Any]:
        """Lines, the measure thick with a band (rules where intervals are missing), the others thin and dashed."""
        alt, scales = self.alt, self.scales
        axis = scales.x()
        lines = self._layer(lambda row: True)
        measured = self._layer(lambda row: row["series"] == self.marks.measure)
        value = scales.quantity("Y", "y", "y")
        detail = {"detail": "color:N"} if self.marks.colors else {}
        layers = [self._diagonal()] if self.settings.get("diagonal") == "yes" else []
        if self.marks.has_gaps or len(self.marks.categories) < 2:
            layers += self._whiskers(measured.transform_filter("isValid(datum.low)"), axis, "Y", {})
        elif self.marks.has_interval:
            band, low = measured.mark_area(opacity=0.18), scales.quantity("Y", "low", "y")
            layers.append(band.encode(x=axis, y=low, y2=alt.Y2("high:Q"), color=scales.color(), **detail))
        width = alt.condition(f"datum.series == {self.marks.measure!r}", alt.value(2.6), alt.value(1.6))
        thin = {"color": scales.color(), "strokeDash": scales.dash(), "strokeWidth": width}
        layers.append(lines.mark_line(interpolate="linear").encode(x=axis, y=value, **thin, **detail))
        if len(self.marks.categories) <= 24:
            dots = measured.mark_point(filled=True, size=44, opacity=1)
            layers.append(dots.encode(x=axis, y=value, color=scales.color()))
        return layers

    def _dots(self) -> list[Any]:
        """Dots with rules for their intervals."""
        scales = self.scales
        axis, value = scales.x(), scales.quantity("Y", "y", "y")
        dots = self._layer(lambda row: True)
        layers = [self._diagonal()] if self.settings.get("diagonal") == "yes" else []
        if self.marks.has_interval:
            layers += self._whiskers(dots.transform_filter("isValid(datum.low)"), axis, "Y", {})
        beside = {"shape": scales.shape()} if len(self.marks.series) > 1 else {}
        filled = dots.mark_point(filled=True, size=70, opacity=0.85, stroke=self.palette["paper"], strokeWidth=0.8)
        return [*layers, filled.encode(x=axis, y=value, color=scales.color(), **beside)]

    def _cells(self) -> list[Any]:
        """Cells of colour, with their numbers where there is room."""
        alt, scales, rows = self.alt, self.scales, self.marks.rows
        values = [*self.domain, *(row["color"] for row in rows)]
        low, high = min(values), max(values)
        middle = {"domainMid": 0.0} if low < 0 < high else {}
        domain = {"domain": [low, high]} if self.domain else {}
        scale = alt.Scale(scheme="blueorange" if middle else "viridis", reverse=bool(middle), **middle, **domain)
        down = list(dict.fromkeys(row["y"] for row in rows))
        kind, order = ("x:O", None) if self.marks.x_is_number else ("x:N", self.marks.categories)
        across = alt.X(kind, title=scales.axis_title("x"), sort=order, axis=scales.tilted())
        up = alt.Y("y:N", title=scales.axis_title("y"), sort=down, axis=scales.name_axis())
        legend = alt.Legend(title=self.marks.measure, gradientLength=160, format=",~g")
        base = self._layer(lambda row: True)
        layers = [base.mark_rect().encode(x=across, y=up, color=alt.Color("color:Q", scale=scale, legend=legend))]
        if self.width >= CELL * len(self.marks.categories):
            far = 0.6 * max(-low, high)
            deep = f"abs(datum.color) > {far!r}" if middle else f"datum.color < {low + 0.55 * (high - low)!r}"
            ink = alt.condition(deep, alt.value(LIGHT["paper"]), alt.value(LIGHT["ink"]))
            number = alt.Text("color:Q", format=".3~g")
            layers.append(base.mark_text(fontSize=11).encode(x=across, y=up, text=number, color=ink))
        return layers

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _layer(self, wanted: Any) -> Any:
        """Return a layer over some of the marks; panels filter the rows that they share."""
        if not self.facets:
            return self.alt.Chart(self.alt.InlineData(values=[row for row in self.marks.rows if wanted(row)]))
        names = sorted({row["series"] for row in self.marks.rows if wanted(row)})
        return self.alt.Chart().transform_filter(self.alt.FieldOneOfPredicate(field="series", oneOf=names))

    def _whiskers(self, base: Any, along: Any, side: str, offset: dict[str, Any]) -> list[Any]:
        alt = self.alt
        across = "Y" if side == "X" else "X"
        ends = {side.lower(): self.scales.quantity(side, "low", "y", zero=self.kind == "bar"), across.lower(): along}
        second = {"x2": alt.X2("high:Q")} if side == "X" else {"y2": alt.Y2("high:Q")}
        color = alt.value(self.palette["ink"]) if self.kind in ROWWISE else self.scales.color()
        return [base.mark_rule(strokeWidth=1.6).encode(**ends, **second, **offset, color=color)]

    def _diagonal(self) -> Any:
        values = [row["x"] for row in self.marks.rows if self.marks.x_is_number]
        ends: list[Point] = [{"from": min(values, default=0.0), "to": max(values, default=1.0)}]
        rule = self.alt.Chart(self.alt.InlineData(values=ends)).mark_rule(
            strokeDash=[3, 4], strokeWidth=1.4, color=self.palette["line"]
        )
        return rule.encode(x="from:Q", x2="to:Q", y="from:Q", y2="to:Q")
