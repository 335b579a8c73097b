"""The contract of every adapter: what a format's rows look like, and which SQL makes them records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rmstore.errors import OptionError, UnknownNameError

KINDS: Mapping[str, tuple[str, ...]] = {
    "text": ("VARCHAR",),
    "number": ("UBIGINT", "BIGINT", "HUGEINT", "DOUBLE"),
    "boolean": ("BOOLEAN",),
    "list": ("ARRAY",),
    "object": ("OBJECT",),
}
"""What a column may hold, and the JSON types that count as it."""


@dataclass(frozen=True)
class Column:
    """A column that an adapter reads.

    Attributes:
        kinds: what it may hold: text, number, boolean, list, object. A number may also be written as text, as csv
            does, and so may a list where no text is allowed.
        required: True where every row must have it.
        is_stored: False where the SQL itself decides what of it stays in the metadata.
    """

    kinds: tuple[str, ...]
    required: bool = False
    is_stored: bool = True

    @property
    def accepts(self) -> list[str]:
        """JSON types that this column takes as they are."""
        return [type_ for kind in self.kinds for type_ in KINDS[kind]]


TEXT = Column(("text",), required=True)
LABEL = Column(("text", "number", "boolean"))
"""A short optional value that is stored as text, whatever type the file gives it."""
NUMBER = Column(("number",))


class Adapter:
    """A format. The SQL file ``sql/queries/ingest/<sql>.sql`` selects records from the relation ``source``.

    ``source`` has one line per row of the file: ``row``, ``record`` (the row as JSON), ``field`` and ``kind`` (maps
    from column to its text and to its JSON type), ``subset``, ``split``, ``metadata`` and ``problem``. The SQL passes
    on ``row``, ``subset``, ``split``, ``metadata`` and ``problem`` (or says what else is wrong with the row) and adds
    ``responses`` and ``votes``, built by the macros of ``sql/queries/ingest/macros.sql``. An adapter that has remarks
    adds ``remarks``, a list of what it says of a good row; the result of an ingest counts them. Where a file stands
    beside the one that is ingested, its rows are ``_rm_beside``, with ``record`` and ``problem``.

    Attributes:
        name: name of the format.
        description: one line for the help.
        sql: name of the SQL file.
        columns: columns that the SQL reads; all others are kept as metadata.
        subset_column: column that names the subset of a row, where there is one.
        options: further options with their defaults.
        has_remarks: True where the SQL gives ``remarks``.
        beside: another file that the SQL joins with the one that is ingested.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    sql: str
    columns: Mapping[str, Column]
    subset_column: ClassVar[str | None] = "subset"
    split_column: ClassVar[str | None] = "split"
    options: ClassVar[Mapping[str, Any]] = {}
    has_remarks: ClassVar[bool] = False
    beside: str | None = None

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        """Check the options.

        Raises:
            OptionError: an option is unknown or has a value that it cannot have.
        """
        self.values: dict[str, Any] = {**self._defaults(), **(given or {})}
        for option in given or {}:
            if option not in self._defaults():
                unknown = UnknownNameError(f"option of the format {self.name!r}", option, self._defaults())
                raise OptionError(unknown.problem, hint=unknown.hint)
        for option in ("subset_column", "split_column"):
            value = self.values[option]
            if value is not None and (not isinstance(value, str) or value in self.columns):
                raise OptionError(
                    f"{option} of the format {self.name!r} is {value!r}",
                    hint="give a column that it does not read itself",
                )

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {"subset_column": cls.subset_column, "split_column": cls.split_column, **cls.options}

    def changed(self) -> dict[str, Any]:
        """Return the options whose value is not the default."""
        return {name: value for name, value in self.values.items() if value != self._defaults()[name]}

    def parameters(self) -> dict[str, Any]:
        """Return the values of the adapter's own ``$parameters``."""
        return {}
