"""The report length-bias: counts by hand, length control against its identities, correlations against scipy."""

import numpy as np
import pyarrow as pa
import pytest
from lab import fill, save_head, table
from scipy import stats
from spans import paired_share, wilson

from rmstore import reports, snapshots
from rmstore.imports import import_vectors
from rmstore.ingest import ingest

ROWS = [
    {"prompt": "p1", "text": "a" * 10, "reward": 2},
    {"prompt": "p1", "text": "b" * 5, "reward": 1},
    {"prompt": "p2", "text": "c" * 10, "reward": 0},
    {"prompt": "p2", "text": "d" * 4, "reward": 3},
    {"prompt": "p3", "text": "e" * 10, "reward": 4},
    {"prompt": "p3", "text": "f" * 8, "reward": 4},
    {"prompt": "p4", "text": "g" * 3, "reward": 1},
    {"prompt": "p4", "text": "h" * 3, "reward": 0},
    {"prompt": "p5", "text": "i" * 30, "reward": 5},
    {"prompt": "p5", "text": "", "reward": 1},
    {"prompt": "p6", "text": "j", "reward": 5},
    {"prompt": "p6", "text": "kk", "reward": 1},
]
VOTES = [
    (0, 1),  # right, for the longer side, ratio 2
    (1, 0),  # wrong, for the shorter side, ratio 2
    (3, 2),  # right, for the shorter side, ratio 2.5
    (4, 5),  # equal rewards, for the longer side, ratio 1.25
    (7, 6),  # wrong, equal lengths
    (9, 8),  # wrong, for an empty side
    (2, 3, 0.5),  # no preference
    (10, 11),  # its group was seen
]


def by_ratio(rows):
    return {row["ratio"]: row for row in rows}


def taken(row, *names):
    return tuple(row[name] for name in names)


def test_counts_and_shares_by_hand(store):
    fill(store, ROWS, VOTES, seen=["p6"])
    cells = by_ratio(table(store, "length-bias"))
    assert list(cells) == ["equal", "to 1.25", "to 2.5", "over 2.5", "all"]
    counted = {
        ratio: taken(row, "n_pairs", "n_groups", "n_longer", "n_shorter", "n_seen") for ratio, row in cells.items()
    }
    assert counted == {
        "equal": (1, 1, 0, 0, 0), "to 1.25": (1, 1, 1, 0, 0), "to 2.5": (3, 2, 1, 2, 1), "over 2.5": (1, 1, 0, 1, 0),
        "all": (6, 5, 2, 3, 1),
    }  # fmt: skip
    names = ("accuracy", "longest", "accuracy_longer", "accuracy_shorter", "lc_accuracy")
    shares = {ratio: taken(row, *names) for ratio, row in cells.items()}
    assert shares == {
        "equal": (0, 0.5, None, None, None), "to 1.25": (0.5, 1, 0.5, None, None),
        "to 2.5": pytest.approx((2 / 3, 1 / 3, 1, 0.5, 0.75)), "over 2.5": (0, 0, None, 0, None),
        "all": pytest.approx((2.5 / 6, 2.5 / 6, 1.5 / 2, 1 / 3, (1.5 / 2 + 1 / 3) / 2)),
    }  # fmt: skip
    # the head chooses the longer side of p1 twice, that of p5, and half of that of p3; the votes that of p1 and p3
    assert taken(cells["all"], "longer_by_votes", "longer_by_head", "lean") == pytest.approx((2 / 5, 3.5 / 5, 1.5 / 5))


def test_spearman_by_hand(store):
    fill(store, ROWS, VOTES, seen=["p6"])
    cells = by_ratio(table(store, "length-bias"))
    # p1 and p5: +1, p2: -1, p3: equal rewards, p4: equal lengths, p6: seen; one length in tokens throughout
    assert taken(cells["all"], "spearman_chars", "n_prompts", "n_constant") == pytest.approx((1 / 3, 3, 2))
    assert taken(cells["all"], "spearman_tokens", "tokens_low", "tokens_high") == (None, None, None)
    assert taken(cells["equal"], "spearman_chars", "n_prompts") == (None, None)


