"""The reports overoptimisation and overoptimisation-curve, and the fits of their curves."""

from math import exp

import numpy as np
import pyarrow as pa
import pytest
from lab import fill, table

import rmstore
from rmstore import best_of_n


def kl(n):
    """Return the KL divergence of the best of n from the policy, in nats."""
    return np.log(n) - (np.asarray(n) - 1) / n


def candidates(store, reward, gold, policy="sft", **columns):
    """Fill a store with prompts of as many candidates each; reward and gold are (prompts, candidates)."""
    prompts, n = np.shape(reward)
    given = {
        "prompt": [f"p{i // n}" for i in range(prompts * n)],
        "text": [f"t{i}" for i in range(prompts * n)],
        "reward": np.ravel(reward).astype(float),
        "gold": np.ravel(gold).astype(float),
        "policy": policy,
    }
    return fill(store, {**given, **columns})


def flattered(rng, shape):
    """Return a reward that is gold, but for a twentieth of the candidates, which it praises whatever they are worth."""
    gold, praise = rng.normal(size=(2, *shape))
    return np.where(rng.random(shape) < 0.05, 8 + praise, gold), gold


def gold_of_curve(gain):
    """Return golds by ascending rank whose best-of-n curve over n = 1 .. N gains just this, (N,)."""
    return np.linalg.solve(best_of_n.weights(len(gain), len(gain)).T, gain)


def test_kl_of_best_of_n(store):
    found = store.sql("select _rm_bon_kl(n) from unnest([1, 2, 10, 100, 500, 12500]) as x(n)").fetchall()
    assert [row[0] for row in found] == pytest.approx([0, 0.193, 1.403, 3.615, 5.217, 8.434], abs=5e-4)
    found = store.sql("select n, _rm_bon_n(_rm_bon_kl(n)) from unnest([1.5, 2, 10, 500, 1e9]) as x(n)").fetchall()
    for n, back in found:
        assert back == pytest.approx(float(n), rel=1e-9)


@pytest.mark.parametrize("form, b, peak", [("bon", 0.1, 5.0), ("rl", 0.3, 10.31)])
def test_rm_overoptimisation_fit(store, form, b, peak):
    query = """
        select rm_overoptimisation_fit(d, case form when 'bon' then d * (1 - b * d)
                   when 'rl' then case when d > 0 then d * (1 - b * ln(d)) else 0 end end, form := form) as fit
        from (select $form as form, $b::double as b) cross join unnest([0, 0.5, 1, 2, 4, 8]) as distances (d)
        group by form
    """
    fit = store.sql(query, params={"form": form, "b": b}).fetchall()[0][0]
    assert (fit["a"], fit["b"]) == pytest.approx((1, b), rel=1e-9)
    found = store.sql("select rm_overoptimisation_peak(1, $b, form := $form)", params={"form": form, "b": b})
    assert found.fetchall()[0][0] == pytest.approx(peak, abs=5e-3)


def test_the_fit_is_least_squares(store):
    rng = np.random.default_rng(0)
    d, y = rng.uniform(0.1, 3, 20), rng.normal(size=20)
    values = ", ".join(f"({float(one)!r}, {float(other)!r})" for one, other in zip(d, y, strict=True))
    for form, bend in (("bon", -(d**2)), ("rl", -d * np.log(d))):
        fit = store.sql(f"select rm_overoptimisation_fit(d, y, form := '{form}') from (values {values}) t(d, y)")
        expected = np.linalg.lstsq(np.stack([d, bend], axis=1), y, rcond=None)[0]
        assert list(fit.fetchall()[0][0].values()) == pytest.approx(list(expected), rel=1e-9)


def test_rm_overoptimisation_peak(store):
    found = store.sql("""
        select rm_overoptimisation_peak(1, 0), rm_overoptimisation_peak(1, -1), rm_overoptimisation_peak(-1, 1),
               rm_overoptimisation_peak(null, 1), rm_overoptimisation_peak(-1, 1, form := 'rl')
    """).fetchall()[0]
    assert found == (None, None, None, None, pytest.approx(exp(-2)))
    for call in ("rm_overoptimisation_peak(1, 1, form := 'ppo')", "rm_overoptimisation_fit(1, 1, form := 'ppo')"):
        with pytest.raises(rmstore.errors.RmstoreError, match=r"form is ppo: bon \(best-of-n\) or rl"):
            store.sql(f"select {call}").fetchall()


