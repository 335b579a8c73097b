"""Length-controlled win rates in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.errors import OptionError
from rmstore.functions.base import sql_function
from rmstore.functions.bootstrap import MOST_REPLICATES
from rmstore.length_control import Controlled, Votes, length_controlled

if TYPE_CHECKING:
    from rmstore.store import Store

_COLUMNS = ("policy", "prompt", "group_number", "win", "gap")
_FIGURES = ("rate", "theta", "phi", "psi", "strength")
_RETURNS = "struct(rate double, theta double, phi double, psi double, strength double, replicates double[])[]"


@sql_function("_rm_length_control", _RETURNS)
def length_control(store: Store, *columns: pa.ChunkedArray) -> pa.Array:
    """Return what lists of votes say of their policies, by number; a figure that they do not say is NULL.

    Columns: votes, keys of the groups, whether there is a baseline, replicates, weight of steadying rows.
    """
    found = []
    for votes, keys, has_baseline, replicates, steadying in zip(*columns, strict=True):
        n, weight = replicates.as_py(), steadying.as_py()
        if n is None or not 1 <= n <= MOST_REPLICATES:
            raise OptionError(f"replicates is {n}", hint=f"1 to {MOST_REPLICATES}; 1000 is usual")
        if weight is None or not 0 <= weight < np.inf:
            raise OptionError(f"steadying is {weight}", hint="0 or more; 0.2 as AlpacaEval has it")
        given = Votes(*(votes.values.field(name).to_numpy() for name in _COLUMNS))
        controlled = length_controlled(
            given, keys.values.to_numpy(), has_baseline=has_baseline.as_py(), replicates=n, steadying=weight
        )
        found.append([_struct(policy) for policy in controlled])
    return pa.array(found, _type())


def _struct(policy: Controlled) -> dict[str, object]:
    figures = {name: _known(getattr(policy, name)) for name in _FIGURES}
    return {**figures, "replicates": pa.array(policy.replicates, from_pandas=True).to_pylist()}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _type() -> pa.DataType:
    fields = [(name, pa.float64()) for name in _FIGURES]
    return pa.list_(pa.struct([*fields, ("replicates", pa.list_(pa.float64()))]))
