"""Functions that are a line of SQL, by hand."""

import uuid

import pytest

import rmstore
from rmstore.errors import QueryError


@pytest.fixture(scope="module")
def store():
    with rmstore.connect() as opened:
        yield opened


def test_rm_mean(store):
    assert store.value("select rm_mean([1, 3, 5]::float[])") == 3


def test_rm_wco(store):
    assert store.value("select rm_wco([4, 1, 3]::float[])") == 1


def test_rm_uwo(store):
    assert store.value("select rm_uwo([1, 3]::float[])") == pytest.approx(2 - 0.5 * 1)
    assert store.value("select rm_uwo([1, 5]::float[], penalty := 0.25)") == pytest.approx(3 - 0.25 * 4)


def test_rm_lcb(store):
    assert store.value("select rm_lcb([1, 3]::float[])") == pytest.approx(2 - 1)
    assert store.value("select rm_lcb([1, 5]::float[], k := 0.5)") == pytest.approx(3 - 0.5 * 2)


def test_rm_spread(store):
    assert store.value("select rm_spread([1, 5]::float[])") == pytest.approx(2)


def test_rm_fold(store):
    groups = [str(uuid.UUID(int=number * 2**96 + 7)) for number in range(5_000)]
    query = "select rm_fold(unnest($groups)::uuid, k := $k, seed := $seed) as fold"

    def folds(k=5, seed=0):
        return [row["fold"] for row in store.rows(query, {"groups": groups, "k": k, "seed": seed})]

    found = folds()
    assert found == folds() and set(found) == set(range(5)) and found != folds(seed=1)
    assert all(900 < found.count(fold) < 1_100 for fold in range(5))
    assert set(folds(k=3)) == {0, 1, 2}
    assert store.value("select typeof(rm_fold(uuid()))") == "INTEGER"
    assert store.value("select rm_fold(null)") is None
    for k in (0, -3):
        with pytest.raises(QueryError, match=f"k is {k}"):
            folds(k=k)


@pytest.mark.parametrize("call", ["rm_mean", "rm_wco", "rm_uwo", "rm_lcb", "rm_spread"])
def test_no_list_gives_null_of_the_type_of_a_double(store, call):
    assert store.rows(f"select {call}(null) as found, typeof({call}([1]::float[])) as kind") == [
        {"found": None, "kind": "DOUBLE"}
    ]


def test_rm_fold_is_independent_of_the_split(store):
    query = """
        select count(*) as n from (select unnest($groups)::uuid as group_id)
        where _rm_hash_split(group_id) = 'test' group by rm_fold(group_id)
    """
    groups = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(10_000)]
    assert all(130 < row["n"] < 270 for row in store.rows(query, {"groups": groups}))
