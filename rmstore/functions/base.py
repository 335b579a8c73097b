"""How a Python function becomes a SQL function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rmstore.errors import RmstoreError

if TYPE_CHECKING:
    from rmstore.store import Store


@dataclass(frozen=True)
class SqlFunction:
    """A function over arrow columns, called with the store first and once per batch of at most 2,048 rows."""

    name: str
    returns: str
    call: Callable[..., pa.Array]
    side_effects: bool

    def bind(self, store: Store) -> Callable[..., pa.Array]:
        """Return the callable to register: takes any number of columns of any type, keeps its errors."""

        @wraps(self.call)
        def bound(*columns: pa.ChunkedArray) -> pa.Array:
            try:
                return _owned(self.call(store, *columns))
            except RmstoreError as error:
                store.remember(error)
                raise

        del bound.__wrapped__  # the engine reads the signature, which is (*columns)
        bound.__annotations__ = {}
        return bound


def _owned(column: pa.Array) -> pa.Array:
    """Return a copy that arrow owns.

    What NumPy owns is freed under the interpreter's lock, and the engine frees results on its own threads: one that
    waits for the lock there, while the thread that fetches holds it and waits for that one, locks up (DuckDB 1.5.6).
    """
    return pa.concat_arrays([column, column.slice(0, 0)])


def sql_function(name: str, returns: str, *, side_effects: bool = False) -> Callable[[Callable[..., Any]], SqlFunction]:
    """Mark ``call(store, *columns)`` as the SQL function ``name`` with the SQL type ``returns``.

    Args:
        name: begins with ``_rm_``; a macro of sql/macros gives it its public name and defaults.
        returns: SQL type of the result.
        side_effects: True where it writes or reads changing state, so that the engine never folds it.
    """

    def mark(call: Callable[..., Any]) -> SqlFunction:
        return SqlFunction(name, returns, call, side_effects)

    return mark
