"""Two tables of a report cell by cell: text and whole numbers equal, fractions to 1e-9 of their size."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa

TOLERANCE = 1e-9
"""Relative, of fractions: sums of doubles vary with the number of threads."""
SMALL = 1e-12
"""Fractions this close are equal, whatever their size: what cancels to zero does so in the order of threads."""


def differences(then: pa.Table, now: pa.Table) -> list[dict[str, Any]]:
    """Return where two tables differ, as rows of row, column, recorded and now; nothing where they are equal.

    Rows are taken in order, which a report fixes. Where columns or the number of rows differ that alone is told.

    Args:
        then: rows that were recorded.
        now: rows of today.
    """
    if then.column_names != now.column_names:
        return [_entry(None, "columns", ", ".join(then.column_names), ", ".join(now.column_names))]
    if then.num_rows != now.num_rows:
        return [_entry(None, "rows", then.num_rows, now.num_rows)]
    found = []
    for name in now.column_names:
        if not then[name].equals(now[name]):
            pairs = zip(then[name].to_pylist(), now[name].to_pylist(), strict=True)
            found += [
                _entry(number, name, old, new) for number, (old, new) in enumerate(pairs, 1) if not same(old, new)
            ]
    return sorted(found, key=lambda entry: entry["row"])


def same(old: Any, new: Any) -> bool:
    """Return whether two values of a cell are equal; a number that is whole on both sides must be so exactly.

    Example:
        >>> same(1.0, 1.0 + 1e-12), same(1.0, 1.0 + 1e-6), same(3, 4), same([None, 2.0], [None, 2.0])
        (True, False, False, True)
    """
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(same, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
    if _is_number(old) and _is_number(new):
        if isinstance(old, int) and isinstance(new, int):
            return old == new
        left, right = float(old), float(new)
        return (math.isnan(left) and math.isnan(right)) or math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=SMALL)
    return bool(old == new)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _entry(row: int | None, column: str, old: Any, new: Any) -> dict[str, Any]:
    return {"row": row, "column": column, "recorded": old, "now": new}
