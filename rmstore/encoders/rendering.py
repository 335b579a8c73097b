"""What an encoder reads: prompt and response as one text that fits the window.

The joint text of a pair is the prompt, a blank line, the response. Where it is longer than the window, the end
is kept: the response whole, and of the prompt its last words, at least ``MIN_PROMPT`` tokens. A response that
does not fit beside them keeps its head and its tail in equal parts, joined by a line break. Cuts fall between
words, so that the rendered text is a plain string which the plain tokenizer maps into the window.

That is the rule ``keep-end``. Two others can be chosen: ``keep-start`` keeps the first tokens of the joint text, as
tokenizers do by themselves, whatever that does to the response; ``windows`` cuts nothing, and the encoder averages
the vectors of consecutive windows (:mod:`rmstore.encoders.windows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmstore.encoders.base import Encoder, Tokens

RENDERING = "prompt-blank-response/1"
"""Name of the rule that joins prompt and response; a change of the rule changes it, and with it every encoder key."""

RULES = {"end": "keep-end/1", "start": "keep-start/1", "windows": "windows/1"}
"""Names of the rules for texts longer than the window, by option; a change of a rule changes its name."""

MIN_PROMPT = 32
SEPARATOR = "\n\n"
ELLIPSIS = "\n"


@dataclass(frozen=True)
class Rendered:
    """Texts that fit the window, with their tokens and the tokens that did not fit."""

    texts: list[str]
    n_tokens: np.ndarray
    n_cut: np.ndarray


def render(encoder: Encoder, prompts: Sequence[str] | None, responses: Sequence[str] | None) -> Rendered:
    """Return the text that stands for each prompt and response, or for each of one kind alone.

    Args:
        encoder: whose window and tokens count.
        prompts: None renders responses alone.
        responses: None renders prompts alone.
    """
    if prompts is None:
        texts = list(responses or ())
        starts = [0] * len(texts)
    elif responses is None:
        texts = list(prompts)
        starts = [len(text) for text in texts]
    else:
        texts = [prompt + SEPARATOR + response for prompt, response in zip(prompts, responses, strict=True)]
        starts = [len(prompt) + len(SEPARATOR) for prompt in prompts]
    tokens = encoder.tokenize(texts)
    n_full = np.fromiter(map(len, tokens), np.int64, len(tokens))
    n_tokens = n_full.copy()
    if encoder.spec.truncation == RULES["windows"]:
        return Rendered(texts, n_tokens, np.zeros_like(n_full))
    shorten = _start if encoder.spec.truncation == RULES["start"] else _end
    budgets = {int(row): encoder.window for row in np.flatnonzero(n_full > encoder.window)}
    cut = dict.fromkeys(budgets, "")
    while budgets:  # one round for tokenizers that work word by word; others may shift by a token at a cut
        for row, budget in budgets.items():
            cut[row] = shorten(texts[row], tokens[row], starts[row], budget)
        sizes = [len(found) for found in encoder.tokenize([cut[row] for row in budgets])]
        n_tokens[list(budgets)] = sizes
        budgets = {
            row: max(budget - (size - encoder.window), 1)
            for (row, budget), size in zip(budgets.items(), sizes, strict=True)
            if size > encoder.window and budget > 1
        }
    for row, text in cut.items():
        texts[row] = text
    return Rendered(texts, n_tokens, np.maximum(n_full - n_tokens, 0))


def _start(text: str, tokens: Tokens, start: int, budget: int) -> str:
    """Return the first ``budget`` tokens, cut inside a word where they end there."""
    return text[: int(tokens.spans()[1][budget - 1])]


def _end(text: str, tokens: Tokens, start: int, budget: int) -> str:
    """Return the text cut to at most ``budget`` tokens; characters from ``start`` on are the response."""
    begins, ends, words = tokens.spans()
    n = len(begins)
    first = int(np.searchsorted(begins, start, side="left"))  # first token of the response
    bounds = np.flatnonzero(np.r_[True, words[1:] != words[:-1], True])  # tokens where a word may begin, and the end
    least = min(MIN_PROMPT, budget // 2, first)
    prompt = _back(bounds, first - least)
    if first - prompt > max(budget // 2, least):
        prompt = first - least  # a word of half a window is cut inside
    if n - prompt <= budget:
        return text[int(begins[_forth(bounds, n - budget, prompt)]) :]
    room = budget - (first - prompt)
    middle, rest = first + (room + 1) // 2, n - room // 2
    head = _back(bounds, middle)
    if head - first < max(room // 4, 1):
        head = middle
    tail = _forth(bounds, rest, n)
    if n - tail < room // 4:
        tail = rest
    kept = text[int(begins[prompt]) : int(ends[head - 1])]
    return kept + ELLIPSIS + text[int(begins[tail]) :] if tail < n else kept


def _back(bounds: np.ndarray, token: int) -> int:
    """Return the last word boundary at or before a token."""
    return int(bounds[np.searchsorted(bounds, token, side="right") - 1])


def _forth(bounds: np.ndarray, token: int, latest: int) -> int:
    """Return the first word boundary at or after a token, but at most ``latest``."""
    return min(int(bounds[np.searchsorted(bounds, token, side="left")]), latest)
