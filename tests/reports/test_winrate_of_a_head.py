"""The reports winrate and length-controlled-winrate with a head in the place of votes."""

import math

import numpy as np
import pytest
from arena import import_published, ingest_published, rows_of, sigmoid
from lab import fill, save_head
from scipy import stats

import rmstore
from rmstore import reports, snapshots
from rmstore.errors import RmstoreError

BOTH = ("winrate", "length-controlled-winrate")
PROMPTS, POLICIES, TEMPERATURE = 40, ("a", "b", "r"), 2.0


@pytest.fixture(scope="module")
def judged():
    """Three policies on 40 prompts, and votes on all their pairs that say exactly what head h@1 thinks."""
    rng = np.random.default_rng(11)
    skill = {"a": 0.5, "b": -1.0, "r": 0.0}
    rows = [
        {"prompt": f"p{prompt}", "text": f"{policy}{prompt}".ljust(int(rng.integers(5, 40)), "."), "policy": policy,
         "reward": float(np.round(8 * rng.normal(skill[policy], 2)) / 8), "subset": ("even", "odd")[prompt % 2],
         "split": "test" if prompt < 30 else "train"}
        for prompt in range(PROMPTS)
        for policy in POLICIES
    ]  # fmt: skip
    votes = []
    for first in range(0, len(rows), 3):
        for left, right in ((0, 1), (0, 2), (1, 2)):
            low, high = sorted((first + left, first + right), key=lambda number: rows[number]["reward"])
            prob = float(sigmoid((rows[high]["reward"] - rows[low]["reward"]) / TEMPERATURE))
            votes.append((high, low, prob, rows[high]["subset"]))
    with rmstore.connect() as opened:
        fill(opened, rows, votes, temperature=TEMPERATURE)
        yield opened


def of_head(store, report="winrate", **params):
    return rows_of(store, report, head="h", **params)


@pytest.mark.parametrize("report", BOTH)
@pytest.mark.parametrize("choice", [{}, {"baseline": "r"}, {"baseline": "b", "subset": "even", "split": "test"}])
def test_a_head_that_thinks_what_the_votes_say_gives_their_numbers(judged, report, choice):
    voted, thought = rows_of(judged, report, **choice), of_head(judged, report, **choice)
    assert list(voted) == list(thought) and len(voted) == (2 if choice else 3)
    for name, row in voted.items():
        assert thought[name] == {
            key: pytest.approx(value, abs=1e-9) if isinstance(value, float) else value for key, value in row.items()
        }, name
    assert {row["n_seen"] for row in thought.values()} == {0}


def test_a_policy_and_the_baseline_change_places(judged):
    for one, other in (("a", "r"), ("b", "r"), ("a", "b")):
        forth, back = (of_head(judged, baseline=base, policy=name)[name] for name, base in ((one, other), (other, one)))
        assert forth["win_rate"] == pytest.approx(1 - back["win_rate"], abs=1e-12)
        assert (forth["low"], forth["high"]) == pytest.approx((1 - back["high"], 1 - back["low"]), abs=1e-9)
        assert forth["longest"] == pytest.approx(1 - back["longest"]) and forth["mean_chars"] == back["baseline_chars"]


def test_rm_reward_votes_says_what_rm_win_prob_says(judged):
    found = judged.rows(
        "select votes.*, rm_win_prob('h', chosen.embedding, rejected.embedding) as expected"
        " from rm_reward_votes('h', 's') as votes"
        " join rm_rows('s') as chosen on chosen.response_id = votes.chosen_id"
        " join rm_rows('s') as rejected on rejected.response_id = votes.rejected_id"
    )
    assert len(found) == 3 * PROMPTS
    for row in found:
        assert row["prob"] == pytest.approx(row["expected"], abs=1e-6)
        assert row["prob"] >= 0.5
        assert row["prob"] == pytest.approx(float(sigmoid(row["margin"] / TEMPERATURE)), abs=1e-12)
        assert (row["annotator"], row["source"], row["preference_id"]) == ("h@1", "pseudo", None)
        assert row["chosen_policy"] != row["rejected_policy"] and row["seen_in_training"] is False
    columns = [
        [(row["column_name"], row["column_type"]) for row in judged.rows(f"describe from {call}")]
        for call in ("rm_votes()", "rm_reward_votes('h', 's')")
    ]
    assert columns[1] == [*columns[0], ("seen_in_training", "BOOLEAN")]


