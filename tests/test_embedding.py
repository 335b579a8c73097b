"""embed: each text once, resumable, filtered by one expression, frozen as a snapshot."""

import re

import pytest
from stocking import stock
from tracing import stock_traces

import rmstore
from rmstore import snapshots
from rmstore.embedding import embed
from rmstore.errors import InputError, Interrupted, InvalidNameError, OptionError, StoreError, UnknownNameError

ROWS = [(f"prompt {number // 2}", "word " * (number + 1), "even" if number % 2 == 0 else "odd") for number in range(40)]


TRACES = [(f"prompt {n}", [f"{'word ' * (n + step)}{step}" for step in range(1 + n % 4)]) for n in range(12)]
N_STEPS = sum(len(steps) for _, steps in TRACES)


def contents(store):
    """Everything an embed wrote, but for the times."""
    return {
        "vectors": store.rows("select * from embeddings_8_f32 order by all"),
        "renderings": store.rows("select * from renderings order by all"),
        "members": store.rows("select * from snapshot_members order by all"),
        "snapshots": store.rows("select * exclude (created_at) from snapshots"),
    }


def test_every_distinct_text_is_embedded_once(store):
    stock(store, [("a", "b", "x"), ("a", "b", "y"), ("a", "c", "x"), ("d", "b", "x")])
    first = embed(store, "d", snapshot="s", encoder="toy", layout="prompt||response")
    # prompts a and d, responses b (twice) and c: five items, four texts
    assert (first.n_items, first.n_texts, first.n_embedded, first.n_truncated) == (5, 4, 4, 0)
    assert store.value("select count(*) from embeddings_8_f32") == 4
    again = embed(store, "d", snapshot="s", encoder="toy", layout="prompt||response")
    assert (again.n_embedded, again.is_new, again.snapshot) == (0, False, first.snapshot)
    other = embed(store, "d", snapshot="s", encoder="toy", layout="response")
    assert (other.n_embedded, other.is_new, other.snapshot.version) == (0, True, 2)


def test_only_what_is_new_is_embedded(store):
    stock(store, ROWS)
    first = embed(store, "d", snapshot="s", encoder="toy", layout="joint")
    stock(store, [("prompt 0", "another answer"), *ROWS[:3]])
    second = embed(store, "d", snapshot="s", encoder="toy", layout="joint")
    assert (first.n_embedded, second.n_embedded) == (40, 1)
    assert (second.snapshot.version, second.snapshot.parent) == (2, first.snapshot.snapshot_id)
    assert store.value("select count(*) from rm_rows('s@1')") == 40


@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_an_interrupted_run_loses_one_batch_at_most_and_goes_on(store, stop_after):
    stock(store, ROWS)
    calls = []

    def stop(done, total, note):
        calls.append(done)
        if len(calls) == stop_after:
            store.stop.set()  # what Ctrl-C does

    with pytest.raises(Interrupted):
        embed(store, "d", snapshot="s", encoder="toy", layout="joint||response", batch_size=7, progress=stop)
    assert snapshots.list_snapshots(store) == []
    kept = store.value("select count(*) from embeddings_8_f32")
    assert kept == 7 * (stop_after - 1)
    resumed = embed(store, "d", snapshot="s", encoder="toy", layout="joint||response", batch_size=7)
    with rmstore.connect() as calm:
        stock(calm, ROWS)
        whole = embed(calm, "d", snapshot="s", encoder="toy", layout="joint||response")
        assert contents(store) == contents(calm)
    assert resumed.n_embedded == whole.n_embedded - kept


def test_a_failure_inside_a_batch_leaves_no_half(store, monkeypatch):
    from rmstore.encoders.toy import ToyEncoder

    stock(store, ROWS)
    encode, calls = ToyEncoder.encode, []

    def broken(self, texts, **rest):
        calls.append(len(texts))
        vectors = encode(self, texts, **rest)
        if len(calls) == 2:
            vectors[0, 0] = float("nan")
        return vectors

    monkeypatch.setattr(ToyEncoder, "encode", broken)
    with pytest.raises(InputError, match="1 of 10 vectors have NaN"):
        embed(store, "d", snapshot="s", encoder="toy", layout="joint", batch_size=10)
    assert store.value("select count(*) from embeddings_8_f32") == store.value("select count(*) from renderings") == 10


