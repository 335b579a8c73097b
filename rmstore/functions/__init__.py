"""Python functions that SQL can call; each is thin, the work is done in the rooms below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmstore.registry import Registry

if TYPE_CHECKING:
    from rmstore.store import Store

FUNCTIONS = Registry(
    "SQL function",
    "functions",
    {},
)


def register(store: Store) -> None:
    """Register every function on the root connection of a store, each name once."""
    for name in FUNCTIONS:
        function = FUNCTIONS[name]
        store.con.create_function(
            function.name,
            function.bind(store),
            None,
            function.returns,
            type="arrow",
            null_handling="special",
            side_effects=function.side_effects,
        )
