"""Training of wide members apart: each a net of its own, as many at a time as there are threads.

A batched product serves many narrow members at the price of one. Wide members fill the processor alone: side by side
their activations and moments fall out of its cache and all threads meet after every operation. Apart, each works on one
thread, stops when it is done, and passes over no pair that weighs nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import fields, replace
from threading import Event
from typing import Any

import numpy as np

from rmstore.heads.base import Pairs, Poll
from rmstore.heads.torch_training import Course, Net, per_member, torch_threads, train_net
from rmstore.objectives.base import Objective

POLL_S = 0.05
"""Seconds between two polls, which happen on the calling thread alone."""


class _StoppedError(Exception):
    """Another member failed, or the caller was interrupted."""


def train_nets(
    nets: Sequence[Net],
    train: Pairs,
    valid: Pairs | None,
    *,
    objective: Objective,
    course: Course,
    weights: np.ndarray,
    draws: Sequence[np.random.Generator],
    poll: Poll,
    note: str,
) -> dict[str, Any]:
    """Train one net with all members, or a net for each member, and return the record of :func:`train_net`."""
    if len(nets) == 1:
        return train_net(
            nets[0], train, valid, objective=objective, course=course, weights=weights, draws=draws, poll=poll,
            note=note,
        )  # fmt: skip
    import torch

    shares, stopped = [0.0] * len(nets), Event()

    def work(member: int) -> dict[str, Any]:
        def heard(share: float, note: str) -> None:
            shares[member] = share
            if stopped.is_set():
                raise _StoppedError

        live = np.flatnonzero(weights[member])
        return train_net(
            nets[member], _take(train, live), valid, objective=objective, course=_own(course, member, len(nets)),
            weights=weights[member : member + 1, live], draws=[draws[member]], poll=heard, note=note,
        )  # fmt: skip

    threads = torch.get_num_threads()
    workers = min(threads, len(nets))
    with torch_threads(threads // workers), ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(work, member) for member in range(len(nets))]
        try:
            left = set(running)
            while left and not any(task.done() and task.exception() for task in running):
                poll(sum(shares) / len(shares), f"{note}, {len(left)} of {len(nets)} members to go")
                _, left = wait(left, POLL_S, FIRST_EXCEPTION)
            records = [task.result() for task in running]
        finally:
            stopped.set()
            for task in running:
                task.cancel()
    record: dict[str, Any] = {"epochs": max(own["epochs"] for own in records)}
    if valid is not None:
        record["best_epochs"] = [own["best_epochs"][0] for own in records]
        record["valid_loss"] = float(np.mean([own["valid_loss"] for own in records]))
    return record


def _own(course: Course, member: int, members: int) -> Course:
    lr, decay, dropout = (
        per_member(number, members)[member] for number in (course.lr, course.weight_decay, course.dropout)
    )
    return replace(course, lr=lr, weight_decay=decay, dropout=dropout)


def _take(pairs: Pairs, rows: np.ndarray) -> Pairs:
    """Return some of the pairs over the same items."""
    if len(rows) == len(pairs):
        return pairs
    known = {field.name: getattr(pairs, field.name) for field in fields(pairs)}
    per_pair = {name: array[rows] for name, array in known.items() if name != "items" and isinstance(array, np.ndarray)}
    return replace(pairs, **per_pair)