def test_progress_counts_tokens_to_the_end(store):
    stock(store, ROWS)
    seen = []
    embed(
        store, "d", snapshot="s", encoder="toy", layout="joint||response", batch_size=16,
        progress=lambda done, total, note: seen.append((done, total)),
    )  # fmt: skip
    # a text of n words has 5 n characters, the prompts have 8 (of 0 to 9) or 9; four to a token, 64 tokens at most
    sizes = [min(64, 1 + 5 * (n + 1) // 4) + min(64, 1 + (5 * (n + 1) + 8 + (n > 19)) // 4) for n in range(40)]
    assert seen[-1] == (sum(sizes), sum(sizes))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize(
    ("where", "n"),
    [
        ("policy = 'even'", 20),
        ("n_chars <= 10 or text = 'nothing'", 2),
        ("prompt in ('prompt 3', 'prompt 4') and dataset = 'd'", 4),
        ("split in ('train', 'valid', 'test') and subset = 'sub' -- all", 40),
        ("n_chars > (select avg(length(text)) from responses)", 20),
    ],
)
def test_where_is_one_expression_over_the_candidates(store, where, n):
    stock(store, ROWS)
    result = embed(store, "d", snapshot="s", encoder="toy", where=where)
    assert (result.snapshot.n_rows, result.snapshot.where) == (n, where)


@pytest.mark.parametrize(
    "where",
    [
        "true) from judged; drop table prompts; select (true",
        "true), (false",
        "true) from range(3",
        "true) where (true",
        "1; 2",
        "",
        "true) as x, (true",
        "true) union select (true",
        "true) order by (1",
    ],
)
def test_where_cannot_be_more_than_an_expression(store, where):
    stock(store, ROWS)
    with pytest.raises(InputError, match="--where"):
        embed(store, "d", snapshot="s", encoder="toy", where=where)
    assert store.value("select count(*) from renderings") == 0


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("bogus < 3", '"bogus" not found'),
        ("count(*) > 3", "cannot contain aggregates"),
        ("row_number() over () < 3", "cannot contain window functions"),
        ("no_such_function(text)", "no_such_function does not exist"),
        ("text::integer = 3", "Could not convert string"),
        ("n_chars = [1]", "Unimplemented type for cast"),
    ],
)
def test_where_that_does_not_fit_is_named_with_the_columns(store, where, reason):
    stock(store, ROWS)
    with pytest.raises(InputError) as caught:
        embed(store, "d", snapshot="s", encoder="toy", where=where)
    assert f"--where {where!r}" in caught.value.problem and reason in caught.value.problem
    assert not any(inner in str(caught.value) for inner in ("judged", "_rm_candidates", "LINE 1", "Binder"))
    assert "response_id, prompt_id" in caught.value.hint and "dataset, subset, split, policy" in caught.value.hint


def test_where_stays_within_the_data_sets(store):
    stock(store, ROWS)
    stock(store, [("x", "y")], dataset="other")
    result = embed(store, "d", snapshot="s", encoder="toy", where="false) or (true")
    assert result.snapshot.n_rows == 40


def test_a_dry_run_writes_nothing(store):
    stock(store, ROWS)
    result = embed(store, "d", snapshot="s", encoder="toy", layout="joint", dry_run=True)
    assert (result.dry_run, result.snapshot, result.n_items, result.n_embedded) == (True, None, 40, 0)
    assert result.notes == ("40 items have no vector yet",)
    assert store.rows("select * from encoders") == store.rows("select * from renderings") == []
    assert store.value("select count(*) from duckdb_tables() where table_name like 'embeddings%'") == 0


def test_steps_are_embedded_as_the_response_up_to_them(store):
    stock_traces(store, [("p", ["a", "b b", "c"]), ("p", ["a", "d"])])
    stock(store, [("p", "no steps")])
    planned = embed(store, "d", snapshot="s", encoder="toy", layout="response", steps=True, dry_run=True)
    assert (planned.n_items, planned.n_steps, planned.notes) == (8, 5, ("8 items have no vector yet",))
    assert store.rows("select * from renderings") == []
    made = embed(store, "d", snapshot="s", encoder="toy", layout="response", steps=True)
    # three responses alone; the prefix "a" is shared
    assert (made.n_items, made.n_steps, made.n_texts, made.n_embedded) == (8, 5, 7, 7)
    joint = embed(store, "d", snapshot="j", encoder="toy", layout="joint")
    assert joint.n_embedded == 1  # the last prefix of a response with steps is the response
    texts = ["p\n\na", "p\n\na\nb b", "p\n\na\nb b\nc", "p\n\na", "p\n\na\nd"]
    assert store.value("select list(text_id order by text_id) from renderings where part = 'step'") == store.value(
        "select list(id order by id) from (select _rm_text_id(unnest($texts)) as id)", {"texts": texts}
    )


