"""Side features: what the rows of a snapshot can give a head beside the vector."""

from __future__ import annotations

from collections.abc import Sequence

from rmstore.errors import InputError
from rmstore.store import quote_identifier, quote_literal

FEATURES = ("log_len", "n_chars")
"""Side features that rows of a snapshot can give by name; the macro ``_rm_feature`` computes them."""


def struct_of_inputs(names: Sequence[str], *, side: str = "") -> str:
    """Return the SQL of an input struct over the columns of ``rm_rows``, or of one side of ``rm_pairs``.

    Args:
        names: field names; one that is no side feature takes the vector.
        side: ``chosen`` or ``rejected`` for the columns of ``rm_pairs``.

    Raises:
        InputError: two fields are no side features, so one of them has no column to come from.
    """
    vector, n_chars = (f"{side}_embedding", f"{side}_chars") if side else ("embedding", "n_chars")
    vectors = [name for name in names if name not in FEATURES]
    if len(vectors) > 1:
        raise InputError(
            f"rows of a snapshot give one vector and {', '.join(FEATURES)}, not {vectors[-1]!r}",
            hint="score with rm_score and build the struct in the query",
        )
    parts = [
        f"{quote_identifier(name)} := "
        + (f"_rm_feature({quote_literal(name)}, {n_chars})" if name in FEATURES else vector)
        for name in names
    ]
    return f"struct_pack({', '.join(parts)})"
