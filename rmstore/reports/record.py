"""Runs that were recorded: in ``report_runs`` of a store, or in the metadata of a file that somebody sent.

What a file says is data: it is checked to be whole and agree with itself, and none of its SQL runs on its word alone.
"""

from __future__ import annotations

import glob
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmstore.errors import BadFileError, QueryError, ReportError, UnknownNameError
from rmstore.hashing import canonical_json
from rmstore.store import Store, statement

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "rmstore."
"""Of the keys of a Parquet file's metadata."""
_READERS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "report": str, "sql": str, "sql_sha256": str, "parameters": dict, "heads": dict, "snapshots": dict,
    "where": (dict, type(None)), "folds": (dict, type(None)), "compare": (str, type(None)),
}  # fmt: skip


@dataclass(frozen=True)
class Recorded:
    """A run as it was recorded.

    Attributes:
        source: the file or run id, as it was given.
        provenance: what it says of itself, checked to be whole.
        file: where its rows are; None where they were not kept, or the file is gone or another run's by now.
        is_own: whether this store recorded the very same provenance, so that its SQL is known here.
    """

    source: str
    provenance: dict[str, Any]
    file: Path | None
    is_own: bool

    @property
    def name(self) -> str:
        """What to call it in a message: the file, or the first part of the run id."""
        return repr(self.source) if self.file else f"run {str(self.provenance.get('run_id'))[:8]}"


def list_runs(store: Store, report: str | None = None) -> list[dict[str, Any]]:
    """Return the runs of reports that the store recorded, newest first."""
    return store.run("reports/runs", {"prefix": None, "report": report})


def load(store: Store, source: str | Path) -> Recorded:
    """Return a recorded run.

    Args:
        store: an open store.
        source: a file that a report wrote (.parquet, or text with its .provenance.json beside it), or a run id of this
            store, of which the first digits are enough.

    Raises:
        UnknownNameError: it is neither a file nor the beginning of a run id.
        ReportError: several runs begin so, or the provenance is missing, not whole or contradicts itself.
        BadFileError: the file cannot be read.
    """
    if Path(source).is_file():
        provenance = provenance_of(Path(source))
        return Recorded(str(source), provenance, Path(source), _is_own(store, provenance))
    text = str(source).lower()
    found = (
        store.run("reports/runs", {"prefix": text, "report": None}) if re.fullmatch(r"[0-9a-f-]{4,36}", text) else []
    )
    if not found:
        known = [row["run_id"][:8] for row in list_runs(store)[:5]]
        raise UnknownNameError("file or run", str(source), known)
    if len(found) > 1:
        raise ReportError(
            f"{len(found)} runs begin with {text!r}", hint=f"such as {found[0]['run_id']} ({found[0]['report']})"
        )
    row = store.run("reports/run_provenance", {"run_id": found[0]["run_id"]})[0]
    provenance = _whole(json.loads(row["provenance"]), f"run {text}")
    provenance.setdefault("run_id", found[0]["run_id"])  # of runs recorded before the id stood there
    return Recorded(str(source), provenance, _still_there(row["output"], provenance), is_own=True)


def rows(store: Store, recorded: Recorded, like: pa.Table | None = None) -> pa.Table:
    """Return the rows of a recorded file as the engine reads them.

    Args:
        store: an open store.
        recorded: a run whose file is there.
        like: a table of the same run; text files take its types.

    Raises:
        BadFileError: the file cannot be read, or its rows do not fit those types.
    """
    assert recorded.file is not None
    reader = _reader(recorded.file)
    try:
        with store.cursor() as cursor:
            path = {"path": glob.escape(str(recorded.file))}  # the engine would take a[b].csv for a pattern
            found = store.arrow(cursor, statement(f"reports/recorded/{reader}"), path)
            if like is None or reader == "parquet":
                return found
            cursor.register("rows_now", like)
            cursor.register("rows_read", found)
            store.execute(cursor, statement("reports/recorded/as_now")).fetchall()
            return store.arrow(cursor, "select * from rows_then")
    except QueryError as problem:
        raise BadFileError(f"cannot read {recorded.source!r}: {problem.problem.splitlines()[0]}") from problem


def _reader(file: Path) -> str:
    ending = file.suffixes[-2] if file.suffix.lower() == ".gz" and len(file.suffixes) > 1 else file.suffix
    if ending.lower() not in _READERS:
        raise BadFileError(f"{str(file)!r} holds no rows that can be read back", hint=f"one of {', '.join(_READERS)}")
    return _READERS[ending.lower()]