@pytest.fixture
def drawn(store):
    """Sixty prompts with five responses each, ties among rewards and lengths, and a vote per pair of neighbours."""
    rng = np.random.default_rng(5)
    n, k = 60, 5
    lengths, rewards = rng.integers(1, 9, n * k), rng.integers(0, 4, n * k)
    texts = [f"{i % k}" + "x" * length for i, length in enumerate(lengths)]
    prompts = [f"p{number}" for number in rng.integers(0, 40, n).repeat(k)]
    keys = list(dict.fromkeys(zip(prompts, texts, strict=True)))  # two prompts of one text are one
    first = {key: next(i for i, other in enumerate(zip(prompts, texts, strict=True)) if other == key) for key in keys}
    rows = {"prompt": [key[0] for key in keys], "text": [key[1] for key in keys],
            "reward": [float(rewards[first[key]]) for key in keys]}  # fmt: skip
    votes = [(i, i + 1) for i in range(len(keys) - 1) if keys[i][0] == keys[i + 1][0]]
    fill(store, rows, votes)
    store.sql("update renderings set n_tokens = 1 + ('0x' || left(md5(item_id::varchar), 2))::integer % 6")
    return rows, votes


def test_spearman_is_that_of_scipy(store, drawn):
    rows, _ = drawn
    row = table(store, "length-bias")[-1]
    tokens = {
        found["text"]: found["n"]
        for found in store.rows(
            "select text || '/' || prompts.messages[1].content as text, any_value(n_tokens) as n from renderings "
            "join responses on item_id = response_id join prompts using (prompt_id) group by 1"
        )
    }
    for name, low, lengths in (
        ("spearman_chars", "chars_low", [len(text) for text in rows["text"]]),
        ("spearman_tokens", "tokens_low",
         [tokens[f"{text}/{prompt}"] for text, prompt in zip(rows["text"], rows["prompt"], strict=True)]),
    ):  # fmt: skip
        found = []
        for prompt in sorted(set(rows["prompt"])):
            place = [i for i, other in enumerate(rows["prompt"]) if other == prompt]
            length, reward = np.array(lengths)[place], np.array(rows["reward"])[place]
            if len(set(length)) > 1 and len(set(reward)) > 1:
                found.append(stats.spearmanr(reward, length).statistic)
        half = stats.t.ppf(0.975, len(found) - 1) * np.std(found, ddof=1) / np.sqrt(len(found))
        assert row[name] == pytest.approx(np.mean(found), abs=1e-9)
        assert row[low] == pytest.approx(np.mean(found) - half, abs=1e-6)


def test_shares_are_those_of_numpy(store, drawn):
    rows, votes = drawn
    length, reward = np.array([len(text) for text in rows["text"]]), np.array(rows["reward"])
    gap = np.array([length[chosen] - length[rejected] for chosen, rejected in votes])
    hit = 0.5 + 0.5 * np.sign([reward[chosen] - reward[rejected] for chosen, rejected in votes])
    group = np.unique([rows["prompt"][chosen] for chosen, _ in votes], return_inverse=True)[1]
    row = table(store, "length-bias")[-1]
    halves = [hit[gap > 0].mean(), hit[gap < 0].mean()]
    assert taken(row, "accuracy_longer", "accuracy_shorter", "lc_accuracy") == pytest.approx((*halves, np.mean(halves)))
    # the delta method: residuals of both means by group, each as a share of its own number of votes
    parts = [(mask, mean) for mask, mean in zip((gap > 0, gap < 0), halves, strict=True)]
    residual = sum(np.bincount(group, mask * (hit - mean)) / mask.sum() / 2 for mask, mean in parts)
    count = len(np.unique(group[gap != 0]))
    variance = count / (count - 1) * (residual**2).sum()
    expected = wilson(row["lc_accuracy"], variance, count, (gap != 0).sum())
    assert taken(row, "lc_low", "lc_high") == pytest.approx(expected, abs=1e-6)
    head = np.where(gap > 0, hit, 1 - hit)[gap != 0]
    lean = head - (gap > 0)[gap != 0]
    residual = np.bincount(group[gap != 0], lean - lean.mean())
    expected = paired_share(lean.mean(), count / (count - 1) * (residual**2).sum() / len(lean) ** 2, count)
    assert row["lean"] == pytest.approx(lean.mean(), abs=1e-9)
    assert taken(row, "lean_low", "lean_high") == pytest.approx(expected, abs=1e-6)


