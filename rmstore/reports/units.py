"""The units of a report by cell and group: its SQL, the final SELECT replaced as the header's ``compare`` line says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import duckdb

from rmstore.errors import ReportError
from rmstore.reports.header import Report
from rmstore.store import fill_in, quote_identifier, statement

_JOINING = {"union", "intersect", "except"}


def units_sql(report: Report) -> str:
    """Return the statement that gives the keys, ``group_id``, ``unit_n`` and ``unit_total`` of every unit of a report.

    The common table expressions stay as they are; what follows them, one SELECT, goes.

    Raises:
        ReportError: the report has no compare line, or its SQL is not ``with ... select ...``.
    """
    line = report.compare
    if line is None:
        raise ReportError(f"report {report.name!r} has no line 'compare' in its header")
    parts = {
        "keys": listed(line.keys),
        "n": quote_identifier(line.n),
        "total": quote_identifier(line.total),
        "units": quote_identifier(line.units),
    }
    text = report.sql.encode()  # the tokens are counted in bytes
    return text[: _final_select(report, text)].decode() + fill_in(statement("reports/units"), parts)


def listed(keys: tuple[str, ...]) -> str:
    """Return quoted names, each with a comma after it, for the head of a list of columns."""
    return "".join(f"{quote_identifier(key)}, " for key in keys)


def used(cursor: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return those values that a statement takes; the engine refuses others."""
    names = set(cursor.extract_statements(sql)[0].named_parameters)
    return {name: value for name, value in values.items() if name in names}


def _final_select(report: Report, text: bytes) -> int:
    """Return where the SELECT after the common table expressions begins."""
    words = list(_top_words(text))
    names = [word for _, word in words]
    fault = ""
    if not names or names[0] != "with":
        fault = "does not begin with a common table expression"
    elif joined := sorted(_JOINING & set(names)):
        fault = f"ends in {joined[0]}, so that no single SELECT makes its rows"
    elif names.count("select") != 1 or "from" in names[: names.index("select")]:
        fault = "does not end in one SELECT ... FROM ..."
    if fault:
        raise ReportError(
            f"report {report.name!r} ({report.path}) {fault}; compare replaces the final SELECT",
            hint="write 'with ... select ... from ...', and what is joined as a common table expression",
        )
    return words[names.index("select")][0]


def _top_words(text: bytes) -> Iterator[tuple[int, str]]:
    """Give place and text of the keywords outside of parentheses."""
    found = [*duckdb.tokenize(text.decode()), (len(text), duckdb.token_type.operator)]
    depth = 0
    for (start, kind), (end, _) in pairwise(found):
        if kind == duckdb.token_type.operator:
            word = text[start:end]
            depth += word.startswith(b"(") - word.startswith(b")")
        elif kind == duckdb.token_type.keyword and depth == 0:
            yield start, text[start:end].split()[0].decode().lower()
