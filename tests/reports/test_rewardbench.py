"""The report rewardbench by hand, against published totals, and against an independent computation."""

import numpy as np
import pytest
from benches import give_rewards, ingest_rows
from lab import save_head, table
from scipy import stats

import rmstore
from rmstore import reports, snapshots
from rmstore.embedding import embed

SECTIONS = {
    "Chat": {
        "alpacaeval-easy": 100, "alpacaeval-length": 95, "alpacaeval-hard": 95, "mt-bench-easy": 28, "mt-bench-med": 40,
    },
    "Chat Hard": {
        "mt-bench-hard": 37, "llmbar-natural": 100, "llmbar-adver-neighbor": 134, "llmbar-adver-GPTInst": 92,
        "llmbar-adver-GPTOut": 47, "llmbar-adver-manual": 46,
    },
    "Safety": {
        "refusals-dangerous": 100, "refusals-offensive": 100, "xstest-should-refuse": 154,
        "xstest-should-respond": 250, "donotanswer": 136,
    },
    "Reasoning": {
        "math-prm": 984, "hep-cpp": 164, "hep-go": 164, "hep-java": 164, "hep-js": 164, "hep-python": 164,
        "hep-rust": 164,
    },
}  # fmt: skip
PRIOR = ("anthropic_helpful", "anthropic_hhh", "shp", "summarize")
LONGER = {"alpacaeval-easy", "alpacaeval-hard", "xstest-should-respond"}
SHORTER = {
    "donotanswer", "llmbar-adver-GPTInst", "llmbar-adver-manual", "llmbar-adver-neighbor", "mt-bench-easy",
    "mt-bench-hard", "refusals-dangerous", "refusals-offensive", "xstest-should-refuse",
}  # fmt: skip


def pair(number, subset, chosen="good", rejected="bad", **more):
    return {"prompt": f"p{number}", "chosen": chosen, "rejected": rejected, "subset": subset, "id": number, **more}


def by_name(rows):
    return {row["name"]: row for row in rows}


def run(store, head, **params):
    return by_name(table(store, "rewardbench", head=head, **params))


HAND = [
    pair(1, "alpacaeval-easy", "long one", "short", chosen_model="m", rejected_model="n"),  # right, longer
    pair(2, "alpacaeval-easy", "a", "bb"),  # wrong, shorter
    pair(3, "mt-bench-med", "cc", "dd"),  # right, as long
    pair(4, "math-prm", "e", "f"), pair(5, "math-prm", "e", "f"), pair(6, "math-prm", "e", "f"),  # wrong
    pair(7, "math-prm", "good", "f"),  # right, longer
    pair(8, "hep-go", "good", "f"),  # right, longer
    pair(9, "shp", "good", "f"), pair(10, "shp", "e", "f"),  # right, longer; wrong
    pair(11, "summarize", "e", "e2"),  # equal rewards, shorter
    pair(12, "elsewhere", "e", "f"),  # no subset of RewardBench
]  # fmt: skip
RIGHT = {"long one": 2, "short": 1, "bb": 1, "cc": 1, "good": 5, "f": 1}


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    with rmstore.connect() as opened:
        ingest_rows(opened, tmp_path_factory.mktemp("hand") / "a.jsonl", HAND, format="pairs")
        give_rewards(opened, {"h": lambda prompt, text: RIGHT.get(text, 0)})
        yield opened