def test_one_distance_has_no_fit(store):
    fit = store.sql("select rm_overoptimisation_fit(d, d) from unnest([0, 2, 2]) as x(d)").fetchall()[0][0]
    assert fit == {"a": None, "b": None}


def test_known_a_and_b_are_recovered(store):
    n = np.arange(1, 31)
    d = np.sqrt(kl(n))
    golds = [3 + gold_of_curve(d * (a - b * d)) for a, b in ((1.0, 0.5), (1.4, 0.6), (0.6, 0.4))]
    candidates(store, np.tile(n, (3, 1)), golds)
    row = table(store, "overoptimisation")[0]
    assert (row["a"], row["b"], row["peak"]) == pytest.approx((1, 0.5, 1), abs=1e-7)
    assert (row["n_prompts"], row["n_groups"], row["n_seen"], row["n_mixed"], row["n_short"], row["last_n"]) == (
        3, 3, 0, 0, 0, 30,
    )  # fmt: skip
    half = 4.3026527297 * np.std([1, 1.4, 0.6], ddof=1) / np.sqrt(3)
    assert (row["a_low"], row["a_high"]) == pytest.approx((1 - half, 1 + half), abs=1e-6)
    assert kl(row["fitted_n"]) == pytest.approx(1)
    curve = d * (1 - 0.5 * d)
    assert row["observed_n"] == n[curve.argmax()] == 6
    assert (row["first_gold"], row["peak_gold"], row["last_gold"]) == pytest.approx((3, 3 + curve[5], 3 + curve[-1]))
    assert row["drop"] == pytest.approx(curve[5] - curve[-1])
    assert row["drop_low"] < row["drop"] < row["drop_high"]
    assert 0.7 <= row["peak_low"] <= row["peak"] <= row["peak_high"] <= 1.3 and row["peak_share"] > 0.9


def test_the_curve_is_in_standard_deviations(store):
    rng = np.random.default_rng(1)
    reward, gold = rng.normal(size=(2, 5, 12)).astype(np.float32).astype(float)
    candidates(store, reward, 7 + 10 * gold)
    rows = table(store, "overoptimisation-curve")
    bon = table(store, "bon")
    scale = np.sqrt((10 * gold).var(axis=1).mean())
    assert [row["gold"] for row in rows] == pytest.approx([row["gold"] for row in bon])
    assert [row["gold_gain"] * scale for row in rows] == pytest.approx([row["gold"] - bon[0]["gold"] for row in bon])
    proxy_scale = np.sqrt(reward.var(axis=1).mean())
    for row, other in zip(rows, bon, strict=True):
        assert row["proxy_gain"] * proxy_scale == pytest.approx(other["proxy"] - bon[0]["proxy"])
        assert row["gap"] == pytest.approx(row["proxy_gain"] - row["gold_gain"])
        assert (row["kl"], row["distance"]) == pytest.approx((kl(row["n"]), np.sqrt(kl(row["n"]))))
    fit = table(store, "overoptimisation")[0]
    for row in rows:
        assert row["fitted"] * scale == pytest.approx(row["distance"] * (fit["a"] - fit["b"] * row["distance"]))


def test_gaussian_noise_alone_never_turns_over(store):
    rng = np.random.default_rng(2)
    reward = rng.normal(size=(150, 60))
    candidates(store, reward, 0.4 * reward + rng.normal(size=reward.shape))
    row = table(store, "overoptimisation")[0]
    assert row["b_low"] < 0, "no sign of a bend"
    assert row["peak"] is None or row["peak"] > np.sqrt(kl(60))


def test_a_reward_with_heavy_tails_turns_over(store):
    rng = np.random.default_rng(3)
    candidates(store, *flattered(rng, (150, 60)))
    row = table(store, "overoptimisation")[0]
    assert 0 < row["peak_low"] < row["peak"] < row["peak_high"] < np.sqrt(kl(60)) and row["peak_share"] == 1
    assert 3 < row["observed_n"] < 40 and row["drop_low"] > 0 and row["b_low"] > 0


