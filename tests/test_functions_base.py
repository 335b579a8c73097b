"""How a Python function becomes a SQL function: what it returns is arrow's own."""

import numpy as np
import pyarrow as pa
import pytest

from rmstore.functions.base import sql_function

RESULTS = {
    "numbers": pa.array,
    "with NULL": lambda held: pa.array(held, mask=held == 2),
    "lists": lambda held: pa.ListArray.from_arrays(pa.array([0, 2, 4], pa.int32()), pa.array(held)),
    "vectors": lambda held: pa.FixedSizeListArray.from_arrays(pa.array(held), 2),
    "structs": lambda held: pa.StructArray.from_arrays([pa.array(held)], ["x"]),
    "none": lambda held: pa.array(held[:0]),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_result_does_not_hang_on_the_memory_of_numpy(store, make):
    held = np.arange(4.0)
    function = sql_function("_rm_given", "DOUBLE")(lambda store, column: make(held))
    found = function.bind(store)(pa.chunked_array([[1]]))
    expected = pa.array(make(np.arange(4.0)).to_pylist(), found.type)
    held[:] = 9
    assert found.equals(expected)
    assert found.type == make(held).type
