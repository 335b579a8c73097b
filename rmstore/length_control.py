"""Length-controlled win rates (AlpacaEval, arXiv 2404.04475): how a judge would see policies as long as the baseline.

    logit P(policy wins) = theta + phi * tanh(gap / std(gap)) + psi * difficulty(prompt)

with ``gap`` the characters of the policy's response less those of the baseline's. The rate is the mean of
sigmoid(theta + psi * difficulty): the gap set to 0. As released: soft labels, each row once as a win and once as a
loss, an L1 penalty on all three coefficients, its strength by 5-fold cross-validation.

Adaptations, since two inputs of the released version are no votes on its policies. *Difficulty* was published per
instruction, from the policies of the leaderboard; here one fit over the policies at hand gives it, with psi = 1 as in
the paper's first fit, and one phi. *Steadying rows*, judgements of deliberately short and long rewritings of the
baseline, weigh 0.2 a prompt and have no theta; here they are imagined: the same prompts and gaps, a policy as good as
the baseline, judged as that one fit says. A policy that shares no prompt with another has neither: plain regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmstore.bootstrap import poisson_counts
from rmstore.heads.blas import one_blas_thread
from rmstore.l1_logistic import fit, losses, sigmoid

FOLDS = 5
STRENGTHS = np.logspace(-4, 4, 10)
"""C of the L1 penalty, of which cross-validation chooses: scikit-learn's own grid, as in the released version."""
_CELLS = 4_000_000


@dataclass(frozen=True)
class Votes:
    """Votes on policies, a row per vote and policy.

    Attributes:
        policy: (n,) number of the policy, from 0.
        prompt: (n,) number of the prompt, from 0.
        group: (n,) number of the prompt's group, from 0.
        win: (n,) P(the policy wins).
        gap: (n,) characters of the policy's response less those of its opponent's.
    """

    policy: np.ndarray
    prompt: np.ndarray
    group: np.ndarray
    win: np.ndarray
    gap: np.ndarray


@dataclass(frozen=True)
class Controlled:
    """A policy's win rate at the length of the baseline; NaN where the votes do not say.

    Attributes:
        rate: the win rate.
        replicates: (r,) of a bootstrap over groups.
        theta: log-odds of winning at equal length, on a prompt of difficulty 0.
        phi: weight of the length gap.
        psi: weight of the difficulty.
        strength: C of the L1 penalty.
    """

    rate: float
    replicates: np.ndarray
    theta: float = np.nan
    phi: float = np.nan
    psi: float = np.nan
    strength: float = np.nan


def length_controlled(
    votes: Votes, keys: np.ndarray, *, has_baseline: bool, replicates: int, steadying: float = 0.2
) -> list[Controlled]:
    """Return the length-controlled win rate of every policy.

    Args:
        votes: all against one baseline, or of everybody against everybody; none of a policy against itself.
        keys: (groups,) uint64, a hash of the seed and the group, from which the bootstrap draws.
        has_baseline: whether all votes have the same opponent; otherwise a prompt has no difficulty.
        replicates: of the bootstrap. Each takes one Newton step from the fit with the replicate's own counts, slope and
            curvature, without the penalty; difficulty and standardised gaps stay.
        steadying: weight of the steadying row of a vote, 0.2 in the released version; 0 for none.

    Returns:
        One per policy number. NaN for a policy with fewer than ``FOLDS`` prompts, or whose gaps are all the same but
        not 0, so that length and quality cannot be told apart.
    """
    policies = [np.flatnonzero(votes.policy == number) for number in range(votes.policy.max(initial=-1) + 1)]
    stretch = np.zeros(len(votes.win))
    for rows in policies:
        spread = votes.gap[rows].std(ddof=1) if len(rows) > 1 else 0.0
        stretch[rows] = np.tanh(votes.gap[rows] / spread) if spread > 0 else 0.0
    with one_blas_thread():
        difficulty, phi = shared_fit(votes, stretch, has_difficulty=has_baseline)
        designs = (_design(votes, rows, stretch, difficulty, phi, steadying) for rows in policies)
        return [_controlled(design, keys, replicates) for design in designs]


