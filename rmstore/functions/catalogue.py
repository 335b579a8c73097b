"""What this rmstore is, what reports it ships, and what options training takes."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import __version__
from rmstore.functions.base import sql_function

if TYPE_CHECKING:
    from rmstore.options import Option
    from rmstore.store import Store

REPORT = "STRUCT(name VARCHAR, title VARCHAR, grain VARCHAR, engines VARCHAR[], params VARCHAR[], columns VARCHAR[])"


OPTION = 'STRUCT("of" VARCHAR, name VARCHAR, "default" VARCHAR, takes VARCHAR, about VARCHAR)'
_SECTION = re.compile(r"^Options:\n((?:    .*\n?|\n(?=    ))+)", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+): ((?:.+\n?)(?:        .*\n?)*)", re.MULTILINE)


@sql_function("_rm_version", "VARCHAR")
def version(store: Store, rows: pa.ChunkedArray) -> pa.Array:
    """Return the version of rmstore, once per row."""
    return pa.array([__version__] * len(rows))


@sql_function("_rm_reports", f"{REPORT}[]")
def reports(store: Store, rows: pa.ChunkedArray) -> pa.Array:
    """Return the built-in reports as their headers state them, once per row."""
    from rmstore.reports.files import list_reports

    found = [
        {
            "name": report.name,
            "title": report.title,
            "grain": report.grain,
            "engines": list(report.engines),
            "params": [param.text for param in report.params],
            "columns": [f"{column.name} {column.type}" for column in report.columns],
        }
        for report in list_reports()
    ]
    return pa.array([found] * len(rows))


@sql_function("_rm_options", f"{OPTION}[]")
def options(store: Store, rows: pa.ChunkedArray) -> pa.Array:
    """Return what ``options`` of training takes: by kind of head, by objective, and for all of them; once per row."""
    from rmstore import recipes
    from rmstore.heads import HEADS
    from rmstore.objectives import OBJECTIVES, terms

    found = [
        *(row for name in HEADS for row in _options(f"head {name}", HEADS[name].table, HEADS[name])),
        *(
            row
            for name in OBJECTIVES
            for row in _options(f"objective {name}", OBJECTIVES[name].table, OBJECTIVES[name])
        ),
        *_options("any objective over pairs", terms.TABLE, terms),
        *_options("any head", recipes.TABLE, recipes),
    ]
    return pa.array([found] * len(rows))


def _options(owner: str, table: Mapping[str, Option], described: object) -> Iterator[dict[str, str]]:
    """Yield a row per option; what it does stands in the section Options of the docstring."""
    section = _SECTION.search(inspect.getdoc(described) or "")
    about = {name: " ".join(text.split()) for name, text in _ENTRY.findall(section[1] if section else "")}
    for name, option in table.items():
        default = json.dumps(option.default)
        yield {"of": owner, "name": name, "default": default, "takes": option.wanted, "about": about.get(name, "")}
