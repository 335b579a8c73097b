"""Parameters of a report: names and types checked, references resolved to the versions they mean now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rmstore import head_store, snapshots
from rmstore.errors import OptionError, ReportError, UnknownNameError
from rmstore.records import HeadInfo, SnapshotInfo
from rmstore.reports.header import Parameter, Report, convert
from rmstore.store import Store

SPLITS = ("train", "valid", "test", "all")
"""Values of a parameter called ``split``."""


@dataclass(frozen=True)
class Bound:
    """Parameters ready for the SQL.

    Attributes:
        values: what each ``$name`` is; references stand there as exact versions, such as ``helpful@3``.
        heads: the head of every HEAD parameter that was given.
        snapshots: the snapshot of every SNAPSHOT parameter that was given.
    """

    values: dict[str, Any]
    heads: dict[str, HeadInfo]
    snapshots: dict[str, SnapshotInfo]

    @property
    def head(self) -> HeadInfo | None:
        """The first head."""
        return next(iter(self.heads.values()), None)

    @property
    def snapshot(self) -> SnapshotInfo | None:
        """The first snapshot."""
        return next(iter(self.snapshots.values()), None)


def bind(store: Store, report: Report, given: Mapping[str, Any]) -> Bound:
    """Return the parameters of a run.

    A SNAPSHOT that is left out is the one that the first head was trained on. By convention a parameter called
    ``split`` takes train, valid, test or all, ``dataset`` and ``subset`` those of the snapshot, and ``attribute`` one
    that some response was rated on.

    Raises:
        OptionError: the report has no such parameter, or the value does not fit.
        UnknownNameError: no such head, snapshot, data set, subset or attribute.
        ReportError: a value is missing.
    """
    names = [param.name for param in report.params]
    for name in given:
        if name not in names:
            unknown = UnknownNameError(f"parameter of report {report.name!r}", name, names)
            raise OptionError(unknown.problem, hint=unknown.hint)
    values = {param.name: _value(report, param, given.get(param.name)) for param in report.params}
    bound = Bound(values, {}, {})
    for param in _of_type(report, "HEAD"):
        if values[param.name] is not None:
            bound.heads[param.name] = head_store.resolve(store, values[param.name])
            values[param.name] = bound.heads[param.name].reference
    for param in _of_type(report, "SNAPSHOT"):
        info = _snapshot(store, report, param, values[param.name], bound.head)
        if info is not None:
            bound.snapshots[param.name] = info
            values[param.name] = info.reference
    _check_names(store, bound)
    return bound


def check_value(name: str, value: Any, params: Sequence[Parameter]) -> None:
    """Check a value that is meant for every report that has such a parameter.

    Args:
        name: of the parameter.
        value: what is given for it.
        params: the parameters of all reports.

    Raises:
        OptionError: no report has one, or none takes the value.
    """
    takers = [param for param in params if param.name == name]
    if not takers:
        unknown = UnknownNameError("parameter of any report", name, {param.name for param in params})
        raise OptionError(unknown.problem, hint=unknown.hint)
    _check_split({name: value})
    for param in takers:
        with suppress(ValueError):
            convert(param.type, value)
            return
    raise OptionError(f"{name} is {value!r}", hint=f"reports take {', '.join(dict.fromkeys(p.text for p in takers))}")


def _of_type(report: Report, kind: str) -> list[Parameter]:
    return [param for param in report.params if param.type == kind]


def _value(report: Report, param: Parameter, given: Any) -> Any:
    if given is None:
        if param.is_required and param.type != "SNAPSHOT":
            raise ReportError(
                f"report {report.name!r} needs {param.name!r} ({param.type})", hint=f"rmstore report show {report.name}"
            )
        return param.default
    try:
        return convert(param.type, given)
    except ValueError:
        raise OptionError(
            f"{param.name} of report {report.name!r} is {given!r}", hint=f"it takes {param.text}"
        ) from None


def _snapshot(
    store: Store, report: Report, param: Parameter, reference: str | None, head: HeadInfo | None
) -> SnapshotInfo | None:
    if reference is not None:
        return snapshots.resolve(store, reference)
    if not param.is_required and head is None:
        return None
    if head is not None and head.snapshot_id is not None:
        for info in snapshots.list_snapshots(store):
            if info.snapshot_id == head.snapshot_id:
                return info
    why = "" if head is None else f"; head {head.reference} was trained on none that is still there"
    raise ReportError(f"report {report.name!r} needs a snapshot ({param.name!r}){why}", hint="such as 'hh@1'")


def _check_names(store: Store, bound: Bound) -> None:
    """Check the parameters that mean the same in every report, so that a slip is an error and not an empty table."""
    values = bound.values
    _check_split(values)
    datasets = bound.snapshot.datasets if bound.snapshot else _names(store, "reports/datasets", {"names": None})
    _known("data set", values.get("dataset"), datasets)
    if isinstance(values.get("subset"), str):
        if bound.snapshot:
            subsets = _names(store, "reports/subsets", {"snapshot": bound.snapshot.reference})
        else:
            subsets = _names(store, "reports/all_subsets")
        _known("subset", values["subset"], subsets)
    if values.get("attribute") is not None:
        _known("attribute", values["attribute"], _names(store, "reports/attributes"))


def _check_split(values: Mapping[str, Any]) -> None:
    if isinstance(values.get("split"), str) and values["split"] not in SPLITS:
        raise OptionError(f"split is {values['split']!r}", hint=f"one of {', '.join(SPLITS)}")


def _known(kind: str, name: str | None, known: Iterable[str]) -> None:
    if name is not None and name not in known:
        raise UnknownNameError(kind, name, known)


def _names(store: Store, query: str, params: Mapping[str, Any] | None = None) -> list[str]:
    return [row["name"] for row in store.run(query, params)]