@pytest.mark.parametrize("groups", [10, 30])
def test_the_interval_of_the_peak_holds_the_truth(store, groups):
    """Prompts of a reward that turns over; the truth is the peak of ten thousand of them together."""
    rng, n, samples = np.random.default_rng(6), np.arange(1, 33), 300
    reward, gold = flattered(rng, (10_000, 32))
    curve = best_of_n.curves(reward, gold[None])[0]
    d = np.sqrt(kl(n))
    a, b = np.linalg.lstsq(np.stack([d, -(d**2)], axis=1), (curve - curve[:, :1]).T, rcond=None)[0]
    truth = a.mean() / (2 * b.mean())
    drawn = [rng.choice(len(a), groups, replace=False) for _ in range(samples)]
    fits = [[{"group_id": f"p{i}", "a": a[i], "b": b[i]} for i in sample] for sample in drawn]
    cursor = store.cursor()
    cursor.register("samples", pa.table({"sample": range(samples), "fits": fits}))
    found = cursor.execute(
        "select bounds.low, bounds.high, share from samples,"
        " lateral (select bounds, share from _rm_peak_interval(fits, sample, 300))"
    )
    low, high, share = np.array(found.fetchall()).T
    assert 0.92 <= ((low <= truth) & (truth <= high)).mean() <= 0.98
    assert len(share) == samples and share.min() > 0.8


def test_only_prompts_of_one_policy_have_a_distance(store):
    rows = [
        *({"prompt": "one", "text": f"a{i}", "reward": i, "gold": i, "policy": "x"} for i in range(4)),
        *({"prompt": "other", "text": f"b{i}", "reward": i, "gold": i, "policy": "y"} for i in range(5)),
        *({"prompt": "mixed", "text": f"c{i}", "reward": i, "gold": 9, "policy": "xy"[i % 2]} for i in range(4)),
        *({"prompt": "unknown", "text": f"d{i}", "reward": i, "gold": 9} for i in range(4)),
        *({"prompt": "short", "text": f"e{i}", "reward": i, "gold": 9, "policy": "x"} for i in range(2)),
        *({"prompt": "seen", "text": f"f{i}", "reward": i, "gold": 9, "policy": "x"} for i in range(4)),
    ]
    fill(store, rows, seen=["seen"])
    for name in ("overoptimisation", "overoptimisation-curve"):
        row = table(store, name)[-1]
        counts = [row[key] for key in ("n_prompts", "n_groups", "n_seen", "n_mixed", "n_short")]
        assert counts == [2, 2, 1, 2, 1]
    assert table(store, "overoptimisation")[0]["last_n"] == 4 == len(table(store, "overoptimisation-curve"))
    assert table(store, "overoptimisation-curve")[-1]["gold"] == pytest.approx((3 + (4 * 4 / 5 + 3 / 5)) / 2)
    row = table(store, "overoptimisation", min_candidates=2)[0]
    assert (row["n_prompts"], row["n_short"], row["last_n"], row["a"]) == (3, 0, 2, None)


def test_without_a_policy_there_is_no_number(store):
    candidates(store, [[0, 1, 2]], [[0, 1, 2]], policy=None)
    row = table(store, "overoptimisation")[0]
    assert (row["n_prompts"], row["n_mixed"]) == (0, 1)
    assert {row[key] for key in ("last_n", "a", "b", "peak", "peak_low", "observed_n", "drop", "peak_share")} == {None}
    row = table(store, "overoptimisation-curve")[0]
    assert {name: value for name, value in row.items() if value is not None} == {
        "n_prompts": 0, "n_groups": 0, "n_seen": 0, "n_mixed": 1, "n_short": 0,
    }  # fmt: skip
    assert table(store, "overoptimisation", split="train")[0]["n_mixed"] == 0


def test_constant_reward_and_one_prompt(store):
    candidates(store, [[1, 1, 1, 1]], [[1, 2, 3, 6]])
    row = table(store, "overoptimisation")[0]
    assert (row["a"], row["b"], row["observed_n"], row["drop"]) == (0, 0, 1, 0)
    assert {row[key] for key in ("a_low", "peak", "peak_low", "fitted_n", "drop_low")} == {None}
    rows = table(store, "overoptimisation-curve")
    assert {(row["gold_gain"], row["proxy_gain"], row["gap"], row["low"]) for row in rows} == {(0, None, None, None)}


def test_the_seed_is_a_parameter(store):
    rng = np.random.default_rng(4)
    candidates(store, *flattered(rng, (40, 30)))
    one, same, other = (table(store, "overoptimisation", seed=seed, replicates=50)[0] for seed in (0, 0, 1))
    assert one == pytest.approx(same, rel=1e-9)
    assert (one["a"], one["a_low"]) == pytest.approx((other["a"], other["a_low"]))
    assert one["peak_high"] != pytest.approx(other["peak_high"])
