"""Folders that travel between stores: a manifest with size and SHA-256 of every file, read without trust.

The names of the files are ours, so that no path can leave the folder; links and devices are refused, as is everything
that the manifest does not name. :mod:`rmstore.head_folder` and :mod:`rmstore.snapshot_folder` write such folders.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rmstore import json_types
from rmstore.errors import BadFileError
from rmstore.hashing import file_sha256

MANIFEST = "manifest.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Kind:
    """What folders of one kind look like.

    Attributes:
        noun: what such a folder holds, ``head`` or ``snapshot``.
        version: grows when a folder means something else than before.
        names: every file name that such a folder may have, beside the manifest.
        needed: those that none can lack.
        fields: what the manifest says besides format, format_version and files.
        facts: what it says of a file besides size and sha256.
        largest: bytes of a manifest that is still read.
    """

    noun: str
    version: int
    names: frozenset[str]
    needed: frozenset[str]
    fields: json_types.Types
    facts: json_types.Types
    largest: int = 65_536

    @property
    def format(self) -> str:
        """What the manifest says it is the manifest of."""
        return f"rmstore {self.noun}"

    @property
    def hint(self) -> str:
        """What to do about a folder that is not as it should be."""
        return f"export the {self.noun} again from its store"


def json_bytes(value: Any) -> bytes:
    """Return JSON as it stands in a folder: sorted, one value per line, so that equal facts are equal bytes."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def write_manifest(
    folder: Path, kind: Kind, said: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write the manifest of a folder whose other files are complete.

    Args:
        folder: where the files are.
        kind: of what kind the folder is.
        said: values of the fields of the kind.
        facts: more facts of a file by its name.
    """
    files = {
        path.name: {"size": path.stat().st_size, "sha256": file_sha256(path), **(facts or {}).get(path.name, {})}
        for path in sorted(folder.iterdir())
    }
    manifest = {"format": kind.format, "format_version": kind.version, "files": files, **said}
    (folder / MANIFEST).write_bytes(json_bytes(manifest))


def read_manifest(folder: Path, kind: Kind) -> dict[str, Any]:
    """Return what the manifest says, if its types are right and the folder has its files and no others.

    Raises:
        BadFileError: it is missing or says something else, or a file is missing or too many.
    """
    origin = f"give the folder that rmstore {kind.noun} export wrote"
    if not folder.is_dir():
        raise BadFileError(f"{str(folder)!r} is not a folder", hint=origin)
    present = {entry.name for entry in folder.iterdir()}
    if MANIFEST not in present:
        raise BadFileError(f"{str(folder)!r} lacks {MANIFEST!r}", hint=origin)
    said = json_types.parse(read_plain(folder / MANIFEST, kind), MANIFEST)
    if not isinstance(said, dict) or said.get("format") != kind.format:
        raise BadFileError(f"{MANIFEST} is not that of a {kind.noun}", hint=kind.hint)
    if said.get("format_version") != kind.version:
        raise BadFileError(
            f"the folder has format version {said.get('format_version')!r}, this rmstore reads {kind.version}",
            hint="use the version of rmstore that wrote it, or a newer one",
        )
    _check_files(said, kind)
    for entry in sorted(present - {*said["files"], MANIFEST}):
        raise BadFileError(f"{str(folder)!r} holds {entry!r}, which its manifest does not name", hint=kind.hint)
    for entry in sorted(said["files"].keys() - present):
        raise BadFileError(f"{str(folder)!r} lacks {entry!r}", hint=kind.hint)
    return said


def _check_files(said: dict[str, Any], kind: Kind) -> None:
    """Refuse a manifest with other fields than its kind has, or with files that none can have."""
    json_types.check(said, {"format": str, "format_version": int, "files": dict[str, dict], **kind.fields}, MANIFEST)
    for name, facts in said["files"].items():
        if name not in kind.names:
            raise BadFileError(f"{MANIFEST} names {name!r}, which no {kind.noun} has", hint=kind.hint)
        json_types.check(facts, {"size": int, "sha256": str, **kind.facts}, f"{name} in {MANIFEST}")
        if facts["size"] < 0 or not _SHA256.fullmatch(facts["sha256"]):
            raise BadFileError(f"{name} in {MANIFEST} has no size and checksum", hint=kind.hint)
    for name in sorted(kind.needed - said["files"].keys()):
        named = ", ".join(sorted(said["files"])) or "nothing"
        raise BadFileError(f"{MANIFEST} names {named}, but not {name!r}", hint=kind.hint)


def read_plain(path: Path, kind: Kind, facts: Mapping[str, Any] | None = None) -> bytes:
    """Return the bytes of a file, which have the size and the checksum of ``facts``; a manifest has none.

    Raises:
        BadFileError: it is no plain file, or another than ``facts`` say.
    """
    with open_plain(path, kind, None if facts is None else facts["size"]) as stream:
        data = stream.read()
    if facts is not None and hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise _changed(path, kind)
    return data


def check_plain(
    path: Path, kind: Kind, facts: Mapping[str, Any], poll: Callable[[], None] = lambda: None
) -> tuple[int, ...]:
    """Return what identifies a file for :func:`identity`, if it has the size and the checksum of ``facts``.

    It is read block by block, with a call of ``poll`` at each, so that a file of any size takes little memory.

    Raises:
        BadFileError: it is no plain file, or another than ``facts`` say.
    """
    digest = hashlib.sha256()
    with open_plain(path, kind, facts["size"]) as stream:
        found = _identity(os.fstat(stream.fileno()))
        while block := stream.read(_BLOCK):
            poll()
            digest.update(block)
    if digest.hexdigest() != facts["sha256"]:
        raise _changed(path, kind)
    return found


def identity(path: Path) -> tuple[int, ...]:
    """Return device, number, size and time of change of a file; they differ where it was replaced or written to."""
    try:
        return _identity(path.lstat())
    except OSError:
        return ()


@contextmanager
def open_plain(path: Path, kind: Kind, size: int | None) -> Iterator[BinaryIO]:
    """Open a plain file of a known size; links and devices are refused, also where one takes its place just now."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise BadFileError(f"{str(path)!r} is no plain file: {problem.strerror}", hint=kind.hint) from None
    with os.fdopen(number, "rb") as stream:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise BadFileError(f"{str(path)!r} is no plain file", hint=kind.hint)
        if found.st_size != size if size is not None else found.st_size > kind.largest:
            limit = f"at most {kind.largest}" if size is None else size
            raise BadFileError(f"{str(path)!r} has {found.st_size} bytes, not {limit}", hint=kind.hint)
        yield stream


def _changed(path: Path, kind: Kind) -> BadFileError:
    return BadFileError(f"{str(path)!r} does not match its checksum", hint=kind.hint)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
