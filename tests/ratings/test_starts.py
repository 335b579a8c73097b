"""Heads that start from others, gates and searches."""

import json

import numpy as np
import pytest
from rated_items import ALL, chosen, head, one

from rmstore import head_store
from rmstore.embedding import embed
from rmstore.errors import InputError, OptionError, UnknownNameError


def test_a_start_goes_on_from_a_head(rated):
    one(rated, "select rm_train_ratings('a', item, clear, split := 'train') from items")
    query = "select rm_train_ratings('b', item, clear, split := 'train', options := {'start': 'a'}) from items"
    result = one(rated, query)
    assert result["is_new"]
    assert head_store.resolve(rated, "b").options["start"] == "a@1"
    np.testing.assert_allclose(head(rated, "b").weights, head(rated, "a").weights, atol=1e-3)
    assert not one(rated, query)["is_new"]
    with pytest.raises(UnknownNameError):
        one(rated, query.replace("'a'", "'nobody'"))
    with pytest.raises(OptionError, match="start .*is 3"):
        one(rated, query.replace("'a'", "3"))
    with pytest.raises(OptionError, match="width 3 cannot go on from a linear head of width 6"):
        one(rated, query.replace("item", "item[1:3]::float[3]", 1))


def test_a_gate_on_the_attributes_of_another_head(rated):
    """What counts is 'clear' for one kind of prompt and 'vivid' for the other; the vector of the prompt says which."""
    one(rated, (ALL + "ratings where attribute <> 'brief'").replace("'h'", "'attrs'"))
    rated.sql("""
        create temp table sides as
        select prompt, list(item order by i) as e, list(clear - -10 order by i) as c, list(vivid - 0.5 order by i) as t,
               (hash(prompt) % 2)::int as kind
        from items group by prompt
    """)
    rated.sql("""
        create temp table compared as
        select prompt, {'e': e[1], 'e_prompt': array_value(kind::float, 1::float)} as a,
               {'e': e[2], 'e_prompt': array_value(kind::float, 1::float)} as b,
               if(kind = 1, c[1] > c[2], t[1] > t[2]) as first
        from sides
    """)
    query = """select rm_train('armo', [a, b][if(first, 1, 2)], [a, b][if(first, 2, 1)], split := 'train',
        head := 'multi', options := {'start': 'attrs', 'hidden': [16], 'lr': 0.03, 'steps': 300}) from compared"""
    result = one(rated, query)
    assert result["train_accuracy"] > 0.95
    told = chosen(rated, "armo")["gate"]
    assert told["entropy"] < 0.4 < told["even_entropy"]
    score = "select avg(((rm_score('armo', a) > rm_score('armo', b)) = first)::int) from compared"
    assert one(rated, score) == pytest.approx(result["train_accuracy"])
    assert one(rated, "select len(rm_score_members('armo', a)) from compared limit 1") == 2
    with pytest.raises(OptionError, match="attributes are not there yet"):
        one(rated, query.replace("'start': 'attrs', ", ""))


def test_a_start_that_knows_fewer_fields_comes_first(rated):
    """Side features sort before and after the prompt's vector; every column must find its weight."""
    rows = "(select *, {'e': item, 'z': i::double} as whole from ratings)"
    one(rated, (ALL + rows).replace("item", "whole", 1).replace("'h'", "'attrs'"))
    rated.sql("""create temp table asked as
        select prompt, list({'e': item, 'z': i::double} order by clear desc) as plain,
        list({'e': item, 'e_prompt': array_value(length(prompt)::float), 'z': i::double} order by clear desc) as whole
        from items group by prompt""")
    options = json.dumps({"start": "attrs", "steps": 1, "lr": 1e-12, "scale": 3.0, "hidden": [4], "dropout": 0})
    query = "select rm_train('armo', whole[1], whole[2], head := 'multi', options := $options) from asked"
    one(rated, query, {"options": options})
    assert [field["name"] for field in head_store.resolve(rated, "armo").inputs] == ["e", "z", "e_prompt"]
    gaps = "select max(abs({} (rm_score('attrs', plain[1]) - rm_score('attrs', plain[2])) " \
        "- rm_score('armo', whole[1]) + rm_score('armo', whole[2]))) from asked"  # fmt: skip
    assert one(rated, gaps.format("3 *")) < 0.6 < 2 < one(rated, gaps.format("1 *"))


def test_snapshots_with_a_prompt_part_feed_the_gate_by_themselves(lab):
    embed(lab, "tiny", snapshot="wide", encoder="toy", layout="joint||prompt")
    rows = "(select distinct response_id, n_chars, n_tokens from rm_rows('{}'))"
    rated = f"(unpivot {rows} on n_chars, n_tokens into name attribute value value)"
    query = (
        "select rm_train_ratings('attrs', response_id, value, attribute := attribute, snapshot := '{}', "
        "head := 'multi') from {}"
    )
    one(lab, query.format("tiny", rated.format("tiny")))
    gate = (
        "select rm_train('armo', chosen_id, rejected_id, snapshot := '{}', head := 'multi', "
        "options := {{'start': 'attrs', 'hidden': [8], 'steps': 20}}) from rm_pairs('{}') {}"
    )
    one(lab, gate.format("wide", "wide", "where subset = 'even'"))
    assert chosen(lab, "armo")["prompt_at"] == [8, 16]
    unseen = "(select group_id from head_training join heads using (head_id) where name = 'attrs' except select "
    unseen += "group_id from head_training join heads using (head_id) where name = 'armo')"
    assert one(lab, f"select count(*) from {unseen}") == 0  # what taught the attributes, the gate has seen
    assert lab.sql("select count(*) = count(reward) from rm_rewards('armo', 'wide')").fetchall() == [(True,)]
    narrow = one(lab, gate.format("tiny", "tiny", ""))
    assert any("no part prompt" in note for note in narrow["notes"])
    embed(lab, "tiny", snapshot="turned", encoder="toy", layout="prompt||joint")
    with pytest.raises(InputError, match=r"attrs@1 was trained on layout 'joint', but turned@1 has 'prompt\|\|joint'"):
        one(lab, gate.format("turned", "turned", ""))


def test_a_search_is_recorded_and_keeps_the_best(rated):
    query = (
        "select rm_train_ratings('h', item, clear, prompt := prompt, "
        "options := {'search': {'l2': [100.0, 0.01, 1.0]}}) from items"
    )
    result = one(rated, query)
    record = chosen(rated, "h")["search"]
    assert [row["options"]["l2"] for row in record] == [100, 0.01, 1]
    best = min(record, key=lambda row: row["valid_mse"])
    assert best["options"]["l2"] == 0.01 == head_store.resolve(rated, "h").options["l2"]
    assert result["valid_mse"] == pytest.approx(best["valid_mse"], abs=1e-6)
    for split in ("split := 'train'", "split := if(i < 99, 'valid', 'train'), weight := if(i < 99, 0, 1)"):
        with pytest.raises(InputError, match="a search chooses on validation rows"):
            one(rated, query.replace("prompt := prompt", split))
    with pytest.raises(OptionError, match="l2 is both given and searched"):
        one(rated, query.replace("{'search'", "{'l2': 1, 'search'"))
