"""Reads text files row by row, for those that an engine refuses: every bad row gets a reason, no good one is lost."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from rmstore.adapters.files import DataFile, csv_header
from rmstore.errors import BadFileError

Line = tuple[int, str, str | None]
"""Line number, content and what is wrong with it."""

_BATCH = 10_000


def read(file: DataFile) -> Any:
    """Return the rows of a jsonl or csv file as an arrow reader with columns line, raw, problem.

    Raises:
        BadFileError: the file is of a type whose rows cannot be told apart once it is damaged.
    """
    import pyarrow as pa

    rows = _csv_rows(file, csv_header(file)) if file.type == "csv" else _json_lines(file)
    schema = pa.schema([("line", pa.int64()), ("raw", pa.string()), ("problem", pa.string())])

    def batches() -> Iterator[Any]:
        for batch in _batched(rows):
            columns = zip(*batch, strict=True)
            yield pa.record_batch(
                [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema
            )

    return pa.RecordBatchReader.from_batches(schema, batches())


def _batched(rows: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _json_lines(file: DataFile) -> Iterator[Line]:
    with file.open() as stream:
        for number, line in enumerate(stream, 1):
            content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not content.strip():
                continue
            try:
                yield number, content.decode().rstrip("\r\n"), None
            except UnicodeDecodeError as problem:
                yield number, content.decode(errors="replace").rstrip("\r\n"), _not_utf8(content, problem.start)


def _not_utf8(content: bytes, start: int) -> str:
    return f"not valid UTF-8: byte 0x{content[start]:02x} at byte {start + 1}"


def _csv_rows(file: DataFile, names: list[str]) -> Iterator[Line]:
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        seen: list[str] = []
        reader = csv.reader(_remembered(text, seen), delimiter=file.delimiter, strict=True)
        next(reader)
        while True:
            seen.clear()
            begins = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                yield begins, _readable("".join(seen)), f"not valid csv: {problem}"
                continue
            if fields:
                yield _csv_row(names, fields, begins)


def _remembered(lines: Iterable[str], seen: list[str]) -> Iterator[str]:
    for line in lines:
        seen.append(line)
        yield line


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")


def _csv_row(names: list[str], fields: list[str], line: int) -> Line:
    raw = json.dumps(fields if len(fields) != len(names) else dict(zip(names, fields, strict=True)), ensure_ascii=False)
    try:
        raw.encode()
    except UnicodeEncodeError:
        return line, _readable(raw), "not valid UTF-8"
    if len(fields) != len(names):
        return line, raw, f"{len(fields)} fields where the header names {len(names)}"
    return line, raw, None


def explain_json(raw: str) -> str:
    """Return why a line is no JSON value."""
    try:
        json.loads(raw)
    except json.JSONDecodeError as problem:
        return f"not valid JSON: {problem.msg} at character {problem.pos + 1}"
    except RecursionError:
        return "not valid JSON: nested too deeply"
    return "not valid JSON: it has half a surrogate pair, or a value that JSON does not know"


def refuse_document(file: DataFile, engine_says: str) -> BadFileError:
    """Return the error for a json array or Parquet file that could not be read as a whole."""
    if file.type == "parquet":
        return BadFileError(f"{file.shown} cannot be read as Parquet: {engine_says}", hint="fetch or make it again")
    try:
        with file.open() as stream:
            json.loads(stream.read().decode("utf-8-sig"))
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno} column {problem.colno}: {problem.msg}"
        return BadFileError(
            f"{file.shown} is not valid JSON, {where}", hint="rows of a damaged array cannot be skipped"
        )
    except UnicodeDecodeError as problem:
        return BadFileError(f"{file.shown} is not valid UTF-8 at byte {problem.start + 1}", hint="convert it to UTF-8")
    return BadFileError(f"{file.shown} cannot be read: {engine_says}", hint="write it as jsonl, one row per line")


def line_numbers(file: DataFile, rows: Iterable[int]) -> dict[int, int]:
    """Return the line of each row of a jsonl file; they differ where the file has blank lines."""
    wanted = set(rows)
    last, row, found = max(wanted, default=0), 0, {}
    with file.open() as stream:
        for number, line in enumerate(stream, 1):
            row += bool(line.strip())
            if row in wanted and row not in found:
                found[row] = number
            if row >= last:
                break
    return found


csv.field_size_limit(sys.maxsize)
