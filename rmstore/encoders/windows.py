"""Texts longer than the window as the mean over windows, for the truncation rule ``windows``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rmstore.encoders.base import Encoder, Tokens


def over_windows(
    encoder: Encoder, texts: Sequence[str], encode: Callable[[Sequence[str]], np.ndarray]
) -> np.ndarray:  # fmt: skip
    """Return one vector per text, (n, dim) float32: the mean over its windows, each weighted by its tokens.

    A text that fits has the vector that ``encode`` gives; where the encoder normalizes, so is the mean.

    Args:
        encoder: whose window and tokens count.
        texts: of any length.
        encode: gives the vectors of texts that fit.
    """
    pieces: list[str] = []
    owners: list[int] = []
    sizes: list[int] = []
    for row, (text, tokens) in enumerate(zip(texts, encoder.tokenize(texts), strict=True)):
        for first, last, size in _windows(tokens, encoder.window, len(text)):
            pieces.append(text[first:last])
            owners.append(row)
            sizes.append(max(size, 1))  # a text without tokens has a window of its own
    sums = np.zeros((len(texts), encoder.spec.dim))
    weights = np.array(sizes, np.float64)
    np.add.at(sums, owners, encode(pieces) * weights[:, None])
    means = sums / np.bincount(owners, weights, minlength=len(texts))[:, None] if len(texts) else sums
    return (unit(means) if encoder.spec.normalize else means).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors scaled to length 1, (n, d); zero stays zero."""
    scaled: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


def _windows(tokens: Tokens, window: int, n_chars: int) -> Iterator[tuple[int, int, int]]:
    """Yield first character, the one after the last, and tokens of every window; cuts fall between words."""
    n = len(tokens)
    if n <= window:
        yield 0, n_chars, n
        return
    begins, ends, words = tokens.spans()
    bounds = np.flatnonzero(np.r_[True, words[1:] != words[:-1], True])
    first = 0
    while first < n:
        last = int(bounds[np.searchsorted(bounds, first + window, side="right") - 1])
        if last <= first:  # a word longer than the window
            last = min(first + window, n)
        yield int(begins[first]), int(ends[last - 1]), last - first
        first = last
