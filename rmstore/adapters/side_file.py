"""Bad rows, and the file that keeps them when the good ones go in."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rmstore import disk
from rmstore.errors import BadFileError

_KEYS = ["file", "place", "reason", "content"]


@dataclass(frozen=True)
class BadRow:
    """A row that was refused.

    Attributes:
        file: name of its file.
        place: ``line 7``, or ``record 7`` where a file has no lines.
        reason: what is wrong with it.
        content: the row as it was, as JSON or as text.
    """

    file: str
    place: str
    reason: str
    content: str

    def as_json(self) -> str:
        """Return the line of a side file."""
        values = (self.file, self.place, self.reason, self.content)
        return json.dumps(dict(zip(_KEYS, values, strict=True)), ensure_ascii=False)


@dataclass
class SideFile:
    """Where the bad rows of one ingest go.

    Attributes:
        path: one file for all; None makes ``<file name>.rejected.jsonl`` in the current folder for each file.
        sources: names of the files of this ingest. What an earlier run put aside of one of them stays until that one
            is read again: an ingest that was stopped and goes on does not read what it has.
        written: what went into which file so far.
    """

    path: Path | None
    sources: frozenset[str] = frozenset()
    written: dict[Path, list[str]] = field(default_factory=dict)

    def write(self, source: Path, rows: Sequence[BadRow]) -> Path:
        """Add the bad rows of one file and return the side file, which is replaced as a whole.

        Raises:
            BadFileError: another file is in the way; a side file of an earlier run is replaced.
            NoRoomError: the disk is full.
            StoreError: the side file cannot be written.
        """
        path = self.path or Path(f"{source.name}.rejected.jsonl")
        if path not in self.written and path.exists() and not _is_side_file(path):
            raise BadFileError(f"{path} is in the way and is no side file", hint="give another path for the bad rows")
        read = {row.file for row in rows}
        before = self.written[path] if path in self.written else self._earlier(path)
        lines = [line for line in before if json.loads(line)["file"] not in read] + [row.as_json() for row in rows]
        partial = path.with_name(path.name + ".partial")
        with disk.writing(path):
            partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
            os.replace(partial, path)  # noqa: PTH105 - the atomic one
        self.written[path] = lines
        return path

    def _earlier(self, path: Path) -> list[str]:
        """Return the lines of an earlier run that are about files of this one."""
        if not path.exists():
            return []
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if json.loads(line)["file"] in self.sources]


def _is_side_file(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as stream:
            first = json.loads(stream.readline())
    except (OSError, ValueError):
        return False
    return isinstance(first, Mapping) and list(first) == _KEYS
