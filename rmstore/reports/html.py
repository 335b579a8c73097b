"""Pages of reports: self-contained HTML that opens from a disk, asks nothing of a network and trusts no text."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rmstore import __version__
from rmstore.errors import MissingPackageError
from rmstore.reports.text import words
from rmstore.reports.theme import DARK, LIGHT
from rmstore.reports.view import View

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_ROWS = 2_000
"""Rows of a table on a page of its own."""


@dataclass(frozen=True)
class Assets:
    """Style and script of a page with the hashes that its policy allows; nothing else runs."""

    style: Any
    script: Any

    @property
    def style_hash(self) -> str:
        """The hash of the style as a policy names it."""
        return _hash(self.style)

    @property
    def script_hash(self) -> str:
        """The hash of the script as a policy names it."""
        return _hash(self.script)


def run_page(shown: View, picture: str | None) -> str:
    """Return a page of one run.

    Args:
        shown: the run.
        picture: its chart as SVG in the light theme, None where it has none.

    Raises:
        MissingPackageError: Jinja2 is not installed.
    """
    return render("run.html", title=shown.report.title, shown=shown, picture=picture and safe(picture))


def render(template: str, **values: Any) -> str:
    """Return a page; every value is escaped but the pictures, which were drawn here.

    Raises:
        MissingPackageError: Jinja2 is not installed.
    """
    known = environment()
    return known.get_template(template).render(assets=_assets(), version=__version__, **values)


def safe(svg: str) -> Any:
    """Return a picture as text that needs no escaping."""
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704 - drawn by vl-convert, which escapes what it is given


@cache
def environment() -> Environment:
    """Return what renders templates.

    Raises:
        MissingPackageError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as problem:
        raise MissingPackageError("Jinja2", "charts", "a page") from problem
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("rmstore"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"unquoted": unquote, "words": words, "tojson_text": lambda value: json.dumps(value)}
    made.globals |= {"breakable": _breakable, "counted": lambda n, noun: f"{n:,} {noun}{'s' * (n != 1)}"}
    return made


def _breakable(name: str) -> Any:
    """Return the name of a column that may be broken after its underscores."""
    from markupsafe import Markup, escape

    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


@cache
def _assets() -> Assets:
    style = environment().from_string("{% autoescape false %}" + _source("page.css") + "{% endautoescape %}")
    colors = list(LIGHT.items())
    text = style.render(light=_variables(LIGHT), dark=_variables(DARK), colors=colors)
    return Assets(safe(text.strip()), safe(_source("page.js").strip()))


def _source(name: str) -> str:
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0]


def _variables(colors: dict[str, str]) -> str:
    return " ".join(f"--{name}: {color};" for name, color in colors.items())


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
