"""rm_rows, rm_pairs and rm_snapshots as truth tables over a few literal rows."""

import pytest
from stocking import stock

from rmstore import snapshots
from rmstore.embedding import embed
from rmstore.errors import UnknownNameError

# toy:3 counts words of one, two, and three or more letters
BAD_JOINS = ("nl join", "nested loop", "cross product")
ROWS = [("a", "bb bb", "small"), ("a", "ccc", "large"), ("a a", "bb ccc", "small")]
JOINT = [[1, 2, 0], [1, 0, 1], [2, 1, 1]]
PROMPT = [[1, 0, 0], [1, 0, 0], [2, 0, 0]]
RESPONSE = [[0, 2, 0], [0, 0, 1], [0, 1, 1]]


def joined(*terms):
    return [[value for vector in row for value in vector] for row in zip(*terms, strict=True)]


LAYOUTS = {
    "joint": JOINT,
    "response": RESPONSE,
    "prompt||response": joined(PROMPT, RESPONSE),
    "joint||response": joined(JOINT, RESPONSE),
    "prompt||response||prompt*response": joined(PROMPT, RESPONSE, [[0, 0, 0]] * 3),
    "joint*response": [[0, 4, 0], [0, 0, 1], [0, 1, 1]],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rm_rows_puts_the_parts_of_a_layout_together(store, layout):
    ids = stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3", layout=layout)
    rows = store.rows("select response_id::varchar as id, embedding, typeof(embedding) as kind from rm_rows('s')")
    assert {row["id"]: list(row["embedding"]) for row in rows} == dict(zip(ids, LAYOUTS[layout], strict=True))
    assert {row["kind"] for row in rows} == {f"FLOAT[{len(LAYOUTS[layout][0])}]"}


def test_rm_rows_shows_every_generation_of_the_data_sets_of_the_snapshot(store):
    stock(store, [*ROWS, ("a", "ccc", "copy")])
    stock(store, [("a", "ccc", "elsewhere")], dataset="other")
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint")
    rows = store.rows(
        "select dataset, subset, policy, n_chars, n_tokens from rm_rows($s) order by n_chars, policy", {"s": "s@1"}
    )
    assert [tuple(row.values()) for row in rows] == [
        ("d", "sub", "copy", 3, 2),
        ("d", "sub", "large", 3, 2),
        ("d", "sub", "small", 5, 3),
        ("d", "sub", "small", 6, 4),
    ]
    assert store.con.sql("from rm_rows('s')").columns == [
        "prompt_id", "group_id", "response_id", "dataset", "subset", "split", "policy", "n_chars", "n_tokens",
        "embedding",
    ]  # fmt: skip


def test_rm_rows_takes_the_published_split_before_the_hash(store):
    stock(store, ROWS[:2], split="test")
    stock(store, ROWS[2:])
    embed(store, "d", snapshot="s", encoder="toy:3")
    hashed = store.value("select _rm_hash_split(group_id) from prompts where len(messages[1].content) = 3")
    splits = {row["split"] for row in store.rows("select split from rm_rows('s') where n_chars <> 6")}
    assert splits == {"test"}
    assert store.value("select split from rm_rows('s') where n_chars = 6") == hashed


def test_rm_pairs_has_votes_whose_two_sides_are_members(store):
    ids = stock(store, [*ROWS, ("a", "a very long response", None)], votes=[(0, 1), (3, 1), (2, 0)])
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint", where="n_chars < 10")
    rows = store.rows(
        "select chosen_id::varchar as chosen, rejected_id::varchar as rejected, dataset, chosen_chars, rejected_chars,"
        " chosen_embedding, rejected_embedding, prompt_id = (select prompt_id from responses where response_id ="
        " chosen_id) as is_chosen_prompt from rm_pairs('s') order by \"row\""
    )
    assert [tuple(row.values()) for row in rows] == [
        (ids[0], ids[1], "d", 5, 3, (1, 2, 0), (1, 0, 1), True),
        (ids[2], ids[0], "d", 6, 5, (2, 1, 1), (1, 2, 0), True),
    ]


def test_rm_snapshots_lists_what_was_not_dropped(store):
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3", layout="joint", message="first")
    embed(store, "d", snapshot="s", encoder="toy:3", layout="response")
    snapshots.tag(store, "s@1", "paper")
    snapshots.drop(store, "s@2")
    rows = store.rows("select reference, encoder, dim, layout, datasets, n_rows, tags, message from rm_snapshots()")
    assert [tuple(row.values()) for row in rows] == [("s@1", "toy:3", 3, "joint", ["d"], 3, ["paper"], "first")]
    stock(store, [("another", "answer")], dataset="e")
    embed(store, ["d", "e"], snapshot="t", encoder="toy:3")
    store.drop_dataset("e", force=True)
    counts = store.rows("select reference, n_rows, n_withdrawn from rm_snapshots() order by all")
    assert [tuple(row.values()) for row in counts] == [("s@1", 3, 0), ("t@1", 4, 1)]


def test_an_unknown_snapshot_is_an_error_with_a_suggestion(store):
    stock(store, ROWS)
    embed(store, "d", snapshot="harmless", encoder="toy:3")
    with pytest.raises(UnknownNameError, match="did you mean 'harmless'"):
        store.sql("select count(*) from rm_rows('harmles')")


def test_vectors_are_not_read_unless_asked_for(store):
    stock(store, ROWS)
    embed(store, "d", snapshot="s", encoder="toy:3")

    def plan(query):
        return store.con.sql(f"explain (format json) {query}").fetchall()[0][1]

    counting = plan("select policy, count(*) from rm_rows('s') group by all")
    assert '"embedding"' not in counting
    assert '"embedding"' in plan("select max(embedding[1]) from rm_rows('s')")
    assert not [bad for bad in BAD_JOINS if bad in counting.lower().replace("_", " ")]
