"""Cards of heads: what the store knows, what people say, and unknown for the rest."""

import json

import numpy as np
import pytest
from lab import fill, save_head

from rmstore import card_text, head_card, snapshots
from rmstore.errors import OptionError, StoreError, UnknownNameError

SECTIONS = {
    "head", "use", "preferences", "labels", "prompts_and_policies", "encoder", "training", "metrics", "calibration",
    "failure_modes", "scale",
}  # fmt: skip


@pytest.fixture
def trained(lab):
    """Head ``h@1`` trained on ``tiny@1``."""
    lab.train("h", snapshot="tiny")
    return lab


def test_a_card_knows_what_the_store_knows(trained):
    card = head_card.card(trained, "h")
    assert card.keys() == SECTIONS
    (data_set,) = card["preferences"]["data_sets"]
    seen = trained.value("select count(*) from rm_pairs('tiny') where split <> 'test'")
    assert (data_set["name"], data_set["votes"]) == ("tiny", seen)
    assert card["labels"]["votes"] == seen == card["training"]["rows_used"]
    assert sum(row["prompts"] for row in card["prompts_and_policies"]["prompts"]) >= 60
    assert card["encoder"]["model"] == "toy" and card["encoder"]["layout"] == "joint"
    assert card["encoder"]["texts"] == trained.snapshot("tiny").n_rows
    assert card["training"]["data_fingerprint"] == trained.snapshot("tiny").fingerprint
    assert card["training"]["objective"] == "bt" and "rm_pairs" in card["training"]["training_sql"]
    assert {row["metric"] for row in card["metrics"]["recorded"]} >= {"accuracy", "nll"}
    assert card["scale"]["member_deviations"] == list(trained.head("h").info.member_scales)


def test_the_test_split_is_measured_as_the_reports_measure_it(trained):
    card = head_card.card(trained, "h")
    total = next(row for row in card["metrics"]["test"] if row["dataset"] == "all")
    report = trained.report("accuracy", head="h", snapshot="tiny").table.to_pylist()[-1]
    for name in ("n_pairs", "n_groups", "accuracy", "low", "high"):
        assert total[name] == pytest.approx(report[name], rel=1e-5)
    lengths = card["metrics"]["test_by_length"]
    assert sum(row["n_pairs"] for row in lengths) == total["n_pairs"]
    right = sum(row["n_pairs"] * row["accuracy"] for row in lengths)
    assert right / total["n_pairs"] == pytest.approx(total["accuracy"], rel=1e-4)


def test_length_correlation_is_that_of_ranks_within_prompts(trained):
    from scipy.stats import spearmanr

    rows = trained.sql(
        "select prompt_id::varchar, any_value(reward), any_value(n_chars) from rm_rewards('h', 'tiny')"
        " where split = 'test' group by prompt_id, response_id"
    ).fetchall()
    found = []
    for prompt in {row[0] for row in rows}:
        rewards, lengths = zip(*[row[1:] for row in rows if row[0] == prompt], strict=True)
        if len(set(rewards)) > 1 and len(set(lengths)) > 1:
            found.append(spearmanr(rewards, lengths).statistic)
    modes = head_card.card(trained, "h")["failure_modes"]
    assert modes["length_prompts"] == len(found) > 0
    assert modes["length_correlation"] == pytest.approx(np.mean(found), rel=1e-5)
    assert modes["levels_across_prompts"].startswith("not identified")


def test_what_nobody_knows_is_unknown_and_never_missing(trained):
    card = head_card.card(trained, "h")
    fields = {name for section in card.values() for name in section}
    assert set(head_card.DESCRIBED) <= fields
    for name in set(head_card.DESCRIBED) - {"aggregation"}:
        assert next(section[name] for section in card.values() if name in section) == "unknown"
    assert "None" not in card_text.markdown(card) and "null" not in card_text.as_json(card)


