"""The digest of everything that a report's numbers depend on: equal digests, equal numbers, nothing to compute."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.abc import Traversable
from importlib.resources import files
from typing import Any

import duckdb

from rmstore import __version__, resources
from rmstore.hashing import canonical_json
from rmstore.reports import provenance
from rmstore.reports.header import Report
from rmstore.reports.parameters import Bound
from rmstore.reports.reach import Functions, Reach, reach
from rmstore.store import Store


class Inputs:
    """What a store holds, read once for many runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.functions = Functions(store)
        self.tables = {str(row["name"]).lower() for row in store.run("reports/state_tables")}
        self._reaches: dict[tuple[Any, ...], Reach] = {}
        self._sources: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._states: dict[tuple[str, int], list[dict[str, Any]]] = {}

    def digest(self, report: Report, bound: Bound) -> str:
        """Return the SHA-256 of the inputs of a run, empty where they lie outside the store.

        They are the SQL of the report, the SQL and Python that it is run by, the versions, the parameters, and data:
        what concerns its heads and the responses of its snapshots, where the report cannot read more
        (:mod:`rmstore.reports.reach`), with what its file says of heads, snapshots and data sets; else all that the
        store holds.
        """
        key = (report.sha256, report.is_builtin, *bound.heads, None, *bound.snapshots)
        if key not in self._reaches:
            self._reaches[key] = reach(self._store, self.functions, self.tables, report, bound)
        if self._reaches[key] == "outside":
            return ""
        return self._of(report, bound, self._bound_data(bound) if self._reaches[key] == "snapshots" else self._all_data)

    def digest_of_all(self, report: Report, bound: Bound) -> str:
        """Return the SHA-256 of a run that may depend on all that the store holds: that of a reason, not of numbers."""
        return self._of(report, bound, self._all_data)

    def _of(self, report: Report, bound: Bound, data: Any) -> str:
        inputs = {
            "sql": report.sha256,
            "code": code(),
            "versions": [__version__, duckdb.__version__],
            "parameters": bound.values,
            "data": data,
        }
        return hashlib.sha256(canonical_json(inputs).encode()).hexdigest()

    @cached_property
    def _all_data(self) -> list[dict[str, Any]]:
        found = (self._store.run("reports/state_of_table", {"name": name}, table=name) for name in sorted(self.tables))
        return [row for rows in found for row in rows]

    def _bound_data(self, bound: Bound) -> list[Any]:
        key = tuple((name, bound.values[name]) for name in (*bound.heads, *bound.snapshots))
        if key not in self._sources:
            self._sources[key] = provenance.sources(self._store, bound)
        states = [self._state("head", info.head_id) for info in bound.heads.values()]
        states += [self._state("snapshot", info.snapshot_id) for info in bound.snapshots.values()]
        return [self._sources[key], states]

    def _state(self, kind: str, number: int) -> list[dict[str, Any]]:
        if (kind, number) not in self._states:
            self._states[kind, number] = self._store.run(f"reports/state_of_{kind}", {f"{kind}_id": number})
        return self._states[kind, number]


@cache
def code() -> str:
    """Return the SHA-256 of the SQL and Python that make the numbers: in a checkout they change under one version."""
    package = files("rmstore")
    found = [*_texts(resources.tree("sql"), ".sql", {"reports"}), *_texts(package, ".py", {"cli"})]
    return hashlib.sha256(b"\0".join(found)).hexdigest()


def _texts(place: Traversable, ending: str, without: set[str]) -> Iterator[bytes]:
    """Give the files below a folder in the order of their names."""
    for entry in sorted(place.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name not in without:
            yield from _texts(entry, ending, set())
        elif entry.name.endswith(ending):
            yield entry.read_bytes()
