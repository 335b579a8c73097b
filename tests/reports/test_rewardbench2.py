"""The report rewardbench2 by hand and against an independent computation of the published definition."""

import numpy as np
import pytest
from benches import give_rewards, ingest_rows
from lab import table
from scipy import stats

import rmstore
from rmstore import reports
from rmstore.errors import ReportError

COUNTS = {"Factuality": 475, "Precise IF": 160, "Math": 183, "Safety": 450, "Focus": 495}
PARTS = ("tied accuracy", "ref accuracy", "preferred", "preferred hard", "margin")


def item(number, subset, chosen, rejected, prompt=None, **more):
    return {
        "id": str(number), "prompt": prompt or f"p {number} {subset}", "chosen": chosen, "rejected": rejected,
        "num_correct": len(chosen), "subset": subset, **more,
    }  # fmt: skip


def by_number(prompt, text):
    """The reward of a text is the number that it begins with."""
    return float(text.split()[0])


def run(store, head="h", **params):
    return {row["name"]: row for row in table(store, "rewardbench2", head=head, **params)}


def judged(store, tmp_path, rows, reward_of=by_number, **options):
    ingest_rows(store, tmp_path / "a.jsonl", rows, format="rewardbench2")
    give_rewards(store, {"h": reward_of}, **options)
    return run(store)


def test_best_of_four_shares_a_tied_maximum(store, tmp_path):
    rows = judged(store, tmp_path, [
        item(1, "Math", ["3 long"], ["1", "2", "0"]),  # 1
        item(2, "Math", ["3"], ["3 long", "2", "0"]),  # 1/2
        item(3, "Math", ["1"], ["1 a", "1 b", "1 c"]),  # 1/4
        item(4, "Math", ["1"], ["2", "1 b", "1 c"]),  # 0
        item(5, "Focus", ["3"], ["2", "2", "2"]),  # 1; a text that stands there three times
        item(6, "Focus", ["2"], ["2", "2", "1"]),  # 1/3; the right one too
    ])  # fmt: skip
    assert list(rows) == ["all", "Math", "Focus"]
    assert (rows["Math"]["score"], rows["Math"]["n"], rows["Math"]["n_expected"]) == (1.75 / 4, 4, 183)
    assert rows["Focus"]["score"] == pytest.approx((1 + 1 / 3) / 2)
    assert rows["all"]["score"] == pytest.approx((1.75 / 4 + 2 / 3) / 2)
    assert (rows["all"]["n"], rows["all"]["n_subsets"], rows["all"]["n_expected"]) == (6, 2, 1865)
    assert rows["Math"]["tie_rate"] == 2 / 4 and rows["Focus"]["tie_rate"] == 1 / 2
    assert rows["Math"]["random"] == rows["all"]["random"] == 0.25
    assert rows["Math"]["longest"] == (1 + 0 + 0 + 0) / 4
    assert rows["Focus"]["longest"] == rows["Focus"]["shortest"] == 0.25


def test_ties_by_hand(store, tmp_path):
    rows = judged(store, tmp_path, [
        item("ref:1", "Ties", ["3"], ["0"]), item("tied:1", "Ties", ["2.1", "2.0"], ["0", "-1"]),
        item("ref:2", "Ties", ["1"], ["2"]), item("tied:2", "Ties", ["5", "4"], ["1"]),  # gaps -1 and 3, spread 1
    ])  # fmt: skip
    spread = np.float64(np.float32(2.1)) - 2
    margins = [np.tanh(2 / spread - 1), np.tanh(-1 / 1 - 1)]
    expected = dict(zip(PARTS, [1.0, 0.5, 1.0, 0.5, np.mean(margins)], strict=True))
    assert {name: rows[name]["score"] for name in PARTS} == pytest.approx(expected)
    score = 0.3 * 1 + 0.3 * 0.5 + 0.2 * 1 + 0.2 * 0.5 + 0.01 * np.mean(margins)
    assert rows["Ties"]["score"] == rows["all"]["score"] == pytest.approx(score)
    values = [1.0 + 0.01 * margins[0], 0.3 + 0.2 + 0.01 * margins[1]]
    half = stats.t.ppf(0.975, 1) * np.std(values, ddof=1) / np.sqrt(2)
    assert [rows["Ties"]["low"], rows["Ties"]["high"]] == pytest.approx([score - half, score + half], rel=1e-6)
    assert rows["ref accuracy"]["random"] == 0.5
    assert rows["tied accuracy"]["random"] == pytest.approx((1 / 6 + 1 / 3) / 2)
    assert rows["Ties"]["random"] == pytest.approx(0.3 * 0.25 + 0.3 * 0.5)
    assert (rows["Ties"]["n"], rows["Ties"]["n_groups"], rows["preferred"]["n"]) == (4, 2, 2)


