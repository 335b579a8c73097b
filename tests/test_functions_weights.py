"""Weights of pairs by policy, effective sample size, and how alike the sides of a pair are."""

import math

import numpy as np
import pyarrow as pa
import pytest

import rmstore
from rmstore.errors import QueryError

INFINITE = float("inf")


@pytest.fixture(scope="module")
def store():
    with rmstore.connect() as opened:
        yield opened


@pytest.fixture(scope="module")
def off_policy(store):
    """The weight of one pair, with the log-probabilities in the order of the macro."""

    def weight(*logps, **options):
        named = "".join(f", {name} := ${name}" for name in options)
        query = f"select rm_off_policy_weight($a::double, $b::double, $c::double, $d::double{named})"
        return store.value(query, dict(zip("abcd", logps, strict=True)) | options)

    return weight


def reference(logps, alpha, tau):
    """The formula as the paper writes it, in log space."""

    def rho(logp, logp_ref):
        return logp - np.logaddexp(np.log(alpha) + logp, np.log1p(-alpha) + logp_ref)

    return np.exp(tau * (rho(*logps[:2]) + rho(*logps[2:])))


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("tau", [0.001, 0.01, 1.0])
def test_rm_off_policy_weight(off_policy, alpha, tau):
    for logps in [(-12.5, -10.0, -30.0, -33.0), (-700.0, -650.0, -20.0, -1.0), (-5.0, -900.0, -1200.0, -3.0)]:
        assert off_policy(*logps, alpha=alpha, tau=tau) == pytest.approx(reference(logps, alpha, tau), rel=1e-12)


def test_rm_off_policy_weight_by_default_follows_the_released_recipes(off_policy):
    logps = -12.5, -10.0, -30.0, -33.0
    assert off_policy(*logps) == pytest.approx(reference(logps, 0.1, 0.001), rel=1e-14)


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("logp", [-0.0, -3.7, -1e6, -INFINITE])
def test_rm_off_policy_weight_of_the_same_policy_is_one(off_policy, alpha, logp):
    assert off_policy(logp, logp, logp - 1, logp - 1, alpha=alpha, tau=1.0) == 1


@pytest.mark.parametrize(
    "logps", [(-12.5, -10.0, -30.0, -33.0), (-1e6, -1.0, -2.0, -3e5), (-INFINITE, -1.0, -2.0, -3.0)]
)
def test_rm_off_policy_weight_with_tau_zero_or_alpha_one_is_plain(off_policy, logps):
    assert off_policy(*logps, tau=0.0) == 1
    assert off_policy(*logps, alpha=1.0, tau=1.0) == 1


def test_rm_off_policy_weight_is_bounded(off_policy):
    """rho is at most log(1 / alpha), so w is at most alpha^(-2 tau)."""
    most = 0.1 ** (-2 * 0.001)
    assert off_policy(-1.0, -1e5, -1.0, -1e5) == pytest.approx(most, rel=1e-12)
    assert off_policy(-1.0, -INFINITE, -1.0, -INFINITE) == pytest.approx(most, rel=1e-12)


def test_rm_off_policy_weight_does_not_underflow(off_policy):
    """exp(-60,000) is 0 in every float, and so are the 1e-36 of the released code and both densities of a long text."""
    assert off_policy(-60_000.0, -60_002.0, -50_000.0, -50_000.0) == pytest.approx(
        reference((-2.0, -4.0, 0.0, 0.0), 0.1, 0.001), rel=1e-12
    )
    assert off_policy(-61_000.0, -60_000.0, -5.0, -5.0) == pytest.approx(math.exp(0.001 * (-1000 - math.log(0.9))))
    assert off_policy(-INFINITE, -5.0, -3.0, -3.0) == 0


def test_rm_off_policy_weight_with_alpha_zero_is_the_plain_ratio(off_policy):
    assert off_policy(-12.0, -10.0, -30.0, -33.0, alpha=0.0, tau=1.0) == pytest.approx(math.e)


def test_rm_off_policy_weight_of_unknown_probabilities_is_null(off_policy):
    assert off_policy(None, -10.0, -30.0, -33.0) is None
    assert off_policy(-10.0, -10.0, -30.0, None) is None


@pytest.mark.parametrize(
    ("options", "match"),
    [({"alpha": 1.5}, "alpha is 1.5"), ({"alpha": -0.1}, "alpha is -0.1"), ({"tau": -1}, "tau is -1")],
)
def test_rm_off_policy_weight_refuses_impossible_options(off_policy, options, match):
    with pytest.raises(QueryError, match=match):
        off_policy(-1.0, -2.0, -3.0, -4.0, **options)


def test_rm_off_policy_weight_of_the_same_policy_trains_plain_bradley_terry(store):
    """The same head, found by its fingerprint instead of fitted."""
    rng = np.random.default_rng(0)
    _fill(store, "votes", rng.normal(size=(200, 6)), logp=rng.normal(-50, 9, 200))

    def is_new(weight):
        trained = f"rm_train('plain', c.e, r.e, weight := {weight}).is_new"
        return store.value(f"select {trained} from votes c join votes r on r.i = c.i + 100 where c.i < 100")

    assert is_new("1")
    assert not is_new("rm_off_policy_weight(c.logp, c.logp, r.logp, r.logp)")
    assert is_new("rm_off_policy_weight(c.logp, r.logp, r.logp, c.logp, tau := 0.05)")


