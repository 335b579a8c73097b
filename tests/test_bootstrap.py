"""Bootstrap draws: mean and variance, who depends on what, and how often the interval holds the truth."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import rmstore
from rmstore.bootstrap import poisson_counts
from rmstore.errors import OptionError

KEYS = np.random.default_rng(0).integers(0, 2**64, 4_000, dtype=np.uint64)


@pytest.fixture(scope="module")
def store():
    """An empty store with the macros of reports; nothing here writes."""
    with rmstore.connect() as opened:
        opened.make_macros("report_macros")
        yield opened


def test_counts_are_poisson_of_mean_one():
    drawn = poisson_counts(KEYS, 500)
    shares = np.bincount(drawn.ravel(), minlength=8) / drawn.size
    assert shares[:6] == pytest.approx(stats.poisson.pmf(range(6), 1), abs=1e-3)
    assert np.corrcoef(drawn.T[:40].astype(float))[np.triu_indices(40, 1)] == pytest.approx(0, abs=0.09)
    assert np.corrcoef(drawn[:40].astype(float))[np.triu_indices(40, 1)] == pytest.approx(0, abs=0.25)


def test_a_group_depends_on_its_own_key_and_its_start_not_on_how_many():
    drawn = poisson_counts(KEYS[:10], 13)
    assert drawn.shape == (10, 13)
    assert np.array_equal(drawn[7:8], poisson_counts(KEYS[7:8], 13))
    assert np.array_equal(drawn, poisson_counts(KEYS[:10], 99)[:, :13])


def test_the_draws_in_sql_follow_from_md5_of_seed_and_group(store):
    key = int.from_bytes(hashlib.md5(b"3/p1").digest()[8:], "little")
    found = store.value("select _rm_bootstrap_counts(3, 9, 'p1')")
    assert list(found) == poisson_counts(np.array([key], np.uint64), 9)[0].tolist()
    assert store.value("select _rm_bootstrap_counts(4, 9, 'p1')") != found


@pytest.mark.parametrize("replicates", [0, -1, 10**9])
def test_replicates_out_of_bounds_are_an_error(store, replicates):
    with pytest.raises(OptionError, match=f"replicates is {replicates}"):
        store.value("select _rm_bootstrap_counts(0, $n, 'p1')", {"n": replicates})


def test_the_normal_distribution_function(store):
    for z in (0.0, -0.1, -1.96, -2.5, -4.3, -13.0):
        assert store.value(f"select _rm_normal_tail({z}::double)") == pytest.approx(stats.norm.cdf(z), abs=1e-7)


def test_quantiles_of_a_sorted_list_are_numpys(store):
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    for level in (0.0, 0.1, 0.25, 0.5, 0.9, 1.0):
        found = store.value("select _rm_sorted_quantile($values, $level)", {"values": values, "level": level})
        assert found == pytest.approx(np.quantile(values, level), abs=1e-12)


def test_an_interval_needs_two_groups_and_values(store):
    query = "select _rm_bootstrap_interval({}, {}) from range(100) as r(r)"
    assert store.value(query.format("r", 1)) is None
    assert store.value(query.format("case when r < 40 then r end", 9)) is None
    assert store.value(query.format("case when r < 60 then 7 end", 9)) == {"low": 7.0, "high": 7.0}


@pytest.mark.parametrize("groups", [10, 30, 100])
def test_the_interval_of_a_median_like_figure_holds_the_truth_at_its_stated_rate(store, groups):
    """A ratio of two sums over skewed groups, which no formula for means covers; its truth is 2."""
    rng, repeats, replicates = np.random.default_rng(groups), 300, 400
    below = rng.gamma(4, 1, (repeats, groups))
    above = 2 * below * rng.gamma(9, 1 / 9, (repeats, groups))
    cursor = store.cursor()
    cursor.register("samples", pa.table({
        "sample": np.repeat(np.arange(repeats), groups), "group_id": np.tile(np.arange(groups), repeats),
        "above": above.ravel(), "below": below.ravel(),
    }))  # fmt: skip
    held = cursor.execute(
        "with drawn as (select sample, above, below, unnest(range($replicates)) as replicate,"
        "   unnest(_rm_bootstrap_counts(sample, $replicates, group_id)) as n from samples),"
        " estimates as (select sample, replicate, sum(n * above) / nullif(sum(n * below), 0) as estimate"
        "   from drawn group by all),"
        " spans as (select _rm_bootstrap_interval(estimate, $groups) as span from estimates group by sample)"
        " select avg((span.low <= 2 and span.high >= 2)::integer) from spans",
        {"replicates": replicates, "groups": groups},
    ).fetchall()[0][0]
    assert 0.92 <= held <= 0.98


def test_percentiles_lie_further_out_where_groups_are_few(store):
    for n in (2, 3, 5, 20, 1_000):
        level = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))  # Hesterberg 2015
        assert store.value("select _rm_expanded_level($n)", {"n": n}) == pytest.approx(level, abs=1e-6)