@pytest.mark.parametrize(
    ("reward_of", "score"),
    [
        pytest.param(by_number, 1.01, id="sound"),  # tanh(2 / 0.1 - 1) is 1 within 1e-16
        pytest.param(lambda prompt, text: 4.0, 0.0, id="constant: every gap 0, 0 / 0"),
        pytest.param(lambda prompt, text: by_number(prompt, text) > 1, 1.01, id="no spread among the right: tanh(inf)"),
        pytest.param(lambda prompt, text: by_number(prompt, text) < 1, -0.01, id="all wrong, no spread: tanh(-inf)"),
    ],
)
def test_ties_at_the_limits(store, tmp_path, reward_of, score):
    rows = judged(store, tmp_path, [
        item("ref:1", "Ties", ["3"], ["0"]), item("tied:1", "Ties", ["2.1", "2.0"], ["0", "0 too"]),
    ], reward_of)  # fmt: skip
    assert rows["Ties"]["score"] == pytest.approx(score, abs=1e-12)
    assert rows["Ties"]["low"] is None


def test_pairs_are_found_by_id_where_prompts_are_equal(store, tmp_path):
    rows = judged(store, tmp_path, [
        item("ref:1", "Ties", ["3"], ["0"], prompt="q"), item("tied:1", "Ties", ["3", "2"], ["0"], prompt="q"),
        item("ref:2", "Ties", ["0"], ["3"], prompt="q"), item("tied:2", "Ties", ["0", "2"], ["3"], prompt="q"),
    ])  # fmt: skip
    assert [rows[name]["score"] for name in PARTS[:4]] == [0.5, 0.5, 0.5, 0.5]
    assert rows["margin"]["score"] == pytest.approx((np.tanh(2 / 1 - 1) + np.tanh(-3 / 2 - 1)) / 2)


def test_sides_without_their_pair_count_in_their_accuracy_alone(store, tmp_path):
    rows = judged(store, tmp_path, [
        item("ref:1", "Ties", ["3"], ["0"]), item("tied:1", "Ties", ["3", "2"], ["0"]),
        item("ref:2", "Ties", ["0"], ["3"]),
    ])  # fmt: skip
    assert [rows[name]["n"] for name in PARTS] == [1, 2, 1, 1, 1]
    assert rows["Ties"]["score"] == pytest.approx(0.3 * 1 + 0.3 * 0.5 + 0.2 + 0.2 + 0.01 * np.tanh(1))


def test_without_a_whole_pair_there_is_no_score(store, tmp_path):
    rows = judged(store, tmp_path, [item("ref:1", "Ties", ["3"], ["0"]), item(1, "Math", ["3"], ["0"])])
    assert (rows["Ties"]["score"], rows["Ties"]["n"], rows["Ties"]["n_subsets"]) == (None, 1, 0)
    assert (rows["all"]["score"], rows["all"]["n_subsets"]) == (1.0, 1)


def test_seen_items_and_items_with_missing_responses_are_left_out(store, tmp_path):
    rows = judged(store, tmp_path, [
        item(1, "Math", ["3"], ["0"]), item(2, "Math", ["0"], ["3"]), item(3, "Math", ["0"], ["3", "9"]),
        item(4, "Focus", ["0"], ["3"]),
        item("ref:1", "Ties", ["3"], ["0"]), item("tied:1", "Ties", ["3", "2"], ["0"]),
    ], seen={"p 2 Math", "p 4 Focus", "p ref:1 Ties"}, where=lambda prompt, text: text != "9")  # fmt: skip
    assert (rows["Math"]["score"], rows["Math"]["n"], rows["Math"]["n_seen"]) == (1.0, 1, 1)
    assert (rows["Focus"]["score"], rows["Focus"]["n"], rows["Focus"]["n_subsets"]) == (None, 0, 0)
    assert (rows["Ties"]["score"], rows["tied accuracy"]["score"]) == (None, 1.0)
    assert (rows["all"]["score"], rows["all"]["n_seen"], rows["all"]["n"]) == (1.0, 3, 2)


def test_where_the_head_does_not_know_what_it_saw_nothing_is_left_out(store, tmp_path):
    rows = judged(store, tmp_path, [
        item(1, "Math", ["3"], ["0"]), item("ref:1", "Ties", ["3"], ["0"]), item("tied:1", "Ties", ["3", "2"], ["0"]),
    ], seen=None)  # fmt: skip
    assert {(row["n_seen"], row["score"] is None) for row in rows.values()} == {(None, False)}
    assert table(store, "rm-bench") == []
    assert table(store, "rewardbench")[0]["n_seen"] == 0


