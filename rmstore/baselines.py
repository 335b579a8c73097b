"""What a head's accuracy stands beside: baselines that learn from the training split, judging votes they did not learn.

Both give every response a number and guess the side with the higher one. ``response_only`` is a linear Bradley-Terry
head on vectors of the responses alone: what it gets right needs no look at the prompt. ``neighbour`` gives a response
the mean win share of the training responses nearest to it: what it gets right is memory. Both are this project's own
controls for reward heads, after the hypothesis-only baselines of language inference (Poliak et al. 2018, arXiv
1805.01042).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rmstore.grouping import alike
from rmstore.heads.base import Pairs, Poll
from rmstore.heads.linear import LinearHead
from rmstore.neighbours import Base
from rmstore.objectives.bt import BradleyTerry

NEIGHBOURS = 10
MOST_NEIGHBOURS = 10_000
"""Training responses that ``neighbour`` looks among: the first in the order of the votes' items."""
MOST_VOTES = 100_000
"""Training votes that ``response_only`` learns from: the first in the order of the votes."""
OUTSIDE, NOWHERE = -1, -2
LEVEL = 1e-9
"""Difference of two numbers, as a share of the largest one, that is rounding and no preference."""

Score = Callable[[np.ndarray], np.ndarray]
"""Vectors (n, d) float32 to one number each, (n,) float64."""


def ignore(share: float, note: str) -> None:
    """Poll that never stops a fit."""


@dataclass(frozen=True)
class Votes:
    """Decided votes between numbered responses.

    Attributes:
        chosen, rejected: number of either side's response, (p,) int64.
        chosen_fold, rejected_fold: fold of the side's group where that group is in the training split, (p,) int8;
            ``OUTSIDE`` where it is not.
        is_judged: whether a guess is asked for, (p,) bool.
    """

    chosen: np.ndarray
    rejected: np.ndarray
    chosen_fold: np.ndarray
    rejected_fold: np.ndarray
    is_judged: np.ndarray

    @property
    def home(self) -> np.ndarray:
        """The fold whose votes must not teach what judges a vote, (p,) int8.

        ``OUTSIDE`` where neither group is in the training split, so that all of it teaches; ``NOWHERE`` where the sides
        lie in two folds, so that every learner saw one of them.
        """
        one = np.maximum(self.chosen_fold, self.rejected_fold)
        is_split = (np.minimum(self.chosen_fold, self.rejected_fold) > OUTSIDE) & (
            self.chosen_fold != self.rejected_fold
        )
        return np.where(is_split, NOWHERE, one)

    @property
    def homes(self) -> list[int]:
        """The homes of judged votes that some learner can judge, ascending."""
        return [int(home) for home in np.unique(self.home[self.is_judged]) if home != NOWHERE]

    def teaching(self, home: int) -> np.ndarray:
        """Return the votes that may teach what judges a home, in order, (t,): both sides train, outside the fold."""
        trains = (self.chosen_fold > OUTSIDE) & (self.rejected_fold > OUTSIDE)
        return np.flatnonzero(trains & (self.chosen_fold != home) & (self.rejected_fold != home))

    def judged_items(self, home: int) -> np.ndarray:
        """Return the responses of the judged votes of a home, ascending, (m,) int64."""
        rows = self.is_judged & (self.home == home)
        return np.unique(np.concatenate([self.chosen[rows], self.rejected[rows]]))


def lessons(votes: Votes, home: int) -> np.ndarray:
    """Return the votes that ``response_only`` learns from to judge a home, at most ``MOST_VOTES``."""
    return votes.teaching(home)[:MOST_VOTES]