def shared_fit(
    votes: Votes, stretch: np.ndarray, *, has_difficulty: bool = True, iterations: int = 200
) -> tuple[np.ndarray, float]:
    """Return (prompts,) difficulty and the weight of length that all policies share.

    logit P = theta_policy + phi * stretch + difficulty_prompt, the difficulties normal with mean 0 and a variance that
    is fitted too (Laplace's approximation inside expectation maximisation). Where it is high, policies fare well
    against the baseline. Only prompts with votes on two policies or more have one; the others have 0.
    """
    theta, phi, variance = np.zeros(votes.policy.max(initial=-1) + 1), 0.0, 1.0
    difficulty = np.zeros(votes.prompt.max(initial=-1) + 1)
    n_policies = np.bincount(np.unique(np.stack([votes.prompt, votes.policy]), axis=1)[0], minlength=len(difficulty))
    is_shared = (n_policies > 1) & has_difficulty
    for _ in range(iterations):
        before = np.concatenate([theta, [phi], difficulty])
        miss, curve = _misses(votes, theta, phi, stretch, difficulty)
        theta = theta - _step(_by(votes.policy, miss), _by(votes.policy, curve) + 1e-6)
        miss, curve = _misses(votes, theta, phi, stretch, difficulty)
        shift = _by(votes.policy, stretch * curve) / np.maximum(_by(votes.policy, curve), 1e-12)
        own = stretch - shift[votes.policy]
        phi = phi - float(_step(own @ miss, own**2 @ curve + 1e-6))
        if is_shared.any():
            miss, curve = _misses(votes, theta, phi, stretch, difficulty)
            precision = _by(votes.prompt, curve) + 1 / variance
            step = _step(_by(votes.prompt, miss) + difficulty / variance, precision)
            difficulty = np.where(is_shared, difficulty - step, 0.0)
            variance = max(1e-4, float(np.mean((difficulty**2 + 1 / precision)[is_shared])))
        if np.abs(np.concatenate([theta, [phi], difficulty]) - before).max(initial=0.0) < 1e-5:
            break
    return difficulty, phi