def test_a_head_without_a_snapshot_has_a_card_too(lab):
    lab.sql("select rm_train('v', chosen_embedding, rejected_embedding) from rm_pairs('tiny')")
    card = head_card.card(lab, "v")
    assert card.keys() == SECTIONS
    assert card["preferences"]["data_sets"] == card["encoder"]["model"] == card["metrics"]["test"] == "unknown"
    assert card["labels"]["votes"] == card["training"]["snapshot"] == "unknown"
    assert card["training"]["rows_used"] > 0


def test_a_head_whose_inputs_no_snapshot_gives_has_a_card_too(lab):
    lab.sql(
        "select rm_train('two', {a: chosen_embedding, b: chosen_embedding}, {a: rejected_embedding, b:"
        " rejected_embedding}, prompt := prompt_id, snapshot := 'tiny') from rm_pairs('tiny')"
    )
    card = head_card.card(lab, "two")
    assert card["metrics"]["test"] == "unknown" and card["labels"]["votes"] > 0


def test_a_card_comes_out_the_same_each_time(trained):
    first = card_text.markdown(head_card.card(trained, "h"))
    trained.sql("set threads = 1")
    assert card_text.markdown(head_card.card(trained, "h@1")) == first


def test_a_head_of_ratings_says_so_and_claims_no_votes(store):
    texts = [{"prompt": f"p{n}", "text": text, "reward": float(n), "gold": float(n), "split": "train"}
             for n in range(12) for text in "ab"]  # fmt: skip
    fill(store, texts, [(0, 1), (2, 3)])
    store.sql(
        "select rm_train_ratings('g', response_id, value, snapshot := 's') from ratings where attribute = 'gold'"
    ).fetchall()
    card = head_card.card(store, "g")
    (row,) = card["preferences"]["ratings"]
    assert (row["attribute"], row["ratings"], row["mean"]) == ("gold", 24, 5.5)
    assert card["labels"]["votes"] == card["preferences"]["votes"] == "unknown"
    assert card["scale"]["reference_set"].startswith("none")
    assert card["failure_modes"]["levels_across_prompts"].startswith("learned")
    found = store.sql("select rm_explain('g', embedding) from rm_rows('s') limit 1").fetchall()[0][0]
    assert found["pairs"] == [] and found["note"] == "no pairs: the head was trained on single items"


def test_label_noise_is_how_far_repeated_votes_disagree(store):
    """Pair one: 3 votes to 1, two random ones differ in 3 of 6 draws. Pair two: 2 to 0. Mean 0.25 = 2 q (1 - q)."""
    rows = [{"prompt": "p", "text": text, "split": "train"} for text in "abc"]
    votes = [(0, 1), (0, 1), (0, 1), (1, 0), (1, 2), (1, 2), (0, 2), (0, 2, 0.5)]
    fill(store, rows, votes, seen=["p"])
    labels = head_card.card(store, "h")["labels"]
    assert (labels["votes"], labels["pairs"], labels["ties"]) == (8, 3, 1)
    assert (labels["pairs_voted_on_again"], labels["most_votes_on_a_pair"]) == (2, 4)
    assert labels["disagreement"] == pytest.approx(0.25)
    assert labels["label_noise"] == pytest.approx((1 - np.sqrt(0.5)) / 2, rel=1e-5)
    assert labels["tie_policy"].endswith("left out")


def test_votes_of_groups_the_head_did_not_see_do_not_count(store):
    rows = [{"prompt": prompt, "text": text, "split": "train"} for prompt in "pq" for text in "ab"]
    fill(store, rows, [(0, 1), (2, 3), (2, 3)], seen=["p"])
    labels = head_card.card(store, "h")["labels"]
    assert (labels["votes"], labels["disagreement"], labels["label_noise"]) == (1, "unknown", "unknown")