def response_only(
    votes: Votes, home: int, items: np.ndarray, place: np.ndarray, *, poll: Poll = ignore
) -> Score | None:
    """Return a linear Bradley-Terry head on the responses alone, fitted to its optimum; None where nothing teaches.

    Args:
        votes: all votes.
        home: what it will judge.
        items: vectors of responses, (k, d) float32.
        place: row in ``items`` of every response, (n,) int64.
        poll: called often during the fit; stops it by raising.
    """
    rows = lessons(votes, home)
    chosen, rejected = place[votes.chosen[rows]], place[votes.rejected[rows]]
    differs = (items[chosen] != items[rejected]).any(axis=1)
    chosen, rejected = chosen[differs], rejected[differs]
    n = len(chosen)
    if not n:
        return None
    pairs = Pairs(items, chosen, rejected, np.ones(n), np.zeros(n), np.ones(n), np.arange(n))
    head, _ = LinearHead.fit(
        pairs, None, objective=BradleyTerry(), options={}, members=1, merge=None, seed=0, poll=poll
    )
    weights = head.weights[0].astype(np.float64)
    return lambda vectors: vectors.astype(np.float64) @ weights


def win_shares(votes: Votes, home: int, n_items: int) -> np.ndarray:
    """Return the share of its training votes that every response won, (n,) float64; NaN where it has none."""
    rows = votes.teaching(home)
    wins = np.bincount(votes.chosen[rows], minlength=n_items)
    played = wins + np.bincount(votes.rejected[rows], minlength=n_items)
    return np.where(played > 0, wins / np.maximum(played, 1), np.nan)


def neighbourhood(votes: Votes, home: int, n_items: int) -> np.ndarray:
    """Return the training responses that ``neighbour`` looks among, at most ``MOST_NEIGHBOURS``, (b,) int64."""
    return np.flatnonzero(np.isfinite(win_shares(votes, home, n_items)))[:MOST_NEIGHBOURS]


def neighbour(votes: Votes, home: int, items: np.ndarray, place: np.ndarray) -> Score | None:
    """Return the mean win share of the nearest training responses by cosine; None where there is none.

    Args:
        votes: all votes.
        home: what it will judge.
        items: vectors of responses, (k, d) float32.
        place: row in ``items`` of every response, (n,) int64.
    """
    base = neighbourhood(votes, home, len(place))
    if not len(base):
        return None
    # Of equal vectors the first in the base come first, which sums in float32 would leave to chance.
    vectors = items[place[base]]
    first, number = alike(vectors)
    size = np.bincount(number)
    totals = np.append(0, np.cumsum(win_shares(votes, home, len(place))[base][np.argsort(number, kind="stable")]))
    start, distinct, k = np.cumsum(size) - size, Base(vectors[first]), min(NEIGHBOURS, len(base))

    def score(queries: np.ndarray) -> np.ndarray:
        found, _ = distinct.nearest(queries, min(k, len(first)))
        before = np.cumsum(size[found], axis=1) - size[found]
        taken = np.clip(k - before, 0, size[found])
        return (totals[start[found] + taken] - totals[start[found]]).sum(axis=1) / k

    return score


def guesses(votes: Votes, scores: Mapping[int, Score], batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the guess for every vote, (p,): 1 for the chosen side, 0 for the rejected, 0.5 where level, NaN for none.

    Args:
        votes: all votes.
        scores: what judges each home.
        batches: numbers of responses with their vectors, (m,) and (m, d), until every judged one came once.
    """
    n_items = int(max(votes.chosen.max(initial=-1), votes.rejected.max(initial=-1))) + 1
    values = {home: np.full(n_items, np.nan) for home in scores}
    wanted = {home: np.zeros(n_items, bool) for home in scores}
    for home in scores:
        wanted[home][votes.judged_items(home)] = True
    for items, vectors in batches:
        for home, score in scores.items():
            rows = wanted[home][items]
            if rows.any():
                values[home][items[rows]] = score(vectors[rows])
    found = np.full(len(votes.chosen), np.nan)
    for home in scores:
        rows = np.flatnonzero(votes.is_judged & (votes.home == home))
        gap = values[home][votes.chosen[rows]] - values[home][votes.rejected[rows]]
        level = LEVEL * np.abs(values[home][votes.judged_items(home)]).max()
        found[rows] = 0.5 + 0.5 * np.sign(np.where(np.abs(gap) <= level, 0.0, gap))
    return found