def test_agreement_judges_the_same_pairs_alike(judged):
    row = next(
        row
        for row in reports.run(judged, "agreement", {"snapshot": "s", "heads": "h"}).table.to_pylist()
        if {row["rater_a"], row["rater_b"]} == {"human", "h@1"}
    )
    assert (row["n_items"], row["agreement"]) == (len(judged.rows("from rm_reward_votes('h', 's')")), 1)
    values = judged.rows(
        "select raters.value, votes.prob from _rm_rater_values(null, null, 'all', 'annotator', 's', 'h') as raters"
        " join rm_reward_votes('h', 's') as votes"
        "   on least(chosen_id, rejected_id) = low_id and greatest(chosen_id, rejected_id) = high_id"
        " where rater = 'h@1'"
    )
    assert len(values) == 3 * PROMPTS
    for value in values:
        assert max(value["value"], 1 - value["value"]) == pytest.approx(value["prob"], abs=1e-12)


def test_by_hand_with_all_that_may_come_up(store):
    # x says 1 and 3 to p0, y and z say the same words there, to p1 y alone speaks twice and to p2 a nameless one too
    rows = [
        *({"prompt": "p0", "text": text, "reward": reward, "policy": policy}
          for text, reward, policy in (("x1", 1.0, "x"), ("x333", 3.0, "x"), ("same", 1.0, "y"), ("same", 1.0, "z"))),
        *({"prompt": "p1", "text": text, "reward": 2.0, "policy": "y"} for text in ("y1", "y2")),
        *({"prompt": "p2", "text": text, "reward": reward, "policy": policy}
          for text, reward, policy in (("x", 0.0, "x"), ("yy", 0.5, "y"), ("who", 9.0, None))),
    ]  # fmt: skip
    fill(store, rows)
    found = of_head(store, baseline="y")
    assert list(found) == ["x", "z"]
    x = found["x"]
    assert (x["dataset"], x["baseline"], x["n_pairs"], x["n_groups"], x["n_ties"]) == ("d", "y", 3, 2, 1)
    assert x["win_rate"] == pytest.approx((0.5 + sigmoid(2) + sigmoid(-0.5)) / 3, abs=1e-12)
    assert x["discrete"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert (x["longest"], x["mean_chars"], x["baseline_chars"]) == pytest.approx((0.5 / 3, 7 / 3, 10 / 3))
    assert (found["z"]["n_pairs"], found["z"]["win_rate"], found["z"]["n_ties"]) == (1, 0.5, 1)
    everybody = of_head(store)
    assert {row["baseline"] for row in everybody.values()} == {"all"}
    assert {name: row["n_pairs"] for name, row in everybody.items()} == {"x": 5, "y": 4, "z": 3}
    assert store.value("select count(*) from rm_reward_votes('h', 's')") == 6
    assert reports.run(store, "winrate").table.num_rows == 0, "without a head nobody voted"


def test_groups_that_the_head_saw_are_left_out_and_counted(store):
    rows = [{"prompt": f"p{number}", "text": name, "reward": float(name == "a") * (1 - number % 2), "policy": name}
            for number in range(10) for name in "ab"]  # fmt: skip
    fill(store, rows, seen=["p0", "p2"])
    for report in BOTH:
        row = of_head(store, report, baseline="b")["a"]
        assert (row["n_pairs"], row["n_groups"], row["n_seen"]) == (8, 8, 2)
        assert row["win_rate"] == pytest.approx((3 * sigmoid(1) + 5 * 0.5) / 8)
    info = snapshots.resolve(store, "s")
    groups = [str(row["group_id"]) for row in store.rows("select distinct group_id from prompts")]
    save_head(store, info, groups, name="all")
    result = reports.run(store, "winrate", {"head": "all", "baseline": "b"})
    row = result.table.to_pylist()[0]
    assert (row["n_pairs"], row["n_seen"], row["win_rate"], row["low"], row["longest"]) == (0, 10, None, None, None)
    assert any("all@1 saw every group here in training" in note for note in result.provenance["notes"])
    save_head(store, info, (), name="unknown")
    row = rows_of(store, "winrate", head="unknown", baseline="b")["a"]
    assert (row["n_pairs"], row["n_seen"]) == (10, None)


@pytest.mark.parametrize("report", BOTH)
def test_a_head_without_an_opinion_sees_every_policy_level(store, report):
    rng = np.random.default_rng(4)
    rows = [{"prompt": f"p{number}", "text": name.ljust(int(rng.integers(1, 50)), "."), "reward": 0.25, "policy": name}
            for number in range(20) for name in "abc"]  # fmt: skip
    fill(store, rows)
    found = of_head(store, report)
    assert list(found) == ["a", "b", "c"] and {row["win_rate"] for row in found.values()} == {0.5}
    if report != "winrate":
        assert [row["controlled"] for row in found.values()] == pytest.approx([0.5] * 3, abs=1e-9)


def test_a_head_that_counts_characters_is_levelled(store):
    rng = np.random.default_rng(5)
    rows = [
        {"prompt": f"p{number}", "text": name * int(n), "reward": float(n) / 8, "policy": name}
        for number in range(150)
        for name, n in (("a", rng.integers(15, 60)), ("b", rng.integers(8, 40)))
    ]
    fill(store, rows, temperature=2.0)
    row = of_head(store, "length-controlled-winrate", baseline="b")["a"]
    assert row["win_rate"] > 0.6 and row["phi"] > 0.5
    assert row["controlled"] == pytest.approx(0.5, abs=0.05)


def test_what_was_published_without_text_has_no_length(store):
    rows = [{"prompt": f"p{number}", "text": f"{name}{number}", "reward": float(name == "a"), "policy": name}
            for number in range(9) for name in "ab"]  # fmt: skip
    fill(store, rows, [(2 * number, 2 * number + 1) for number in range(9)])
    store.sql("update rm.main.dataset_files set format = 'npy'")
    for params in ({"head": "h"}, {}):
        row = rows_of(store, "winrate", baseline="b", **params)["a"]
        assert row["n_pairs"] == 9 and row["win_rate"] > 0.7
        assert row["longest"] is row["mean_chars"] is row["baseline_chars"] is None
        row = rows_of(store, "length-controlled-winrate", baseline="b", **params)["a"]
        assert row["win_rate"] > 0.7 and row["controlled"] is row["longest"] is row["shift"] is None


def test_the_operators_condition_holds_for_the_votes_of_a_head(judged):
    where = "chosen_chars >= 20 and rejected_policy <> 'b'"
    result = reports.run(judged, "winrate", {"head": "h", "baseline": "r"}, where=where)
    kept = judged.rows(f"select * from rm_reward_votes('h', 's') where {where}")
    sides = [(row["chosen_policy"], row["rejected_policy"]) for row in kept]
    expected = {name: sum(side in {(name, "r"), ("r", name)} for side in sides) for name in "ab"}
    assert {row["policy"]: row["n_pairs"] for row in result.table.to_pylist()} == expected
    assert {"table": "rm_reward_votes", "n": 3 * PROMPTS, "n_kept": len(kept)} in result.provenance["where"]["kept"]


def test_two_heads_side_by_side_and_folds(judged):
    info = snapshots.resolve(judged, "s")
    save_head(
        judged, info, ["00000000-0000-0000-0000-000000000001"], name="turned", weights=((-1.0,),), temperature=2.0
    )
    compared = reports.run(judged, "winrate", {"head": "h", "baseline": "r"}, compare="turned").table.to_pylist()
    plain = of_head(judged, baseline="r")
    assert {row["policy"] for row in compared} == {"a", "b"}
    for row in compared:
        rates = (row["win_rate"], 1 - row["win_rate_compared"])
        assert rates == pytest.approx((plain[row["policy"]]["win_rate"],) * 2, abs=1e-12)
        assert (row["n"], row["n_unpaired"]) == (PROMPTS, 0) and row["low"] < row["difference"] < row["high"]
    folded = reports.run(judged, "winrate", {"head": "h", "baseline": "r"}, folds=4)
    assert folded.provenance["folds"]["k"] == 4
    rates = {row["policy"]: row["win_rate"] for row in folded.table.to_pylist()}
    assert rates["a"] > 0.5 > rates["b"], "heads of the other folds learn from the votes what h@1 knows"


def test_by_folds_every_head_has_a_temperature_of_its_own(store):
    rng = np.random.default_rng(6)
    rows = [{"prompt": f"p{n}", "text": f"{name}{n}", "reward": float(rng.normal(name == "a", 2)), "policy": name}
            for n in range(60) for name in "ab"]  # fmt: skip
    votes = [(2 * n, 2 * n + 1) if rng.random() < 0.7 else (2 * n + 1, 2 * n) for n in range(60)]
    fill(store, rows, votes, temperature=9)
    folded = reports.run(store, "winrate", {"head": "h", "baseline": "b"}, folds=3).table.to_pylist()[0]
    wins = []
    for fold in range(3):
        store.sql(
            "select rm_train('fold', chosen_id, rejected_id, snapshot := 's', prompt := prompt_id, split := 'train')"
            " from rm_pairs('s') where rm_fold(group_id, 3) <> $fold", {"fold": fold},
        )  # fmt: skip
        wins += store.rows(
            "select if(chosen_policy = 'a', prob, 1 - prob) as win from rm_reward_votes('fold@latest', 's')"
            " where rm_fold(group_id, 3) = $fold", {"fold": fold},
        )  # fmt: skip
    assert folded["n_pairs"] == len(wins) == 60
    assert folded["win_rate"] == pytest.approx(np.mean([row["win"] for row in wins]), abs=1e-6)


def test_the_snapshot_is_the_heads_own_unless_given(judged):
    result = reports.run(judged, "winrate", {"head": "h"})
    assert result.provenance["parameters"]["snapshot"] == "s@1"
    assert list(result.provenance["heads"]) == ["head"] and list(result.provenance["snapshots"]) == ["snapshot"]
    plain = reports.run(judged, "winrate").provenance
    assert plain["parameters"]["snapshot"] is None and not plain["heads"]


@pytest.mark.parametrize("report", BOTH)
@pytest.mark.parametrize(
    "slip, said",
    [
        ({"head": "h", "annotator": "judge"}, "annotator is 'judge', but head h@1 judges in the place of votes"),
        ({"head": "h", "source": "human"}, "source is 'human', but head h@1 judges"),
        ({"snapshot": "s"}, "snapshot 's@1' needs a head to judge it\n  hint: give the head too"),
        ({"head": "h", "subset": "evne"}, "no subset is called 'evne'"),
        ({"head": "h", "policy": "c"}, "no policy is called 'c': there are a, b, r"),
        ({"head": "h", "baseline": "c"}, "no policy is called 'c'"),
        ({"head": "hh"}, "no head is called 'hh'"),
    ],
)
def test_slips_are_errors(judged, report, slip, said):
    with pytest.raises(RmstoreError, match=said):
        reports.run(judged, report, slip)


@pytest.mark.parametrize("reward", [math.nan, math.inf])
@pytest.mark.parametrize("report", BOTH)
def test_a_reward_that_is_no_number_is_an_error(store, report, reward):
    rows = [{"prompt": "p", "text": name, "reward": reward if name == "a" else 0.0, "policy": name} for name in "ab"]
    fill(store, rows)
    with pytest.raises(RmstoreError, match="(?i)nan|inf"):
        of_head(store, report)


def test_a_head_without_anything_to_judge_says_so(store):
    fill(store, [{"prompt": f"p{number}", "text": "t", "policy": "lone"} for number in range(6)])
    for report in BOTH:
        result = reports.run(store, report, {"head": "h"})
        assert result.table.num_rows == 0 and result.provenance["notes"][0].startswith("the report has no rows")


HELD_OUT = "rm_fold(group_id, k := 2) = 1"


@pytest.fixture(scope="module")
def ranked(real_data):
    """AlpacaEval's annotations, published vectors of 20 policies and the reference, and a head on half of it."""
    with rmstore.connect() as opened:
        ingest_published(opened, real_data)
        import_published(opened, real_data)
        opened.train("half", snapshot="alpaca", where="rm_fold(group_id, k := 2) = 0")
        yield opened


@pytest.mark.parametrize("report, figure", list(zip(BOTH, ("win_rate", "controlled"), strict=True)))
def test_a_head_ranks_policies_as_the_judge_does_on_other_prompts(ranked, report, figure):
    """Better than length does, although one linear head on small vectors that are cut at 256 word pieces."""
    thought, said = (
        {row["policy"]: row for row in reports.run(ranked, report, params, where=HELD_OUT).table.to_pylist()}
        for params in ({"head": "half"}, {})
    )
    names = [name for name, row in thought.items() if row["n_groups"] > 300]  # others share words with these alone
    assert len(names) == 20
    assert {thought[name]["baseline"] for name in names} == {"gpt4_1106_preview"}
    for name in names:
        assert (thought[name]["n_pairs"], thought[name]["n_seen"]) == (said[name]["n_pairs"], 0)
        assert thought[name]["mean_chars"] == pytest.approx(said[name]["mean_chars"], rel=1e-9)
    judge = [said[name][figure] for name in names]
    head, length = (
        stats.spearmanr([side[name][column] for name in names], judge).statistic
        for side, column in ((thought, figure), (said, "longest"))
    )
    assert head > 0.75 > 0.7 > length
