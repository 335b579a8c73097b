"""What this rmstore is and what reports it ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore import __version__
from rmstore.functions.base import sql_function

if TYPE_CHECKING:
    from rmstore.store import Store

REPORT = "STRUCT(name VARCHAR, title VARCHAR, grain VARCHAR, engines VARCHAR[], params VARCHAR[], columns VARCHAR[])"


@sql_function("_rm_version", "VARCHAR")
def version(store: Store, rows: pa.ChunkedArray) -> pa.Array:
    """Return the version of rmstore, once per row."""
    return pa.array([__version__] * len(rows))


@sql_function("_rm_reports", f"{REPORT}[]")
def reports(store: Store, rows: pa.ChunkedArray) -> pa.Array:
    """Return the built-in reports as their headers state them, once per row."""
    from rmstore.report_files import list_reports

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
