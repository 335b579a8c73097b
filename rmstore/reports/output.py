"""Files of a finished report: its rows with where each number came from, in the format that the ending asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from rmstore.errors import OptionError, QueryError, ReportError, RmstoreError, StoreError
from rmstore.export import copy_options, export, replacing
from rmstore.hashing import canonical_json
from rmstore.reports.drawing import png, svg
from rmstore.reports.header import Report
from rmstore.reports.headline import caption
from rmstore.reports.html import MOST_ROWS, run_page
from rmstore.reports.markdown import markdown
from rmstore.reports.picture import Frame
from rmstore.reports.view import view
from rmstore.store import Store

Maker = Callable[[Report, pa.Table, Mapping[str, Any], str], str | bytes]
"""Makes a document of a run in a theme."""


def check_ending(to: Path, report: Report | None = None) -> None:
    """Refuse a file whose ending means no format, or asks for a picture of a report without one.

    Raises:
        OptionError: the ending is unknown.
        ReportError: the report declares no chart.
    """
    if to.suffix.lower() not in DOCUMENTS:
        try:
            copy_options(to)
        except OptionError as problem:
            raise OptionError(
                problem.problem, hint=f"{problem.hint}; of a report also {', '.join(DOCUMENTS)}"
            ) from None
    elif to.suffix.lower() in {".svg", ".png"} and report is not None and report.chart is None:
        raise ReportError(
            f"report {report.name!r} has no picture, so it cannot be written to {to.name!r}",
            hint="its header needs a line '-- chart:'; or give FILE.html, FILE.md or FILE.parquet",
        )


def write(store: Store, report: Report, table: pa.Table, to: Path, provenance: Mapping[str, Any]) -> None:
    """Write a run to a file; it appears when it is complete.

    A Parquet file carries the provenance in its key-value metadata, any other in ``<file>.provenance.json`` beside it.
    A picture is in the dark theme where its name ends in ``.dark.svg`` or ``.dark.png``; a page follows the reader.

    Args:
        store: an open store.
        report: the report that was run.
        table: its rows.
        to: the file.
        provenance: where each number came from.

    Raises:
        OptionError: the ending means no format.
        ReportError: a picture is asked for, and the report declares none.
        MissingPackageError: the packages that draw and lay out are not installed.
        StoreError: the place cannot be written.
    """
    check_ending(to, report)
    try:
        if maker := DOCUMENTS.get(to.suffix.lower()):
            theme = "dark" if to.stem.lower().endswith(".dark") else "light"
            document = maker(report, table, provenance, theme)
            with replacing(to, store.path) as part:
                part.write_bytes(document if isinstance(document, bytes) else document.encode())
        else:
            _export(store, table, to, provenance)
        if to.suffix.lower() != ".parquet":
            with replacing(to.with_name(to.name + ".provenance.json")) as part:
                part.write_text(json.dumps(provenance, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except (QueryError, OSError) as problem:
        reason = problem.problem if isinstance(problem, RmstoreError) else str(problem)
        raise StoreError(f"cannot write {str(to)!r}: {reason}", hint="give another place, or make room") from problem


def _export(store: Store, table: pa.Table, to: Path, provenance: Mapping[str, Any]) -> None:
    metadata = {f"rmstore.{key}": canonical_json(value) for key, value in provenance.items()}
    with store.cursor() as cursor:
        cursor.register("report_rows", table)
        export(store, "select * from report_rows", to, cursor=cursor, metadata=metadata)


def _markdown(report: Report, table: pa.Table, provenance: Mapping[str, Any], theme: str) -> str:
    return markdown(view(report, table, provenance))


def _html(report: Report, table: pa.Table, provenance: Mapping[str, Any], theme: str) -> str:
    picture = svg(report, table, Frame()) if report.chart else None
    return run_page(view(report, table, provenance, most=MOST_ROWS), picture)


def _svg(report: Report, table: pa.Table, provenance: Mapping[str, Any], theme: str) -> str:
    return svg(report, table, _frame(report, table, provenance, theme)) + "\n"


def _png(report: Report, table: pa.Table, provenance: Mapping[str, Any], theme: str) -> bytes:
    return png(report, table, _frame(report, table, provenance, theme))


def _frame(report: Report, table: pa.Table, provenance: Mapping[str, Any], theme: str) -> Frame:
    return Frame(theme, report.title, caption(provenance, table))


DOCUMENTS: dict[str, Maker] = {".md": _markdown, ".html": _html, ".svg": _svg, ".png": _png}
"""What makes a document, by ending."""
