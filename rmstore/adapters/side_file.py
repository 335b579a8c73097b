"""Bad rows, and the file that keeps them when the good ones go in."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
        written: what went into which file so far.
    """

    path: Path | None
    written: dict[Path, list[str]] = field(default_factory=dict)

    def write(self, source: Path, rows: Sequence[BadRow]) -> Path:
        """Add bad rows and return the file, which is replaced as a whole.

        Raises:
            BadFileError: another file is in the way; a side file of an earlier run is replaced.
        """
        path = self.path or Path(f"{source.name}.rejected.jsonl")
        if path not in self.written and path.exists() and not _is_side_file(path):
            raise BadFileError(f"{path} is in the way and is no side file", hint="give another path for the bad rows")
        lines = [*self.written.get(path, []), *(row.as_json() for row in rows)]
        partial = path.with_name(path.name + ".partial")
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        os.replace(partial, path)  # noqa: PTH105 - the atomic one
        self.written[path] = lines
        return path


def _is_side_file(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as stream:
            first = json.loads(stream.readline())
    except (OSError, ValueError):
        return False
    return isinstance(first, Mapping) and list(first) == _KEYS
