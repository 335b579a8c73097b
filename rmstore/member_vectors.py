"""SQL of the vectors of one snapshot: its members, and each vector put together from the parts of a layout."""

from __future__ import annotations

from rmstore.encoders.layouts import Layout, parse_layout
from rmstore.records import SnapshotInfo
from rmstore.store import fill_in, quote_identifier, quote_literal, statement
from rmstore.vectors import vectors_relation


def member_vectors(
    info: SnapshotInfo, *, layout: Layout | None = None, leading: int | None = None, only: str | None = None
) -> str:
    """Return a query for response_id, n_tokens and embedding: one row per member with a vector for every part.

    Args:
        info: the snapshot.
        layout: how the vector is put together; that of the snapshot by default.
        leading: components of every part that are kept, the first ones; None keeps all.
        only: name of a table with the ids of the members to read. The engine knows how many it holds, and so builds
            its joins on them and streams the vectors; of a range of ids it has no idea.
    """
    layout = layout or parse_layout(info.layout)
    dim = leading or info.dim
    joins = [
        statement(
            "rows/part_prompt" if part == "prompt" else "rows/part",
            rendering=f"{part}_rendering",
            alias=part,
        ).replace("{part}", quote_literal(part))
        for part in layout.parts
    ]
    counted = ["joint"] if "joint" in layout.parts else list(layout.parts)
    terms = [_term(term, leading) for term in layout.terms]
    single = len(terms) == 1 and len(layout.terms[0]) == 1 and leading is None
    number = str(int(info.snapshot_id))
    members = "rm.main.snapshot_members"
    if only is not None:
        members = f"(select {number} as snapshot_id, response_id from {quote_identifier(only)})"
    values = {
        "members": members,
        "n_tokens": " + ".join(f"{quote_identifier(f'{part}_rendering')}.n_tokens" for part in counted),
        "embedding": terms[0] if single else f"({' || '.join(terms)})::float[{layout.width(dim)}]",
        "joins": fill_in("".join(joins), {"vectors": vectors_relation(info)}),
        "snapshot_id": number,
        "encoder_id": str(int(info.encoder_id)),
    }
    return fill_in(statement("rows/vectors"), values)


def _term(term: tuple[str, ...], leading: int | None) -> str:
    kept = "" if leading is None else f"[1:{int(leading)}]"
    vectors = [f"{quote_identifier(part)}.embedding{kept}" for part in term]
    return vectors[0] if len(vectors) == 1 else f"_rm_product({', '.join(vectors)})"
