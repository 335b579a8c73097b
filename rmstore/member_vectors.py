"""SQL of the vectors of one snapshot: its members, and each vector put together from the parts of a layout."""

from __future__ import annotations

from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.records import SnapshotInfo
from rmstore.store import fill_in, quote_identifier, quote_literal, statement
from rmstore.vectors import vectors_relation


def member_vectors(info: SnapshotInfo, *, layout: Layout | None = None, leading: int | None = None) -> str:
    """Return a query for response_id, n_tokens and embedding: one row per member with a vector for every part.

    Args:
        info: the snapshot.
        layout: how the vector is put together; that of the snapshot by default.
        leading: components of every part that are kept, the first ones; None keeps all.
    """
    layout = layout or parse_layout(info.layout)
    counted = ["joint"] if "joint" in layout.parts else list(layout.parts)
    values = {
        "n_tokens": " + ".join(f"{quote_identifier(f'{part}_rendering')}.n_tokens" for part in counted),
        "embedding": _put_together(layout, leading or info.dim, leading),
    }
    return fill_in(statement("rows/vectors"), values | _joined(info, layout))


def member_places(info: SnapshotInfo, side: str) -> str:
    """Return a query for response_id and, for every part, the row of the table that holds its vector.

    Args:
        info: the snapshot.
        side: what the columns begin with; that of part ``joint`` is ``<side>_joint``.
    """
    layout = parse_layout(info.layout)
    places = (f"{quote_identifier(part)}.rowid as {quote_identifier(f'{side}_{part}')}" for part in layout.parts)
    return fill_in(statement("rows/places"), {"places": ", ".join(places), **_joined(info, layout)})


def vectors_at(info: SnapshotInfo, side: str, *, leading: int | None = None) -> tuple[str, str]:
    """Return an expression for the vector and the joins that it needs, beside a table ``places``.

    Args:
        info: the snapshot.
        side: what the columns of places begin with, see :func:`member_places`.
        leading: components of every part that are kept, the first ones; None keeps all.
    """
    layout = parse_layout(info.layout)
    joins = (statement("rows/at_place", alias=f"{side}_{part}") for part in layout.parts)
    text = fill_in("".join(joins), {"vectors": vectors_relation(info)})
    return _put_together(layout, leading or info.dim, leading, f"{side}_"), text


def _joined(info: SnapshotInfo, layout: Layout) -> dict[str, str]:
    """Return the joins that find the vectors of all parts, and what they are filled in with."""
    joins = [
        statement(
            "rows/part_prompt" if part == "prompt" else "rows/part",
            rendering=f"{part}_rendering",
            alias=part,
        ).replace("{part}", quote_literal(part))
        for part in layout.parts
    ]
    return {
        "joins": fill_in("".join(joins), {"vectors": vectors_relation(info)}),
        "snapshot_id": str(int(info.snapshot_id)),
        "encoder_id": str(int(info.encoder_id)),
    }


def _put_together(layout: Layout, dim: int, leading: int | None, prefix: str = "") -> str:
    """Return the expression of a vector over aliases of the parts, of which ``dim`` components are kept."""
    terms = [_term(term, leading, prefix) for term in layout.terms]
    if len(terms) == 1 and len(layout.terms[0]) == 1 and leading is None:
        return terms[0]
    return f"({' || '.join(terms)})::float[{layout.width(dim)}]"


def _term(term: tuple[str, ...], leading: int | None, prefix: str) -> str:
    kept = "" if leading is None else f"[1:{int(leading)}]"
    vectors = [f"{quote_identifier(prefix + part)}.embedding{kept}" for part in term]
    return vectors[0] if len(vectors) == 1 else f"_rm_product({', '.join(vectors)})"
