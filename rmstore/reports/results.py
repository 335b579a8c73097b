"""Results of reports in a folder: Parquet files that say themselves where they came from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from rmstore.errors import ReportError
from rmstore.reports.compare import as_report
from rmstore.reports.header import Report, parse

PREFIX = b"rmstore."
MOST_ROWS = 20_000
"""Rows that are read of a file; pages and pictures show fewer."""
_SHAPE = {"report": str, "title": str, "sql": str, "parameters": dict, "heads": dict, "snapshots": dict}


@dataclass(frozen=True)
class Result:
    """One run.

    Attributes:
        file: where it is, relative to the folder, with slashes.
        report: the report as its own SQL states it.
        table: the rows.
        n_rows: how many the file has.
        provenance: where they came from.
        sha256: that of the file.
    """

    file: str
    report: Report
    table: pa.Table
    n_rows: int
    provenance: dict[str, Any]
    sha256: str

    @property
    def asked(self) -> list[str]:
        """References of the heads that it was asked for."""
        return list(dict.fromkeys(part["reference"] for part in self.provenance["heads"].values()))

    @property
    def heads(self) -> list[str]:
        """References of its heads: those that were asked for, and those that its rows name."""
        rows = self.table["head"].to_pylist() if "head" in self.table.column_names else []
        return list(dict.fromkeys([*self.asked, *(row for row in rows if isinstance(row, str) and "@" in row)]))

    @property
    def snapshots(self) -> list[str]:
        """References of its snapshots."""
        return list(dict.fromkeys(part["reference"] for part in self.provenance["snapshots"].values()))

    @property
    def options(self) -> dict[str, Any]:
        """What was asked for beyond heads, snapshots and the defaults of the report."""
        said = self.provenance
        defaults = {param.name: param.default for param in self.report.params}
        given = {
            key: value for key, value in said["parameters"].items()
            if key not in said["heads"] and key not in said["snapshots"] and value != defaults.get(key)
        }  # fmt: skip
        folds, where = said.get("folds"), said.get("where")
        given |= {"folds": folds["k"]} if isinstance(folds, Mapping) and "k" in folds else {}
        given |= {"where": where["sql"]} if isinstance(where, Mapping) and "sql" in where else {}
        return given

    @property
    def anchor(self) -> str:
        """The place on a page, from names alone: the same whenever and wherever the page is built."""
        named = {key: part["reference"] for part_of in ("heads", "snapshots")
                 for key, part in self.provenance[part_of].items()}  # fmt: skip
        parts = [self.provenance["report"], *named.values()]
        parts += [f"{key}={value}" for key, value in sorted(self.options.items())]
        parts += ["all"] if len(parts) == 1 else []  # the name alone is the place of the report
        return ":".join(map(anchor, parts))

    @property
    def order(self) -> tuple[Any, ...]:
        """What results are sorted by: report, heads that were asked for by name and number, snapshots, options."""
        names = [natural(name) for name in (*self.asked, "", *self.snapshots)]
        return (self.provenance["report"] != "leaderboard", self.provenance["report"], names, self.anchor, self.file)


def read(folder: Path) -> tuple[list[Result], list[str]]:
    """Return the results below a folder in the order of a page, and why other Parquet files there are none.

    Args:
        folder: searched with the folders in it; hidden files are left alone.
    """
    found, others = [], []
    for path in sorted(folder.rglob("*.parquet")):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in name.split("/")):
            continue
        try:
            found.append(read_file(path, name))
        except (ReportError, OSError, pa.ArrowException) as problem:
            others.append(f"{name}: {getattr(problem, 'problem', problem)}")
    return sorted(found, key=lambda result: result.order), others


def read_file(path: Path, name: str) -> Result:
    """Return the result that a Parquet file holds.

    Args:
        path: the file.
        name: what to call it.

    Raises:
        ReportError: it says nothing of a report, or something that is not whole.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        provenance, n_rows = _provenance(file.metadata.metadata or {}), file.metadata.num_rows
        first = [next(file.iter_batches(MOST_ROWS))] if n_rows > MOST_ROWS else None
        table = pa.Table.from_batches(first) if first else file.read()
    table = table.replace_schema_metadata(None)
    report = parse(provenance["sql"], name=provenance["report"], path=name)
    if provenance.get("compare"):
        first = next(iter(provenance["heads"].values()))["reference"]
        report = as_report(report, table, first, str(provenance["compare"]))
    missing = {column for columns in (report.chart.channels.values() if report.chart else ()) for column in columns}
    missing -= set(table.column_names)
    if missing:
        raise ReportError(f"it lacks the columns {', '.join(sorted(missing))}, which its report has")
    with path.open("rb") as stream:
        return Result(name, report, table, n_rows, provenance, hashlib.file_digest(stream, "sha256").hexdigest())


def _provenance(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    try:
        said = {
            key.removeprefix(PREFIX).decode(): json.loads(value)
            for key, value in metadata.items() if key.startswith(PREFIX)
        }  # fmt: skip
    except ValueError:
        raise ReportError("its provenance cannot be read") from None
    if not said:
        raise ReportError("it is not the result of a report")
    for key, kind in _SHAPE.items():
        if not isinstance(said.get(key), kind):
            raise ReportError(f"its provenance is not whole: {key}")
    for part in (*said["heads"].values(), *said["snapshots"].values()):
        if not isinstance(part, dict) or not isinstance(part.get("reference"), str):
            raise ReportError("its provenance is not whole: a head or snapshot without a name")
    return said


def anchor(text: str) -> str:
    """Return a text as part of an id, one to one: what an address or a list of parts could misread is spelled out.

    Example:
        >>> anchor("helpful@3"), anchor("a b:c")
        ('helpful@3', 'a~20b~3ac')
    """
    return re.sub(r"[^\w.@=-]", lambda found: "".join(f"~{byte:02x}" for byte in found[0].encode()), text)


def address(file: str) -> str:
    """Return a file beside a page as its links write it."""
    return quote(file)


def natural(text: str) -> list[Any]:
    """Return what sorts versions by number.

    Example:
        >>> sorted(["h@10", "h@9"], key=natural)
        ['h@9', 'h@10']
    """
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
