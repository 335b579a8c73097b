"""Axes, colours, dashes and shapes of a picture, with their legends."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import Any

from rmstore.reports.chart import Chart
from rmstore.reports.points import SEPARATOR, Points
from rmstore.reports.text import clean, words
from rmstore.reports.theme import DASHES, SHAPES, THEMES, series_colors

WIDTH = 640
"""Pixels of the plot between its axes, panels together."""
FEW_PLACES = 9
"""So many values along a logarithmic axis are its ticks."""


class Scales:
    """What the layers of one picture share.

    Args:
        alt: Altair.
        chart: what to draw.
        marks: the marks.
        theme: a theme by name.
    """

    def __init__(self, alt: Any, chart: Chart, marks: Points, theme: str) -> None:
        self.alt, self.kind, self.marks, self.theme = alt, chart.kind, marks, theme
        self.settings, self.channels, self.palette = chart.settings, chart.channels, THEMES[theme]

    def x(self) -> Any:
        """Return the axis across: numbers, or names in the order of the rows."""
        if self.marks.x_is_number:
            return self.quantity("X", "x", "x")
        return self.alt.X("x:N", sort=self.marks.categories, title=self.axis_title("x"), axis=self.tilted())

    def quantity(self, side: str, name: str, axis: str, *, zero: bool = False) -> Any:
        """Return an axis of numbers; one of several columns names itself after the measure."""
        alt = self.alt
        kind = self.settings.get(f"{axis}_scale", "linear")
        scale = alt.Scale(type=kind, nice=False) if kind == "log" else alt.Scale(type=kind, zero=zero, nice=True)
        values = self._values(axis)
        settings: dict[str, Any] = {"grid": side == "Y" or self.kind != "line", "tickCount": 6}
        if kind == "log":
            places = sorted(set(values))
            few = side == "X" and len(places) <= FEW_PLACES
            settings |= {"values": places if few else log_ticks(values), "format": ",~r"}
        elif all(value == int(value) for value in values):
            settings |= {"tickMinStep": 1, "format": ",d"}
        if side == "X":
            settings |= {"labelOverlap": True, "labelFlush": False}
        return getattr(alt, side)(f"{name}:Q", scale=scale, title=self.axis_title(axis), axis=alt.Axis(**settings))

    def _values(self, axis: str) -> list[float]:
        names = ("x",) if axis == "x" else ("y", "low", "high")
        return [row[name] for row in self.marks.rows for name in names if row[name] is not None]

    def axis_title(self, axis: str) -> str:
        """Return what the header calls an axis, else the names of its columns."""
        names = (*self.marks.extra, self.channels[axis][0]) if axis == "x" else self.channels[axis][:1]
        return clean(self.settings.get(f"{axis}_title") or SEPARATOR.join(words(name) for name in names))

    def name_axis(self) -> Any:
        """Return an axis of names that stand level."""
        return self.alt.Axis(labelLimit=260, ticks=False, domain=False)

    def tilted(self) -> Any:
        """Return an axis of names below a plot, tilted where they are long."""
        long = max((len(str(name)) for name in self.marks.categories), default=0) * len(self.marks.categories) > 70
        return self.alt.Axis(labelAngle=-40 if long else 0, labelLimit=150, grid=False, labelOverlap=False)

    def _legend(self, names: Sequence[str], title: str | None = None) -> Any:
        longest = max(len(name) for name in names)
        columns = max(min(len(names), WIDTH // (40 + 7 * min(longest, 30))), 1)
        stroke = (
            {"symbolType": "stroke", "symbolSize": 420, "symbolFillColor": "transparent"} if self.kind == "line" else {}
        )
        settings = {"orient": "top", "title": title, "columns": columns, "symbolLimit": 40, "offset": 10}
        if self.marks.colors and names is self.marks.series:  # colour says something else, so these are in ink
            settings |= {"symbolStrokeColor": self.palette["ink"], "symbolFillColor": self.palette["ink"]}
        return self.alt.Legend(**{**stroke, **settings}, symbolOpacity=1)

    def color(self) -> Any:
        """Return the colour: of the colour channel, else of the series; one alone is plain."""
        alt = self.alt
        by_color = bool(self.marks.colors)
        names = self.marks.colors if by_color else self.marks.series
        if len(names) < 2 and not by_color:
            return alt.value(self.palette["first"])
        title = words(self.channels["color"][0]) if by_color else None
        scale = alt.Scale(domain=list(names), range=series_colors(self.theme, len(names)))
        field = "color:N" if by_color else "series:N"
        return alt.Color(field, scale=scale, legend=self._legend(names, title), title=title)

    def dash(self) -> Any:
        """Return the dashes of the series, the measure solid."""
        names = self.marks.series
        if len(names) < 2:
            return self.alt.value([1, 0])
        dashes = [DASHES[place % len(DASHES)] for place in range(len(names))]
        scale = self.alt.Scale(domain=list(names), range=dashes)
        return self.alt.StrokeDash("series:N", scale=scale, legend=self._legend(names), title=None)

    def shape(self) -> Any:
        """Return the shapes of the series, the measure a circle."""
        names = self.marks.series
        scale = self.alt.Scale(domain=list(names), range=[SHAPES[place % len(SHAPES)] for place in range(len(names))])
        return self.alt.Shape("series:N", scale=scale, legend=self._legend(names), title=None)


def log_ticks(values: Sequence[float]) -> list[float]:
    """Return ticks of a logarithmic axis between the least and the largest value.

    Within a decade every multiple of its power of ten, over up to three those of 1, 2 and 5, beyond that the powers.

    Example:
        >>> log_ticks([1, 4]), log_ticks([1, 60]), log_ticks([0.5, 20000])
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 5.0, 10.0, 20.0, 50.0], [1.0, 10.0, 100.0, 1000.0, 10000.0])
    """
    low, high = min(values), max(values)
    decades = log10(high / low)
    steps = range(1, 10) if decades <= 1 else (1, 2, 5) if decades <= 3 else (1,)
    powers = range(floor(log10(low)), floor(log10(high)) + 1)
    return [tick for power in powers for step in steps if low <= (tick := float(f"{step}e{power}")) <= high]
