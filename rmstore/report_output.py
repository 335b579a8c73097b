"""Files of a finished report: its rows with where each number came from, in the format that the ending asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from rmstore.errors import QueryError, RmstoreError, StoreError
from rmstore.export import copy_options, export, replacing
from rmstore.hashing import canonical_json
from rmstore.report_header import Report
from rmstore.store import Store


def check_ending(to: Path) -> None:
    """Refuse a file whose ending means no format, before anything is computed.

    Raises:
        OptionError: the ending is unknown.
    """
    copy_options(to)


def write(store: Store, report: Report, table: pa.Table, to: Path, provenance: Mapping[str, Any]) -> None:
    """Write the rows of a run to a file; it appears when it is complete.

    A Parquet file carries the provenance in its key-value metadata, any other in ``<file>.provenance.json`` beside it.

    Args:
        store: an open store.
        report: the report that was run.
        table: its rows.
        to: the file.
        provenance: where each number came from.

    Raises:
        OptionError: the ending means no format.
        StoreError: the place cannot be written.
    """
    cursor = store.cursor()
    cursor.register("report_rows", table)
    metadata = {f"rmstore.{key}": canonical_json(value) for key, value in provenance.items()}
    try:
        export(store, "select * from report_rows", to, cursor=cursor, metadata=metadata)
        if to.suffix.lower() != ".parquet":
            with replacing(to.with_name(to.name + ".provenance.json")) as part:
                part.write_text(json.dumps(provenance, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except (QueryError, OSError) as problem:
        reason = problem.problem if isinstance(problem, RmstoreError) else str(problem)
        raise StoreError(f"cannot write {str(to)!r}: {reason}", hint="give a place with more room") from problem
    finally:
        cursor.unregister("report_rows")
