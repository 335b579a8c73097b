"""Where report files are: those that ship with rmstore, and a user's own folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rmstore import resources
from rmstore.errors import ReportError, UnknownNameError
from rmstore.reports.header import Report, parse


@dataclass(frozen=True)
class Broken:
    """A file in a folder of reports that cannot be read as one.

    Attributes:
        name: the name of the file without its ending.
        problem: what is wrong with it.
    """

    name: str
    problem: str


def scan(dirs: Sequence[str | Path] = ()) -> list[Report | Broken]:
    """Return the built-in reports and those of the given folders, by name, and what cannot be read among them.

    Raises:
        ReportError: a folder does not exist, or two files have one name.
    """
    found: list[Report | Broken] = []
    for name, place in sorted(_places(dirs).items()):
        try:
            found.append(_read(name, place))
        except ReportError as problem:
            found.append(Broken(name, problem.problem))
    return found


def list_reports(dirs: Sequence[str | Path] = ()) -> list[Report]:
    """Return the built-in reports and those of the given folders, by name.

    Raises:
        ReportError: a header is wrong, a folder does not exist, or two files have one name.
    """
    return [_read(name, place) for name, place in sorted(_places(dirs).items())]


def get(name: str, dirs: Sequence[str | Path] = ()) -> Report:
    """Return one report; the files beside it are not read, so that their faults do not matter.

    Raises:
        UnknownNameError: no report has this name, with a suggestion.
        ReportError: its header is wrong, or two files have one name.
    """
    places = _places(dirs)
    if name not in places:
        raise UnknownNameError("report", name, places)
    return _read(name, places[name])


def names_of(dirs: Sequence[str | Path] = ()) -> list[str]:
    """Return the names of the built-in reports and of those in the given folders, unread."""
    return sorted(_places(dirs))


def _read(name: str, file: Path | None) -> Report:
    if file is None:
        text = resources.text("sql", f"reports/{name}.sql")
        return parse(text, name=name, path=f"sql/reports/{name}.sql", is_builtin=True)
    try:
        return parse(file.read_text(encoding="utf-8"), name=name, path=str(file))
    except (OSError, UnicodeDecodeError) as problem:
        raise ReportError(f"cannot read {str(file)!r}: {problem}") from None


def _places(dirs: Sequence[str | Path]) -> dict[str, Path | None]:
    """Return report name -> file, None for one that ships with rmstore."""
    places: dict[str, Path | None] = {name.removesuffix(".sql"): None for name in resources.names("sql", "reports")}
    for folder in dict.fromkeys(Path(given).expanduser().resolve() for given in dirs):
        if not folder.is_dir():
            raise ReportError(f"there is no folder {str(folder)!r}", hint="give a folder of .sql reports")
        for file in sorted(folder.glob("*.sql")):
            if file.stem in places:
                other = places[file.stem]
                where = "is built in" if other is None else f"is also {str(other)!r}"
                raise ReportError(
                    f"{str(file)!r}: a report called {file.stem!r} {where}", hint="rename the file and its header"
                )
            places[file.stem] = file
    return places
