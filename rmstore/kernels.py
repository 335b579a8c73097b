"""Arrow in, arrow out: the scoring that every engine calls. Imports no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from rmstore.errors import InputError
from rmstore.heads.blas import one_blas_thread

if TYPE_CHECKING:
    from rmstore.heads.base import Head


@dataclass(frozen=True)
class Field:
    """One part of a head's input.

    Attributes:
        name: field of the input struct; empty where the input is a plain vector.
        width: number of values; a scalar field has width 1 and is standardised.
        is_scalar: True for a number, False for a vector.
        shift: subtracted from a scalar, its mean over the training items.
        scale: divides a scalar, its standard deviation over the training items.
    """

    name: str
    width: int
    is_scalar: bool = False
    shift: float = 0.0
    scale: float = 1.0

    @property
    def described(self) -> str:
        """The field as an error message names it."""
        kind = "DOUBLE" if self.is_scalar else f"FLOAT[{self.width}]"
        return f"{self.name}: {kind}" if self.name else kind


def describe(fields: Sequence[Field]) -> str:
    """Return the input as a message shows it, such as ``{e: FLOAT[384], log_len: DOUBLE}``."""
    if len(fields) == 1 and not fields[0].name:
        return fields[0].described
    return "{" + ", ".join(field.described for field in fields) + "}"


def read_fields(column: pa.Array | pa.ChunkedArray) -> tuple[Field, ...]:
    """Return the fields of an input column, sorted by name, before anything is standardised.

    Raises:
        InputError: the column holds no vector, or an empty struct.
    """
    kind = column.type
    if not pa.types.is_struct(kind):
        return (Field("", _width(column, ""), is_scalar=False),)
    flat = _combined(column)
    fields = []
    for index in range(kind.num_fields):
        name = kind.field(index).name
        part = flat.field(index)
        if _is_number(part.type):
            fields.append(Field(name, 1, is_scalar=True))
        else:
            fields.append(Field(name, _width(part, name)))
    if not fields:
        raise InputError("the input struct has no field", hint="such as {e: embedding, log_len: ln(n_chars)}")
    return tuple(sorted(fields, key=lambda field: field.name))


def read_matrix(
    column: pa.Array | pa.ChunkedArray, fields: Sequence[Field], *, what: str = "input"
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the non-NULL rows of an input column as a matrix, and which rows they are.

    A row is NULL where the input, or any of its fields, is NULL. A single vector field also takes a struct
    with that one field, and the other way round.

    Args:
        column: vectors, or structs with the fields by name, in any order.
        fields: what is expected.
        what: names the column in errors.

    Returns:
        The matrix (n_valid, d) float32, C-contiguous, scalars not yet standardised; and the row mask (n,) bool,
        or None where every row is valid.

    Raises:
        InputError: a field is missing or has another width, or a value is NaN or infinite.
    """
    flat = _combined(column)
    if not pa.types.is_struct(flat.type):
        if len(fields) != 1:
            raise InputError(f"the head takes {describe(fields)}, but the {what} is {_named(flat)}")
        matrix, valid = _vectors(flat, fields[0], what)
        return _finite(matrix, what), valid
    parts, masks = [], [] if flat.null_count == 0 else [flat.is_valid().to_numpy(zero_copy_only=False)]
    names = {flat.type.field(index).name: index for index in range(flat.type.num_fields)}
    if any(pa.types.is_null(flat.type.field(index).type) for index in range(flat.type.num_fields)):
        return np.empty((0, sum(field.width for field in fields)), np.float32), np.zeros(len(flat), bool)
    for field in fields:
        name = field.name or (next(iter(names)) if len(names) == 1 else "")
        if name not in names:
            raise InputError(
                f"the {what} has no field {name!r}; the head takes {describe(fields)}",
                hint=f"it has {', '.join(names)}: give every field by name, as in training",
            )
        part = flat.field(names[name])
        matrix, valid = _numbers(part, field, what) if field.is_scalar else _vectors(part, field, what)
        if valid is not None:
            masks.append(valid)
        parts.append((matrix, valid))
    mask = np.logical_and.reduce(masks) if masks else None
    if mask is not None and mask.all():
        mask = None
    rows = [_keep(matrix, valid, mask) for matrix, valid in parts]
    joined = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
    return _finite(np.ascontiguousarray(joined, dtype=np.float32), what), mask


