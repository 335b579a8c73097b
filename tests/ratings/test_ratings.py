"""Training on ratings and steps through SQL: known answers, order, gaps, refusals."""

import numpy as np
import pyarrow as pa
import pytest
from rated_items import ALL, DATA, DIRECTIONS, LEVELS, NAMES, N, chosen, head, one, vectors

from rmstore.embedding import embed
from rmstore.errors import InputError, OptionError
from rmstore.ingest import ingest


def test_rm_train_ratings(rated):
    query = "select rm_train_ratings('h', item, value, prompt := prompt) from ratings where attribute = 'clear'"
    result = one(rated, query)
    assert (result["n_used"], result["n_skipped"], result["is_new"]) == (N, 0, True)
    assert result["train_n"] + result["valid_n"] == N
    assert result["valid_r2"] > 0.999 and result["valid_mse"] < 0.001
    assert result["valid_accuracy"] is result["valid_nll"] is None
    np.testing.assert_allclose(head(rated, "h").weights[0], DIRECTIONS[1], atol=0.01)
    error = "select max(abs(rm_score('h', item) - clear)) from items"
    assert one(rated, error) < 0.1  # the level is learned too: the score is a rating


def test_ratings_give_no_chance_of_winning(rated):
    one(rated, "select rm_train_ratings('h', item, clear, prompt := prompt) from items")
    with pytest.raises(InputError, match="'h@1' predicts ratings, whose differences are no log-odds"):
        rated.sql("select rm_win_prob('h', item, item) from items")


def test_one_attribute_named_or_not_gives_the_same_scores(rated):
    one(rated, "select rm_train_ratings('a', item, clear, prompt := prompt) from items")
    one(rated, "select rm_train_ratings('b', item, clear, attribute := 'clear', prompt := prompt) from items")
    assert one(rated, "select max(abs(rm_score('a', item) - rm_score('b', item))) from items") < 1e-6


def test_one_head_per_attribute(rated):
    rows = rated.sql(
        "select attribute, rm_train_ratings('by/' || attribute, item, value, attribute := attribute, prompt := prompt) "
        "from ratings group by attribute order by attribute"
    ).fetchall()
    assert [(name, result["head"], result["n_used"]) for name, result in rows] == [
        (name, f"by/{name}", N) for name in NAMES
    ]
    for place, name in enumerate(NAMES):
        np.testing.assert_allclose(head(rated, f"by/{name}").weights[0], DIRECTIONS[place], atol=0.01)


def test_several_attributes_train_a_multi_head(rated):
    result = one(rated, ALL + "ratings")
    assert (result["n_used"], result["n_skipped"]) == (3 * N, 0)
    assert result["valid_r2"] > 0.999
    assert head(rated, "h").attributes.names == NAMES
    np.testing.assert_allclose(head(rated, "h").members(DIRECTIONS.astype(np.float32)),
                               DIRECTIONS @ DIRECTIONS.T + LEVELS, atol=0.1)  # fmt: skip
    told = chosen(rated, "h")["attributes"]
    assert [(row["attribute"], row["n"] + row["n_valid"]) for row in told] == [(name, N) for name in NAMES]
    assert min(row["valid_r2"] for row in told) > 0.999
    members = rated.sql("select rm_score_members('h', item) from items").fetchnumpy()
    members = np.stack(next(iter(members.values())))
    for place, name in enumerate(NAMES):
        column = np.array(rated.sql(f"select {name} from items").fetchnumpy()[name])
        assert np.corrcoef(members[:, place], column)[0, 1] > 0.999
    assert np.abs(members.std(axis=0) - 1).max() < 0.05


def test_what_a_multi_head_learned_can_be_asked_in_sql(rated):
    one(rated, ALL + "ratings")
    rows = rated.rows(
        "select learned.attribute, learned.l2, learned.valid_r2 from (select unnest(from_json(chosen->'attributes', "
        """'[{"attribute": "VARCHAR", "l2": "DOUBLE", "valid_r2": "DOUBLE"}]')) as learned from heads """
        "where name = 'h') order by learned.attribute"
    )
    assert [row["attribute"] for row in rows] == list(NAMES)
    assert all(row["valid_r2"] > 0.999 and row["l2"] <= 1 for row in rows)


