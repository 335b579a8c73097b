"""The header of a report file, which is its registration: read strictly, with errors by file and line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any, NoReturn

from rmstore.errors import ReportError, UnknownNameError
from rmstore.reports.chart import Chart, parse_chart

TYPES = ("HEAD", "SNAPSHOT", "VARCHAR", "DOUBLE", "INTEGER", "BOOLEAN")
"""What a parameter can be; HEAD and SNAPSHOT are references, resolved to exact versions before the SQL runs."""
ENGINES = ("duckdb", "spark")
REQUIRED = ("report", "title", "grain", "engines", "params", "columns")
OPTIONAL = ("chart", "compare", "filter", "folds", "levels", "note")
FILTERED = ("rm_pairs", "rm_rows", "rm_rewards", "rm_steps", "rm_step_rewards", "rm_votes", "rm_reward_votes")
"""Table functions that an operator's own condition can filter."""
_ENTRY = re.compile(r"-- ([a-z]+):(?:\s+(.*))?$")
_MORE = re.compile(r"--\s{2,}(\S.*)$")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_COMPARISON = re.compile(
    r"(share )?([a-z_]\w*) = ([a-z_]\w*) / ([a-z_]\w*) in ([a-z_]\w*)(?: by ([a-z_]\w*(?:\s*,\s*[a-z_]\w*)*))?"
)
_PARAMETER = re.compile(r"([a-z_][a-z0-9_]*)\s+(\w+)(?:\s*=\s*(.+))?")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a report.

    Attributes:
        name: what the SQL calls ``$name``.
        type: one of ``TYPES``.
        default: the value where none is given; None means optional.
        is_required: True where a value must be given.
    """

    name: str
    type: str
    default: Any = None
    is_required: bool = False

    @property
    def text(self) -> str:
        """The parameter as the header writes it."""
        if self.is_required:
            return f"{self.name} {self.type}"
        return f"{self.name} {self.type} = {_written(self.default)}"


@dataclass(frozen=True)
class Column:
    """One column of a report with its SQL type."""

    name: str
    type: str


@dataclass(frozen=True)
class Comparison:
    """How two runs of a report are compared: a mean over units whose totals stand in a CTE, one row per cell and group.

    Attributes:
        metric: the column of the report that is the mean.
        total: the column of the CTE with the totals.
        n: the column of the CTE with the number of units, or their weight.
        units: the CTE; it has the keys as the report writes them, and ``group_id``.
        keys: columns of the report that name a row.
        is_share: whether the mean is a share, so that a difference lies in [-1, 1].
    """

    metric: str
    total: str
    n: str
    units: str
    keys: tuple[str, ...] = ()
    is_share: bool = False


@dataclass(frozen=True)
class Report:
    """A report as its file states it.

    Attributes:
        name: what it is called; also the name of the file.
        path: the file, or the place inside the package.
        sql: the whole text of the file.
        folds: whether it can be run with heads trained by folds.
        levels: whether it compares rewards of different prompts.
        compare: how two runs of it are compared, where they can be.
        filter: the table functions that an operator's condition applies to; none where it takes no condition.
        is_builtin: whether it ships with rmstore.
    """

    name: str
    title: str
    grain: str
    engines: tuple[str, ...]
    params: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    path: str
    sql: str
    chart: Chart | None = None
    note: str = ""
    folds: bool = False
    levels: bool = False
    compare: Comparison | None = None
    filter: tuple[str, ...] = ()
    is_builtin: bool = True

    @property
    def sha256(self) -> str:
        """SHA-256 of the text, header included."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def parse(text: str, *, name: str, path: str, is_builtin: bool = False) -> Report:
    """Return the report that a file's text states.

    Args:
        text: the header, then one SELECT.
        name: the name of the file without its ending, which the header must repeat.
        path: names the file in errors.
        is_builtin: whether it ships with rmstore.

    Raises:
        ReportError: something in the header is missing, unknown, twice or malformed, by file and line.
    """
    header = _Header(text, path)
    if header.text("report") != name:
        header.refuse("report", f"it calls itself {header.text('report')!r}, the file {name!r}", hint="use one name")
    columns = tuple(_column(header, part) for part in header.parts("columns"))
    if not columns:
        header.refuse("columns", "there are none", hint="name every column with its type")
    params = tuple(_parameter(header, part) for part in header.parts("params"))
    for key, names in (("params", [one.name for one in params]), ("columns", [one.name for one in columns])):
        for repeated in sorted({name for name in names if names.count(name) > 1}):
            header.refuse(key, f"{repeated!r} stands there twice")
    engines = tuple(header.parts("engines"))
    for engine in engines:
        if engine not in ENGINES:
            header.refuse("engines", f"{engine!r} is not an engine", hint=f"known: {', '.join(ENGINES)}")
    shown = {column.name for column in columns}
    return Report(
        name=name, title=header.text("title"), grain=header.text("grain"), engines=engines, params=params,
        columns=columns, path=path, sql=text, chart=_chart(header, shown), note=header.text("note"),
        folds=_flag(header, "folds"), levels=_flag(header, "levels"), compare=_comparison(header, shown),
        filter=_filter(header), is_builtin=is_builtin,
    )  # fmt: skip


