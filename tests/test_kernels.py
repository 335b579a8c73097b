"""Arrow columns become matrices: widths, NULLs, structs, and what is refused."""

import threading

import numpy as np
import pyarrow as pa
import pytest

from rmstore.errors import InputError
from rmstore.heads.blas import blas_threads, one_blas_thread
from rmstore.heads.linear import LinearHead
from rmstore.kernels import Field, Scorer, read_fields, read_matrix, standardise

PLAIN = (Field("", 2),)
SIDE = (Field("e", 2), Field("log_len", 1, is_scalar=True, shift=1.0, scale=2.0))


def fixed(*rows):
    return pa.array(rows, type=pa.list_(pa.float32(), 2))


def structs(*rows, scalar=None):
    kind = pa.struct([("log_len", scalar or pa.float64()), ("e", pa.list_(pa.float32(), 2))])
    return pa.array(rows, type=kind)


def test_null_rows_are_left_out_and_marked():
    matrix, mask = read_matrix(fixed([1, 2], None, [3, 4]), PLAIN)
    assert matrix.tolist() == [[1, 2], [3, 4]]
    assert mask.tolist() == [True, False, True]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32(), 2), pa.list_(pa.float64()), pa.list_(pa.float64(), 2)])
def test_every_vector_type_is_read(kind):
    matrix, mask = read_matrix(pa.array([[1, 2], [3, 4]], type=kind), PLAIN)
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[1, 2], [3, 4]]
    assert mask is None


def test_a_slice_reads_its_own_rows():
    column = fixed([1, 2], [3, 4], None, [5, 6]).slice(1)
    matrix, mask = read_matrix(column, PLAIN)
    assert matrix.tolist() == [[3, 4], [5, 6]]
    assert mask.tolist() == [True, False, True]


def test_chunks_are_joined():
    matrix, _ = read_matrix(pa.chunked_array([fixed([1, 2]), fixed([3, 4])]), PLAIN)
    assert matrix.tolist() == [[1, 2], [3, 4]]


def test_struct_fields_are_read_by_name_in_the_order_of_the_head():
    rows = structs({"e": [1, 2], "log_len": 9}, None, {"e": None, "log_len": 3}, {"e": [5, 6], "log_len": 4})
    assert read_fields(rows) == (Field("e", 2), Field("log_len", 1, is_scalar=True))
    matrix, mask = read_matrix(rows, SIDE)
    assert matrix.tolist() == [[1, 2, 9], [5, 6, 4]]
    assert mask.tolist() == [True, False, False, True]


def test_scalars_are_standardised_and_vectors_are_not():
    assert standardise(np.array([[4, 5, 9]], np.float32), SIDE).tolist() == [[4, 5, 4]]
    rows = np.ones((1, 2), np.float32)
    assert standardise(rows, PLAIN) is rows


