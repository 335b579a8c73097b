"""``rm_explain``: why inputs have their rewards, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rmstore.functions.base import sql_function
from rmstore.head_explain import explain as explain_one

if TYPE_CHECKING:
    from rmstore.store import Store

PART = {"part": "VARCHAR", "value": "DOUBLE", "contribution": "DOUBLE"}
PAIR = {
    "direction": "VARCHAR", "similarity": "DOUBLE", "pull": "DOUBLE", "chosen_id": "VARCHAR", "rejected_id": "VARCHAR",
    "votes": "BIGINT", "prompt": "VARCHAR", "chosen": "VARCHAR", "rejected": "VARCHAR",
}  # fmt: skip
_ARROW = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64()}


def _list_of(fields: dict[str, str]) -> tuple[str, pa.DataType]:
    """Return a list of structs as SQL and arrow call it."""
    text = ", ".join(f'"{name}" {kind}' for name, kind in fields.items())
    return f"STRUCT({text})[]", pa.list_(pa.struct([(name, _ARROW[kind]) for name, kind in fields.items()]))


(PARTS, PARTS_TYPE), (PAIRS, PAIRS_TYPE) = _list_of(PART), _list_of(PAIR)
RESULT = f"STRUCT(reward FLOAT, parts {PARTS}, pairs {PAIRS}, note VARCHAR)"
TYPE = pa.struct([("reward", pa.float32()), ("parts", PARTS_TYPE), ("pairs", PAIRS_TYPE), ("note", pa.string())])


@sql_function("_rm_explain", RESULT)
def explain(store: Store, heads: pa.ChunkedArray, inputs: pa.ChunkedArray, counts: pa.ChunkedArray) -> pa.Array:
    """Return one explanation per row; NULL where the head or the input is NULL."""
    rows = zip(heads.to_pylist(), counts.to_pylist(), strict=True)
    found = []
    for row, (head, k) in enumerate(rows):
        store.check()
        found.append(None if head is None else explain_one(store, head, inputs.slice(row, 1).combine_chunks(), k))
    return pa.array(found, type=TYPE)
