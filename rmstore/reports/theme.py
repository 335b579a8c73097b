"""Colours, fonts and spacing of pictures, on light and on dark paper.

Series have the colours of Okabe and Ito (Color Universal Design, 2008), which differ for the colour blind; on dark
paper the blue makes room for the lighter one of the same set, and the others are those that stand out there.
"""

from __future__ import annotations

from typing import Any

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Liberation Sans ships with vl-convert and is as wide as Arial and Helvetica, letter by letter, so that texts which
were measured here fit wherever they are shown."""

LIGHT = {
    "paper": "#ffffff", "ink": "#1f2430", "soft": "#59606e", "line": "#9aa1ad", "grid": "#e8eaee",
    "first": "#0072b2", "second": "#d55e00", "third": "#009e73", "fourth": "#cc79a7", "fifth": "#e69f00",
    "sixth": "#56b4e9", "seventh": "#7a6a53",
}  # fmt: skip
DARK = {
    "paper": "#15181e", "ink": "#e6e9ef", "soft": "#a3abb8", "line": "#6b7381", "grid": "#2a2f38",
    "first": "#56b4e9", "second": "#f0803c", "third": "#2fc39a", "fourth": "#dd97bd", "fifth": "#f0b73f",
    "sixth": "#3d8fd1", "seventh": "#b9a78c",
}  # fmt: skip
THEMES = {"light": LIGHT, "dark": DARK}
SERIES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
DASHES = ([1, 0], [7, 4], [2, 3], [9, 3, 2, 3], [5, 2], [1, 2], [12, 4], [4, 4, 1, 4])
SHAPES = ("circle", "diamond", "triangle-up", "square", "triangle-down", "cross", "triangle-right", "triangle-left")


def series_colors(theme: str, n: int) -> list[str]:
    """Return a colour for each of n series; beyond seven they come again, and shape or dash tells them apart."""
    return [THEMES[theme][SERIES[place % len(SERIES)]] for place in range(n)]


def config(theme: str) -> dict[str, Any]:
    """Return the configuration of Vega-Lite for a theme."""
    color = THEMES[theme]
    text = {"labelFont": FONT, "titleFont": FONT, "labelColor": color["soft"], "titleColor": color["ink"]}
    return {
        "aria": False,
        "font": FONT,
        "background": color["paper"],
        "padding": {"left": 16, "right": 20, "top": 16, "bottom": 14},
        "view": {"stroke": None},
        "axis": {
            **text, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 10,
            "labelPadding": 6, "gridColor": color["grid"], "domainColor": color["line"], "tickColor": color["line"],
            "tickSize": 4, "labelLimit": 260,
        },
        "legend": {
            **text, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelColor": color["ink"],
            "labelLimit": 220, "symbolSize": 90, "symbolStrokeWidth": 2, "rowPadding": 5, "columnPadding": 18,
        },
        "header": {**text, "labelFontSize": 12, "labelFontWeight": "bold", "labelColor": color["ink"], "title": None},
        "title": {
            "font": FONT, "color": color["ink"], "fontSize": 16, "anchor": "start", "frame": "bounds", "offset": 14,
            "lineHeight": 20, "subtitleFont": FONT, "subtitleColor": color["soft"], "subtitleFontSize": 12,
            "subtitleLineHeight": 17, "subtitlePadding": 6,
        },
    }  # fmt: skip
