"""Linear heads as SQL macros that plain DuckDB runs, with no Python and no rmstore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rmstore import __version__, head_store
from rmstore.errors import InputError
from rmstore.export import replacing
from rmstore.head_folder import facts
from rmstore.heads.linear import LinearHead
from rmstore.store import Store, fill_in, quote_identifier, quote_literal, statement

if TYPE_CHECKING:
    from rmstore.kernels import Field, Scorer
    from rmstore.records import HeadInfo

VECTOR = "embedding"
"""Argument of a macro whose head takes a plain vector."""


def export_sql(store: Store, text: str, to: Path, *, macro: str | None = None) -> HeadInfo:
    """Write a linear head as a SQL macro and return what is known of it.

    The macro takes the vector, or the fields of the head's input as named arguments, and gives the reward of
    ``rm_score``; a second one, ``<name>_members``, gives the rewards of the members of an ensemble.

    Args:
        store: an open store.
        text: reference of the head.
        to: file for the SQL; one that is there is replaced.
        macro: name of the macro; that of the head by default.

    Raises:
        InputError: the head is not linear.
        StoreError: the file cannot be written.
    """
    info = head_store.resolve(store, text)
    written = macro_text(store, info, macro or info.name)
    with replacing(to, store.path) as part:
        part.write_text(written, encoding="utf-8")
    return info


def macro_text(store: Store, info: HeadInfo, name: str) -> str:
    """Return the statements that make the macros of a head.

    Raises:
        InputError: the head is not linear.
    """
    scorer = head_store.scorer(store, info.head_id)
    head = scorer.head
    if not isinstance(head, LinearHead):
        raise InputError(
            f"head {info.reference} is of kind {info.kind!r}, and only a linear one is an expression of SQL",
            hint="rmstore head export REF FILE.onnx, or a folder",
        )
    arguments = [field.name or VECTOR for field in scorer.fields]
    known = facts(store, info)
    encoder, snapshot = known["encoder"], known["snapshot"]
    quoted = ", ".join(quote_identifier(argument) for argument in arguments)
    constant = float(head.bias.mean()) - scorer.reference_mean
    told = {
        "title": f"{info.reference}: {info.objective}, {info.n_used} rows used",
        "version": __version__,
        "example": f"select {quote_identifier(name)}({quoted}) from my_vectors",
        "head": info.reference,
        "fingerprint": info.fingerprint,
        "encoder": f"{encoder['model']} ({info.encoder_key})" if encoder else "unknown",
        "layout": info.layout or "unknown",
        "snapshot": f"{snapshot['reference']} ({snapshot['fingerprint']})" if snapshot else "unknown",
        "name": quote_identifier(name),
        "arguments": quoted,
        "comment": quote_literal(f"reward of {info.reference}, a linear head of rmstore ({info.fingerprint})"),
    }
    one_line = {key: " ".join(value.split()) for key, value in told.items()}
    reward = _expression(head.weights.mean(axis=0), constant, scorer.fields)
    written = fill_in(statement("heads/macro"), {**one_line, "reward": reward})
    return written + (_members(scorer, head, name, one_line) if head.n_members > 1 else "")


def _members(scorer: Scorer, head: LinearHead, name: str, told: dict[str, str]) -> str:
    parts = []
    for member in range(head.n_members):
        scale = float(scorer.member_scales[member])
        mean = float(head.bias[member]) - float(scorer.member_means[member])
        parts.append(f"({_expression(head.weights[member], mean, scorer.fields)}) / {_number(scale)}")
    values = {**told, "name": quote_identifier(f"{name}_members"), "members": ",\n    ".join(parts)}
    return fill_in(statement("heads/macro_members"), values)


def _expression(weights: np.ndarray, constant: float, fields: tuple[Field, ...]) -> str:
    """Return weights . input + constant, the numbers of the input standardised."""
    terms, start = [], 0
    for field in fields:
        own = weights[start : start + field.width]
        start += field.width
        argument = quote_identifier(field.name or VECTOR)
        if field.is_scalar:
            values = {"weight": _number(float(own[0])), "argument": argument, "shift": _number(field.shift),
                      "scale": _number(field.scale)}  # fmt: skip
            terms.append(fill_in(statement("heads/macro_number").strip(), values))
        else:
            values = {"argument": argument, "width": str(field.width),
                      "weights": ", ".join(_number(value) for value in own.tolist())}  # fmt: skip
            terms.append(fill_in(statement("heads/macro_vector").strip(), values))
    return "\n    + ".join([*terms, _number(constant)])


def _number(value: float) -> str:
    """Return a literal that reads back as exactly this double; without an exponent it would be a decimal."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"