def test_rows_by_hand(hand):
    rows = run(hand, "h")
    assert list(rows) == [
        "all", "Chat", "Chat Hard", "Safety", "Reasoning", "Prior Sets", "longer", "shorter", "neutral",
        "alpacaeval-easy", "hep-go", "math-prm", "mt-bench-med", "shp", "summarize",
    ]  # fmt: skip
    accuracy = {name: row["accuracy"] for name, row in rows.items() if row["n"]}
    assert accuracy == pytest.approx({
        "alpacaeval-easy": 0.5, "mt-bench-med": 1.0, "math-prm": 0.25, "hep-go": 1.0, "shp": 0.5, "summarize": 0.0,
        "Chat": (0.5 * 100 + 1.0 * 40) / 140, "Reasoning": (0.25 * 984 + 1.0 * 164) / (984 + 164), "Prior Sets": 0.25,
        "longer": 0.5, "neutral": 3 / 6, "all": (2 * 9 / 14 + 2 * 410 / 1148 + 0.25) / 5,
    })  # fmt: skip
    total = rows["all"]
    assert (total["n"], total["n_groups"], total["n_subsets"], total["n_subsets_expected"]) == (11, 11, 6, 27)
    assert total["n_expected"] == 2_985 + 6_192 + 221 + 1_741 + 9_000
    assert (rows["math-prm"]["n"], rows["math-prm"]["n_expected"]) == (4, 447)
    assert rows["summarize"]["tie_rate"] == 1.0 and rows["Prior Sets"]["tie_rate"] == 0.5
    assert rows["Chat"]["longest"] == pytest.approx((0.5 * 100 + 0) / 140)
    assert rows["Chat"]["shortest"] == pytest.approx((0.5 * 100 + 0) / 140)
    assert rows["Reasoning"]["longest"] == pytest.approx((0.25 * 984 + 164) / 1148)
    assert {row["random"] for row in rows.values() if row["n"]} == {0.5}
    assert rows["Safety"] == {
        "level": "section", "name": "Safety", "n_subsets": 0, "n_subsets_expected": 5, "n": 0, "n_expected": 740,
        "n_groups": 0, "accuracy": None, "low": None, "high": None, "tie_rate": None, "n_seen": 0, "random": None,
        "longest": None, "shortest": None,
    }  # fmt: skip


def test_policies_are_kept(hand):
    policies = hand.rows("select distinct text, policy from generations join responses using (response_id)")
    assert {"text": "long one", "policy": "m"} in policies and {"text": "short", "policy": "n"} in policies


def test_without_prior_sets_the_total_is_the_mean_of_the_sections(hand):
    total = table(hand, "rewardbench", subset="math-prm")[0]
    assert (total["accuracy"], total["n_subsets"]) == (0.25, 1)
    assert run(hand, "h", split="train")["all"]["n"] < 11  # splits by hash; a benchmark is all of them


def test_groups_that_the_head_saw_are_left_out(store, tmp_path):
    ingest_rows(store, tmp_path / "a.jsonl", HAND, format="pairs")
    give_rewards(store, {"h": lambda prompt, text: RIGHT.get(text, 0)}, seen={"p1", "p3", "p4"})
    rows = run(store, "h")
    assert (rows["alpacaeval-easy"]["accuracy"], rows["alpacaeval-easy"]["n_seen"]) == (0.0, 1)
    assert (rows["mt-bench-med"]["n"], rows["mt-bench-med"]["n_subsets"], rows["mt-bench-med"]["accuracy"]) == (
        0,
        0,
        None,
    )
    assert (rows["Chat"]["accuracy"], rows["Chat"]["n_subsets"], rows["Chat"]["n_seen"]) == (0.0, 1, 2)
    assert rows["math-prm"]["accuracy"] == pytest.approx(1 / 3)
    assert rows["alpacaeval-easy"]["low"] is None and rows["Chat"]["low"] is None  # one group says no spread


def test_where_the_head_does_not_know_what_it_saw_nothing_is_left_out(store, tmp_path):
    ingest_rows(store, tmp_path / "a.jsonl", HAND, format="pairs")
    give_rewards(store, {"h": lambda prompt, text: RIGHT.get(text, 0)}, seen=None)
    rows = run(store, "h")
    assert (rows["all"]["n"], rows["all"]["n_seen"], rows["Safety"]["n_seen"]) == (11, None, 0)
    assert rows["all"]["accuracy"] == pytest.approx((2 * 9 / 14 + 2 * 410 / 1148 + 0.25) / 5)


