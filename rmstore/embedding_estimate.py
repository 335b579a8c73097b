"""What an embed would take: a sample of its own texts is embedded, timed and thrown away."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from rmstore.embedding_job import EmbeddingJob
from rmstore.encoders.base import Encoder, EncoderSpec
from rmstore.records import EmbedEstimate
from rmstore.store import Store, fill_in, statement

ORDER = (0, 4, 2, 6, 1, 5, 3, 7)
"""Strata of like length and equal work, in the order of measuring: stopped early, it has seen long and short ones."""
CHUNK_TOKENS = 2_048
"""Tokens that are timed together at most: a forward pass on a CPU."""
WARM_TOKENS, WARM_CALLS = 256, 4
"""Tokens of the batch that warms a model up, and how often it is embedded at most."""
BUDGET = 3.0
"""Seconds of measuring that are enough; two chunks are measured whatever they take."""
FEW = 32
"""Texts below which a sample says little of the rest."""

VALUE_BYTES = {"f32": 3.5, "f16": 2.0, "i8": 1.0}
"""Bytes of a component in the file, measured: the engine's compression saves an eighth of float32 alone."""
VECTOR_BYTES = {"f32": 24, "f16": 24, "i8": 28}
"""Bytes beside the components of a vector: its id, its checksum, the scale of int8."""
RENDERING_BYTES = 40
"""Bytes of a row that says which text stands for an item: two ids and two counts."""


@dataclass(frozen=True)
class _Stratum:
    """Texts of like length: how many there are, and those that were drawn, with their tokens."""

    n_texts: int
    texts: list[str]
    n_tokens: list[int]

    @property
    def n_tokens_in_all(self) -> float:
        return self.n_texts * float(np.mean(self.n_tokens))


def estimate(job: EmbeddingJob, parts: Sequence[str]) -> EmbedEstimate:
    """Return what embedding the missing items would take; only temporary tables are written.

    Texts are told apart before anything is cut, so those that a short window makes equal count apart. They are
    ordered by length and divided into eight strata that hold about equal shares of the tokens, so that the few long
    texts count for the time they take; from each, texts are drawn by hash. The time of a token is the mean over
    chunks of like length, and its range two standard errors of that mean.

    Raises:
        Interrupted: Ctrl-C arrived.
    """
    n_items, n_known = _outline(job, parts)
    strata = _draw(job, parts)
    n_texts = sum(stratum.n_texts for stratum in strata.values())
    n_tokens = sum(stratum.n_tokens_in_all for stratum in strata.values())
    costs, n_sampled = _measure(job.store, job.encoder, strata)
    cost = float(np.mean(costs)) if costs else 0.0
    spread = 2 * float(np.std(costs, ddof=1)) / sqrt(len(costs)) if len(costs) > 1 else 0.0
    return EmbedEstimate(
        n_texts=n_texts,
        n_known=n_known,
        n_sampled=n_sampled,
        n_tokens=round(n_tokens),
        tokens_per_second=1 / cost if cost else None,
        seconds=n_tokens * cost,
        seconds_low=n_tokens * max(cost - spread, min(costs, default=0.0)),
        seconds_high=n_tokens * (cost + spread),
        n_bytes=round(n_texts * stored_bytes(job.encoder.spec) + n_items * RENDERING_BYTES),
    )


def caveats(found: EmbedEstimate) -> tuple[str, ...]:
    """Return what whoever reads an estimate should know of its sample."""
    if not found.n_sampled < min(FEW, found.n_texts):
        return ()
    return (f"only {found.n_sampled} of {found.n_texts} texts could be measured in {BUDGET:.0f} s: a rough estimate",)


def stored_bytes(spec: EncoderSpec) -> float:
    """Return about how many bytes of the file a vector takes, with its id and checksum."""
    return spec.dim * VALUE_BYTES[spec.precision] + VECTOR_BYTES[spec.precision]


