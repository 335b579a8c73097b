"""What a run says in a line: its row of totals, its measure with the interval, and what it is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rmstore.reports.header import Report
from rmstore.reports.points import upright
from rmstore.reports.text import clean, words


@dataclass(frozen=True)
class Headline:
    """The measure of a run over everything, None where it has no single one.

    Attributes:
        name: the measure.
        value: its value.
        low: lower end of its interval.
        high: upper end.
        n: what it is over, such as ``1,234 pairs``.
        beside: what it stands beside, such as baselines, by name.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: str
    beside: dict[str, float]


def headline(report: Report, table: pa.Table) -> Headline | None:
    """Return the measure in the row of totals, None where the report declares none or has no such row."""
    row = total(table)
    if report.chart is None or row is None:
        return None
    chart = upright(report.chart, table)
    measure, *others = chart.measures
    low, high = (row[columns[0]] if (columns := chart.channels.get(key)) else None for key in ("low", "high"))
    beside = {words(name): row[name] for name in others if row[name] is not None}
    return Headline(words(measure), row[measure], low, high, _count(table), beside)


def total(table: pa.Table) -> dict[str, Any] | None:
    """Return the row over everything: the only one, or that whose names are 'all' or the same in every row.

    Example:
        >>> total(pa.table({"subset": ["a", "all"], "split": ["test", "test"], "n": [1, 2]}))["n"]
        2
    """
    rows: list[dict[str, Any]] = table.to_pylist() if table.num_rows <= 10_000 else []
    if len(rows) == 1:
        return rows[0]
    keys = []
    for name, kind in zip(table.column_names, table.schema.types, strict=True):
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            break
        keys.append(name)
    varied = [name for name in keys if len({row[name] for row in rows}) > 1]
    found = [row for row in rows if all(row[name] == "all" for name in varied)]
    return found[0] if varied and len(found) == 1 else None


def caption(provenance: Mapping[str, Any], table: pa.Table) -> str:
    """Return head, snapshot and n of a run in one line.

    n is the first count of the report: of the row of totals, of every row where they agree, else of the largest row.

    Example:
        >>> rows = pa.table({"subset": ["a", "all"], "n_pairs": [2, 5]})
        >>> caption({"parameters": {"split": "test"}, "heads": {"head": {"reference": "h@1"}}}, rows)
        'head h@1, split test, 5 pairs'
    """
    named = {**provenance.get("heads", {}), **provenance.get("snapshots", {})}
    parts = [f"{key} {value['reference']}" for key, value in named.items()]
    parts += [
        f"{key} {value}" for key, value in provenance.get("parameters", {}).items()
        if key not in named and value is not None and key in {"split", "dataset", "subset", "attribute"}
    ]  # fmt: skip
    folds, where = provenance.get("folds"), provenance.get("where")
    parts += [f"{folds['k']} folds" if isinstance(folds, Mapping) and "k" in folds else ""]
    parts += ["filtered" if where else "", _count(table)]
    return clean(", ".join(part for part in parts if part))


def _count(table: pa.Table) -> str:
    counts = [name for name in table.column_names if re.fullmatch(r"n_\w+", name)]
    name = "n_pairs" if "n_pairs" in counts else next(iter(counts), "")
    values = [value for value in table[name].to_pylist() if value is not None] if name else []
    if not values or not all(isinstance(value, int) for value in values):
        return ""
    row, noun = total(table), name.removeprefix("n_").replace("_", " ")
    if row is not None or len(set(values)) == 1:
        return f"{row[name] or 0 if row else values[0]:,} {noun}"
    return f"up to {max(values):,} {noun} a row"
