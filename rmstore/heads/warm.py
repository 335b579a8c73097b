"""WARM (arXiv 2401.12187): members fine-tuned from one pre-trained start, averaged in their weights.

The paper fine-tunes a language model from a supervised checkpoint; here the start is one head after a short training on
the same pairs (adaptation). That members differ in learning rate, dropout, weight decay and order of pairs follows the
paper, the values below are ours (reconstruction).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rmstore.heads.base import Poll
from rmstore.heads.torch_training import Course, per_member

Layers = list[tuple[np.ndarray, np.ndarray]]
"""Weights (members, in, out) and biases (members, out), float32, from the input to the reward."""

RATES, DROPOUTS, DECAYS = (1.0, 0.5, 2.0), (0.0, 0.1), (0.0, 0.01)
"""What members take in turn: factors of the learning rate, additions to dropout and to weight decay."""
PRETRAINING = 0.2
"""Share of the progress that is shown for pre-training."""


def varied(course: Course, members: int) -> Course:
    """Return the course with hyper-parameters of every member's own; six members differ from each other."""
    rates, dropouts, decays = (
        per_member(number, members) for number in (course.lr, course.dropout, course.weight_decay)
    )
    return replace(
        course,
        lr=tuple(rate * RATES[member % 3] for member, rate in enumerate(rates)),
        dropout=tuple(min(share + DROPOUTS[member % 2], 0.95) for member, share in enumerate(dropouts)),
        weight_decay=tuple(decay + DECAYS[member // 3 % 2] for member, decay in enumerate(decays)),
    )


def copies(layers: Layers, members: int) -> Layers:
    """Return as many members as asked for, one being copied for all."""
    return [
        (np.broadcast_to(weight, (members, *weight.shape[1:])), np.broadcast_to(bias, (members, *bias.shape[1:])))
        for weight, bias in layers
    ]


def member(layers: Layers, at: int) -> Layers:
    """Return one member's layers."""
    return [(weight[at : at + 1], bias[at : at + 1]) for weight, bias in layers]


def stack(apart: list[Layers]) -> Layers:
    """Return members that were trained apart side by side."""
    return [
        (np.concatenate([weight for weight, _ in same]), np.concatenate([bias for _, bias in same]))
        for same in zip(*apart, strict=True)
    ]


def average(layers: Layers) -> Layers:
    """Return one member whose weights are the mean of all members' weights."""
    return [(weight.mean(axis=0, keepdims=True), bias.mean(axis=0, keepdims=True)) for weight, bias in layers]


def interpolated(layers: Layers, first: int, second: int, t: float) -> Layers:
    """Return (1 - t) times one member's weights plus t times another's, the line on which WARM's claim is checked."""
    return [
        (
            (1 - t) * weight[first : first + 1] + t * weight[second : second + 1],
            (1 - t) * bias[first : first + 1] + t * bias[second : second + 1],
        )
        for weight, bias in layers
    ]


def distances(origin: Layers, layers: Layers) -> dict[str, Any]:
    """Return how far each member, and their average, moved from the start, relative to the length of the start."""
    start, ends, mean = _flat(origin), _flat(layers), _flat(average(layers))
    length = np.linalg.norm(start) or 1.0
    return {
        "member_distances": (np.linalg.norm(ends - start, axis=1) / length).tolist(),
        "merged_distance": float(np.linalg.norm(mean - start) / length),
    }


def between(poll: Poll, low: float, high: float) -> Poll:
    """Return a poll whose whole is a part of another's."""
    return lambda share, note: poll(low + (high - low) * share, note)


def _flat(layers: Layers) -> np.ndarray:
    return np.concatenate([part.reshape(len(part), -1) for layer in layers for part in layer], axis=1)