def test_rm_effective_sample_size(store):
    def size(weights):
        return store.value("select rm_effective_sample_size(w) from (select unnest($w::double[]) as w)", {"w": weights})

    assert size([0.3] * 7) == pytest.approx(7)
    assert size([1, 1, 2]) == pytest.approx(16 / 6)
    assert size([5, 0, 0]) == 1
    assert size([0, 0]) is None
    assert size([]) is None


def test_rm_effective_sample_size_of_groups(store):
    of_groups = "select k, rm_effective_sample_size(w) as n from weights group by k order by k"
    query = f"with weights(k, w) as (values (1, 1), (1, 1), (2, 3)) {of_groups}"
    assert [row["n"] for row in store.rows(query)] == [2, 1]


def test_rm_density_ratio_weight(store):
    def ratio(prob, n_old, n_new):
        return store.value("select rm_density_ratio_weight($p, $o, $n)", {"p": prob, "o": n_old, "n": n_new})

    assert ratio(0.5, 100, 100) == 1
    assert ratio(0.75, 100, 100) == 3
    assert ratio(2 / 3, 100, 200) == pytest.approx(1)
    assert (ratio(0.0, 5, 5), ratio(1.0, 5, 5), ratio(None, 5, 5)) == (0, INFINITE, None)
    with pytest.raises(QueryError, match="prob is 1.2"):
        ratio(1.2, 5, 5)
    with pytest.raises(QueryError, match="n_old is 0"):
        ratio(0.5, 0, 5)


def _fill(store, name, vectors, **columns):
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
    table = pa.table({"i": np.arange(len(vectors)), "e": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])})
    for column, values in columns.items():
        table = table.append_column(column, pa.array(values))
    store.con.register("given", table)
    store.con.execute(f"create or replace table rm.main.{name} as from given")
    store.con.unregister("given")


def test_rm_density_ratio_weight_recovers_a_gaussian_shift(store):
    """N(0, I) to N(mu, I): the true log ratio is mu . e - |mu|^2 / 2; every row is judged by a head
    that never saw it."""
    rng, mu, n_old, n_new = np.random.default_rng(3), np.array([0.8, -0.5, 0.3, 0.0]), 6000, 3000
    vectors = np.concatenate([rng.normal(size=(n_old, 4)), rng.normal(size=(n_new, 4)) + mu])
    _fill(store, "drifting", vectors, is_new=np.arange(n_old + n_new) >= n_old)
    store.rows(
        "select rm_train_ratings('drift' || fold, e, is_new::int, objective := 'logistic', "
        "options := {'l2': 1e-6}) as t "
        "from drifting, range(3) as folds(fold) where i % 3 <> fold group by fold"
    )
    ratios = store.arrow(
        store.cursor(),
        "select rm_density_ratio_weight(1 / (1 + exp(-rm_score('drift' || i % 3, e)::double)), $n_old, $n_new) "
        "as ratio from drifting order by i",
        {"n_old": n_old, "n_new": n_new},
    )
    found, true = np.log(ratios["ratio"].to_numpy()), vectors @ mu - mu @ mu / 2
    assert np.corrcoef(found, true)[0, 1] > 0.995
    slope, level = np.polyfit(true, found, 1)
    assert slope == pytest.approx(1, abs=0.08)
    assert level == pytest.approx(0, abs=0.08)
    weights = store.rows("select rm_off_policy_weight(ln(2), 0, ln(0.5), 0, tau := 1) as w")
    assert weights[0]["w"] == pytest.approx(2 / (0.1 * 2 + 0.9) * 0.5 / (0.1 * 0.5 + 0.9))


def test_rm_length_similarity(store):
    def similarity(a, b):
        return store.value("select rm_length_similarity($a, $b)", {"a": a, "b": b})

    assert (similarity(30, 40), similarity(40, 30), similarity(7, 7)) == (0.75, 0.75, 1)
    assert (similarity(0, 0), similarity(0, 9)) == (1, 0)
    assert similarity(None, 9) is None and similarity(9, None) is None
    with pytest.raises(QueryError, match="a length is -1"):
        similarity(3, -1)


def test_rm_cosine_similarity(store):
    def similarity(a, b):
        return store.value("select rm_cosine_similarity($a::float[2], $b::float[2])", {"a": a, "b": b})

    assert similarity([1, 0], [0, 3]) == pytest.approx(0.5)
    assert similarity([1, 0], [5, 5]) == pytest.approx(0.75)
    assert similarity([1, 0], [-1, 0]) == pytest.approx(0.5)
    assert similarity([0.3, 0.1], [0.3, 0.1]) == pytest.approx(1, abs=1e-7)
    assert similarity(None, [1, 0]) is None
    with pytest.raises(QueryError, match="zeros has no direction"):
        similarity([0, 0], [1, 0])


def test_rm_cosine_similarity_takes_lists_of_any_width(store):
    assert store.value("select rm_cosine_similarity([1, 0, 0]::float[], [0, 1, 0]::double[])") == pytest.approx(0.5)


@pytest.mark.parametrize(("a", "b", "most"), [([1, 0], [1, 0], 4.98), ([1, 0], [1, 1], 11.63), ([1, 0], [0, 1], 24.92)])
def test_rm_cosine_similarity_gives_the_published_caps(store, a, b, most):
    """The cosine recipe of arXiv 2404.00978, 20 / 0.001 / -15."""
    query = "select 20 / (rm_cosine_similarity($a::float[2], $b::float[2]) + 0.001) - 15"
    assert store.value(query, {"a": a, "b": b}) == pytest.approx(most, abs=0.006)
