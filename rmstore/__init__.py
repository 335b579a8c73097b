"""rmstore: a reward-model laboratory inside a DuckDB file.

Example::

    import rmstore
    store = rmstore.connect("lab.duckdb")
    store.sql("select * from rm_heads()")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rmstore.errors import RmstoreError

if TYPE_CHECKING:
    from rmstore.api import Store
    from rmstore.connection import attach, connect

__version__ = "0.2.0"
__all__ = ["RmstoreError", "Store", "__version__", "attach", "connect"]


def __getattr__(name: str) -> Any:
    """Import the engine only when something is opened."""
    if name in {"attach", "connect"}:
        from rmstore import connection as module

        return getattr(module, name)
    if name == "Store":
        from rmstore.api import Store

        return Store
    raise AttributeError(f"module 'rmstore' has no attribute {name!r}")
