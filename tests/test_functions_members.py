"""The functions over member lists, by hand for [1, 2, 6]: mean 3, population variance 14 / 3."""

from math import sqrt

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
