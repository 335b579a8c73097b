"""How far a report can reach: what a batch must watch to know that a result is still true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from rmstore.reports.header import Report
from rmstore.reports.parameters import Bound
from rmstore.store import Store, statement

Reach = Literal["snapshots", "store", "outside"]
"""The snapshots and heads of the run alone; all that the store holds; what a store cannot vouch for, such as files."""

_OF_SNAPSHOT = {
    "_rm_rows_sql", "_rm_pairs_sql", "_rm_prompts_sql", "_rm_steps_sql", "_rm_learned_guesses", "_rm_nearest",
    "_rm_trials",
}  # fmt: skip
_OF_HEAD = {"_rm_rewards_sql", "_rm_step_rewards_sql", "_rm_head_id"}
_OF_ARGUMENTS = {
    "_rm_best_temperature", "_rm_bon_curves", "_rm_bootstrap_totals", "_rm_kendall", "_rm_length_control",
    "_rm_poisson_counts", "_rm_score", "_rm_score_members", "_rm_step_prob", "_rm_win_prob",
}  # fmt: skip
_OF_RESPONSES = {
    "_rm_contrasts", "_rm_datasets_without_text", "_rm_ensemble_scores", "_rm_golds", "_rm_judged_pairs",
    "_rm_list_items", "_rm_margins", "_rm_mismatches", "_rm_missing_contrasts", "_rm_noise_units",
    "_rm_pair_probabilities", "_rm_policy_guess", "_rm_preferred", "_rm_published_splits", "_rm_rewardbench_votes",
    "_rm_seam_pairs", "_rm_text_lengths", "_rm_trial_votes", "_rm_without_text", "rm_ratings",
}  # fmt: skip
"""Macros that name tables and of these take, for a snapshot, what ``queries/reports/state_of_snapshot.sql`` watches:
rows of its responses and the published splits of its groups. Read a macro before it is added; one that is not here
makes its reports depend on the whole store, which is never wrong."""
_OURS = ("rm_", "_rm_")
_SERIES = {"generate_series", "range", "unnest"}
_CALL = re.compile(r'\b(_?rm_\w+)"?\s*\(', re.IGNORECASE)
_TABLE = re.compile(r"\brm\.main\.|\bquery_table\b", re.IGNORECASE)


@dataclass(frozen=True)
class Function:
    """A function that is SQL: the names of its parameters, and what it reads, itself or by those that it calls."""

    parameters: tuple[str, ...]
    reads: frozenset[str]


class Functions:
    """What the functions of a connection read, found once for many reports."""

    def __init__(self, store: Store) -> None:
        with store.cursor("report_macros"):
            rows = store.run("reports/functions")
        with duckdb.connect() as bare:  # functions in Python look like the engine's own, but it brings none of them
            brought = {name for (name,) in bare.execute(statement("reports/function_names")).fetchall()}
        here = {row["name"] for row in store.run("reports/function_names")}
        self.strange = {name for name in here - brought if not name.startswith(_OURS)}
        self.strange |= {row["name"].lower() for row in rows if not row["is_ours"]}
        self._parameters = {row["name"]: tuple(row["parameters"]) for row in rows}
        self._texts: dict[str, str] = {}
        for row in rows:
            self._texts[row["name"]] = self._texts.get(row["name"], "") + row["text"]

    def find(self, name: str) -> Function | None:
        """Return a function of ours, None for what the engine brings."""
        if name not in self._texts and not name.startswith(_OURS):
            return None
        return Function(self._parameters.get(name, ()), frozenset(self._reads(name, set())))

    def _reads(self, name: str, seen: set[str]) -> set[str]:
        """Return the functions in Python, and the macros with tables, that a name leads to."""
        if name in seen:
            return set()
        seen.add(name)
        if name not in self._texts:
            return {name}
        found = {name} if _TABLE.search(self._texts[name]) else set()
        for called in _CALL.findall(self._texts[name]):
            found |= self._reads(called.lower(), seen)
        return found


def reach(store: Store, functions: Functions, tables: set[str], report: Report, bound: Bound) -> Reach:
    """Return how far a report reaches with its parameters.

    It stays with its snapshots only if every function that it calls is known to, and takes the snapshot and the head
    from parameters of these types, and it names no table. What cannot be followed reaches the store, or outside.

    Args:
        store: an open store.
        functions: the functions that SQL can call.
        tables: names of the tables that :mod:`rmstore.reports.inputs` watches.
        report: the report.
        bound: its parameters.
    """
    tree = json.loads(store.value("select json_serialize_sql($sql::varchar)::varchar", {"sql": report.sql}))
    if tree["error"]:
        return "outside"
    nodes, named = list(_nodes(tree)), set(_tables(tree, frozenset()))
    rows = {node["function"]["function_name"].lower() for node in nodes if node.get("type") == "TABLE_FUNCTION"}
    calls = [(node, node["function_name"].lower()) for node in nodes if "function_name" in node]
    ours = [(node, function) for node, name in calls if (function := functions.find(name)) is not None]
    if named - tables or functions.strange & {name for _, name in calls}:
        return "outside"
    if any(functions.find(name) is None for name in rows - _SERIES):
        return "outside"
    if named or not bound.snapshots:
        return "store"
    return "snapshots" if all(_stays(function, node, bound, report) for node, function in ours) else "store"


def _stays(function: Function, node: Mapping[str, Any], bound: Bound, report: Report) -> bool:
    """Return whether a call reads nothing but the head and snapshot of the run, or nothing at all."""
    if not function.reads - _OF_ARGUMENTS:
        return True
    if not function.reads <= _OF_ARGUMENTS | _OF_HEAD | _OF_SNAPSHOT | _OF_RESPONSES:
        return False
    given = _arguments(function, node)
    if function.reads & _OF_HEAD and given.get("head") not in bound.heads:
        return False
    if "snapshot" in function.parameters:
        return given.get("snapshot") in bound.snapshots
    # Without a snapshot it is over all of the store; our own reports join it with rows of theirs.
    return function.reads <= _OF_ARGUMENTS | _OF_HEAD or report.is_builtin


def _arguments(function: Function, node: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the arguments of a call by name: that of a report's parameter, None for all else.

    Engines before 2.0 have them as ``children``, with the name as alias.
    """
    given = [(one["alias"], one) for one in node.get("children", ())]
    given += [(one["name"], one["expression"]) for one in node.get("arguments", ())]
    return {
        name or place: one["identifier"] if one["type"] == "VALUE_PARAMETER" else None
        for place, (name, one) in zip(function.parameters, given, strict=False)
    }


def _tables(tree: Any, steps: frozenset[str]) -> Iterator[str]:
    """Give the names of tables but of the steps (CTEs) in sight, with their place where that is not the store."""
    if isinstance(tree, list):
        for part in tree:
            yield from _tables(part, steps)
    if not isinstance(tree, dict):
        return
    for step in (tree.get("cte_map") or {"map": ()})["map"]:
        name = step["key"].lower()
        is_recursive = any(node.get("cte_name", "").lower() == name for node in _nodes(step["value"]))
        yield from _tables(step["value"], steps | {name} if is_recursive else steps)
        steps |= {name}
    if tree.get("type") in ("BASE_TABLE", "SHOW_REF") and tree["table_name"]:  # such as (show tables)
        place = [part for name in ("catalog_name", "schema_name") if (part := tree[name].lower())]
        if place or tree["table_name"].lower() not in steps:
            yield ".".join([*(part for part in place if part not in {"rm", "main"}), tree["table_name"].lower()])
    for key, part in tree.items():
        if key != "cte_map":
            yield from _tables(part, steps)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)