class _Header:
    """The first block of comment lines: ``-- key: value``, continued by lines with two spaces or more."""

    def __init__(self, text: str, path: str) -> None:
        self._path, self._lines = path, {}  # type: tuple[str, dict[str, int]]
        self._entries: dict[str, str] = {}
        key = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.startswith("--"):
                break
            entry, more = _ENTRY.match(line.rstrip()), _MORE.match(line.rstrip())
            if entry:
                key = entry[1]
                self._enter(key, entry[2] or "", number)
            elif more and key:
                self._entries[key] += " " + more[1]
            else:
                raise ReportError(
                    f"{path}, line {number}: {line.strip()!r} is no line of a report's header",
                    hint="'-- key: value', or '--   more of it'; other comments go below the header",
                )
        for wanted in REQUIRED:
            if wanted not in self._entries:
                raise ReportError(
                    f"{path}: the header has no line '-- {wanted}:'", hint=f"it needs {_listed(REQUIRED)}"
                )

    def _enter(self, key: str, value: str, number: int) -> None:
        self._lines.setdefault(key, number)
        if key not in REQUIRED + OPTIONAL:
            close = get_close_matches(key, REQUIRED + OPTIONAL, n=1)
            known = f"did you mean {close[0]!r}?" if close else f"known: {_listed(REQUIRED + OPTIONAL)}"
            self.refuse(key, "the header has no such line", hint=known)
        if key in self._entries:
            raise ReportError(f"{self._path}, line {number}: {key!r} stands there twice")
        self._entries[key] = value

    def text(self, key: str) -> str:
        """Return the value of a line, empty where there is none."""
        return self._entries.get(key, "").strip()

    def parts(self, key: str) -> list[str]:
        """Return the value cut at commas outside quotes and brackets."""
        return list(_cut(self.text(key)))

    def refuse(self, key: str, why: str, *, hint: str = "") -> NoReturn:
        """Say what is wrong with a line."""
        raise ReportError(f"{self._path}, line {self._lines.get(key, 1)}: {key}: {why}", hint=hint)


def _cut(text: str) -> Iterator[str]:
    depth, quoted, part = 0, False, ""
    for character in text:
        quoted ^= character == "'"
        depth += 0 if quoted else (character in "([{") - (character in ")]}")
        if character == "," and not quoted and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    if part.strip() or "," in text:
        yield part.strip()


def _parameter(header: _Header, text: str) -> Parameter:
    found = _PARAMETER.fullmatch(text)
    if not found:
        header.refuse("params", f"{text!r} is no parameter", hint="name TYPE, or name TYPE = default")
    name, kind, default = found.groups()
    if kind not in TYPES:
        close = get_close_matches(kind.upper(), TYPES, n=1)
        header.refuse(
            "params", f"{kind!r} is no type", hint=f"{close[0] + ', or one' if close else 'one'} of {_listed(TYPES)}"
        )
    if default is None:
        return Parameter(name, kind, is_required=True)
    try:
        return Parameter(name, kind, default=convert(kind, _literal(default)))
    except ValueError:
        header.refuse("params", f"{name}: {default} is no {kind}", hint="a literal, such as 'text', 1.5, true or NULL")


def _literal(text: str) -> Any:
    """Return the value of a SQL literal.

    Raises:
        ValueError: it is none.
    """
    if text.lower() in {"null", "true", "false"}:
        return {"null": None, "true": True, "false": False}[text.lower()]
    if re.fullmatch(r"'([^']|'')*'", text):
        return text[1:-1].replace("''", "'")
    return float(text) if re.search(r"[.e]", text, re.IGNORECASE) else int(text)


def convert(kind: str, value: Any) -> Any:
    """Return a value as a parameter of a type takes it; numbers and truth values may come as text.

    Raises:
        ValueError: it does not fit.
    """
    if value is None:
        return None
    if kind in {"HEAD", "SNAPSHOT", "VARCHAR"}:
        if not isinstance(value, str):
            raise ValueError(value)
        return value
    if kind == "BOOLEAN":
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise ValueError(value)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    return _whole(value) if kind == "INTEGER" else _finite(value)


def _finite(value: float | str) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(value) from None
    if not isfinite(number):
        raise ValueError(value)
    return number


def _whole(value: float | str) -> int:
    # digits are no float on the way: from 2^53 on that would be another seed than the one given
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = float(value)
    if not -(2**63) <= number < 2**63 or number != int(number):
        raise ValueError(value)
    return int(number)


def _column(header: _Header, text: str) -> Column:
    name, _, kind = text.partition(" ")
    if not _NAME.fullmatch(name) or not kind.strip():
        header.refuse("columns", f"{text!r} is no column", hint="name TYPE, such as n_pairs BIGINT")
    return Column(name, kind.strip())


def _chart(header: _Header, columns: set[str]) -> Chart | None:
    try:
        return parse_chart(header.text("chart"), columns)
    except ReportError as problem:
        header.refuse("chart", problem.problem, hint=problem.hint)


def _comparison(header: _Header, columns: set[str]) -> Comparison | None:
    text = header.text("compare")
    if not text:
        return None
    found = _COMPARISON.fullmatch(text)
    if not found:
        header.refuse("compare", f"{text!r} is no comparison", hint="accuracy = hits / n in groups by dataset, split")
    share, metric, total, n, units, keys = found.groups()
    names = tuple(key.strip() for key in keys.split(",")) if keys else ()
    for column in (metric, *names):
        if column not in columns:
            unknown = UnknownNameError("column", column, columns)
            header.refuse("compare", unknown.problem, hint=unknown.hint)
    return Comparison(metric, total, n, units, names, bool(share))


def _filter(header: _Header) -> tuple[str, ...]:
    names = tuple(header.parts("filter"))
    for name in names:
        if name not in FILTERED:
            header.refuse("filter", f"{name!r} cannot be filtered", hint=f"one of {_listed(FILTERED)}")
    return names


def _flag(header: _Header, key: str) -> bool:
    value = header.text(key)
    if value not in {"", "yes", "no"}:
        header.refuse(key, f"{value!r} is neither yes nor no")
    return value == "yes"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _written(value: Any) -> str:
    """Return a value as a literal of SQL."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value).lower()