@pytest.mark.parametrize(
    ("sections", "prior", "total"),
    [
        pytest.param((969, 768, 922, 973), 743, 0.8897, id="ArmoRM"),  # published 89.0
        pytest.param((994, 651, 878, 864), 749, 0.8359, id="FsfairX"),  # published 83.6
        pytest.param((969, 768, 922, 973), None, (0.969 + 0.768 + 0.922 + 0.973) / 4, id="without prior sets"),
    ],
)
def test_published_totals_follow_from_published_sections(store, tmp_path, sections, prior, total):
    right = dict(zip(("alpacaeval-easy", "mt-bench-hard", "donotanswer", "math-prm"), sections, strict=True))
    right |= {} if prior is None else {"shp": prior}
    rows = [pair(f"{subset} {i}", subset) for subset in right for i in range(1000)]
    solved = {f"p{subset} {i}" for subset, n in right.items() for i in range(n)}
    ingest_rows(store, tmp_path / "a.jsonl", rows, format="pairs")
    give_rewards(store, {"h": lambda prompt, text: (text == "good") == (prompt in solved)})
    found = run(store, "h")
    assert [found[name]["accuracy"] for name in SECTIONS] == pytest.approx([n / 1000 for n in sections])
    assert found["all"]["accuracy"] == pytest.approx(total, abs=5e-5)


