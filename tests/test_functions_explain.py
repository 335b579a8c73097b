"""rm_explain: contributions that sum to the reward, and the training pairs nearest to the input."""

import numpy as np
import pytest

from rmstore.errors import InputError, OptionError


def explained(store, query, params=None):
    return store.sql(query, params).fetchall()[0][0]


def training_pairs(store, vector):
    """Return (chosen, rejected) -> (similarity, pull) of every training pair, by brute force."""
    rows = store.sql(
        "select distinct chosen_id::varchar, rejected_id::varchar, chosen_embedding, rejected_embedding"
        " from rm_pairs('tiny') where split <> 'test' and prob > 0.5"
    ).fetchall()
    x = np.array(vector, float)

    def cosine(other):
        other = np.array(other, float)
        return other @ x / np.linalg.norm(other) / np.linalg.norm(x)

    sides = {(a, b): (cosine(chosen), cosine(rejected)) for a, b, chosen, rejected in rows}
    return {key: (max(pair), pair[0] - pair[1]) for key, pair in sides.items()}


@pytest.fixture
def trained(lab):
    lab.train("h", snapshot="tiny", members=2)
    return lab


def test_rm_explain_finds_the_nearest_training_pairs(trained):
    query = "select embedding, rm_explain('h', embedding, k := 3) from rm_rows('tiny') where split = 'test'"
    rows = trained.sql(query).fetchall()
    for vector, found in rows[:: len(rows) // 4]:
        known = training_pairs(trained, vector)
        for row in found["pairs"]:
            expected = known[row["chosen_id"], row["rejected_id"]]
            assert (row["similarity"], row["pull"]) == pytest.approx(expected, abs=1e-5)
        for direction, sign in (("up", 1), ("down", -1)):
            best = sorted((similarity for similarity, pull in known.values() if pull * sign > 0), reverse=True)[:3]
            shown = [row["similarity"] for row in found["pairs"] if row["direction"] == direction]
            assert shown == pytest.approx(best, abs=1e-5)
            assert all(row["pull"] * sign > 0 for row in found["pairs"] if row["direction"] == direction)
    n = trained.value("select count(distinct (chosen_id, rejected_id)) from rm_pairs('tiny') where split <> 'test'")
    assert rows[0][1]["note"] == f"searched {n} pairs of tiny@1 in the groups that the head saw"


def test_a_training_response_is_nearest_to_its_own_pair(trained):
    found = explained(
        trained, "select rm_explain('h', chosen_embedding, k := 1) from rm_pairs('tiny') where split = 'train' limit 1"
    )
    assert found["pairs"][0]["similarity"] == pytest.approx(1, abs=1e-6)
    text, prompt = trained.sql(
        "select text, rm_prompt_text(messages) from responses join prompts using (prompt_id)"
        " where response_id = $id", {"id": found["pairs"][0]["chosen_id"]}
    ).fetchall()[0]  # fmt: skip
    assert (found["pairs"][0]["chosen"], found["pairs"][0]["prompt"]) == (text[:160], prompt[:160])


def test_parts_of_a_linear_head_sum_to_the_reward(trained):
    trained.train("long", snapshot="tiny", features=["log_len"], members=3)
    query = """
        select rm_score('long', x), rm_explain('long', x), x.log_len
        from (select {e: embedding, log_len: ln(n_chars)} as x from rm_rows('tiny') order by response_id limit 5)
    """
    info = trained.head("long").info
    for reward, found, length in trained.sql(query).fetchall():
        assert found["reward"] == pytest.approx(reward, rel=1e-5)
        assert [part["part"] for part in found["parts"]] == ["e", "log_len", "constant"]
        total = sum(part["contribution"] for part in found["parts"])
        assert total == pytest.approx(reward, abs=1e-5 * max(info.member_scales))
        assert found["parts"][1]["value"] == pytest.approx(length, rel=1e-6)
        assert found["parts"][2]["contribution"] == pytest.approx(-info.reference_mean)
        assert len(found["pairs"]) == 10


def test_a_side_feature_counts_standardised(trained):
    trained.train("long", snapshot="tiny", features=["log_len"])
    field = next(entry for entry in trained.head("long").info.inputs if entry["name"] == "log_len")
    query = "select rm_explain('long', {e: embedding, log_len: $value}) from rm_rows('tiny') limit 1"
    at_mean, one_up = (
        explained(trained, query, {"value": field["shift"] + step * field["scale"]})["parts"][1]["contribution"]
        for step in (0, 1)
    )
    assert at_mean == pytest.approx(0, abs=1e-4 * abs(one_up)) and abs(one_up) > 0


def test_other_heads_have_pairs_and_no_parts(trained):
    trained.train("m", snapshot="tiny", head="mlp", options={"hidden": [3], "epochs": 1})
    found = explained(trained, "select rm_explain('m', embedding) from rm_rows('tiny') limit 1")
    assert found["parts"] == [] and len(found["pairs"]) == 10


def test_null_is_null_and_lists_unnest(trained):
    assert explained(trained, "select rm_explain('h', null::float[8])") is None
    assert explained(trained, "select rm_explain(null, embedding) from rm_rows('tiny') limit 1") is None
    rows = trained.sql(
        "select p.direction, r.response_id from (select unnest(rm_explain('h', embedding, k := 2).pairs) as p"
        " from rm_rows('tiny') limit 4) join responses r on r.response_id = p.chosen_id::uuid"
    ).fetchall()
    assert sorted(row[0] for row in rows) == ["down", "down", "up", "up"]


def test_test_groups_are_not_searched(trained):
    query = "select rm_explain('h', chosen_embedding, k := 1000) from rm_pairs('tiny') where split = 'test' limit 1"
    found = {row["chosen_id"] for row in explained(trained, query)["pairs"]}
    held_out = {
        str(row[0]) for row in trained.sql("select chosen_id from rm_pairs('tiny') where split = 'test'").fetchall()
    }
    assert found and not found & held_out


NOTES = {
    "no snapshot of this store holds": """
        select rm_train('x', chosen_embedding, rejected_embedding) from rm_pairs('tiny')""",
    "gave no prompts": """
        select rm_train('x', chosen_embedding, rejected_embedding, snapshot := 'tiny') from rm_pairs('tiny')""",
    "2 fields of the input have the width": """
        select rm_train('x', {a: chosen_embedding, b: chosen_embedding}, {a: rejected_embedding, b: rejected_embedding},
                        prompt := prompt_id, snapshot := 'tiny')
        from rm_pairs('tiny')""",
}  # fmt: skip


@pytest.mark.parametrize("note", NOTES)
def test_what_cannot_be_searched_is_said_and_not_guessed(lab, note):
    lab.sql(NOTES[note])
    x = "{a: embedding, b: embedding}" if "fields" in note else "embedding"
    found = explained(lab, f"select rm_explain('x', {x}) from rm_rows('tiny') limit 1")
    assert found["pairs"] == [] and note in found["note"]
    assert sum(part["contribution"] for part in found["parts"]) == pytest.approx(found["reward"], abs=1e-3)


def test_a_head_trained_on_no_stored_vote_says_so(trained):
    trained.sql("delete from rm.main.preferences")
    assert (
        "no vote of tiny@1"
        in explained(trained, "select rm_explain('h', embedding) from rm_rows('tiny') limit 1")["note"]
    )


def test_wrong_k_and_wrong_width_are_refused(trained):
    for k in ("0", "1001", "'many'"):
        with pytest.raises(OptionError, match="k is"):
            trained.sql(f"select rm_explain('h', embedding, k := {k}) from rm_rows('tiny') limit 1")
    with pytest.raises(InputError, match="has width 3"):
        trained.sql("select rm_explain('h', [1, 2, 3]::float[3])")


def test_explain_from_python(trained, tmp_path):
    response = str(trained.value("select response_id from rm_rows('tiny') order by 1"))
    found = trained.explain("h", response, k=1)
    query = "select rm_score('h', embedding) from rm_rows('tiny') where response_id::varchar = $id"
    assert found["reward"] == pytest.approx(trained.value(query, {"id": response}), rel=1e-5)
    assert len(found["pairs"]) == 2
    with pytest.raises(InputError, match="has no response 'nothing'"):
        trained.explain("h", "nothing")
    trained.sql("select rm_train('x', chosen_embedding, rejected_embedding) from rm_pairs('tiny')")
    with pytest.raises(InputError, match="x@1 knows no snapshot"):
        trained.explain("x", response)
    assert trained.explain("x", response, snapshot="tiny")["pairs"] == []