def test_mixed_attributes_are_refused_for_one_attribute_heads(rated):
    with pytest.raises(InputError, match=r"value mixes 3 attributes: brief, clear, vivid\n  hint: .*head := 'multi'"):
        one(rated, ALL.replace("'multi'", "'linear'") + "ratings")
    with pytest.raises(InputError, match="attribute is "):
        one(rated, ALL + "(select * replace (if(i = 3, null, attribute) as attribute) from ratings)")


def test_missing_values_and_vectors_are_skipped(rated):
    holes = """(select * replace (case when i % 10 = 0 then null when i % 10 = 1 then 'nan'::double else value end
        as value, [item][if(i % 10 = 2, 2, 1)] as item) from ratings where attribute = 'clear')"""
    result = one(rated, f"select rm_train_ratings('h', item, value, prompt := prompt) from {holes}")
    assert (result["n_used"], result["n_skipped"]) == (420, 180)
    np.testing.assert_allclose(head(rated, "h").weights[0], DIRECTIONS[1], atol=0.01)


def test_ratings_may_be_missing_for_some_attributes_of_an_item(rated):
    result = one(rated, ALL + "(from ratings where attribute = 'clear' or i % 4 > 0)")
    assert result["n_used"] == 2 * N * 3 // 4 + N
    told = {row["attribute"]: row["n"] + row["n_valid"] for row in chosen(rated, "h")["attributes"]}
    assert told == {"brief": 450, "clear": 600, "vivid": 450}
    assert result["valid_r2"] > 0.999


def test_the_order_of_rated_rows_does_not_matter(rated):
    for kind, rows in (("multi", "ratings"), ("linear", "ratings where attribute = 'vivid'")):
        query = ALL.replace("'h'", f"'{kind}'").replace("'multi')", f"'{kind}')")
        first = one(rated, query + rows)
        again = one(rated, f"{query}(from {rows} order by hash(i + length(attribute)))")
        assert first["is_new"] and not again["is_new"]
        assert again["valid_mse"] == first["valid_mse"]


def test_a_rating_of_weight_two_is_two_ratings(rated):
    query = (
        "select rm_train_ratings('{}', item, value, attribute := attribute, weight := w, split := 'train', "
        "head := 'multi', options := {{'l2': 0.1}}) from (select *, if(i < 100, {}, 1) as w from ratings {})"
    )
    one(rated, query.format("a", 2, ""))
    one(rated, query.format("b", 1, "union all from (select *, 1 from ratings where i < 100)").replace(
        "union all from (select *, 1 from ratings", "union all (select *, 1 from ratings"))  # fmt: skip
    items = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    np.testing.assert_allclose(head(rated, "a").members(items), head(rated, "b").members(items), atol=1e-4)


def test_unequal_weights_leave_their_effective_sample_size(rated):
    query = "select rm_train_ratings('{}', item, clear, weight := {}, split := 'train') from items"
    one(rated, query.format("even", 3))
    assert "effective_sample_size" not in chosen(rated, "even")
    one(rated, query.format("odd", "if(i < 300, 3, 1)"))
    assert chosen(rated, "odd")["effective_sample_size"] == pytest.approx(1200**2 / (300 * 9 + 300))


def test_ratings_by_id_and_by_vector_agree(lab):
    query = "select rm_train_ratings('{}', {}, n_chars, prompt := prompt_id, snapshot := 'tiny') from {}"
    distinct = "(select distinct response_id, prompt_id, n_chars, embedding from rm_rows('tiny'))"
    by_id = one(lab, query.format("ids", "response_id", distinct))
    by_vector = one(lab, query.format("vectors", "embedding", distinct))
    assert by_id["n_used"] > 50
    gap = "select max(abs(rm_score('ids', embedding) - rm_score('vectors', embedding))) from rm_rows('tiny')"
    assert one(lab, gap) < 0.05 * one(lab, "select stddev(n_chars) from rm_rows('tiny')")
    assert (by_id["train_n"], by_id["test_n"]) == (by_vector["train_n"], by_vector["test_n"])
    groups = "select count(distinct group_id) from head_training join heads using (head_id) where name = 'ids'"
    assert one(lab, groups) > 10
    rewards = "select count(*) = count(reward), bool_or(seen_in_training) from rm_rewards('ids', 'tiny')"
    assert lab.sql(rewards).fetchall() == [(True, True)]