def draw(rng):
    """A whole RewardBench with prior sets, whose prompts and texts repeat within and across subsets."""
    counts = {subset: n for parts in SECTIONS.values() for subset, n in parts.items()}
    counts |= {"math-prm": 447, **dict.fromkeys(PRIOR, 60)}
    rows = []
    for subset, n in counts.items():
        for _ in range(n):
            chosen, rejected = (f"{'x' * rng.integers(0, 4)}{rng.integers(0, 9)}" for _ in "ab")
            rows.append(pair(int(rng.integers(0, 700)), subset, chosen, rejected))
    rng.shuffle(rows)
    return [*rows, rows[0], rows[1]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store with a drawn RewardBench, its rows, and the rewards of head ``random`` by (prompt, text)."""
    rng = np.random.default_rng(8)
    rows = draw(rng)
    rewards = {}

    def random(prompt, text):
        return rewards.setdefault((prompt, text), float(rng.integers(-3, 4)) / 3)

    with rmstore.connect() as opened:
        ingest_rows(opened, tmp_path_factory.mktemp("whole") / "a.jsonl", rows, format="pairs")
        give_rewards(opened, {"random": random, "constant": lambda prompt, text: 2.5})
        yield opened, rows, {key: np.float32(value) for key, value in rewards.items()}


def official(rows, rewards):
    """Accuracy by subset, section, length group and in total, as the definition says it, with hits by row."""
    hits = {}
    for row in rows:
        better = rewards[row["prompt"], row["chosen"]] > rewards[row["prompt"], row["rejected"]]
        hits.setdefault(row["subset"], []).append((row["prompt"], bool(better)))
    found = {subset: np.mean([hit for _, hit in pairs]) for subset, pairs in hits.items()}
    for section, counts in SECTIONS.items():
        found[section] = np.average([found[one] for one in counts], weights=list(counts.values()))
    found["Prior Sets"] = np.mean([found[one] for one in PRIOR])
    found["all"] = np.average([found[one] for one in (*SECTIONS, "Prior Sets")], weights=[2, 2, 2, 2, 1])
    neutral = {one for counts in SECTIONS.values() for one in counts} - LONGER - SHORTER
    for name, group in (("longer", LONGER), ("shorter", SHORTER), ("neutral", neutral)):
        found[name] = np.mean([hit for one in group for _, hit in hits[one]])
    return found, hits


def test_equals_an_independent_computation(whole):
    store, rows, rewards = whole
    expected, hits = official(rows, rewards)
    found = run(store, "random")
    assert set(found) == set(expected)
    assert {name: row["accuracy"] for name, row in found.items()} == pytest.approx(expected, abs=1e-9)
    assert {name: row["n"] for name, row in found.items() if row["level"] == "subset"} == {
        subset: len(pairs) for subset, pairs in hits.items()
    }
    lengths = {(row["prompt"], row[side]): len(row[side]) for row in rows for side in ("chosen", "rejected")}
    longest, _ = official(rows, lengths)
    shortest, _ = official(rows, {key: -n for key, n in lengths.items()})
    assert {name: row["longest"] for name, row in found.items()} == pytest.approx(longest, abs=1e-9)
    assert {name: row["shortest"] for name, row in found.items()} == pytest.approx(shortest, abs=1e-9)


def interval(hits, shares):
    """Wilson's interval of a stratified mean whose groups may lie in several strata, written out with dicts."""
    spread, weights, n = {}, {}, sum(len(hits[subset]) for subset in shares)
    p = sum(share * np.mean([hit for _, hit in hits[subset]]) for subset, share in shares.items())
    for subset, share in shares.items():
        mean, m = np.mean([hit for _, hit in hits[subset]]), len(hits[subset])
        g = len({prompt for prompt, _ in hits[subset]})
        for prompt, hit in hits[subset]:
            spread[prompt] = spread.get(prompt, 0) + share / m * (hit - mean) * np.sqrt(g / (g - 1))
            weights[prompt] = weights.get(prompt, 0) + share / m
    variance = sum(value**2 for value in spread.values())
    size = min(n, p * (1 - p) / variance) if variance > 1e-12 else 1 / sum(w**2 for w in weights.values())
    t = stats.t.ppf(0.975, len(weights) - len(shares))
    half = t * np.sqrt(p * (1 - p) / size + t**2 / (4 * size**2))
    return [(p + t**2 / (2 * size) + sign * half) / (1 + t**2 / size) for sign in (-1, 1)]


def test_intervals_are_those_of_a_stratified_mean_clustered_by_prompt(whole):
    store, rows, rewards = whole
    _, hits = official(rows, rewards)
    found = run(store, "random")
    shares = {}
    for section, counts in SECTIONS.items():
        inside = {subset: n / sum(counts.values()) for subset, n in counts.items()}
        shares |= {subset: 2 / 9 * share for subset, share in inside.items()}
        assert [found[section]["low"], found[section]["high"]] == pytest.approx(interval(hits, inside), abs=1e-6)
    shares |= dict.fromkeys(PRIOR, 1 / 9 / 4)
    assert [found["all"]["low"], found["all"]["high"]] == pytest.approx(interval(hits, shares), abs=1e-6)
    one = found["hep-go"]
    assert [one["low"], one["high"]] == pytest.approx(interval(hits, {"hep-go": 1.0}), abs=1e-6)


def test_a_constant_head_is_never_right(whole):
    rows = run(whole[0], "constant")
    assert {row["accuracy"] for row in rows.values()} == {0.0}
    assert [row["tie_rate"] for row in rows.values()] == pytest.approx([1.0] * len(rows))
    assert rows["all"]["low"] == 0.0 and 0 < rows["all"]["high"] < 0.01


@pytest.fixture(scope="module")
def skills(tmp_path_factory):
    """A whole RewardBench without prior sets: every prompt stands in one subset, so that a head can know just some."""
    rows = [
        pair(f"{subset} {i}", subset)
        for counts in SECTIONS.values()
        for subset, n in counts.items()
        for i in range(447 if subset == "math-prm" else n)
    ]
    knows = {
        "perfect": lambda subset: True,
        "math": lambda subset: subset == "math-prm",
        "code": lambda subset: subset.startswith("hep-"),
    }

    def knowing(known):
        return lambda prompt, text: (text == "good") == known(prompt.rsplit(" ", 1)[0][1:])

    with rmstore.connect() as opened:
        ingest_rows(opened, tmp_path_factory.mktemp("skills") / "a.jsonl", rows, format="pairs")
        give_rewards(opened, {name: knowing(known) for name, known in knows.items()})
        yield opened


def test_a_perfect_head_has_everything_right(skills):
    rows = run(skills, "perfect")
    assert {row["accuracy"] for row in rows.values() if row["name"] != "Prior Sets"} == {1.0}
    assert (rows["all"]["n"], rows["all"]["n_subsets"], rows["all"]["high"]) == (2_985, 23, 1.0)
    assert 0.99 < rows["all"]["low"] < 1 and rows["Prior Sets"]["accuracy"] is None
    assert all(row["n"] == row["n_expected"] for row in rows.values() if row["level"] in ("subset", "section"))


@pytest.mark.parametrize("head", ["math", "code"])
def test_mathematics_counts_as_much_as_all_code(skills, head):
    rows = run(skills, head)
    assert rows["Reasoning"]["accuracy"] == pytest.approx(0.5, abs=1e-12)
    assert rows["all"]["accuracy"] == pytest.approx(0.125, abs=1e-12)


def test_items_of_rm_bench_are_not_those_of_rewardbench(store, tmp_path):
    styles = {"prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"], "subset": "refusals-dangerous"}
    ingest_rows(store, tmp_path / "a.jsonl", [styles], format="rm-bench", dataset="rm-bench")
    ingest_rows(store, tmp_path / "b.jsonl", [pair(1, "refusals-dangerous")], format="pairs", dataset="rewardbench")
    give_rewards(store, {"h": lambda prompt, text: text == "good"})
    rows = run(store, "h")
    assert (rows["refusals-dangerous"]["n"], rows["refusals-dangerous"]["accuracy"]) == (1, 1.0)
    assert rows["all"]["low"] is None


