"""Errors that a user can put right, each naming the value and the next step."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class RmstoreError(Exception):
    """Anything a caller can put right; the CLI prints it without a traceback."""

    def __init__(self, problem: str, *, hint: str = "") -> None:
        super().__init__(f"{problem}\n  hint: {hint}" if hint else problem)
        self.problem, self.hint = problem, hint


class UnknownNameError(RmstoreError, LookupError):
    """A head, encoder, report or snapshot was asked for by a name nobody uses."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=1)
        known = "known" if " of " in kind else f"known {kind}s"
        hint = f"did you mean {close[0]!r}?" if close else f"{known}: {', '.join(names) or 'none yet'}"
        super().__init__(f"no {kind} is called {name!r}", hint=hint)
        self.kind, self.name = kind, name


class InvalidNameError(RmstoreError, ValueError):
    """A name that a store does not accept."""


class OptionError(RmstoreError, ValueError):
    """An option, parameter or value that a head, objective, encoder or report does not take."""


class InputError(RmstoreError, ValueError):
    """Vectors, structs or pairs that do not fit what they were given to."""


class BadFileError(RmstoreError):
    """A file that cannot be read as what it was said to be."""


class BadRowsError(RmstoreError):
    """Rows of a data file that an adapter refuses, named by file and line."""


class StoreError(RmstoreError):
    """A store that cannot be opened, created or written."""


class NoRoomError(StoreError):
    """A disk or a quota is full; what was committed before stays.

    Attributes:
        reason: what the system says.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(
            f"no room left to write {place!r}: {reason}",
            hint="make room there, then run the same again; what was committed before stays",
        )
        self.reason = reason


class StoreLockedError(StoreError):
    """Another process holds the store."""


class StoreVersionError(StoreError):
    """The store was written by a newer rmstore, or needs a migration."""


class ReportError(RmstoreError):
    """A report whose header and SQL disagree, or that cannot run as asked."""


class MissingPackageError(RmstoreError, ImportError):
    """An optional package is needed for what was asked."""

    def __init__(self, package: str, extra: str, why: str) -> None:
        super().__init__(f"{why} needs the package {package!r}", hint=f"pip install 'rmstore[{extra}]'")


class Interrupted(RmstoreError):  # noqa: N818 - not an error of anybody
    """Ctrl-C arrived; what was committed before it stays."""


class QueryError(RmstoreError):
    """SQL that the engine refused."""