def test_a_struct_with_one_vector_serves_a_plain_head():
    column = pa.array([{"anything": [1, 2]}], type=pa.struct([("anything", pa.list_(pa.float32(), 2))]))
    assert read_matrix(column, PLAIN)[0].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("column", "fields", "message"),
    [
        (pa.array([[1, 2, 3]], pa.list_(pa.float32(), 3)), PLAIN, "width 3, but the head takes FLOAT[2]"),
        (pa.array([[1, 2], [1, 2, 3]], pa.list_(pa.float32())), PLAIN, "width 3"),
        (fixed([1, float("nan")]), PLAIN, "holds nan (row 1 of its batch, value 2)"),
        (fixed([1, 2], [float("-inf"), 0]), PLAIN, "holds -inf (row 2"),
        (pa.array([[1, None]], pa.list_(pa.float32(), 2)), PLAIN, "NULL inside a vector"),
        (structs({"e": [1, 2], "log_len": 1}), (*SIDE, Field("x", 1, is_scalar=True)), "no field 'x'"),
        (structs({"e": [1, 2], "log_len": float("inf")}), SIDE, "holds inf"),
        (structs({"e": [1, 2], "log_len": "a"}, scalar=pa.string()), SIDE, "takes a number"),
        (fixed([1, 2]), SIDE, "takes {e: FLOAT[2], log_len: DOUBLE}, but the input is FLOAT[2]"),
        (pa.array(["text"]), PLAIN, "is string, but the head takes FLOAT[2]"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_value(column, fields, message):
    with pytest.raises(InputError) as problem:
        read_matrix(column, fields)
    assert message in str(problem.value)


def test_a_field_that_is_an_untyped_null_makes_every_row_null():
    rows = pa.array(
        [{"e": [1, 2], "log_len": None}] * 2, pa.struct([("e", pa.list_(pa.float32(), 2)), ("log_len", pa.null())])
    )
    matrix, mask = read_matrix(rows, SIDE)
    assert matrix.shape == (0, 3)
    assert mask.tolist() == [False, False]


def test_columns_without_a_vector_are_refused():
    with pytest.raises(InputError, match="not a vector"):
        read_fields(pa.array([1, 2]))
    with pytest.raises(InputError, match="2 widths"):
        read_fields(pa.array([[1.0], [1.0, 2.0]]))


@pytest.fixture
def scorer():
    head = LinearHead(np.array([[1, 0], [0, 1]], np.float32), np.zeros(2, np.float32))
    return Scorer(head, PLAIN, 0.5, np.array([1, 2], np.float32), np.array([2, 4], np.float32), 2.0)


def test_score_is_the_member_mean_minus_the_reference_mean(scorer):
    assert scorer.score(fixed([1, 2], None, [3, 5])).to_pylist() == [1.0, None, 3.5]


@pytest.mark.parametrize("width", [6, 100, 384, 2048])
def test_equal_inputs_have_equal_rewards_wherever_they_stand(width):
    draw = np.random.default_rng(0)
    head = LinearHead(draw.normal(size=(1, width)).astype(np.float32), np.zeros(1, np.float32))
    scorer = Scorer(head, (Field("", width),), 0.0, np.zeros(1, np.float32), np.ones(1, np.float32), 1.0)
    same, rewards = draw.normal(size=width).astype(np.float32), set()
    for n in (*range(1, 20), 101, 2048):
        rows = draw.normal(size=(n, width)).astype(np.float32)
        rows[::2] = same
        column = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), width)
        rewards.update(scorer.score(column).to_pylist()[::2])
    assert len(rewards) == 1


def test_members_are_standardised_on_the_reference_set(scorer):
    assert scorer.members(fixed([1, 2], None, [3, 6])).to_pylist() == [[0, 0], None, [1, 1]]


def test_win_prob_is_the_sigmoid_over_the_temperature(scorer):
    rows = scorer.win_prob(fixed([2, 2], [0, 0], None), fixed([0, 0], [0, 0], [0, 0])).to_pylist()
    assert rows == [pytest.approx(1 / (1 + np.exp(-1))), 0.5, None]


def test_swapped_sides_have_complementary_chances(scorer):
    a, b = fixed([2, 1], [0, 3]), fixed([0, 0.5], [4, 4])
    forth, back = scorer.win_prob(a, b).to_numpy(), scorer.win_prob(b, a).to_numpy()
    np.testing.assert_allclose(forth + back, 1, rtol=0, atol=1e-15)


def test_the_blas_pool_comes_back_after_threads_score_at_once():
    from threadpoolctl import threadpool_info

    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if "numpy" in pool["filepath"]]

    before, inside, seen = threads(), [], []
    gate = threading.Barrier(4)

    def work():
        gate.wait()
        with one_blas_thread():
            seen.append(threads())
        for _ in range(50):
            with one_blas_thread():
                pass

    assert blas_threads() == max(before)
    with one_blas_thread():
        inside = threads()
        assert blas_threads() == 1
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(inside) == {1}
    assert seen == [[1]] * 4
    assert threads() == before
