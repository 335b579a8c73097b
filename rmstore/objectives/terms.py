"""Terms that can be added to any objective over pairs; one of strength 0 is not there at all.

Options:
    smoothing: chance that a label is wrong; mixes in the loss of the swapped pair.
    center: strength of (chosen + rejected)^2 per pair, which keeps rewards around 0; 0.01 is recommended.
    positive: strength of softplus(-mean chosen reward), which keeps chosen rewards above 0; 0.1 in GRM.
    bsr: strength of the squared sum of a batch's rewards (arXiv 2505.07271); 0.001 in the paper.
    bsr_batch: pairs per batch in the scale of bsr.
    pcrm: strength of the cap on the gap of a pair by how alike its sides are (arXiv 2404.00978); 1 in the paper.
    pcrm_b1: how fast the cap falls as sides grow alike: it is b1 / (similarity + b2) + b3.
    pcrm_b2: what keeps the cap finite where sides have nothing in common.
    pcrm_b3: the cap where b1 is 0, and what is added to it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rmstore import options as opt
from rmstore.errors import OptionError
from rmstore.objectives.base import Hessian, Labels, Objective, Sides
from rmstore.objectives.penalties import PENALTIES, Term
from rmstore.options import Option, fill

TABLE: Mapping[str, Option] = {
    "smoothing": opt.number(0.0, 0, 0.5),
    "center": opt.number(0.0, 0),
    "positive": opt.number(0.0, 0),
    "bsr": opt.number(0.0, 0),
    "bsr_batch": opt.whole(16, 1),
    "pcrm": opt.number(0.0, 0),
    "pcrm_b1": opt.number(6.0),
    "pcrm_b2": opt.number(0.001, 0, open_low=True),
    "pcrm_b3": opt.number(0.0),
}
"""Strength of every term, and what goes with it."""


def with_terms(base: Objective, given: Mapping[str, Any]) -> Objective:
    """Return the objective with the terms whose strength is above 0, or ``base`` itself.

    Raises:
        OptionError: an option is unknown or out of range, or the objective cannot have the term.
    """
    strengths = fill("the terms of an objective", TABLE, given)
    active = {name: value for name, value in strengths.items() if name in (*PENALTIES, "smoothing") and value > 0}
    if not active:
        return base
    if base.sees == "item":
        raise OptionError(f"{next(iter(active))} belongs to pairs, not to {base.name!r}", hint="leave it out")
    made = base
    if "smoothing" in active:
        if base.name == "plackett_luce":
            raise OptionError("smoothing has no meaning for a choice among several", hint="leave it out")
        made = Smoothed(base, strengths)
    terms = [PENALTIES[name](strengths) for name in active if name != "smoothing"]
    return Summed(made, terms, strengths) if terms else made


class Smoothed(Objective):
    """An objective under labels that are wrong with a small chance s: (1 - s) * loss + s * loss of the swapped pair.

    For ``bt`` the optimum of a lone pair is D = log((1 - s) / s). Source: code of GRM, arXiv 2406.10216, s = 0.1.
    """

    def __init__(self, base: Objective, strengths: Mapping[str, Any]) -> None:
        self.base, self.strengths = base, strengths
        self.name, self.sees, self.is_convex = base.name, base.sees, base.is_convex  # type: ignore[misc]
        self.uses_ties = base.uses_ties  # type: ignore[misc]
        self.options = {**base.options, "smoothing": strengths["smoothing"]}
        self.share = strengths["smoothing"]

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the mixed loss of every pair."""
        there, back = self.base.loss(chosen, rejected, labels), self.base.loss(rejected, chosen, labels)
        return (1 - self.share) * there + self.share * back

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the mixed slopes."""
        return self._mix(self.base.gradient(chosen, rejected, labels), self.base.gradient(rejected, chosen, labels))

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the mixed curvatures."""
        return self._mix(self.base.curvature(chosen, rejected, labels), self.base.curvature(rejected, chosen, labels))

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the mixed second derivatives."""
        there = self.base.hessian(chosen, rejected, labels, weight)
        back = self.base.hessian(rejected, chosen, labels, weight)
        return lambda along, other: self._mix(there(along, other), back(other, along))

    def rounded(self, width: float) -> Objective:
        """Return the same mixture of the rounded objective."""
        return Smoothed(self.base.rounded(width), self.strengths)

    def _mix(self, there: Sides, back: Sides) -> Sides:
        keep, flip = 1 - self.share, self.share
        return keep * there[0] + flip * back[1], keep * there[1] + flip * back[0]


class Summed(Objective):
    """An objective and terms, added in every respect."""

    def __init__(self, base: Objective, terms: list[Term], strengths: Mapping[str, Any]) -> None:
        self.base, self.terms, self.strengths = base, terms, strengths
        parts = [base, *terms]
        self.name, self.is_convex = base.name, base.is_convex  # type: ignore[misc]
        self.uses_ties = base.uses_ties  # type: ignore[misc]
        self.sees = "gap" if all(part.sees == "gap" for part in parts) else "sides"
        self.options = {key: value for part in parts for key, value in part.options.items()}

    def loss(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> np.ndarray:
        """Return the losses of all parts, added."""
        return sum(
            (term.loss(chosen, rejected, labels) for term in self.terms), self.base.loss(chosen, rejected, labels)
        )

    def gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the slopes of all parts, added."""
        return _added(part.gradient(chosen, rejected, labels) for part in (self.base, *self.terms))

    def curvature(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels) -> Sides:
        """Return the curvatures of all parts, added."""
        return _added(part.curvature(chosen, rejected, labels) for part in (self.base, *self.terms))

    def value(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> float:
        """Return the batch losses of all parts, added."""
        return sum(part.value(chosen, rejected, labels, weight) for part in (self.base, *self.terms))

    def weighted_gradient(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Sides:
        """Return the gradients of all parts, added."""
        return _added(part.weighted_gradient(chosen, rejected, labels, weight) for part in (self.base, *self.terms))

    def hessian(self, chosen: np.ndarray, rejected: np.ndarray, labels: Labels, weight: np.ndarray) -> Hessian:
        """Return the second derivatives of all parts, added."""
        parts = [part.hessian(chosen, rejected, labels, weight) for part in (self.base, *self.terms)]
        return lambda along, other: _added(multiply(along, other) for multiply in parts)

    def rounded(self, width: float) -> Objective:
        """Return the sum with the base rounded."""
        return Summed(self.base.rounded(width), self.terms, self.strengths)


def _added(parts: Any) -> Sides:
    ups, downs = zip(*parts, strict=True)
    return sum(ups[1:], ups[0]), sum(downs[1:], downs[0])