def test_steps_leave_the_snapshot_as_it_is_and_come_once(store):
    stock_traces(store, TRACES)
    plain = embed(store, "d", snapshot="s", encoder="toy", layout="joint")
    assert plain.n_steps == 0
    with_steps = embed(store, "d", snapshot="s", encoder="toy", layout="joint", steps=True)
    assert (with_steps.is_new, with_steps.snapshot) == (False, plain.snapshot)
    assert with_steps.n_steps == N_STEPS and with_steps.n_embedded > 0
    assert embed(store, "d", snapshot="s", encoder="toy", layout="joint", steps=True).n_embedded == 0
    stock_traces(store, [("another", ["x", "yy"])])
    more = embed(store, "d", snapshot="s", encoder="toy", layout="joint", steps=True)
    assert (more.n_embedded, more.is_new, more.n_steps) == (2, True, N_STEPS + 2)


@pytest.mark.parametrize("stop_after", [1, 4])
def test_interrupted_steps_go_on(store, stop_after):
    stock_traces(store, TRACES)
    calls = []

    def stop(done, total, note):
        calls.append((done, total))
        if len(calls) == stop_after:
            store.stop.set()

    options = {"snapshot": "s", "encoder": "toy", "layout": "response", "steps": True, "batch_size": 5}
    with pytest.raises(Interrupted):
        embed(store, "d", progress=stop, **options)
    kept = store.value("select count(*) from embeddings_8_f32")
    resumed = embed(store, "d", **options)
    with rmstore.connect() as calm:
        stock_traces(calm, TRACES)
        whole = embed(calm, "d", **options)
        assert contents(store) == contents(calm)
    assert resumed.n_embedded == whole.n_embedded - kept
    assert store.value("select count(*) from rm_steps('s')") == N_STEPS


def test_only_steps_of_chosen_responses_are_embedded_and_cut_ones_counted(store):
    stock_traces(store, [("p", ["word " * 15, "end " * 15]), ("q", ["short", "er"])])
    long = embed(
        store, "d", snapshot="s", encoder="toy", layout="response", steps=True, where="n_chars > 20",
        encoder_options={"max_tokens": 20},
    )  # fmt: skip
    assert (long.n_steps, long.n_items, long.n_truncated) == (2, 3, 2)  # the response and its last prefix
    assert store.value("select count(*) from renderings where part = 'step'") == 2


def test_steps_that_are_not_there_or_have_no_one_order_are_refused(store):
    stock(store, ROWS)
    with pytest.raises(InputError, match="no chosen response of d has reasoning steps"):
        embed(store, "d", snapshot="s", encoder="toy", steps=True)
    assert store.rows("select * from renderings") == snapshots.list_snapshots(store) == []
    stock_traces(store, [("p", ["a", "b"])])
    store.sql("insert into steps select uuid(), response_id, 1, 'a' || chr(10) || 'b' from steps where step = 1")
    with pytest.raises(InputError, match="1 responses of d are cut into steps in two ways"):
        embed(store, "d", snapshot="s", encoder="toy", steps=True)


def test_embed_steps_on_the_command_line(cli, tmp_path):
    with rmstore.connect(tmp_path / "lab.duckdb") as store:
        stock_traces(store, TRACES)
    words = ("embed", "d", "--snapshot", "s", "--encoder", "toy", "--steps")
    dry = cli(*words, "--dry-run", "--json")
    assert dry.code == 0 and f'"steps": {N_STEPS}' in dry.out
    assert re.search(rf"steps\W+{N_STEPS}\b", cli(*words).out)
    shown = cli("query", "select count(*) as n from rm_steps('s')", "--csv").out
    assert shown.split() == ["n", str(N_STEPS)]
    assert "steps" not in cli(*words[:-1]).out


def test_cut_tokens_are_counted(store):
    stock(store, [("q", "word " * 100), ("q", "short")])
    result = embed(store, "d", snapshot="s", encoder="toy", layout="response", encoder_options={"max_tokens": 20})
    assert (result.n_texts, result.n_truncated) == (2, 1)
    assert store.rows("select n_tokens, n_cut from renderings order by n_cut") == [
        {"n_tokens": 1, "n_cut": 0},
        {"n_tokens": 20, "n_cut": 80},
    ]


def test_encoders_with_options_have_names_of_their_own(store):
    stock(store, ROWS)
    embed(store, "d", snapshot="long", encoder="toy")
    embed(store, "d", snapshot="short", encoder="toy", encoder_options={"max_tokens": 20})
    names = [row["name"] for row in store.rows("select name from encoders order by encoder_id")]
    assert names[0] == "toy" and names[1].startswith("toy-")
    assert embed(store, "d", snapshot="again", encoder=names[1]).n_embedded == 0
    assert store.value("select count(*) from encoders") == 2


