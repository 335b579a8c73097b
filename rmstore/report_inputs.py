"""The digest of everything that a report's numbers depend on: equal digests, equal numbers, nothing to compute."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import duckdb

from rmstore import __version__, head_store, resources, snapshots
from rmstore.hashing import canonical_json
from rmstore.report_header import Report
from rmstore.report_parameters import Bound
from rmstore.store import Store


def data_state(store: Store) -> dict[str, Any]:
    """Return what the store holds, in a form that changes when the data do; read it once for many reports."""
    (state,) = store.run("reports/data_state")
    return state


def digest(store: Store, report: Report, bound: Bound, state: dict[str, Any]) -> str:
    """Return the SHA-256 of the inputs of a run.

    They are the SQL of the report, the macros and the versions behind it, the parameters, the fingerprints of its heads
    and snapshots, and the data of the store. A report that names no head, or no snapshot, may read any that lives, so
    all of them are among its inputs.

    Args:
        store: an open store.
        report: the report.
        bound: its parameters.
        state: what :func:`data_state` gave.
    """
    heads = bound.heads.values() if bound.heads else head_store.list_heads(store)
    frozen = bound.snapshots.values() if bound.snapshots else snapshots.list_snapshots(store)
    inputs = {
        "sql": report.sha256,
        "macros": _macros(),
        "versions": [__version__, duckdb.__version__],
        "parameters": bound.values,
        "heads": [[head.reference, head.fingerprint] for head in heads],
        "snapshots": [[one.reference, one.fingerprint, one.n_withdrawn] for one in frozen],
        "data": state,
    }
    return hashlib.sha256(canonical_json(inputs).encode()).hexdigest()


@cache
def _macros() -> str:
    folders = ("macros", "methods", "report_macros")
    texts = [resources.text("sql", f"{folder}/{name}") for folder in folders for name in resources.names("sql", folder)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
