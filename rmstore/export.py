"""Files and folders that are renamed into place when they are complete; query results streamed into them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rmstore import disk
from rmstore.errors import OptionError, StoreError
from rmstore.store import Parameters, Store, quote_literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMATS = {
    ".parquet": "format parquet, compression zstd",
    ".csv": "format csv, header",
    ".json": "format json, array true",
    ".jsonl": "format json",
    ".ndjson": "format json",
}


def export(
    store: Store,
    query: str,
    to: Path,
    params: Parameters = None,
    *,
    cursor: DuckDBPyConnection | None = None,
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Write the result of one SELECT to a file and return the number of rows.

    The file appears when it is complete; until then, and after an error, what was there before stays.

    Args:
        store: an open store.
        query: one SELECT.
        to: a file; its ending (.parquet, .csv, .json, .jsonl; the text ones also .gz) says the format.
        params: values of ``$name``.
        cursor: where to run, for queries that need what was set up there.
        metadata: key-value metadata of a Parquet file.

    Raises:
        OptionError: the ending means no format.
        StoreError: the place cannot be written.
    """
    options = copy_options(to, metadata)
    with replacing(to, store.path) as part:
        text = f"copy (\n{query.strip().rstrip(';')}\n) to {quote_literal(str(part))} ({options})"
        with store.cursor() if cursor is None else nullcontext(cursor) as used:
            row = store.execute(used, text, params).fetchone()
    return int(row[0]) if row else 0


def copy_options(to: Path, metadata: Mapping[str, str] | None = None) -> str:
    """Return the options of COPY that a file's ending asks for."""
    endings = [ending.lower() for ending in to.suffixes]
    zipped = endings[-1:] == [".gz"]
    ending = "".join(endings[-2:-1] if zipped else endings[-1:])
    if ending not in FORMATS or (zipped and ending == ".parquet"):
        known = ", ".join(FORMATS)
        raise OptionError(f"{to.name!r} has no ending that means a format", hint=f"one of {known}; text also with .gz")
    options = FORMATS[ending] + (", compression gzip" if zipped else "")
    if metadata and ending == ".parquet":
        pairs = ", ".join(f"{quote_literal(key)}: {quote_literal(value)}" for key, value in metadata.items())
        options += f", kv_metadata {{{pairs}}}"
    return options


@contextmanager
def replacing(to: Path, store_file: Path | None = None) -> Iterator[Path]:
    """Give a path beside ``to`` that takes its place when the block succeeds and vanishes when it fails."""
    if to.is_dir() or (store_file is not None and to.resolve() == store_file.resolve()):
        raise StoreError(
            f"{str(to)!r} is {'a folder' if to.is_dir() else 'the store itself'}", hint="give another file"
        )
    if not to.parent.is_dir():
        raise StoreError(f"the folder {str(to.parent)!r} does not exist", hint="make it first, or give another path")
    if not os.access(to.parent, os.W_OK):
        raise StoreError(f"the folder {str(to.parent)!r} cannot be written", hint="give another path")
    _clear_leftovers(to)
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with disk.writing(to):
            yield part
            part.replace(to)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def replacing_folder(to: Path, *, force: bool = False, ours: Collection[str] = ()) -> Iterator[Path]:
    """Give a new folder beside ``to`` that takes its place when the block succeeds and vanishes when it fails.

    Args:
        to: the folder to make.
        force: replace a folder that is there.
        ours: names that a folder to be replaced may hold; one with anything else is never touched.

    Raises:
        StoreError: the place is taken, or cannot be written.
    """
    _clear_leftovers(to)
    _check_place(to, force=force, ours=ours)
    part, old = (to.with_name(f".{to.name}.{os.getpid()}.{ending}") for ending in ("part", "old"))
    shutil.rmtree(part, ignore_errors=True)
    try:
        with disk.writing(to):
            part.mkdir()
            yield part
            if to.exists():
                to.replace(old)
            part.replace(to)
    except BaseException:
        if old.exists() and not to.exists():
            old.replace(to)
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_place(to: Path, *, force: bool, ours: Collection[str]) -> None:
    if not to.parent.is_dir() or not os.access(to.parent, os.W_OK):
        raise StoreError(f"the folder {str(to.parent)!r} cannot be written", hint="make it first, or give another path")
    if not os.path.lexists(to):
        return
    if to.is_symlink() or not to.is_dir():
        raise StoreError(f"{str(to)!r} is there and is no folder", hint="give another path")
    others = sorted(entry.name for entry in to.iterdir() if entry.name not in ours)
    if others:
        raise StoreError(f"{str(to)!r} holds {others[0]!r}, which is not ours to replace", hint="give another path")
    if not force and any(to.iterdir()):
        raise StoreError(f"{str(to)!r} is there already", hint="give another path, or --force to replace it")


def _clear_leftovers(to: Path) -> None:
    """Remove what killed processes left beside a place: parts of it, and what they had moved out of the way.

    What was moved away comes back where nothing took its place.
    """
    pattern = re.compile(rf"\.{re.escape(to.name)}\.(\d+)\.(part|old)")
    for place in to.parent.iterdir() if to.parent.is_dir() else ():
        found = pattern.fullmatch(place.name)
        if found is None or disk.is_running(int(found[1])):
            continue
        with suppress(OSError):  # somebody else's, or gone by now
            if found[2] == "old" and not os.path.lexists(to):
                place.replace(to)
            elif place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink()
