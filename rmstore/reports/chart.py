"""What the chart line of a report's header says: a kind of picture, the columns that it shows, and how."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches

from rmstore.errors import ReportError, UnknownNameError

KINDS = ("bar", "line", "points", "heatmap")
CHANNELS = ("x", "y", "low", "high", "color", "facet")
"""Channels take columns. The first column of ``y`` is the measure, with its interval in ``low`` and ``high``; further
ones are what it stands beside, such as baselines."""
SETTINGS = {
    "x_title": None,
    "y_title": None,
    "x_scale": ("linear", "log", "sqrt"),
    "y_scale": ("linear", "log", "sqrt"),
    "diagonal": ("yes", "no"),
    "color_domain": None,
}
"""Settings by name, with the values that they take; None is any text, in quotes where it has spaces. The domain is the
range that the colours of a heatmap are for, such as ``-1,1``; values beyond it extend it."""
_ITEM = re.compile(r"([a-z_]+)=('(?:[^']|'')*'|[^\s']+)(?=\s|$)")


@dataclass(frozen=True)
class Chart:
    """What to draw.

    Attributes:
        kind: one of ``KINDS``.
        channels: columns by channel.
        settings: values by setting.
    """

    kind: str
    channels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns with numbers to show: the measure, then what it stands beside."""
        return self.channels["color" if self.kind == "heatmap" else "y"]

    @property
    def color_domain(self) -> tuple[float, ...]:
        """Both ends of the range that colours are for, nothing where the values decide."""
        text = self.settings.get("color_domain")
        return tuple(map(float, text.split(","))) if text else ()


def parse_chart(text: str, columns: Collection[str]) -> Chart | None:
    """Return what a chart line says, None where it is empty.

    Args:
        text: such as ``line x=n y=gold,proxy low=low high=high x_title='candidates, n' x_scale=log``.
        columns: the columns of the report.

    Raises:
        ReportError: a kind, channel, setting, value or column is unknown, given twice or missing.
    """
    kind, _, rest = text.strip().partition(" ")
    if not kind:
        return None
    _known("kind of chart", kind, KINDS)
    chart = Chart(kind)
    for name, value in _items(rest):
        if name in chart.channels or name in chart.settings:
            raise ReportError(f"{name!r} stands there twice")
        if name in SETTINGS:
            chart.settings[name] = _setting(name, value)
        else:
            _known("channel", name, (*CHANNELS, *SETTINGS))
            chart.channels[name] = tuple(value.split(","))
            for column in chart.channels[name]:
                _known("column", column, columns)
    _complete(chart)
    return chart


def _items(text: str) -> list[tuple[str, str]]:
    items, rest = [], text.strip()
    while rest:
        found = _ITEM.match(rest)
        if not found:
            raise ReportError(f"{rest.split()[0]!r} is no channel", hint="chart: line x=n y=gold,proxy")
        items.append((found[1], found[2]))
        rest = rest[found.end() :].strip()
    return items


def _setting(name: str, value: str) -> str:
    text = value[1:-1].replace("''", "'") if value.startswith("'") else value
    allowed = SETTINGS[name]
    if allowed is not None:
        _known(name, text, allowed)
    return text


def _complete(chart: Chart) -> None:
    wanted = ("x", "y", "color") if chart.kind == "heatmap" else ("x", "y")
    for name in wanted:
        if name not in chart.channels:
            raise ReportError(f"a {chart.kind} needs {name}=", hint="chart: line x=n y=gold,proxy")
    if text := chart.settings.get("color_domain"):
        if not _is_range(text):
            raise ReportError(f"color_domain={text} is no range", hint="color_domain=-1,1")
        if chart.kind != "heatmap":
            raise ReportError(f"a {chart.kind} has no color_domain", hint="only a heatmap has")
    if ("low" in chart.channels) != ("high" in chart.channels):
        raise ReportError("low= and high= go together")
    for name in CHANNELS:
        if name != "y" and len(chart.channels.get(name, "x")) > 1:
            raise ReportError(f"{name}= takes one column")


def _is_range(text: str) -> bool:
    """Return whether a text is two numbers, the lower one first."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        return False
    return -math.inf < low < high < math.inf


def _known(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        close = get_close_matches(name, known, n=1)
        unknown = UnknownNameError(what, name, known)
        raise ReportError(unknown.problem, hint=f"did you mean {close[0]!r}?" if close else unknown.hint)
