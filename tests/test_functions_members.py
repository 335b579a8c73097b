"""The functions over member lists, by hand for [1, 2, 6]: mean 3, population variance 14 / 3."""

from math import sqrt

import numpy as np
import pyarrow as pa
import pytest

import rmstore

CALLS = {
    "rm_mean(m)": 3.0,
    "rm_wco(m)": 1.0,
    "rm_uwo(m)": 3 - 0.5 * 14 / 3,
    "rm_uwo(m, penalty := 2)": 3 - 2 * 14 / 3,
    "rm_lcb(m)": 3 - sqrt(14 / 3),
    "rm_lcb(m, k := 0.5)": 3 - 0.5 * sqrt(14 / 3),
    "rm_spread(m)": sqrt(14 / 3),
}


@pytest.fixture(scope="module")
def store():
    """One empty store for all: nothing here writes."""
    with rmstore.connect() as opened:
        yield opened


@pytest.mark.parametrize("call", CALLS)
def test_by_hand(store, call):
    row = store.rows(f"select {call} as value, typeof({call}) as kind from (select [1, 2, 6]::float[] as m)")[0]
    assert (row["value"], row["kind"]) == (pytest.approx(CALLS[call]), "DOUBLE")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("members", ["null::float[]", "[]::float[]"])
def test_no_members_give_null(store, call, members):
    assert store.value(f"select {call} from (select {members} as m)") is None


def test_one_member_is_its_own_ensemble(store):
    values = store.rows("select rm_mean(m) a, rm_wco(m) b, rm_uwo(m) c, rm_lcb(m) d from (select [4]::float[] as m)")
    assert set(values[0].values()) == {4.0}
    assert store.value("select rm_spread([4]::float[])") == 0


def test_a_bound_is_never_above_the_mean_and_zero_strength_is_the_mean(store):
    rows = store.rows(
        "select rm_lcb(m) <= rm_mean(m) and rm_wco(m) <= rm_mean(m) and rm_uwo(m) <= rm_mean(m) as below,"
        " rm_lcb(m, k := 0) = rm_mean(m) and rm_uwo(m, penalty := 0) = rm_mean(m) as same"
        " from (select [sin(i), cos(i), sin(3 * i)]::float[] as m from range(200) as numbers(i))"
    )
    assert {tuple(row.values()) for row in rows} == {(True, True)}


MEMBERS = "(select [sin(i), cos(i), sin(3 * i)]::double[] as m from range(200) as numbers(i))"


def test_identical_members_are_the_member(store):
    rows = store.rows(
        "select rm_mean(m) a, rm_wco(m) b, rm_uwo(m) c, rm_lcb(m) d from (select [3, 3, 3]::float[] as m)"
    )
    assert set(rows[0].values()) == {3.0}


@pytest.mark.parametrize("call", ["rm_mean(m)", "rm_wco(m)", "rm_uwo(m)", "rm_lcb(m)"])
def test_a_constant_added_to_all_members_shifts_the_result(store, call):
    shifted = call.replace("m)", "list_transform(m, lambda r: r + 5))")
    assert store.value(f"select max(abs({shifted} - {call} - 5)) from {MEMBERS}") < 1e-12


def test_scale_passes_through_but_squares_in_the_penalty(store):
    """Why members are standardised before the uncertainty-weighted mean: its penalty is a variance."""
    row = store.rows(
        "select max(abs(rm_mean(n) - 4 * rm_mean(m))) a, max(abs(rm_wco(n) - 4 * rm_wco(m))) b,"
        " max(abs((rm_mean(n) - rm_uwo(n)) - 16 * (rm_mean(m) - rm_uwo(m)))) c"
        f" from (select m, list_transform(m, lambda r: 4 * r) as n from {MEMBERS})"
    )[0]
    assert max(row.values()) < 1e-12


def test_a_stronger_penalty_never_raises_the_result(store):
    assert store.value(f"select bool_and(rm_uwo(m, penalty := 2) <= rm_uwo(m, penalty := 0.5)) from {MEMBERS}")


@pytest.mark.parametrize(("members", "expected"), [(2, 0.5642), (5, 1.163)])
def test_the_worst_of_noisy_members_lies_where_order_statistics_say(store, members, expected):
    """E[worst case - mean] = -s m_M for members that differ by independent noise of sd s."""
    noise = np.random.default_rng(0).normal(scale=0.5, size=(40_000, members))
    store.con.register("noisy", pa.table({"m": pa.array(list(noise))}))
    try:
        gap = store.con.execute("select avg(rm_wco(m) - rm_mean(m)) from noisy").fetchall()[0][0]
    finally:
        store.con.unregister("noisy")
    assert gap == pytest.approx(-0.5 * expected, abs=0.006)