def test_rm_ratings(store):
    ingest(store, DATA / "responses_flat.jsonl", format="responses", dataset="d")
    embed(store, "d", snapshot="s", encoder="toy", layout="joint")
    rows = store.rows("select * from rm_ratings('s')")
    assert list(rows[0]) == [
        "prompt_id", "group_id", "response_id", "dataset", "split", "attribute", "annotator", "value",
    ]  # fmt: skip
    expected = store.sql("select count(*) from ratings join snapshot_members using (response_id)").fetchall()[0][0]
    assert len(rows) == expected > 5
    assert rows == sorted(rows, key=lambda row: (row["response_id"], row["attribute"]))
    texts = {row["response_id"]: row["text"] for row in store.rows("select response_id, text from responses")}
    gold = {texts[row["response_id"]]: row["value"] for row in rows if row["attribute"] == "gold"}
    assert gold["It is wet."] == 0.5


# steps

STEPS = "select rm_train_steps('h', item, label, prompt := prompt) from items"


def test_rm_train_steps(rated):
    result = one(rated, STEPS)
    assert result["valid_accuracy"] > 0.95 and result["valid_nll"] < 0.2
    assert result["valid_r2"] is result["valid_mse"] is None
    found = head(rated, "h").weights[0]
    assert found @ DIRECTIONS[0] / np.linalg.norm(found) / np.linalg.norm(DIRECTIONS[0]) > 0.99
    assert one(rated, "select avg(((rm_score('h', item) > 0)::int = label)::int) from items") > 0.95


def test_the_score_of_a_step_is_its_log_odds(rated):
    """Labels drawn from known log-odds: score and odds agree, level included."""
    draw = np.random.default_rng(5)
    items = draw.standard_normal((20_000, 2))
    odds = items @ np.array([1.5, -1]) - 1
    label = draw.random(20_000) < 1 / (1 + np.exp(-odds))
    rated.con.register("drawn", pa.table({"item": vectors(items), "label": label, "odds": odds}))
    one(rated, "select rm_train_steps('odds', item, label) from drawn")
    assert one(rated, "select max(abs(rm_score('odds', item) - odds)) from drawn") < 0.3


def test_a_label_may_be_a_share(rated):
    result = one(rated, STEPS.replace("label", "if(label = 1, 0.9, 0.2)"))
    assert result["valid_accuracy"] > 0.85
    assert result["valid_nll"] > -(0.9 * np.log(0.9) + 0.1 * np.log(0.1)) - 0.1


@pytest.mark.parametrize("head", ["mlp", "lightgbm"])
def test_other_heads_learn_ratings_and_steps(rated, head):
    more = f", head := '{head}', options := {{'epochs': 30, 'lr': 0.01}}" if head == "mlp" else f", head := '{head}'"
    assert one(rated, STEPS.replace(")", f"{more})", 1))["valid_accuracy"] > 0.85
    query = f"select rm_train_ratings('r', item, clear + 1000, prompt := prompt{more}) from items"
    assert one(rated, query)["valid_r2"] > 0.6
    assert one(rated, "select abs(avg(rm_score('r', item) - clear)) from items") == pytest.approx(1000, abs=0.5)


@pytest.mark.parametrize("head", ["linear", "mlp", "lightgbm", "adapter"])
def test_the_unit_of_ratings_does_not_matter(rated, head):
    for name, unit in (("one", 1), ("large", 1000), ("small", 0.001)):
        query = (
            f"select rm_train_ratings('{name}', item, {unit} * clear, prompt := prompt, head := '{head}') from items"
        )
        assert one(rated, query)["valid_r2"] > 0.6
    query = "select max(abs(rm_score('{}', item) - {} * rm_score('one', item))) / {} from items"
    assert one(rated, query.format("large", 1000, 1000)) < 0.05
    assert one(rated, query.format("small", 0.001, 0.001)) < 0.05


@pytest.mark.parametrize("head", ["mlp", "adapter"])
def test_a_start_knows_the_unit_of_its_ratings(rated, head):
    query = (
        "select rm_train_ratings('{}', item, 1000 * clear, prompt := prompt, head := '{}', options := {}) from items"
    )
    one(rated, query.format("begin", head, "null"))
    one(rated, query.format("end", head, "{start: 'begin', lr: 1e-9, epochs: 1}"))
    assert one(rated, "select max(abs(rm_score('begin', item) - rm_score('end', item))) from items") < 0.1


