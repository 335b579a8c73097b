"""Training as SQL sees it: one call per group, with the group's pairs as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rmstore import training
from rmstore.errors import InputError, OptionError
from rmstore.functions.base import sql_function
from rmstore.recipes import Recipe, parse_options

if TYPE_CHECKING:
    from rmstore.store import Store

_SPLIT_FIELDS = ", ".join(
    f"{split}_n BIGINT, " + ", ".join(f"{split}_{metric} DOUBLE" for metric in training.METRICS)
    for split in ("train", "valid", "test")
)
RESULT = (
    "STRUCT(head VARCHAR, version INTEGER, is_new BOOLEAN, n_used BIGINT, n_skipped BIGINT, "
    f"{_SPLIT_FIELDS}, notes VARCHAR[], seconds DOUBLE)"
)
"""What training returns; metrics that do not belong to the rows are NULL, such as the squared error of pairs."""

_EXAMPLES = {
    "name": "rm_train('helpful', chosen, rejected)",
    "head": "head := 'linear'",
    "objective": "objective := 'bt'",
    "snapshot": "snapshot := 'hh@1'",
    "merge": "merge := 'weights'",
}


@sql_function("_rm_train", RESULT, side_effects=True)
def train(store: Store, name: pa.ChunkedArray, rows: pa.ChunkedArray, *settings: pa.ChunkedArray) -> pa.Array:
    """Return one result per group; see the macros of 039_training.sql for the settings and their defaults."""
    names, lists = name.to_pylist(), rows.combine_chunks()
    keys = ("head", "objective", "snapshot", "members", "merge", "seed", "options", "form", "training_sql")
    given = [
        dict(zip(keys, values, strict=True))
        for values in zip(*(column.to_pylist() for column in settings), strict=True)
    ]
    return pa.array([_train_one(store, names[i], _list_at(lists, i), row) for i, row in enumerate(given)])


def _train_one(store: Store, name: str | None, rows: pa.StructArray, given: dict[str, Any]) -> dict[str, Any]:
    if name is None:
        raise InputError("the name of the head is NULL", hint="rm_train('helpful', chosen, rejected)")
    _check_texts({"name": name, **given})
    settings = {key: given[key] for key in ("head", "objective", "members", "merge", "seed") if given[key] is not None}
    recipe = Recipe(**settings, options=parse_options(given["options"]))
    result = training.train(
        store, name, rows, recipe, form=given["form"], snapshot=given["snapshot"], training_sql=given["training_sql"]
    )
    return result.row()


def _check_texts(given: dict[str, Any]) -> None:
    """Refuse names and references that are no text; the engine passes on whatever was written.

    Raises:
        OptionError: one is a number, a list or anything else.
    """
    for key in ("name", "head", "objective", "snapshot", "merge"):
        if given[key] is not None and not isinstance(given[key], str):
            raise OptionError(f"{key} is {given[key]}, which is not a text", hint=f"such as {_EXAMPLES[key]}")


def _list_at(lists: pa.ListArray, row: int) -> pa.StructArray:
    """Return one list without copying it; a NULL list, of a query without rows, is empty."""
    start, stop = lists.offsets[row].as_py(), lists.offsets[row + 1].as_py()
    return lists.values.slice(start, stop - start)