def provenance_of(file: Path) -> dict[str, Any]:
    """Return the provenance that a file brings, checked to be whole.

    Raises:
        ReportError: it has none, or it is not whole or contradicts itself.
        BadFileError: the file cannot be read.
    """
    if _reader(file) == "parquet":
        said = _parquet_metadata(file)
    else:
        beside = file.with_name(file.name + ".provenance.json")
        try:
            said = json.loads(beside.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise ReportError(
                f"{str(file)!r} has no provenance beside it: {problem}", hint=f"it is in {beside.name!r}; keep both"
            ) from None
    return _whole(said, repr(str(file)))


def _parquet_metadata(file: Path) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(file).metadata or {}
        texts = {key.decode(): value.decode() for key, value in metadata.items() if key.startswith(PREFIX.encode())}
        return {key.removeprefix(PREFIX): json.loads(value) for key, value in texts.items()}
    except (OSError, pa.ArrowException) as problem:
        raise BadFileError(
            f"{str(file)!r} is no Parquet file: {problem}", hint="write it again, or bring it back from a copy"
        ) from None
    except ValueError as problem:
        raise ReportError(f"the provenance of {str(file)!r} cannot be read: {problem}") from None


def _whole(said: Any, name: str) -> dict[str, Any]:
    """Return a provenance if every part that is needed is there, of its type, and the SQL has the hash it says."""
    if not isinstance(said, dict) or "report" not in said:
        raise ReportError(f"{name} has no provenance of a report", hint="rmstore report run NAME --to FILE.parquet")
    said = {"where": None, "folds": None, "compare": None, **said}
    for key, kind in _TYPES.items():
        if not isinstance(said.get(key), kind):
            raise ReportError(f"the provenance of {name} is not whole: {key} is {_short(said.get(key))}")
    parts = [(key, "reference", part) for kind in ("heads", "snapshots") for key, part in said[kind].items()]
    parts += [(key, "fingerprint", part) for kind in ("heads", "snapshots") for key, part in said[kind].items()]
    parts += [("where", "sql", said["where"])] if said["where"] is not None else []
    for key, name_of, part in parts:
        if not isinstance(part, dict) or not isinstance(part.get(name_of), str):
            raise ReportError(f"the provenance of {name} is not whole: {key} has no {name_of}")
    if said["folds"] is not None and type(said["folds"].get("k")) is not int:
        raise ReportError(f"the provenance of {name} is not whole: folds has no k")
    if any(isinstance(value, dict | list) for value in said["parameters"].values()):
        raise ReportError(f"the provenance of {name} is not whole: a parameter is {_short(said['parameters'])}")
    _agreeing(said, name)
    return said


def _agreeing(said: dict[str, Any], name: str) -> None:
    """Refuse a provenance whose SQL has not the hash it says, or whose parameters name another head or snapshot."""
    digest = hashlib.sha256(said["sql"].encode()).hexdigest()
    found = [f"its SQL has the hash {digest[:12]}, it says {said['sql_sha256'][:12]}"]
    found = found if digest != said["sql_sha256"] else []
    for kind in ("heads", "snapshots"):
        for key, part in said[kind].items():
            value = said["parameters"].get(key, part["reference"])
            if value != part["reference"]:
                found.append(f"{key} is {value!r} in its parameters, {part['reference']!r} in its {kind}")
    if found:
        raise ReportError(
            f"the provenance of {name} contradicts itself: {found[0]}", hint="it was changed after it was written"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_own(store: Store, provenance: dict[str, Any]) -> bool:
    """Return whether this store recorded the run that a file tells of, with the same provenance to the letter."""
    run_id = provenance.get("run_id")
    if not isinstance(run_id, str) or not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", run_id):
        return False
    found = store.run("reports/run_provenance", {"run_id": run_id})
    return any(canonical_json(json.loads(row["provenance"])) == canonical_json(provenance) for row in found)


def _still_there(output: str | None, provenance: dict[str, Any]) -> Path | None:
    """Return the file that a run wrote if it still holds that run."""
    if output is None or not Path(output).is_file():
        return None
    try:
        said = provenance_of(Path(output))
    except (ReportError, BadFileError):
        return None
    return Path(output) if said.get("run_id") == provenance.get("run_id") else None