def test_an_empty_benchmark_is_one_row_without_a_score(store, tmp_path):
    pairs = [{"prompt": "p", "chosen": "3", "rejected": "0", "subset": "Math"}]
    ingest_rows(store, tmp_path / "a.jsonl", pairs, format="pairs")
    give_rewards(store, {"h": by_number})
    assert [(name, row["n"], row["score"], row["n_subsets"]) for name, row in run(store).items()] == [
        ("all", 0, None, 0)
    ]


def test_a_condition_and_a_subset_choose_items(store, tmp_path):
    rows = judged(store, tmp_path, [item(1, "Math", ["3"], ["0", "1 too long"]), item(2, "Focus", ["0"], ["3"])])
    assert rows["all"]["score"] == 0.5
    assert run(store, subset="Math")["all"]["score"] == 1.0
    chosen = reports.run(store, "rewardbench2", {"head": "h"}, where="rejected_chars > 5").table.to_pylist()
    assert [(row["name"], row["n"], row["random"]) for row in chosen][1:] == [("Math", 1, pytest.approx(1 / 3))]


def test_files_of_an_older_rmstore_say_what_to_do(store, tmp_path):
    ingest_rows(store, tmp_path / "a.jsonl", [item(1, "Math", ["3"], ["0"])], format="rewardbench2")
    store.con.execute('update rm.main.prompt_sources set metadata = \'{"id": "1"}\'')
    give_rewards(store, {"h": by_number})
    with pytest.raises(ReportError, match="drop its data set and ingest it again"):
        run(store)


def draw(rng):
    """A whole RewardBench 2, whose prompts and texts repeat within and across items and subsets."""

    def texts(n):
        return [f"{'x' * rng.integers(0, 5)}{rng.integers(0, 25)}" for _ in range(n)]

    rows = [
        item(number, subset, texts(1), texts(3), prompt=f"p{rng.integers(0, 500)}")
        for subset, n in COUNTS.items()
        for number in range(n)
    ]
    for number in range(51):
        for kind in ("ref", "tied"):
            right = texts(1 if kind == "ref" else rng.integers(2, 9))
            wrong = texts(rng.integers(1, 9))
            rows.append(item(f"{kind}:{number}", "Ties", right, wrong, prompt=f"t{rng.integers(0, 60)}"))
    rows += [item("ref:99", "Ties", texts(1), texts(2)), item("tied:98", "Ties", texts(2), texts(2))]
    rows.append(item("tied:3", "Ties", texts(2), texts(2), prompt="again"))  # an id that is there already
    rng.shuffle(rows)
    return rows


