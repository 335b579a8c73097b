"""import_vectors at size: slices, what goes on after a stop, vectors that disagree, arrays as they are published."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stocking import stock

from rmstore import doctor, matches
from rmstore.adapters.arrays import ArrayFile
from rmstore.embedding import embed
from rmstore.errors import BadFileError, BadRowsError, InputError, OptionError, StoreError
from rmstore.imports import import_vectors

N, DIM = 50, 4
BY_TEXT = "select r.response_id, f.embedding from file as f join responses as r on r.text = f.name"
BY_NUMBER = (
    "select r.response_id, f.embedding, f.reward from file as f "
    "join responses as r on r.text = format('{}', f.prompt_number * 2 + f.response_number)"
)


@pytest.fixture
def rows(store):
    """Response ids by name, of responses named 0 to 49, two to a prompt."""
    ids = stock(store, [(f"q{number // 2}", str(number)) for number in range(N)])
    return {str(number): response_id for number, response_id in enumerate(ids)}


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(matches, "_SLICE_ROWS", 8)


def vectors(n=N, seed=0):
    return np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)


def parquet(path, matrix, names=None):
    names = [str(number) for number in range(len(matrix))] if names is None else names
    column = pa.array([list(map(float, row)) for row in matrix], pa.list_(pa.float32()))
    pq.write_table(pa.table({"name": names, "embedding": column}), path)
    return path


def stored(store, snapshot="s"):
    found = store.rows(f"select response_id::varchar as id, embedding from rm_rows('{snapshot}')")
    return {row["id"]: np.array(row["embedding"], np.float32) for row in found}


def test_slices_add_up_to_the_file(store, rows, small_slices, tmp_path):
    path, matrix = parquet(tmp_path / "v.parquet", vectors()), vectors()
    told = []
    result = import_vectors(
        store, path, match=BY_TEXT, snapshot="s", encoder="m",
        progress=lambda done, total, note: told.append((done, total)),
    )  # fmt: skip
    assert result.n_embedded == N and told[-1] == (N, N) and len(told) > N // 8
    found = stored(store)
    for name, response_id in rows.items():
        np.testing.assert_array_equal(found[response_id], matrix[int(name)])
    assert store.value("select count(*) from embeddings_4_f32 where checksum is null") == 0
    assert [finding for finding in doctor.check(store) if finding.n and "vector" in finding.check] == []


def test_a_stopped_import_goes_on_and_adds_nothing_twice(store, rows, small_slices, tmp_path):
    path = parquet(tmp_path / "v.parquet", vectors())

    def stop(done, total, note):
        if done >= 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m", progress=stop)
    assert store.value("select count(*) from embeddings_4_f32") == 24
    assert store.value("select count(*) from renderings") == 24
    assert import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m").n_embedded == N - 24
    assert import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m").n_embedded == 0
    for table in ("renderings", "embeddings_4_f32", "snapshot_members"):
        assert store.value(f"select count(*) from {table}") == N
    assert set(stored(store)) == set(rows.values())


def test_vectors_that_disagree_are_found_across_slices_before_any_is_written(store, rows, small_slices, tmp_path):
    matrix = np.vstack([vectors(), vectors()[:3] + np.float32(0.01)])
    path = parquet(tmp_path / "v.parquet", matrix, [*map(str, range(N)), "0", "1", "2"])
    with pytest.raises(InputError, match="3 responses have different vectors"):
        import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m")
    assert store.value("select count(*) from renderings") == 0
    assert store.value("select count(*) from encoders") == 0


def test_vectors_that_agree_across_slices_are_one_and_the_first_stays(store, rows, small_slices, tmp_path):
    matrix = np.vstack([vectors(), vectors()[:3] + np.float32(1e-5)])
    path = parquet(tmp_path / "v.parquet", matrix, [*map(str, range(N)), "0", "1", "2"])
    assert import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m").n_embedded == N
    np.testing.assert_array_equal(stored(store)[rows["1"]], matrix[1])


@pytest.mark.parametrize("precision", ["f32", "f16", "i8"])
def test_what_a_precision_rounds_away_is_no_conflict(store, rows, small_slices, tmp_path, precision):
    options = {"match": BY_TEXT, "snapshot": "s", "encoder": "m", "precision": precision}
    matrix = vectors() * 30
    assert import_vectors(store, parquet(tmp_path / "a.parquet", matrix), **options).n_embedded == N
    table = f"embeddings_4_{precision}"
    assert store.value(f"select count(*) from {table} where checksum is not null") == N
    allowed = {"f32": 0, "f16": 0.1, "i8": 1.0}[precision]
    for name, response_id in rows.items():
        assert np.abs(stored(store)[response_id] - matrix[int(name)]).max() <= allowed
    near = parquet(tmp_path / "b.parquet", matrix + np.float32(1e-5))
    assert import_vectors(store, near, **options).n_embedded == 0
    far = matrix.copy()
    far[7] += 3
    with pytest.raises(InputError, match="1 responses have another vector from this encoder"):
        import_vectors(store, parquet(tmp_path / "c.parquet", far), **options)
    assert store.value(f"select count(*) from {table}") == N


def test_more_responses_of_the_same_encoder_are_added(store, rows, tmp_path):
    options = {"match": BY_TEXT, "encoder": "m"}
    import_vectors(store, parquet(tmp_path / "a.parquet", vectors()[:20]), snapshot="s", **options)
    assert import_vectors(store, parquet(tmp_path / "b.parquet", vectors()), snapshot="s", **options).n_embedded == 30
    assert len(stored(store, "s@1")) == 20 and len(stored(store, "s@2")) == N
    assert store.value("select count(*) from encoders") == 1


def test_what_was_imported_can_be_frozen_again_in_part(store, rows, tmp_path):
    import_vectors(store, parquet(tmp_path / "a.parquet", vectors()[:20]), match=BY_TEXT, snapshot="s", encoder="m")
    part = embed(store, "d", snapshot="s", encoder="m", layout="joint", where="text::int < 10")
    assert (part.snapshot.reference, part.snapshot.n_rows, part.n_embedded) == ("s@2", 10, 0)
    assert set(stored(store, "s@2")) == {rows[str(number)] for number in range(10)}
    for layout, where in (("joint", "text::int < 21"), ("response", "text::int < 10")):
        with pytest.raises(InputError, match="vectors of encoder 'm' were imported"):
            embed(store, "d", snapshot="s", encoder="m", layout=layout, where=where)


def test_a_data_set_keeps_the_others_out(store, rows, small_slices, tmp_path):
    others = stock(store, [("else", "a"), ("else", "b")], dataset="other")
    path = parquet(tmp_path / "v.parquet", vectors(N + 2), [*map(str, range(N)), "a", "b"])
    result = import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m", datasets="other")
    assert result.n_embedded == 2 and set(stored(store)) == set(others)
    assert result.snapshot.datasets == ("other",)


def test_a_name_that_looks_like_a_pattern_is_the_name_of_one_file(store, rows, tmp_path):
    parquet(tmp_path / "v1.parquet", vectors(seed=1))
    path, matrix = parquet(tmp_path / "v[1].parquet", vectors()), vectors()
    import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m")
    assert np.array_equal(stored(store)[rows["0"]], matrix[0])


def test_a_match_that_gives_other_rows_each_time_is_named(store, rows, small_slices, tmp_path):
    path = parquet(tmp_path / "v.parquet", vectors())
    match = f"select * from ({BY_TEXT}) where not exists (from encoders)"
    with pytest.raises(InputError, match="50 responses got no vector: the match gave other rows"):
        import_vectors(store, path, match=match, snapshot="s", encoder="m")


def test_vectors_that_another_thread_collects_meanwhile_are_not_frozen(store, rows, tmp_path):
    def tell(done, total, note):  # called after every commit, when other threads may write
        if done == total:
            store.execute(store.cursor(), "delete from renderings where item_id = $id", {"id": rows["7"]})

    path = parquet(tmp_path / "v.parquet", vectors())
    with pytest.raises(InputError, match="1 responses got no vector"):
        import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m", progress=tell)
    assert store.value("select count(*) from snapshots") == 0


def test_every_option_of_the_model_makes_another_encoder(store, rows, tmp_path):
    path = parquet(tmp_path / "v.parquet", vectors())
    unlike = [
        {}, {"max_tokens": 128}, {"pooling": "cls"}, {"rendering": "chat"}, {"truncation": "left"},
        {"weights_sha256": "ab"}, {"weights_sha256": "ab", "tokenizer_sha256": "cd"}, {"precision": "f16"},
    ]  # fmt: skip
    for options in unlike:
        assert import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m", **options).n_embedded == N
    # the names of the model make no other
    named = {"revision": "v2", "license": "MIT"}
    assert import_vectors(store, path, match=BY_TEXT, snapshot="s", encoder="m", **named).n_embedded == 0
    specs = [json.loads(row["spec"]) for row in store.rows("select spec from encoders order by encoder_id")]
    for options, spec in zip(unlike, specs, strict=True):
        assert options.items() <= spec.items() and spec["dim"] == DIM and spec["normalize"] is False


def test_vectors_of_length_one_are_told(store, rows, tmp_path):
    unit = vectors() / np.linalg.norm(vectors(), axis=1, keepdims=True)
    options = {"match": BY_TEXT, "snapshot": "s", "encoder": "m"}
    import_vectors(store, parquet(tmp_path / "a.parquet", unit), **options)
    assert json.loads(store.value("select spec from encoders"))["normalize"] is True
    with pytest.raises(InputError, match="do not have length 1"):
        import_vectors(store, parquet(tmp_path / "b.parquet", vectors()), normalize=True, **options)
    with pytest.raises(OptionError, match="precision is 'f8'"):
        import_vectors(store, tmp_path / "a.parquet", precision="f8", **options)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.dtype(">f4")])
def test_arrays_of_any_float_type(store, rows, tmp_path, kind):
    matrix = vectors().astype(kind)
    np.save(tmp_path / "v.npy", matrix)
    match = "select response_id, embedding from file join responses on text = format('{}', file_row_number)"
    import_vectors(store, tmp_path / "v.npy", match=match, snapshot="s", encoder="m")
    for name, response_id in rows.items():
        np.testing.assert_array_equal(stored(store)[response_id], matrix[int(name)].astype(np.float32))


def published(folder, n=N // 2, k=2, *, shape=None, rewards=True):
    """Write emb.npy (n, k, 4) and rew.npy (n, k, 1) and return both."""
    emb = vectors(n * k).reshape(n, k, DIM)
    rew = np.arange(n * k, dtype=np.float32).reshape(shape or (n, k, 1)) / 8
    np.save(folder / "emb.npy", emb)
    np.save(folder / "rew.npy", rew)
    return folder / "emb.npy", folder / "rew.npy" if rewards else None


@pytest.mark.parametrize("shape", [(N // 2, 2, 1), (N // 2, 2)])
def test_rewards_beside_an_array_become_ratings(store, rows, small_slices, tmp_path, shape):
    emb, rew = published(tmp_path, shape=shape)
    options = {"match": BY_NUMBER, "snapshot": "s", "encoder": "m", "rewards": rew}
    result = import_vectors(store, emb, **options)
    assert result.notes == ("50 of 50 rows of the file matched 50 responses", "50 ratings of attribute 'gold' are new")
    found = store.rows("select response_id::varchar as id, attribute, value from ratings")
    assert {row["id"]: row["value"] for row in found} == {rows[str(number)]: number / 8 for number in range(N)}
    assert "0 ratings of attribute 'gold' are new" in import_vectors(store, emb, **options).notes
    import_vectors(store, emb, attribute="harmless", **options)
    assert store.value("select count(*) from ratings where attribute = 'harmless'") == N
    # as ingest would have stored them
    assert store.value(
        "select count(*) from ratings where rating_id = _rm_rating_id(response_id, 'd', attribute, null, value)"
    ) == store.value("select count(*) from ratings")


def test_rewards_need_a_column_and_one_data_set(store, rows, tmp_path):
    emb, rew = published(tmp_path)
    with pytest.raises(InputError, match="no column 'reward'"):
        import_vectors(store, emb, match=BY_NUMBER.replace(", f.reward", ""), snapshot="s", encoder="m", rewards=rew)
    stock(store, [("q0", "0")], dataset="other")
    with pytest.raises(InputError, match="one data set, and the match has responses of d, other"):
        import_vectors(store, emb, match=BY_NUMBER, snapshot="s", encoder="m", rewards=rew)
    import_vectors(store, emb, match=BY_NUMBER, snapshot="s", encoder="m", rewards=rew, datasets="d")
    assert store.value("select count(*) from ratings") == N


def test_arrays_without_texts_get_placeholders_and_can_be_used_at_once(store, small_slices, tmp_path):
    emb, rew = published(tmp_path, n=30, k=4)
    options = {"snapshot": "s", "encoder": "gemma", "rewards": rew, "datasets": "published"}
    result = import_vectors(store, emb, **options)
    assert result.n_embedded == 120 and result.snapshot.reference == "s@1"
    assert "30 prompts and 120 responses of published are placeholders" in result.notes[-1]
    matrix, golds = np.load(emb), np.load(rew)
    found = store.rows(
        "select messages[1].content as prompt, text, embedding, value from rm_rows('s') join responses "
        "using (response_id) join prompts on prompts.prompt_id = responses.prompt_id join ratings using (response_id)"
    )
    assert len(found) == 120
    for row in found:
        n, k = int(row["prompt"].split()[1]), int(row["text"].split()[1])
        np.testing.assert_array_equal(np.array(row["embedding"], np.float32), matrix[n, k])
        assert row["value"] == golds[n, k, 0]
        assert len(row["prompt"].split()[3]) == 12
    assert store.value("select count(*) from rm_simulate_preferences('s', quality := -1)") > 30
    assert store.value("select format from datasets") == "npy"
    before = {name: store.value(f"select count(*) from {name}") for name in ("prompt_sources", "ratings", "responses")}
    again = import_vectors(store, emb, **options)
    assert (again.n_embedded, again.is_new) == (0, False)
    assert import_vectors(store, emb, snapshot="s", encoder="gemma", datasets="published").is_new is False
    assert before == {name: store.value(f"select count(*) from {name}") for name in before}


def test_placeholders_are_not_embedded_as_if_they_were_texts(store, rows, tmp_path):
    emb, _ = published(tmp_path, n=30, k=4)
    import_vectors(store, emb, snapshot="s", encoder="gemma", datasets="published")
    before = store.value("select count(*) from encoders"), store.value("select count(*) from renderings")
    told = r"published has placeholders for texts that were not published: 120 of the chosen responses"
    with pytest.raises(InputError, match=told) as caught:
        store.embed("published", snapshot="t", encoder="toy")
    assert "rmstore import-vectors" in caught.value.hint
    for dry_run in (False, True):
        with pytest.raises(InputError, match=told):
            store.reembed("s", encoder="toy", dry_run=dry_run)
        with pytest.raises(InputError, match=told):
            store.embed(["d", "published"], encoder="toy", dry_run=dry_run)
    assert before == (store.value("select count(*) from encoders"), store.value("select count(*) from renderings"))
    assert store.embed(["d", "published"], encoder="toy", where="dataset = 'd'").n_embedded


def test_placeholders_keep_to_a_data_set_of_their_own(store, rows, tmp_path):
    emb, _ = published(tmp_path)
    for datasets, problem in ((None, "need one data set"), (["d", "e"], "need one data set"), ("d", "texts of its")):
        with pytest.raises(InputError, match=problem):
            import_vectors(store, emb, snapshot="s", encoder="m", datasets=datasets)
    np.save(tmp_path / "flat.npy", vectors())
    with pytest.raises(InputError, match="does not say which vectors answer the same prompt"):
        import_vectors(store, tmp_path / "flat.npy", snapshot="s", encoder="m", datasets="new")


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.zeros(4, np.float32), r"shape \(4,\)"),
        (np.zeros((2, 2, 2, 2), np.float32), r"shape \(2, 2, 2, 2\)"),
        (np.zeros((0, 2, 2), np.float32), r"shape \(0, 2, 2\)"),
        (np.zeros((2, 3), np.int64), "type int64"),
        (np.asfortranarray(np.zeros((3, 4), np.float32)), "by column"),
    ],
)
def test_arrays_that_are_no_vectors_are_named(store, tmp_path, array, problem):
    np.save(tmp_path / "v.npy", array)
    with pytest.raises(BadFileError, match=problem):
        import_vectors(store, tmp_path / "v.npy", snapshot="s", encoder="m", datasets="d")


@pytest.mark.parametrize("shape", [(25, 3, 1), (25, 1, 2), (50, 1), (2, 25)])
def test_rewards_of_another_shape_are_named(store, rows, tmp_path, shape):
    emb, _ = published(tmp_path)
    np.save(tmp_path / "rew.npy", np.zeros(shape, np.float32))
    with pytest.raises(BadFileError, match=r"embeddings of shape \(25, 2, 4\)"):
        import_vectors(store, emb, match=BY_NUMBER, snapshot="s", encoder="m", rewards=tmp_path / "rew.npy")


def test_rewards_that_are_not_finite_are_counted(store, rows, tmp_path):
    emb, rew = published(tmp_path)
    np.save(rew, np.where(np.arange(N) < 2, np.nan, 1).reshape(25, 2))
    with pytest.raises(BadFileError, match=r"2 of 50 numbers of .*rew\.npy"):
        import_vectors(store, emb, match=BY_NUMBER, snapshot="s", encoder="m", rewards=rew)
    match = "select response_id, embedding, 1e400 as reward from file join responses on text = name"
    with pytest.raises(InputError, match="50 of 50 rewards are NaN or infinite"):
        import_vectors(store, parquet(tmp_path / "v.parquet", vectors()), match=match, snapshot="s", encoder="m")


def test_a_cut_off_array_is_named(store, tmp_path):
    emb, _ = published(tmp_path)
    emb.write_bytes(emb.read_bytes()[:-40])
    with pytest.raises(BadFileError, match=r"emb\.npy"):
        import_vectors(store, emb, snapshot="s", encoder="m", datasets="d")


def test_arrays_are_read_in_batches_of_whole_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("rmstore.adapters.arrays._BATCH_BYTES", 100)
    np.save(tmp_path / "v.npy", vectors())
    batches = list(ArrayFile.open(tmp_path / "v.npy").batches(DIM))
    assert [len(batch) for batch in batches] == [6] * 8 + [2]
    np.testing.assert_array_equal(np.concatenate(batches), vectors())


def test_ingest_takes_an_array_without_its_vectors(store, tmp_path):
    from rmstore.ingest import ingest

    emb, rew = published(tmp_path, n=6, k=3)
    result = ingest(store, emb, format="npy", dataset="d", options={"rewards": str(rew), "attribute": "help"})
    assert (result.files[0].n_prompts, result.files[0].n_responses, result.files[0].n_ratings) == (6, 18, 18)
    assert store.value("select max(value) from ratings where attribute = 'help'") == 17 / 8
    assert import_vectors(store, emb, snapshot="s", encoder="m", datasets="d").n_embedded == 18
    with pytest.raises(BadRowsError, match="is it not|every row is bad"):
        ingest(store, emb, format="pairs", dataset="e")
    with pytest.raises(OptionError, match="rewards of the format 'npy' is 3"):
        ingest(store, emb, format="npy", dataset="e", options={"rewards": 3})


def test_a_store_open_for_reading_takes_no_vectors(tmp_path):
    import rmstore

    with rmstore.connect(tmp_path / "lab.duckdb"):
        pass
    with (
        rmstore.connect(tmp_path / "lab.duckdb", read_only=True) as store,
        pytest.raises(StoreError, match="read-only"),
    ):
        import_vectors(store, tmp_path / "v.npy", snapshot="s", encoder="m", datasets="d")


def test_command_line_imports_a_published_array(cli, tmp_path):
    emb, rew = published(tmp_path, n=10, k=3)
    words = ("import-vectors", emb, "--rewards", rew, "--dataset", "pub", "--encoder", "gemma", "--snapshot", "pub")
    spec = ("--precision", "f16", "--pooling", "last", "--max-tokens", 2048, "--no-normalize")
    assert cli("init").code == 0
    done = cli(*words, *spec, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["rows"] == 30
    assert cli("status").code == 0
    assert "rewards of shape" in cli(*words[:3], emb, *words[4:]).err