def test_a_model_whose_files_changed_is_refused(store):
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy")
    store.cache.clear()
    store.sql('update encoders set spec = json_merge_patch(spec, \'{"pooling": "another"}\')')
    with pytest.raises(InputError, match="pooling 'another' is now 'word-lengths'"):
        embed(store, "d", snapshot="s", encoder="toy")


def test_what_cannot_be_done_is_said_before_anything_is_written(store, tmp_path):
    stock(store, ROWS)
    with pytest.raises(UnknownNameError, match="no data set is called 'e'"):
        embed(store, ["d", "e"], snapshot="s", encoder="toy")
    with pytest.raises(InvalidNameError):
        embed(store, "d", snapshot="a b", encoder="toy")
    with pytest.raises(OptionError, match="layout 'sum' names 'sum'"):
        embed(store, "d", snapshot="s", encoder="toy", layout="sum")
    with pytest.raises(InputError, match="passes with"):
        embed(store, "d", snapshot="s", encoder="toy", where="n_chars < 0")
    with pytest.raises(InputError, match="no data set was named"):
        embed(store, [], snapshot="s", encoder="toy")
    assert store.rows("select * from encoders") == []
    rmstore.connect(tmp_path / "s.duckdb").close()
    with rmstore.connect(tmp_path / "s.duckdb", read_only=True) as shut, pytest.raises(StoreError, match="read-only"):
        embed(shut, "d", snapshot="s", encoder="toy")


def test_rm_embed_renders_as_snapshots_do(store):
    stock(store, [("a b", "ccc dd"), ("word " * 80, "end " * 70)])
    for layout in ("joint", "response", "prompt||response||prompt*response"):
        embed(store, "d", snapshot="s", encoder="toy:3", layout=layout)
        rows = store.rows(
            "select embedding::float[] as stored, rm_embed('s', rm_prompt_text(messages), text) as again"
            " from rm_rows('s') as r join responses using (response_id) join prompts on prompts.prompt_id = r.prompt_id"
        )
        assert len(rows) == 2
        assert all(row["stored"] == row["again"] for row in rows)


def test_rm_embed(store):
    row = store.rows(
        """
        select rm_embed('toy:3', 'a bb ccc') as text,
               rm_embed('toy:3', 'a', 'bb') as pair,
               rm_embed('toy:3', [{'role': 'user', 'content': 'a'}], 'bb') as one_turn,
               rm_embed('toy:3', [{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}], 'bb')
                   as turns,
               rm_embed('toy:3', '[{"role": "user", "content": "a"}]'::json, 'bb') as json_turns,
               rm_embed('toy:3', null::varchar) as no_text,
               rm_embed('toy:3', null, 'bb') as no_prompt,
               rm_embed('toy:3', 'a', null) as no_response,
               rm_embed('toy:3', 'a')::float[3] as fixed
        """
    )[0]
    assert row == {
        "text": [1, 1, 1],
        "pair": [1, 1, 0],
        "one_turn": [1, 1, 0],
        "turns": [2, 1, 2],  # Human: a, Assistant: b, bb
        "json_turns": [1, 1, 0],
        "no_text": None,
        "no_prompt": None,
        "no_response": None,
        "fixed": (1, 0, 0),
    }
    many = store.rows("select n, rm_embed('toy:3', repeat('a ', n % 3)) as e from range(5000) as t(n)")
    assert all(row["e"] == [row["n"] % 3, 0, 0] for row in many)
    with pytest.raises(rmstore.RmstoreError, match="list of turns"):
        store.sql("select rm_embed('toy:3', 5, 'x')")


def test_rm_prompt_text(store):
    turns = "[{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Hi'}]"
    assert store.value(f"select rm_prompt_text({turns})") == "System: Be brief.\n\nHuman: Hi"
    assert store.value("select rm_prompt_text([{'role': 'user', 'content': ' Hi '}])") == " Hi "
    assert store.value("select rm_prompt_text([{'role': 'assistant', 'content': 'Hi'}])") == "Assistant: Hi"


@pytest.mark.parametrize("remove", ["gc", "drop"])
def test_what_another_thread_removes_meanwhile_is_not_frozen(store, remove):
    stock(store, [("p", "one"), ("p", "two")])
    removed = []

    def tell(done, total, note):  # called after every commit, when other threads may write
        if done == total and not removed:
            removed.append(store.gc() if remove == "gc" else store.drop_dataset("d"))

    with pytest.raises(StoreError, match="2 responses, or their vectors, were removed"):
        embed(store, "d", snapshot="s", encoder="toy", layout="joint", progress=tell)
    assert removed and store.value("select count(*) from snapshots") == 0
    if remove == "gc":
        assert embed(store, "d", snapshot="s", encoder="toy", layout="joint").snapshot.n_rows == 2