def _misses(
    votes: Votes, theta: np.ndarray, phi: float, stretch: np.ndarray, difficulty: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    chance = sigmoid(theta[votes.policy] + phi * stretch + difficulty[votes.prompt])
    return chance - votes.win, chance * (1 - chance)


def _by(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.bincount(numbers, weights=values)


def _step(slope: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Return a Newton step of at most 1, which is far on a logistic scale."""
    return np.clip(slope / curve, -1, 1)


@dataclass(frozen=True)
class _Design:
    """The regression of one policy: the rows of its votes, and behind them, in the same order, steadying rows or none.

    Attributes:
        features: (rows, used) of a constant, the stretched gap and the difficulty, those that are used.
        equal: (votes, used) the same of the votes alone, with the gap set to 0.
        used: (3,) which of the three are.
        wins: (rows,) soft labels.
        weights: (rows,) of the rows.
        fold: (rows,) of cross-validation, by prompt.
        group: (votes,) number of the group.
    """

    features: np.ndarray
    equal: np.ndarray
    used: np.ndarray
    wins: np.ndarray
    weights: np.ndarray
    fold: np.ndarray
    group: np.ndarray


def _design(
    votes: Votes, rows: np.ndarray, stretch: np.ndarray, difficulty: np.ndarray, phi: float, steadying: float
) -> _Design | None:
    """Return the regression of a policy, None where its votes do not determine one."""
    gap, hard = votes.gap[rows], difficulty[votes.prompt[rows]]
    prompts, place = np.unique(votes.prompt[rows], return_inverse=True)
    if len(prompts) < FOLDS or (np.ptp(gap) == 0 and gap[0] != 0):
        return None
    features = np.column_stack([np.ones(len(rows)), stretch[rows], hard])
    used = np.array([True, bool(np.ptp(gap) > 0), bool(np.abs(hard).max() > 0)])
    equal, wins, weights = features * [1.0, 0.0, 1.0], votes.win[rows], np.ones(len(rows))
    if used[2] and steadying > 0:
        imagined = features * [0.0, 1.0, 1.0]
        wins = np.concatenate([wins, sigmoid(imagined @ [0.0, phi, 1.0])])
        weights = np.concatenate([weights, np.full(len(rows), steadying)])
        features, place = np.concatenate([features, imagined]), np.concatenate([place, place])
    return _Design(features[:, used], equal[:, used], used, wins, weights, place % FOLDS, votes.group[rows])


def _controlled(design: _Design | None, keys: np.ndarray, replicates: int) -> Controlled:
    if design is None:
        return Controlled(np.nan, np.full(replicates, np.nan))
    strength = _cross_validated(design)
    found = fit(design.features, design.wins, design.weights[None], np.array([strength]))[0]
    drawn = _bootstrap(design, found, keys, replicates)
    named = np.full(3, np.nan)
    named[design.used] = found
    theta, phi, psi = named.tolist()
    return Controlled(float(sigmoid(design.equal @ found).mean()), drawn, theta, phi, psi, strength)


def _cross_validated(design: _Design) -> float:
    """Return the weakest penalty whose loss on held-out prompts is within one standard error of the least.

    The released version takes the least itself, which with few prompts is often a coefficient of 0, and an interval of
    no width around it; with the leaderboard's 805 the difference is under 0.2 points.
    """
    held = np.tile(np.arange(FOLDS), len(STRENGTHS))[:, None] == design.fold
    found = fit(design.features, design.wins, design.weights * ~held, np.repeat(STRENGTHS, FOLDS))
    missed = (held * design.weights * losses(found @ design.features.T, design.wins)).sum(axis=1)
    missed = missed.reshape(len(STRENGTHS), FOLDS)
    more = missed - missed[np.argmin(missed.sum(axis=1))]
    error = more.std(axis=1, ddof=1) / np.sqrt(FOLDS)
    return float(STRENGTHS[np.flatnonzero(more.mean(axis=1) <= error)[-1]])


def _bootstrap(design: _Design, found: np.ndarray, keys: np.ndarray, replicates: int) -> np.ndarray:
    """Return the rate of every replicate; NaN for one that draws no vote of the policy.

    The penalty is left out of the step, so that a coefficient which it holds at 0 varies too.
    """
    present, place = np.unique(design.group, return_inverse=True)
    counts = poisson_counts(keys[present], replicates).T
    sums, n_features = _newton_terms(design, found, place), len(found)
    rates = np.full(replicates, np.nan)
    block = max(1, _CELLS // len(place))
    for start in range(0, replicates, block):
        drawn = counts[start : start + block].astype(float)
        terms = drawn @ sums
        slope, curve = terms[:, :n_features], terms[:, n_features:].reshape(-1, n_features, n_features)
        step = np.linalg.solve(curve + 1e-9 * np.eye(n_features), slope[:, :, None])[:, :, 0]
        of_votes = drawn[:, place]
        size = of_votes.sum(axis=1)
        total = (of_votes * sigmoid((found - step) @ design.equal.T)).sum(axis=1)
        np.divide(total, size, out=rates[start : start + block], where=size > 0)
    return rates


def _newton_terms(design: _Design, found: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return slope and curvature of the loss at the fit, by group: (groups, p + p * p)."""
    features = design.features
    chance = sigmoid(features @ found)
    outer = (features[:, :, None] * features[:, None, :]).reshape(len(features), -1)
    terms = np.column_stack([features * (chance - design.wins)[:, None], outer * (chance * (1 - chance))[:, None]])
    terms = (terms * design.weights[:, None]).reshape(-1, len(place), terms.shape[1]).sum(axis=0)
    return np.stack([np.bincount(place, weights=column) for column in terms.T], axis=1)
