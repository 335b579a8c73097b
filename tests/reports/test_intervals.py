"""The interval macros of reports: quantiles, and how often the interval of a share holds the truth."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from spans import mean_variance, paired_share

import rmstore


@pytest.fixture(scope="module")
def store():
    """An empty store with the macros of reports; nothing here writes."""
    with rmstore.connect() as opened:
        opened.make_macros("report_macros")
        yield opened


def test_quantiles_of_t(store):
    rows = store.rows("select df, _rm_t975(df) as t from range(0, 300) as degrees(df)")
    assert rows[0]["t"] is None
    for row in rows[1:]:
        assert row["t"] == pytest.approx(stats.t.ppf(0.975, row["df"]), abs=1e-6)


@pytest.mark.parametrize("groups, share", [(5, 0.7), (10, 0.9), (30, 0.97), (100, 0.6)])
def test_the_interval_of_a_share_holds_the_truth_in_95_of_100_samples(store, groups, share):
    rng, repeats = np.random.default_rng(0), 500
    chance = rng.beta(4 * share, 4 * (1 - share), (repeats, groups))  # pairs of a group go together: correlation 1/5
    n = rng.integers(1, 6, (repeats, groups))
    samples = pa.table(
        {"sample": np.repeat(np.arange(repeats), groups), "n": n.ravel(),
         "hits": rng.binomial(n, chance).ravel().astype(float)}
    )  # fmt: skip
    cursor = store.cursor()
    cursor.register("samples", samples)
    held = cursor.execute(
        "select avg((low <= $share and $share <= high)::integer) from ("
        "  select _rm_share_interval(n, hits).low as low, _rm_share_interval(n, hits).high as high"
        "  from samples group by sample)",
        {"share": share},
    ).fetchall()[0][0]
    assert held >= 0.93


def differences(rng, repeats, groups):
    """Units per group, and by how many of them one head is right more often than another: 0.2 / 3 of all units."""
    n = rng.integers(1, 6, (repeats, groups))
    both = rng.binomial(n, rng.beta(2, 1, (repeats, groups)))  # units of a group go together
    return n, (rng.binomial(n - both, 0.4) - rng.binomial(n - both, 0.2)).astype(float)


def spans_of(store, macro, n, d):
    """Return the intervals of samples, (samples, 2), NaN where there is none."""
    cursor = store.cursor()
    cursor.register("samples", pa.table(
        {"sample": np.repeat(np.arange(len(n)), n.shape[1]), "n": n.ravel(), "d": d.ravel()}))  # fmt: skip
    found = cursor.execute(
        f"select span.low, span.high from (select sample, {macro}(_rm_mean(n, d), _rm_mean_variance(n, d), count(*))"
        " as span from samples group by sample) order by sample"
    ).fetchnumpy()
    return np.stack([np.ma.filled(column, np.nan) for column in found.values()], axis=1)


@pytest.mark.parametrize("groups", [2, 3, 5, 10, 25, 100])
def test_the_interval_of_a_difference_of_shares_holds_the_truth_within_one(store, groups):
    n, d = differences(np.random.default_rng(0), 800, groups)
    spans = spans_of(store, "_rm_paired_share_interval", n, d)
    given = ~np.isnan(spans[:, 0])
    assert (np.abs(spans[given]) <= 1).all()
    assert 0.93 <= ((spans[given, 0] <= 0.2 / 3) & (spans[given, 1] >= 0.2 / 3)).mean() <= (0.98 if groups > 20 else 1)
    for sample in np.flatnonzero(given)[:20]:
        mean = d[sample].sum() / n[sample].sum()
        expected = paired_share(mean, mean_variance(n[sample], d[sample]), groups)
        assert spans[sample] == pytest.approx(expected, abs=1e-6)
    assert (~given == (np.ptp(d / n, axis=1) < 1e-12)).all()  # none where nothing varies


def test_a_share_that_is_nearly_1_better_everywhere(store):
    """Of t errors two in three reach beyond 1 here, and hold the truth in 90 of 100."""
    rng = np.random.default_rng(1)
    n = rng.integers(1, 6, (800, 30))
    d = (rng.binomial(n, rng.beta(3.9, 0.1, n.shape)) - rng.binomial(n, rng.beta(0.1, 3.9, n.shape))).astype(float)
    spans = spans_of(store, "_rm_paired_share_interval", n, d)
    spans = spans[~np.isnan(spans[:, 0])]
    assert 0.93 <= ((spans[:, 0] <= 0.95) & (spans[:, 1] >= 0.95)).mean() <= 0.99 and spans.max() <= 1


def test_the_interval_of_a_difference_of_any_numbers_holds_the_truth(store):
    rng = np.random.default_rng(2)
    n = rng.integers(1, 6, (800, 12))
    d = n * (30 + rng.normal(0, 5, n.shape)) + rng.normal(0, 20, n.shape)
    spans = spans_of(store, "_rm_paired_interval", n, d)
    assert 0.93 <= ((spans[:, 0] <= 30) & (spans[:, 1] >= 30)).mean() <= 0.97


def test_groups_without_units_do_not_count(store):
    query = "select _rm_{}_interval(n, hits) as i from (values (3, 2.0), (1, 0.5), (0, null), (0, 0.0)) as t(n, hits)"
    for name in ("share", "mean"):
        with_empty = store.value(query.format(name))
        assert with_empty == pytest.approx(store.value(query.format(name).replace(", (0, null), (0, 0.0)", "")))


def test_one_group_has_no_interval(store):
    values = "from (values (3, 2.0), (0, 0.0)) as t(n, hits)"
    assert store.value(f"select _rm_share_interval(n, hits) {values}") is None
    assert store.value(f"select _rm_mean_interval(n, hits) {values}") == {"low": None, "high": None}


def test_groups_that_do_not_differ_have_no_variance(store):
    # A third of the units of every group: in floating point the sum of squares is 1e-15, not 0, and z would be 1e8.
    query = "select _rm_mean_variance(n, total) as v, _rm_z(_rm_mean(n, total), v) as z from groups"
    cursor = store.cursor()
    for n, total in [(3, 0.3), (9, 0.9), (6, 5.0), (13, 1.0), (7, 0.7), (3, 1.0)]:
        for count in (2, 3, 5, 50):
            cursor.register("groups", pa.table({"n": [n] * count, "total": [total] * count}))
            assert cursor.execute(query).fetchall() == [(0, None)]
    for totals in ([0.0] * 99_999 + [1.0], [1e6, 1e6 + 1, 1e6 - 1]):  # small, but no rounding
        cursor.register("groups", pa.table({"n": [1] * len(totals), "total": totals}))
        assert cursor.execute(query).fetchall()[0][0] == pytest.approx(np.var(totals, ddof=1) / len(totals), rel=1e-3)