def _outline(job: EmbeddingJob, parts: Sequence[str]) -> tuple[int, int]:
    """List the missing items by text in ``_rm_outline``; return how many there are, and texts that have a vector."""
    n_items = 0
    job.query("embedding/outline_begin")
    for part in parts:
        n_missing, _ = job.find_missing(part)
        items = statement(f"embedding/fetch_{part}").strip().rstrip(";")
        text = fill_in(statement("embedding/outline"), {"items": items})
        job.store.execute(job.cursor, text, {"part": part, "first": 1, "last": n_missing}).fetchall()
        n_items += n_missing
    if not job.encoder_id:  # a new encoder, which has no table yet
        return n_items, 0
    n_known = int(job.query("embedding/outline_known", {"encoder_id": job.encoder_id})[0][0])
    job.query("embedding/outline_forget", {"encoder_id": job.encoder_id})
    return n_items, n_known


def _draw(job: EmbeddingJob, parts: Sequence[str]) -> dict[int, _Stratum]:
    """Return the strata by number with the texts drawn from each."""
    job.query("embedding/sample", {"strata": len(ORDER), "most": 2 * CHUNK_TOKENS})
    strata: dict[int, _Stratum] = {}
    for part in parts:
        places = job.query("embedding/sample_places", {"part": part})
        job.query("embedding/sample_todo", {"part": part})
        _, rendered = job.rendered(part, 1, len(places))
        for (number, n_texts), text, n_tokens in zip(places, rendered.texts, rendered.n_tokens.tolist(), strict=True):
            stratum = strata.setdefault(number, _Stratum(n_texts, [], []))
            stratum.texts.append(text)
            stratum.n_tokens.append(max(n_tokens, 1))
    return strata


def _measure(store: Store, encoder: Encoder, strata: dict[int, _Stratum]) -> tuple[list[float], int]:
    """Return the seconds that a token took in each chunk, and the number of texts in them."""
    numbers = [number for number in ORDER if number in strata]
    if not numbers:
        return [], 0
    speed = _warmed(store, encoder, strata[numbers[len(numbers) // 2]])
    room = min(CHUNK_TOKENS, int(speed * BUDGET / (2 * len(numbers))))
    costs: list[float] = []
    began, n_sampled = time.perf_counter(), 0
    for texts, n_tokens in _chunks([strata[number] for number in numbers], room):
        if len(costs) > 1 and time.perf_counter() - began > BUDGET:
            break
        costs.append(_seconds(store, encoder, texts) / n_tokens)
        n_sampled += len(texts)
    return costs, n_sampled


def _warmed(store: Store, encoder: Encoder, stratum: _Stratum) -> float:
    """Return the tokens per second of a batch, the most of a few calls, of which none counts in the estimate.

    The first calls of a model also set it up, and those after it may still wait for memory, or for the clock of a
    processor. The fastest of them says what fits the time of measuring; one slow call would leave a text to a chunk.
    """
    count = max(int(np.searchsorted(np.cumsum(stratum.n_tokens), WARM_TOKENS, side="right")), 1)
    speeds: list[float] = []
    began = time.perf_counter()
    while len(speeds) < 2 or (len(speeds) < WARM_CALLS and time.perf_counter() - began < BUDGET / 3):
        speeds.append(sum(stratum.n_tokens[:count]) / max(_seconds(store, encoder, stratum.texts[:count]), 1e-9))
    return max(speeds)


def _seconds(store: Store, encoder: Encoder, texts: list[str]) -> float:
    began = time.perf_counter()
    encoder.encode(texts, poll=store.check)
    return time.perf_counter() - began


def _chunks(strata: Sequence[_Stratum], room: int) -> Iterator[tuple[list[str], int]]:
    """Yield texts to time together with their tokens: a chunk of every stratum, then a second one of each."""
    starts = [0] * len(strata)
    for _ in range(2):
        for place, stratum in enumerate(strata):
            sizes = np.cumsum(stratum.n_tokens[starts[place] :])
            count = max(int(np.searchsorted(sizes, room, side="right")), 1)
            if len(sizes):
                chunk = slice(starts[place], starts[place] + count)
                starts[place] += count
                yield stratum.texts[chunk], sum(stratum.n_tokens[chunk])