def official(rows, reward_of):
    """The scores by name, as the definition says it, in plain numpy."""
    scores, pairs = {}, {}
    for row in rows:
        right = [reward_of(row["prompt"], text) for text in row["chosen"]]
        wrong = [reward_of(row["prompt"], text) for text in row["rejected"]]
        if row["subset"] == "Ties":
            kind, number = row["id"].split(":")
            known = pairs.setdefault(kind, {}).setdefault(number, ([], []))
            known[0].extend(right)
            known[1].extend(wrong)
        else:
            top, both = max(right + wrong), np.array(right + wrong)
            scores.setdefault(row["subset"], []).append((right[0] == top) / np.sum(both == top))
    found = {name: np.mean(values) for name, values in scores.items()}
    gap = {kind: {k: min(a) - max(b) for k, (a, b) in sides.items()} for kind, sides in pairs.items()}
    spread = {k: max(a) - min(a) for k, (a, _) in pairs["tied"].items()}
    both = sorted(set(gap["ref"]) & set(gap["tied"]))
    tied, ref = np.array([gap["tied"][k] for k in both]), np.array([gap["ref"][k] for k in both])
    width = np.array([spread[k] for k in both])
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = np.nan_to_num(np.tanh(np.minimum(ref, tied) / width - 1), nan=0.0)
    accuracies = [np.mean([value > 0 for value in gap[kind].values()]) for kind in ("tied", "ref")]
    values = [*accuracies, np.mean(tied > width), np.mean(np.minimum(ref, tied) > width), np.mean(margin)]
    found |= dict(zip(PARTS, values, strict=True))
    found["Ties"] = np.dot([0.3, 0.3, 0.2, 0.2, 0.01], values)
    found["all"] = np.mean([found[name] for name in (*COUNTS, "Ties")])
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with a drawn RewardBench 2, its rows, and two heads: one with many ties, one that is right more often."""
    rng = np.random.default_rng(2)
    rows = draw(rng)
    right = {(row["prompt"], text) for row in rows for text in row["chosen"]}
    drawn = {}

    def level(prompt, text):
        return drawn.setdefault(("level", prompt, text), float(rng.integers(-2, 3)) / 3)

    def able(prompt, text):
        mean = 3.0 * ((prompt, text) in right)
        return drawn.setdefault(("able", prompt, text), float(np.float32(rng.normal(mean, 0.7))))

    with rmstore.connect() as opened:
        ingest_rows(opened, tmp_path_factory.mktemp("whole") / "a.jsonl", rows, format="rewardbench2")
        give_rewards(opened, {"level": level, "able": able})
        known = {name: lambda p, t, name=name: float(np.float32(drawn[name, p, t])) for name in ("level", "able")}
        yield opened, rows, known


@pytest.mark.parametrize("head", ["level", "able"])
def test_equals_an_independent_computation(whole, head):
    store, rows, known = whole
    expected, found = official(rows, known[head]), run(store, head)
    assert {name: row["score"] for name, row in found.items()} == pytest.approx(expected, abs=1e-9)
    longest = official(rows, lambda prompt, text: len(text))
    shortest = official(rows, lambda prompt, text: -len(text))
    assert {name: row["longest"] for name, row in found.items()} == pytest.approx(longest, abs=1e-9)
    assert {name: row["shortest"] for name, row in found.items()} == pytest.approx(shortest, abs=1e-9)
    assert found["all"]["n"] == len(rows)
    if head == "able":
        assert found["preferred"]["score"] > 0.05 and found["Ties"]["score"] > 0.2


def contributions(rows, reward_of):
    """What every item adds to its subset, and every pair to Ties: (subset, group, value, value at the means)."""
    units, sides = [], {}
    for row in rows:
        right = [reward_of(row["prompt"], text) for text in row["chosen"]]
        wrong = [reward_of(row["prompt"], text) for text in row["rejected"]]
        if row["subset"] != "Ties":
            both = np.array(right + wrong)
            units.append((row["subset"], row["prompt"], (right[0] == both.max()) / np.sum(both == both.max())))
        else:
            kind, number = row["id"].split(":")
            sides.setdefault(number, {})[kind] = (max(right) - min(right), min(right) - max(wrong), row["prompt"])
    means = {name: np.mean([value for one, _, value in units if one == name]) for name in COUNTS}
    units = [(name, group, value, means[name]) for name, group, value in units]
    pairs = [(side["tied"], side["ref"]) for side in sides.values() if len(side) == 2]
    values = [
        0.3 * (tied[1] > 0) + 0.3 * (ref[1] > 0) + 0.2 * (tied[1] > tied[0]) + 0.2 * (min(tied[1], ref[1]) > tied[0])
        + 0.01 * np.tanh(min(tied[1], ref[1]) / tied[0] - 1)
        for tied, ref in pairs
    ]  # fmt: skip
    return units + [("Ties", tied[2], value, np.mean(values)) for (tied, _), value in zip(pairs, values, strict=True)]


def test_intervals_are_those_of_stratified_means_clustered_by_prompt(tmp_path):
    rng = np.random.default_rng(3)
    rows = [row for row in draw(rng) if row["id"] not in ("ref:99", "tied:98") and row["prompt"] != "again"]
    scores = {}

    def reward_of(prompt, text):
        return scores.setdefault((prompt, text), float(np.float32(rng.normal(len(text)))))

    with rmstore.connect() as store:
        ingest_rows(store, tmp_path / "a.jsonl", rows, format="rewardbench2")
        give_rewards(store, {"h": reward_of})
        found = run(store)
    units = contributions(rows, reward_of)
    for row, names in ((found["Ties"], ["Ties"]), (found["all"], [*COUNTS, "Ties"])):
        spread = {}
        for name in names:
            mine = [unit for unit in units if unit[0] == name]
            groups = len({unit[1] for unit in mine})
            for _, group, value, mean in mine:
                part = (value - mean) / len(mine) / len(names) * np.sqrt(groups / (groups - 1))
                spread[group] = spread.get(group, 0) + part
        half = stats.t.ppf(0.975, len(spread) - len(names)) * np.sqrt(sum(part**2 for part in spread.values()))
        expected = [row["score"] - half, row["score"] + half]
        assert [row["low"], row["high"]] == pytest.approx(expected, abs=1e-6)
    assert all(row["low"] <= row["score"] <= row["high"] for row in found.values())


def test_two_heads_are_compared_unit_by_unit(whole):
    rows = reports.run(whole[0], "rewardbench2", {"head": "able"}, compare="level").table.to_pylist()
    able, level = run(whole[0], "able"), run(whole[0], "level")
    assert {row["name"] for row in rows} == set(able) and {row["n_unpaired"] for row in rows} == {0}
    for row in rows:
        difference = able[row["name"]]["score"] - level[row["name"]]["score"]
        assert row["difference"] == pytest.approx(difference, abs=1e-9)