def standardise(matrix: np.ndarray, fields: Sequence[Field]) -> np.ndarray:
    """Return the matrix with scalar fields shifted and scaled; without any it is returned as it is."""
    if not any(field.is_scalar for field in fields):
        return matrix
    shift = np.concatenate([np.full(field.width, field.shift, np.float32) for field in fields])
    scale = np.concatenate([np.full(field.width, field.scale, np.float32) for field in fields])
    return (matrix - shift) / scale


ROW_BLOCK = 16
"""Rows that a head scores together at least."""


@dataclass(frozen=True)
class Scorer:
    """A trained head ready to score columns.

    Attributes:
        head: the head, over standardised inputs.
        fields: what its input is made of.
        reference_mean: mean reward of the reference set, subtracted from every score.
        member_means: mean of every member on the reference set, (m,).
        member_scales: standard deviation of every member there, (m,).
        temperature: divides score differences before the sigmoid.
        name: reference that errors show.
        objective: what it was trained with; only 'logistic' makes scores log-odds of single items.
    """

    head: Head
    fields: tuple[Field, ...]
    reference_mean: float
    member_means: np.ndarray
    member_scales: np.ndarray
    temperature: float
    name: str = "head"
    objective: str = ""

    def score(self, column: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Return rewards as float32, NULL where the input is NULL."""
        matrix, mask = self._matrix(column)
        with one_blas_thread():
            rewards = _in_blocks(self.head.score, matrix) - np.float32(self.reference_mean)
        return _spread(pa.array(rewards, type=pa.float32()), mask)

    def members(self, column: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Return the standardised rewards of the members as lists of float32, NULL where the input is NULL."""
        matrix, mask = self._matrix(column)
        with one_blas_thread():
            rewards = (_in_blocks(self.head.members, matrix) - self.member_means) / self.member_scales
        flat = pa.array(np.ascontiguousarray(rewards, dtype=np.float32).ravel())
        n, m = rewards.shape
        offsets = pa.array(np.arange(0, (n + 1) * m, m, dtype=np.int32))
        return _spread(pa.ListArray.from_arrays(offsets, flat), mask)

    def prob(self, column: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Return the sigmoid of the score over the temperature, NULL where the input is NULL.

        Raises:
            InputError: the head was not trained on labels of single items, so its score is no logit.
        """
        from scipy.special import expit

        if self.objective != "logistic":
            raise InputError(
                f"head {self.name!r} was trained with the objective {self.objective!r}, so its scores are no log-odds",
                hint="rm_train_steps trains on labels; rm_win_prob compares two inputs",
            )

        rewards = self.score(column)
        logits = rewards.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
        return pa.array(expit(logits / self.temperature), mask=~_valid(rewards))

    def win_prob(self, first: pa.Array | pa.ChunkedArray, second: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Return P(first preferred): the sigmoid of the score difference over the temperature.

        Raises:
            InputError: the head predicts ratings, whose differences are no log-odds.
        """
        from scipy.special import expit

        if self.objective == "squared":
            raise InputError(
                f"head {self.name!r} predicts ratings, whose differences are no log-odds",
                hint="compare the scores themselves, or train a head on pairs",
            )
        a, b = self.score(first), self.score(second)
        mask = np.logical_and(_valid(a), _valid(b))
        gap = a.fill_null(0).to_numpy(zero_copy_only=False) - b.fill_null(0).to_numpy(zero_copy_only=False)
        return pa.array(expit(gap.astype(np.float64) / self.temperature), mask=~mask)

    def _matrix(self, column: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray | None]:
        matrix, mask = read_matrix(column, self.fields, what=f"input of {self.name!r}")
        return standardise(matrix, self.fields), mask


def _in_blocks(compute: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray) -> np.ndarray:
    """Return what ``compute`` gives for the rows of a matrix, the last of them beside rows of zeros.

    BLAS adds up the last few rows of a product in another order, so that equal inputs could get unequal rewards by
    where they stand; in whole blocks those of a linear head are equal to the bit.
    """
    whole = len(matrix) - len(matrix) % ROW_BLOCK
    if whole == len(matrix):
        return compute(matrix)
    rest = np.zeros((ROW_BLOCK, matrix.shape[1]), matrix.dtype)
    rest[: len(matrix) - whole] = matrix[whole:]
    tail = compute(rest)[: len(matrix) - whole]
    return np.concatenate([compute(matrix[:whole]), tail]) if whole else tail


def _combined(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def _named(column: pa.Array) -> str:
    if pa.types.is_fixed_size_list(column.type):
        return f"FLOAT[{column.type.list_size}]"
    return str(column.type)


def _width(column: pa.Array | pa.ChunkedArray, name: str) -> int:
    kind = column.type
    where = f"field {name!r}" if name else "the input"
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        widths = _combined(column).value_lengths().unique().drop_null().to_pylist()
        if len(widths) == 1 and widths[0] > 0:
            return int(widths[0])
        if not widths:
            raise InputError(f"{where} holds no vector: every row is NULL")
        raise InputError(f"{where} holds vectors of {len(widths)} widths: {sorted(widths)[:5]}")
    raise InputError(
        f"{where} is {kind}, not a vector",
        hint="give FLOAT[n], or a struct such as {e: embedding, log_len: ln(n_chars)}",
    )


def _vectors(column: pa.Array, field: Field, what: str) -> tuple[np.ndarray, np.ndarray | None]:
    kind = column.type
    if not (pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        raise InputError(f"the {what} is {kind}, but the head takes {field.described}")
    valid = None if column.null_count == 0 else _valid(column)
    if pa.types.is_fixed_size_list(kind):
        wrong = kind.list_size if kind.list_size != field.width else None
    else:
        lengths = column.value_lengths().drop_null().to_numpy(zero_copy_only=False)
        bad = lengths[lengths != field.width]
        wrong = int(bad[0]) if len(bad) else None
    if wrong is not None:
        raise InputError(
            f"the {what} has width {wrong}, but the head takes {field.described}",
            hint="score vectors of the encoder and layout that the head was trained on",
        )
    values = column.flatten()
    if values.null_count:
        raise InputError(f"the {what} has NULL inside a vector")
    numbers = values.to_numpy(zero_copy_only=False)
    return numbers.astype(np.float32, copy=False).reshape(-1, field.width), valid


def _numbers(column: pa.Array, field: Field, what: str) -> tuple[np.ndarray, np.ndarray | None]:
    if not _is_number(column.type):
        raise InputError(f"field {field.name!r} of the {what} is {column.type}, but the head takes a number")
    valid = None if column.null_count == 0 else _valid(column)
    kept = column if valid is None else column.drop_null()
    if pa.types.is_decimal(kept.type):
        kept = kept.cast(pa.float64())
    return kept.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, 1), valid


def _valid(column: pa.Array) -> np.ndarray:
    return column.is_valid().to_numpy(zero_copy_only=False)


def _keep(matrix: np.ndarray, valid: np.ndarray | None, mask: np.ndarray | None) -> np.ndarray:
    """Take the rows of ``mask`` from a matrix that holds the rows of ``valid``."""
    if mask is None:
        return matrix
    return matrix[mask] if valid is None else matrix[mask[valid]]


def _finite(matrix: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise InputError(
            f"the {what} holds {matrix[row, column]} (row {row + 1} of its batch, value {column + 1})",
            hint="rewards of NaN or infinite vectors mean nothing; filter such rows out, or embed them again",
        )
    return matrix


def _spread(values: pa.Array, mask: np.ndarray | None) -> pa.Array:
    """Put the values at the valid rows, NULL elsewhere."""
    if mask is None:
        return values
    positions = np.cumsum(mask) - 1
    return values.take(pa.array(positions, mask=~mask))