def test_a_rule_of_lengths_alone_scores_one_half_exactly(store):
    rng = np.random.default_rng(8)
    lengths = rng.integers(1, 30, 200)
    rows = {"prompt": [f"p{i // 2}" for i in range(200)], "text": ["x" * n + f"{i % 2}" for i, n in enumerate(lengths)],
            "reward": [float(n) for n in lengths]}  # fmt: skip
    fill(store, rows, [(2 * i, 2 * i + 1) for i in range(100)])
    for row in table(store, "length-bias"):
        assert row["lc_accuracy"] in {0.5, None}
    assert taken(row, "accuracy_longer", "accuracy_shorter", "spearman_chars") == (1, 0, 1)
    accuracy = table(store, "accuracy")[-1]
    assert taken(accuracy, "lc_accuracy", "best_baseline", "z") == (0.5, "longest", None)
    assert accuracy["difference"] == 0 and accuracy["accuracy"] != 0.5


def test_a_head_that_is_blind_to_length_keeps_its_accuracy(store):
    """Right in three of four votes for the longer side, and in three of four for the shorter."""
    rows, votes = [], []
    for i in range(12):
        longer, right = i < 8, i % 4 != 0
        rows += [{"prompt": f"p{i}", "text": "xx" if longer else "x", "reward": int(right)},
                 {"prompt": f"p{i}", "text": "y" if longer else "yy", "reward": int(not right)}]  # fmt: skip
        votes.append((2 * i, 2 * i + 1))
    fill(store, rows, votes)
    row = table(store, "length-bias")[-1]
    assert taken(row, "accuracy", "lc_accuracy") == (0.75, 0.75)


def test_a_constant_head_has_one_half_and_no_correlation(store):
    fill(store, [{**row, "reward": 1} for row in ROWS], VOTES)
    row = table(store, "length-bias")[-1]
    assert taken(row, "accuracy", "accuracy_longer", "accuracy_shorter", "lc_accuracy", "longer_by_head") == (0.5,) * 5
    assert taken(row, "spearman_chars", "n_prompts", "n_constant") == (None, 0, 6)


def test_placeholders_have_no_length(store):
    """Texts that stand for published vectors: their lengths say nothing."""
    fill(store, ROWS, VOTES)
    store.sql("update datasets set format = 'npy'")
    store.sql("update dataset_files set format = 'npy'")
    cells = by_ratio(table(store, "length-bias"))
    assert list(cells) == ["unknown", "all"]
    for row in cells.values():
        assert taken(row, "n_pairs", "longest", "lc_accuracy", "lean", "spearman_chars") == (7, None, None, None, None)
        assert row["accuracy"] == pytest.approx(3.5 / 7)


def test_rated_responses_without_votes_have_a_correlation(store):
    fill(store, ROWS)
    row = table(store, "length-bias")[0]
    assert taken(row, "ratio", "n_pairs", "accuracy", "random", "n_longer") == ("all", 0, None, None, 0)
    assert taken(row, "n_prompts", "n_constant") == (4, 2)


def test_nothing_in_a_split_is_said(store):
    fill(store, ROWS, VOTES)
    result = reports.run(store, "length-bias", {"head": "h", "split": "valid"})
    assert result.table.num_rows == 0
    assert result.provenance["notes"][0].startswith("the report has no rows")


def test_dataset_and_subset_choose(store):
    rows = [*ROWS, {"prompt": "q", "text": "o", "dataset": "e"}, {"prompt": "q", "text": "pp", "dataset": "e"}]
    fill(store, rows, [*((*vote, *(1.0,)[: 3 - len(vote)], "s") for vote in VOTES), (12, 13)])
    assert table(store, "length-bias", dataset="e")[-1]["n_pairs"] == 1
    assert table(store, "length-bias", subset="s")[-1]["n_pairs"] == 7