def test_a_multi_head_of_one_attribute_is_measured_by_its_ratings(rated):
    result = one(rated, "select rm_train_ratings('h', item, clear, prompt := prompt, head := 'multi') from items")
    assert result["valid_r2"] > 0.99 and result["valid_mse"] < 0.01


@pytest.mark.parametrize(("diversity", "told"), [("seed", True), ("bootstrap", False)])
def test_members_that_all_say_the_same_are_told_of(rated, diversity, told):
    query = (
        "select rm_train_ratings('h', item, clear, prompt := prompt, members := 3, "
        f"options := {{diversity: '{diversity}'}}) from items"
    )
    assert any("all members give the same rewards" in note for note in one(rated, query)["notes"]) == told


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        ("rm_train_ratings('h', item, 'much')", InputError, "value is 'much'"),
        ("rm_train_ratings('h', item, 'inf'::double)", InputError, "value is inf in 600 of 600"),
        ("rm_train_ratings('h', item, null)", InputError, "no rating of 600 can be learned from: 600 without a value"),
        ("rm_train_ratings('h', null::float[6], clear)", InputError, "600 without a vector"),
        ("rm_train_ratings('h', item, clear, objective := 'bt')", OptionError, "'bt' does not learn from ratings"),
        (
            "rm_train_ratings('h', item, clear, objective := 'logistic')",
            InputError,
            "a label lies between 0 (wrong) and 1 (right)",
        ),
        ("rm_train_ratings('h', item, clear, weight := -1)", InputError, "weight is -1.0"),
        ("rm_train_ratings('h', item, clear, weight := 1e200)", InputError, "at most 1e+15"),
        ("rm_train_ratings('h', item, 1e200 * clear)", InputError, "at most 1e+15"),
        ("rm_train_ratings('h', item, clear, weight := 0)", InputError, "weights of all"),
        ("rm_train_ratings('h', item, clear, split := 'dev')", InputError, "split is 'dev'"),
        ("rm_train_ratings('h', uuid(), clear)", InputError, "no snapshot says which vectors"),
        ("rm_train_ratings('h', i, clear)", InputError, "not a vector"),
        ("rm_train_ratings('h', item, clear, head := 'multi', members := 3)", OptionError, "ensemble of 3"),
        ("rm_train_ratings('h', item, clear, options := {'bsr': 0.1})", OptionError, "bsr belongs to pairs"),
        (
            "rm_train_ratings('h', item, clear, options := {'search': {'l2': 3}})",
            OptionError,
            "such as {l2: [0.1, 1.0, 10.0]}",
        ),
        ("rm_train_steps('h', item, 2)", InputError, "value is 2.0 in 600 of 600"),
        ("rm_train_steps('h', item, -0.1)", InputError, "a label lies between 0"),
        ("rm_train_steps('h', item, null)", InputError, "600 without a value"),
        ("rm_train_rankings('h', item)", InputError, "not a list"),
        ("rm_train_rankings('h', i)", InputError, "not a list"),
        ("rm_train_rankings('h', [item])", InputError, "none of the 600 rankings has two items"),
        ("rm_train_rankings('h', [null, item])", InputError, "none of the 600 pairs has both vectors"),
        ("rm_train_rankings('h', [clear, vivid])", InputError, "not a vector"),
        ("rm_train_rankings('h', [item, item], objective := 'squared')", OptionError, "'squared' does not learn"),
        ("rm_train_rankings('h', [uuid(), uuid()])", InputError, "no snapshot says which vectors"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_its_value(rated, call, error, told):
    with pytest.raises(error) as problem:
        rated.sql(f"select {call} from items")
    assert told in str(problem.value)
    assert rated.sql("from rm_heads()").fetchall() == []


def test_no_rows_are_refused(rated):
    for call, told in (
        ("rm_train_ratings('h', item, clear)", "no ratings to train on"),
        ("rm_train_steps('h', item, label)", "no ratings to train on"),
        ("rm_train_rankings('h', [item, item])", "no rankings to train on"),
    ):
        with pytest.raises(InputError, match=told):
            rated.sql(f"select {call} from items where i < 0")
