"""Data files: which ones are meant, what they are, whether they can be read."""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from rmstore.errors import BadFileError

TYPES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".npy": "npy",
}
PACKED = (".gz", ".zst")
_KNOWN = "known endings: " + " ".join(TYPES) + ", each also with " + " or ".join(PACKED)
_BLOCK = 1 << 20
_MAGIC = {b"PAR1": "a Parquet file", b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "a zip file"}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class DataFile:
    """A file that exists and has a known ending.

    Attributes:
        path: where it lies.
        shown: how messages and the store name it.
        type: jsonl, json, csv, parquet or npy.
        packed: ``.gz``, ``.zst`` or nothing.
        delimiter: between the fields of a csv file.
    """

    path: Path
    shown: str
    type: str
    packed: str
    delimiter: str = ","

    @property
    def size(self) -> int:
        """Bytes as stored."""
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """Open the content, unpacked."""
        if self.packed == ".gz":
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        if self.packed == ".zst":
            import pyarrow

            return cast(BinaryIO, io.BufferedReader(pyarrow.input_stream(str(self.path), compression="zstd")))
        return self.path.open("rb")


def find(source: str | Path | Sequence[str | Path]) -> list[DataFile]:
    """Return the files that a path, a glob or a list of them names, in the order given, globs by name.

    Raises:
        BadFileError: nothing is there, it is a folder, it cannot be read, or its ending is unknown.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise BadFileError("no file was given", hint="give a path, a glob or hf://owner/name")
    return [describe(path, str(path)) for given in sources for path in _expand(given)]


def _expand(given: str | Path) -> list[Path]:
    if Path(given).exists() or not glob.has_magic(str(given)):
        return [Path(given)]
    found = sorted(glob.glob(str(given), recursive=True))  # noqa: PTH207 - a pattern may be absolute
    if not found:
        raise BadFileError(f"no file matches {str(given)!r}", hint="quote the pattern, and check the folder")
    return [Path(name) for name in found]


def describe(path: Path, shown: str) -> DataFile:
    """Return a file with its type, told by its ending.

    Raises:
        BadFileError: it is not a readable file with a known ending.
    """
    if path.is_dir():
        raise BadFileError(f"{shown} is a folder", hint=f"give its files: '{path}/*.jsonl'")
    if not path.exists():
        raise BadFileError(f"there is no file {shown}", hint=f"looked in {path.absolute().parent}")
    if not path.is_file():
        raise BadFileError(f"{shown} is not a file", hint="write it to a file first: the content is hashed, then read")
    try:
        with path.open("rb"):
            pass
    except OSError as problem:
        raise BadFileError(f"{shown} cannot be read: {problem.strerror}", hint="check its permissions") from problem
    packed = path.suffix.lower() if path.suffix.lower() in PACKED else ""
    ending = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    if ending not in TYPES:
        raise BadFileError(f"{shown} has the ending {ending or 'none'!r}", hint=_KNOWN)
    return DataFile(path, shown, TYPES[ending], packed, "\t" if ending == ".tsv" else ",")


def sha256(file: DataFile, poll: Callable[[int], None]) -> str:
    """Return the SHA-256 of a file as stored, calling ``poll`` with the bytes seen."""
    digest, seen = hashlib.sha256(), 0
    with file.path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            seen += len(block)
            poll(seen)
    return digest.hexdigest()


def check(file: DataFile) -> None:
    """Look at the beginning of a file, and unpack a packed one to the end, since engines skip its checksum.

    Raises:
        BadFileError: it is empty, packed badly, or binary where text was promised.
    """
    try:
        with file.open() as stream:
            head = stream.read(4096)
            while file.packed and stream.read(_BLOCK):
                pass
    except (OSError, EOFError, zlib.error) as problem:
        raise BadFileError(f"{file.shown} is damaged: {problem}", hint="fetch or make it again") from problem
    if not head.strip():
        raise BadFileError(f"{file.shown} is empty", hint="an ingest needs at least one row")
    if file.type in ("parquet", "npy"):
        return
    if head.startswith(_UTF16):
        raise BadFileError(f"{file.shown} is UTF-16", hint=f"iconv -f UTF-16 -t UTF-8 {file.shown}")
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise BadFileError(f"{file.shown} is {what}, not {file.type}", hint="give it the ending that it needs")
    if b"\0" in head:
        raise BadFileError(f"{file.shown} is a binary file, not {file.type}", hint=_KNOWN)


@contextmanager
def unpacked(file: DataFile) -> Iterator[Path]:
    """Give a path that an engine can read: a packed Parquet file is unpacked for the time of the block."""
    if file.type != "parquet" or not file.packed:
        yield file.path
        return
    with tempfile.TemporaryDirectory(prefix="rmstore-") as folder:
        path = Path(folder) / "unpacked.parquet"
        with file.open() as stream, path.open("wb") as target:
            shutil.copyfileobj(stream, target, _BLOCK)
        yield path


def ways(file: DataFile) -> list[str]:
    """Return the ways to read a file, quickest first; ``lines`` reads row by row and says what is wrong with each."""
    if file.type in ("parquet", "npy"):
        return [file.type]
    if file.type == "csv":
        return ["csv", "lines"] if _quotes_are_even(file) else ["lines"]
    if file.type == "jsonl":
        return ["newline_delimited", "lines"]
    with file.open() as stream:
        first = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return ["array"] if first == b"[" else ["newline_delimited", "unstructured", "lines"]


def csv_header(file: DataFile) -> list[str]:
    """Return the column names of a csv file.

    Raises:
        BadFileError: there is none, or a name is empty or comes twice.
    """
    csv.field_size_limit(sys.maxsize)
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        try:
            names = next(csv.reader(text, delimiter=file.delimiter, strict=True), [])
        except csv.Error as problem:
            raise BadFileError(
                f"{file.shown} line 1: {problem}", hint="a csv file begins with its column names"
            ) from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if not all(names) or twice:
        what = f"the column {twice[0]!r} twice" if twice else "a column without a name"
        raise BadFileError(f"{file.shown} has {what}", hint="the first line must name every column once")
    return names


def _quotes_are_even(file: DataFile) -> bool:
    # engines drop what follows an odd quote, without a word
    count = 0
    with file.open() as stream:
        while block := stream.read(_BLOCK):
            count += block.count(b'"')
    return count % 2 == 0
