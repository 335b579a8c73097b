"""import_vectors: vectors made elsewhere, matched by the operator's own SQL."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stocking import stock

from rmstore import snapshots
from rmstore.embedding import embed
from rmstore.errors import BadFileError, InputError, OptionError
from rmstore.imports import import_vectors

ROWS = [("q", "one"), ("q", "two"), ("p", "three")]
BY_TEXT = "select r.response_id, f.embedding from file as f join responses as r on r.text = f.name"
VECTORS = [[1.0, 0.0], [0.0, 1.0], [3.0, 4.0]]


@pytest.fixture
def file(tmp_path):
    def write(vectors=VECTORS, names=("one", "two", "three")):
        path = tmp_path / "vectors.parquet"
        column = pa.array(vectors, type=pa.list_(pa.float32()))
        pq.write_table(pa.table({"name": list(names), "embedding": column}), path)
        return path

    return write


def test_vectors_from_parquet_become_a_snapshot(store, file):
    ids = stock(store, ROWS)
    result = import_vectors(store, file(), match=BY_TEXT, snapshot="s", encoder="their-model", max_tokens=128)
    assert (result.snapshot.reference, result.n_embedded, result.is_new) == ("s@1", 3, True)
    assert result.notes == ("3 of 3 rows of the file matched 3 responses",)
    rows = store.rows("select response_id::varchar as id, embedding, n_tokens from rm_rows('s')")
    assert {row["id"]: list(row["embedding"]) for row in rows} == dict(zip(ids, VECTORS, strict=True))
    assert {row["n_tokens"] for row in rows} == {None}
    again = import_vectors(store, file(), match=BY_TEXT, snapshot="s", encoder="their-model", max_tokens=128)
    assert (again.snapshot.reference, again.n_embedded, again.is_new) == ("s@1", 0, False)
    assert store.value("select count(*) from renderings") == store.value("select count(*) from embeddings_2_f32") == 3


def test_vectors_from_npy_match_by_row_number(store, tmp_path):
    ids = stock(store, ROWS)
    np.save(tmp_path / "v.npy", np.array(VECTORS, np.float64))
    match = (
        "select response_id, embedding from file join (select response_id, row_number() over (order by response_id) - 1"
        " as file_row_number from responses) using (file_row_number)"
    )
    import_vectors(store, tmp_path / "v.npy", match=match, snapshot="s", encoder="m", layout="response")
    rows = store.rows("select response_id::varchar as id, embedding from rm_rows('s') order by response_id")
    assert [row["id"] for row in rows] == sorted(ids)
    assert [list(row["embedding"]) for row in rows] == VECTORS


def test_rows_without_a_match_are_counted(store, file):
    stock(store, ROWS)
    path = file([*VECTORS[:2], [9.0, 9.0]], names=("one", "two", "nowhere"))
    result = import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m")
    assert result.notes == (
        "2 of 3 rows of the file matched 2 responses",
        "1 responses of d have no vector in the file",
    )
    assert result.snapshot.n_rows == 2


@pytest.mark.parametrize(
    ("vectors", "names", "problem"),
    [
        ([[1, 0], [0, 1, 2], [1, 1]], ("one", "two", "three"), "several widths"),
        ([[1, 0], [0, float("nan")], [1, 1]], ("one", "two", "three"), "1 of 3 vectors have NaN"),
        ([[1, 0], [0, float("inf")], [1, 1]], ("one", "two", "three"), "NaN or infinite"),
        ([[1, 0], [1, 1], [0, 1]], ("one", "one", "two"), "1 responses have different vectors"),
        ([[1, 0], None, [0, 1]], ("one", "two", "three"), "no response or no vector"),
        ([[1, 0], [1, 0], [1, 0]], ("x", "y", "z"), "gives no row"),
    ],
)
def test_bad_vectors_are_refused_and_nothing_is_stored(store, file, vectors, names, problem):
    stock(store, ROWS)
    with pytest.raises(InputError, match=problem):
        import_vectors(store, file(vectors, names), match=BY_TEXT, snapshot="s", encoder="m")
    assert store.value("select count(*) from renderings") == 0
    assert snapshots.list_snapshots(store) == []


def test_equal_vectors_of_one_response_are_one(store, file):
    stock(store, ROWS)
    path = file([[1.0, 0.0], [1.0, 1e-7], [0.0, 1.0]], names=("one", "one", "two"))
    assert import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m").n_embedded == 2


@pytest.mark.parametrize(
    ("match", "problem"),
    [
        ("select 1 as response_id", "no column 'embedding'"),
        ("drop table prompts", "does not parse"),
        ("select 1; select 2", "not one query"),
        ("select uuid() as response_id, embedding from file", "does not have"),
    ],
)
def test_the_match_is_one_query_with_two_columns(store, file, match, problem):
    stock(store, ROWS)
    with pytest.raises(InputError, match=problem):
        import_vectors(store, file(), match=match, snapshot="s", encoder="m")


def test_other_vectors_under_the_same_spec_are_refused(store, file):
    stock(store, ROWS)
    import_vectors(store, file(), match=BY_TEXT, snapshot="s", encoder="m")
    with pytest.raises(InputError, match="3 responses have another vector"):
        import_vectors(store, file([[5, 5], [6, 6], [7, 7]]), match=BY_TEXT, snapshot="s", encoder="m")
    assert import_vectors(store, file([[5, 5], [6, 6], [7, 7]]), match=BY_TEXT, snapshot="t", encoder="n").is_new


def test_an_imported_encoder_embeds_no_text(store, file):
    stock(store, ROWS)
    import_vectors(store, file(), match=BY_TEXT, snapshot="s", encoder="m")
    for query in ("select rm_embed('m', 'text')", "select rm_embed('s@1', 'q', 'text')"):
        with pytest.raises(InputError, match="'m' were imported"):
            store.sql(query)
    with pytest.raises(InputError, match="'m' were imported"):
        embed(store, "d", snapshot="t", encoder="m")


def test_files_that_hold_no_vectors_are_named(store, tmp_path):
    stock(store, ROWS)
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    (tmp_path / "a.npy").write_bytes(b"nothing")
    (tmp_path / "a.txt").write_text("nothing")
    for name in ("a.parquet", "a.npy", "a.txt", "missing.npy"):
        with pytest.raises(BadFileError, match=name):
            import_vectors(store, tmp_path / name, match=BY_TEXT, snapshot="s", encoder="m")
    with pytest.raises(OptionError, match="'prompt'"):
        import_vectors(store, tmp_path / "a.npy", match=BY_TEXT, snapshot="s", encoder="m", layout="prompt")


def test_pickled_arrays_are_refused(store, tmp_path):
    np.save(tmp_path / "p.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadFileError, match=r"p\.npy"):
        import_vectors(store, tmp_path / "p.npy", match=BY_TEXT, snapshot="s", encoder="m")


BY_HASH = """
select r.response_id, f.embedding
from file as f
join (
    select response_id,
           left(sha256(rm_prompt_text(prompts.messages) || chr(10) || chr(10) || responses.text), 16) as key
    from responses join prompts using (prompt_id)
) as r on r.key = f.response_id
"""


@pytest.mark.slow
def test_all_published_alpaca_eval_vectors_find_their_response(store, real_data):
    cursor = store.cursor()
    files = str(real_data / "alpaca_eval" / "results" / "*" / "weighted_alpaca_eval_gpt4_turbo" / "*.json.gz")
    rows = cursor.execute(
        "select instruction, output_2, any_value(generator_2) from read_json($files, union_by_name = true, "
        "maximum_object_size = 100000000) group by all",
        {"files": files},
    ).fetchall()
    stock(store, rows, dataset="alpaca_eval")
    result = import_vectors(
        store, real_data / "embeddings" / "alpaca_eval.parquet", match=BY_HASH, snapshot="alpaca",
        encoder="all-MiniLM-L6-v2", max_tokens=256, pooling="mean", normalize=True,
    )  # fmt: skip
    assert result.notes[0] == "16903 of 16903 rows of the file matched 16724 responses"
    assert store.value("select count(distinct response_id) from rm_rows('alpaca')") == 16_724