def test_rm_length_ratio(store):
    lengths = [(1, 1), (0, 0), (0, 1), (4, 5), (5, 4), (10, 16), (16, 40), (2, 6), (None, 3)]
    cursor = store.cursor()
    cursor.register("lengths", pa.table({"a": [a for a, _ in lengths], "b": [b for _, b in lengths]}))
    found = [row[0] for row in cursor.execute("select _rm_length_ratio(a, b) from lengths").fetchall()]
    assert found == [
        "equal", "equal", "over 2.5", "to 1.25", "to 1.25", "to 1.6", "to 2.5", "over 2.5", "unknown",
    ]  # fmt: skip


def test_the_variance_of_both_halves_has_their_covariance(store):
    """Both halves of a group are right or wrong together."""
    rng = np.random.default_rng(6)
    n = rng.integers(0, 5, (30, 2))
    hits = rng.binomial(n, rng.beta(0.5, 0.5, (30, 1))).astype(float)
    cursor = store.cursor()
    cursor.register("halves", pa.table({
        "n_long": n[:, 0], "hits_long": hits[:, 0], "n_short": n[:, 1], "hits_short": hits[:, 1],
    }))  # fmt: skip
    found = cursor.execute("select _rm_lc_variance(n_long, hits_long, n_short, hits_short) from halves").fetchall()
    residual = (hits - hits.sum(axis=0) / n.sum(axis=0) * n) / n.sum(axis=0)
    count = (n.sum(axis=1) > 0).sum()
    expected = count / (count - 1) * ((residual.sum(axis=1) / 2) ** 2).sum()
    assert found[0][0] == pytest.approx(expected, rel=1e-9)
    assert expected > 1.2 * count / (count - 1) * (residual**2).sum() / 4


def test_the_length_controlled_interval_holds_the_truth(store):
    """Groups of 1 to 4 votes that go together; both halves have their own accuracy."""
    rng, repeats, groups = np.random.default_rng(1), 600, 20
    chance = rng.beta([2.8, 2.0], [1.2, 2.0], (repeats, groups, 2))
    n = rng.multinomial(rng.integers(1, 5, (repeats, groups)), [0.6, 0.4])
    hits = rng.binomial(n, chance).astype(float)
    cursor = store.cursor()
    cursor.register("samples", pa.table({
        "sample": np.repeat(np.arange(repeats), groups), "n_long": n[..., 0].ravel(), "n_short": n[..., 1].ravel(),
        "hits_long": hits[..., 0].ravel(), "hits_short": hits[..., 1].ravel(),
    }))  # fmt: skip
    held = cursor.execute(
        "select avg((span.low <= 0.6 and 0.6 <= span.high)::integer) from ("
        "  select _rm_lc_interval(n_long, hits_long, n_short, hits_short) as span from samples group by sample)"
    ).fetchall()[0][0]
    assert 0.93 <= held <= 0.985


def test_published_votes_and_vectors_give_the_figures_of_their_readmes(store, real_data):
    """1,023 of 2,312 votes are for the longer side, 11 for neither; 236 pairs have one vector, so any head is level."""
    ingest(store, real_data / "hh-rlhf-harmless-base" / "test.jsonl.gz", format="hh", dataset="hh")
    match = (
        "select if(split_part(id, '/', 5) = 'chosen', chosen_id, rejected_id) as response_id, embedding "
        "from file join preferences on preferences.\"row\" = split_part(id, '/', 4)::integer + 1"
    )
    file = real_data / "embeddings" / "hh_rlhf_harmless_base_test.parquet"
    import_vectors(store, file, match=match, snapshot="s", encoder="m")
    save_head(store, snapshots.resolve(store, "s"), (), weights=(tuple(np.sin(np.arange(384))),))
    cells = by_ratio(table(store, "length-bias", split="all"))
    assert taken(cells["all"], "n_pairs", "n_longer", "n_shorter") == (2_312, 1_023, 1_278)
    assert cells["equal"]["n_pairs"] == 11 and cells["all"]["longest"] == (1_023 + 5.5) / 2_312
    assert sum(cells[ratio]["n_pairs"] for ratio in cells if ratio != "all") == 2_312
    margins = table(store, "margins", split="all")[-1]
    assert margins["tie_rate"] == pytest.approx(236 / 2_312)
    assert margins["negative"] + margins["tie_rate"] / 2 == pytest.approx(1 - cells["all"]["accuracy"])