def test_people_describe_what_only_they_know(trained):
    said = trained.describe_head("h", license="Apache-2.0", contact=" me ", intended_use="ranking | <answers>")
    assert said == {"contact": "me", "intended_use": "ranking | <answers>", "license": "Apache-2.0"}
    card = trained.card("h")
    assert (card["head"]["license"], card["head"]["contact"]) == ("Apache-2.0", "me")
    assert card["encoder"]["encoder_license"] == "unknown"
    assert "&lt;answers&gt;" in card_text.markdown(card)
    assert trained.describe_head("h", contact="") == {"intended_use": "ranking | <answers>", "license": "Apache-2.0"}
    trained.train("h", snapshot="tiny", seed=4, head="mlp", options={"epochs": 1})
    assert trained.card("h@2")["head"]["license"] == "unknown"


def test_descriptions_that_no_card_has_are_refused(trained):
    with pytest.raises(UnknownNameError, match="did you mean 'license'"):
        trained.describe_head("h", licence="MIT", contact="me")
    with pytest.raises(OptionError, match="contact is 3"):
        trained.describe_head("h", contact=3)
    assert trained.describe_head("h") == {}


def test_layout_response_is_blind_to_the_prompt(store):
    fill(store, [{"prompt": "p", "text": "a"}, {"prompt": "p", "text": "b"}])
    for table in ("heads", "snapshots"):
        store.sql(f"update rm.main.{table} set layout = 'response'")
    store.sql("update rm.main.renderings set part = 'response'")
    assert head_card.card(store, "h")["failure_modes"]["prompt_blindness"].startswith("complete")


def test_reports_that_were_run_are_named(trained):
    trained.report("accuracy", head="h", snapshot="tiny")
    trained.report("accuracy", head="h", snapshot="tiny")
    (run,) = head_card.card(trained, "h")["metrics"]["reports_run"]
    assert (run["report"], run["snapshot"]) == ("accuracy", "tiny@1")


def test_a_dropped_snapshot_leaves_a_card(trained):
    snapshots.drop(trained, "tiny", force=True)
    card = head_card.card(trained, "h")
    assert card["training"]["snapshot"] == "tiny@1" and card["metrics"]["test"] == "unknown"


def test_another_version_of_the_same_store_has_its_own_card(store):
    fill(store, [{"prompt": "p", "text": "a"}, {"prompt": "p", "text": "b"}])
    save_head(store, snapshots.resolve(store, "s"), (), name="g", weights=((1.0,), (3.0,)))
    assert head_card.card(store, "g")["training"]["members"] == 2


def test_commands(trained, cli, tmp_path):
    path = tmp_path / "pairs.jsonl"
    lines = [{"prompt": f"Q {n}", "chosen": f"dd dd {n}", "rejected": f"b {n}"} for n in range(60)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    cli("init")
    cli("ingest", path, "--format", "pairs", "--dataset", "d")
    cli("embed", "d", "--encoder", "toy", "--snapshot", "s")
    cli("train", "h", "--snapshot", "s")
    assert "nobody has said" in cli("head", "describe", "h").out
    assert "Apache-2.0" in cli("head", "describe", "h", "license=Apache-2.0").out
    shown = cli("head", "card", "h")
    assert shown.out.startswith("# Reward head h@1\n") and "- **license**: Apache-2.0" in shown.out
    assert json.loads(cli("head", "card", "h", "--json").out)["head"]["reference"] == "h@1"
    for name in ("card.md", "card.json"):
        assert f"h@1 in {tmp_path / name}" in cli("head", "card", "h", "--to", tmp_path / name).out
    assert (tmp_path / "card.md").read_text() == shown.out
    assert "give FILE.md or FILE.json" in cli("head", "card", "h", "--to", tmp_path / "card.txt").err
    assert cli("head", "describe", "h", "license").code == 2


def test_a_card_does_not_replace_the_store(tmp_path):
    with pytest.raises(StoreError, match="the store itself"):
        card_text.write({"head": {"reference": "h@1"}}, tmp_path / "a.md", tmp_path / "a.md")
