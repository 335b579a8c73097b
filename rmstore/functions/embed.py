"""``rm_embed``: vectors of texts that need not be in the store."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.encoders.weights import without_hub
from rmstore.errors import QueryError
from rmstore.functions.base import sql_function
from rmstore.snapshots import list_snapshots
from rmstore.vectors import embed_texts, encoder_specs

if TYPE_CHECKING:
    from rmstore.store import Store


@sql_function("_rm_embed", "FLOAT[]")
def embed(store: Store, encoders: pa.ChunkedArray, *columns: pa.ChunkedArray) -> pa.Array:
    """Return the vector of each text, or of each prompt and response; NULL where one of them is NULL."""
    names, *texts = (column.to_pylist() for column in (encoders, *columns))
    whole = [row for row, values in enumerate(zip(names, *texts, strict=True)) if None not in values]
    vectors: list[np.ndarray | None] = [None] * len(names)
    for name in dict.fromkeys(names[row] for row in whole):
        if store.is_safe:
            _known(store, str(name))
        rows = [row for row in whole if names[row] == name]
        # A batch is embedded text by text once: queries repeat the prompt, and often the response too.
        keys = [tuple(column[row] for column in texts) for row in rows]
        distinct = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        *prompts, responses = (list(column) for column in zip(*distinct, strict=True))
        with without_hub() if store.is_safe else nullcontext():
            found = embed_texts(store, str(name), responses, prompts[0] if prompts else None)
        for row, key in zip(rows, keys, strict=True):
            vectors[row] = found[distinct[key]]
    return pa.array(vectors, type=pa.list_(pa.float32()))


def _known(store: Store, name: str) -> None:
    """Refuse what would load a model that the store does not have: a path, or a name to fetch.

    Raises:
        QueryError: the name is no encoder and no snapshot of the store.
    """
    names = [*encoder_specs(store), *(info.name for info in list_snapshots(store))]
    if name not in names and name.partition("@")[0] not in names:
        raise QueryError(
            f"{name!r} is no encoder of this store",
            hint=f"known encoders: {', '.join(encoder_specs(store)) or 'none yet'}",
        )