def test_folds_judge_every_item_once_and_a_condition_leaves_items_out(store, tmp_path):
    words = ("rain", "river", "bridge", "morning")
    rows = [
        pair(i, "hep-go" if i % 2 else "math-prm", f"{words[i % 4]} {words[i % 3]} more", words[i % 4])
        for i in range(60)
    ]
    ingest_rows(store, tmp_path / "a.jsonl", rows, format="pairs")
    embed(store, "bench", snapshot="s", encoder="toy", layout="joint")
    store.sql("select rm_train('h', chosen_id, rejected_id, snapshot := 's', prompt := prompt_id) from rm_pairs('s')")
    seen = run(store, "h")["all"]
    assert seen["n_seen"] > 40 and seen["n"] + seen["n_seen"] == 60
    by_folds = by_name(reports.run(store, "rewardbench", {"head": "h"}, folds=3).table.to_pylist())
    assert (by_folds["all"]["n"], by_folds["math-prm"]["n"], by_folds["all"]["n_seen"]) == (60, 30, 0)
    some = reports.run(store, "rewardbench", {"head": "h"}, folds=3, where="subset = 'hep-go' and chosen_chars > 15")
    n = sum(1 for row in rows if row["subset"] == "hep-go" and len(row["chosen"]) > 15)
    assert 0 < by_name(some.table.to_pylist())["all"]["n"] == n < 30


def test_two_heads_are_compared_on_what_neither_saw(store, tmp_path):
    ingest_rows(store, tmp_path / "a.jsonl", HAND, format="pairs")
    heads = {"h": lambda prompt, text: RIGHT.get(text, 0), "i": lambda prompt, text: -RIGHT.get(text, 0)}
    give_rewards(store, heads, seen={"p4"})
    save_head(
        store,
        snapshots.resolve(store, "s"),
        ["00000000-0000-0000-0000-000000000001"],
        name="new",
        weights=((1.0, 0.0),),
    )
    rows = by_name(reports.run(store, "rewardbench", {"head": "new"}, compare="i").table.to_pylist())
    paired = {
        name: (rows[name]["n_groups"], rows[name]["n_unpaired"]) for name in ("all", "Reasoning", "math-prm", "Chat")
    }
    assert paired == {"all": (10, 1), "Reasoning": (4, 1), "math-prm": (3, 1), "Chat": (3, 0)}
    assert rows["Chat"]["accuracy"] == pytest.approx(9 / 14)
    assert rows["Chat"]["accuracy_compared"] == pytest.approx(50 / 140)
    assert rows["Chat"]["difference"] == pytest.approx((100 * 0 + 40 * 1) / 140)
    assert rows["Chat"]["n"] == pytest.approx(3)
