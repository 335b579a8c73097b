"""Covers of table functions: temporary macros of one cursor that stand before ``rm_pairs`` and its like, in layers.

The SQL of a report stays as it is, and so do the macros that it calls: a name is looked up among the temporary macros
of the cursor first, so that what lies deeper is covered too. The twins ``_rm_all_pairs`` and so on never are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rmstore.store import Store, fill_in, quote_identifier

if TYPE_CHECKING:
    import duckdb

UNCOVERED = {
    "rm_pairs": "_rm_all_pairs",
    "rm_reward_votes": "_rm_all_reward_votes",
    "rm_rewards": "_rm_all_rewards",
    "rm_rows": "_rm_all_rows",
    "rm_step_rewards": "_rm_all_step_rewards",
    "rm_steps": "_rm_all_steps",
    "rm_votes": "_rm_all_votes",
}
"""Table functions that can be covered, with what lies beneath the first cover."""


class Covers:
    """The covers of one cursor.

    Attributes:
        cursor: where they hold; they go with it.
    """

    def __init__(self, store: Store, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor, self._store = cursor, store
        self._top: dict[str, dict[str, str]] = {}
        self._n_hidden = 0

    def lay(self, name: str, text: str, parts: Mapping[str, str]) -> None:
        """Cover a table function, over what covers it already.

        Args:
            name: one of ``UNCOVERED``.
            text: SQL that creates the temporary macro ``{macro}``, which reads ``{beneath}``.
            parts: further parts of the SQL, which the program made or checked.
        """
        beneath = UNCOVERED[name]
        if name in self._top:  # nothing renames a macro, so the cover on top is made once more under another name
            self._n_hidden += 1
            beneath = f"_rm_cover_{self._n_hidden}"
            self._create(beneath, self._top[name])
        self._top[name] = {"text": text, "beneath": beneath, **parts}
        self._create(name, self._top[name])

    def _create(self, macro: str, cover: Mapping[str, str]) -> None:
        parts = {key: part for key, part in cover.items() if key not in {"text", "beneath"}}
        names = {"macro": quote_identifier(macro), "beneath": quote_identifier(cover["beneath"])}
        self._store.execute(self.cursor, fill_in(cover["text"], names | parts)).fetchall()
