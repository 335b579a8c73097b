"""The report length-controlled-winrate: identities, scikit-learn's regression, its bootstrap, and the leaderboard."""

import numpy as np
import pytest
from arena import REFERENCE, annotate, published, rows_of, sigmoid
from ingesting import write
from scipy import stats
from sklearn.linear_model import LogisticRegression

import rmstore
from rmstore import l1_logistic, reports
from rmstore.bootstrap import poisson_counts
from rmstore.errors import OptionError
from rmstore.ingest import ingest
from rmstore.length_control import Votes, length_controlled, shared_fit

N = 200
NAME = "length-controlled-winrate"


def standardised(lengths):
    """Return gaps to the reference's 10 characters over their standard deviation."""
    gaps = np.asarray(lengths) - 10.0
    return gaps / gaps.std(ddof=1)


def against_reference(wins, lengths):
    """Return votes on policies from (policies, prompts) arrays of wins and lengths."""
    policies, prompts = np.indices(np.shape(wins))
    prompt = prompts.ravel()
    return Votes(policies.ravel(), prompt, prompt, np.ravel(wins), np.ravel(lengths) - 10.0)


def keys(n, seed=0):
    return np.random.default_rng(seed).integers(0, 2**63, n).astype(np.uint64)


def controlled(wins, lengths, replicates=1, **options):
    """Return what the kernel says of the first policy."""
    votes = against_reference(np.atleast_2d(wins), np.atleast_2d(lengths))
    return length_controlled(votes, keys(N), has_baseline=True, replicates=replicates, **options)[0]


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    """Data sets whose length-controlled win rates are known from how their votes were made, by one judge each."""
    rng = np.random.default_rng(5)
    ranges = {"long": (15, 60), "short": (6, 14), "fair": (6, 40), "steep": (5, 9)}
    lengths = {name: rng.integers(low, high, N) for name, (low, high) in ranges.items()}
    stretch = {name: np.tanh(standardised(one)) for name, one in lengths.items()}
    itself = {REFERENCE: [(0.5, f"r{number:<9d}") for number in range(N)]}
    judges = {
        "length": {name: sigmoid(2 * stretch[name]) for name in ("long", "short", "fair")} | itself,
        "blind": {"fair": rng.beta(2, 6, N), "long": rng.beta(6, 3, N), "short": rng.beta(2, 2, N)},
        "steep": {"steep": sigmoid(1.5 + 3 * stretch["steep"]), "fair": sigmoid(3 * stretch["fair"])},
        "mixed": {"steep": sigmoid(3 * stretch["steep"]), "fair": rng.beta(3, 3, N), "long": rng.beta(3, 3, N)},
        "lone": {"long": sigmoid(2 * stretch["long"] + rng.normal(0.5, 1, N))},
    }
    with rmstore.connect() as opened:
        folder = tmp_path_factory.mktemp("arena")
        for judge, policies in judges.items():
            annotate(opened, folder, policies, dataset=judge, lengths=lengths)
        yield opened


def test_a_judge_of_length_alone_sees_level_policies(arena):
    rows = rows_of(arena, NAME, dataset="length")
    raw = [row["win_rate"] for row in rows.values()]
    assert min(raw) < 0.5 and max(raw) > 0.8
    for name, row in rows.items():
        assert row["controlled"] == pytest.approx(0.5, abs=0.01), name
        assert row["shift"] == row["controlled"] - row["win_rate"]
    assert rows["long"]["longest"] == 1 and rows["long"]["random"] == 0.5
    assert rows["long"]["phi"] == pytest.approx(2, abs=0.1)


def test_a_judge_blind_to_length_is_left_alone(arena):
    for name, row in rows_of(arena, NAME, dataset="blind").items():
        assert row["controlled"] == pytest.approx(row["win_rate"], abs=0.03), name
        assert row["low"] < row["win_rate"] < row["high"] and abs(row["phi"]) < 0.5 and not row["is_extreme"]


def test_the_baseline_against_itself_is_half(arena):
    row = rows_of(arena, NAME, dataset="length")[REFERENCE]
    assert (row["win_rate"], row["controlled"], row["shift"], row["theta"], row["low"]) == (0.5, 0.5, 0, None, None)


def test_an_extreme_shift_is_marked(arena):
    up = rows_of(arena, NAME, dataset="steep")["steep"]
    down = rows_of(arena, NAME, dataset="length")["long"]
    assert up["is_extreme"] and up["controlled"] > max(up["win_rate"] + 0.1, up["win_rate"] + (1 - up["win_rate"]) / 4)
    assert down["is_extreme"] and down["controlled"] < min(0.75 * down["win_rate"], down["win_rate"] - 0.1)


def test_steadying_draws_a_policy_to_the_others(arena):
    rows = {weight: rows_of(arena, NAME, dataset="mixed", steadying=weight)["steep"] for weight in (0, 0.2, 50)}
    assert rows[0]["phi"] > rows[0.2]["phi"] > rows[50]["phi"]
    with pytest.raises(OptionError, match="steadying is -1"):
        rows_of(arena, NAME, dataset="steep", steadying=-1)


def test_a_lone_policy_has_the_plain_regression(arena):
    row = rows_of(arena, NAME, dataset="lone")["long"]
    votes = arena.rows(
        "select case when chosen_policy = 'long' then prob else 1 - prob end as win, "
        "case when chosen_policy = 'long' then chosen_chars else rejected_chars end as chars "
        "from rm_votes() where dataset = 'lone'"
    )
    wins, stretch = np.array([vote["win"] for vote in votes]), standardised([vote["chars"] for vote in votes])
    features = np.column_stack([np.ones(N), np.tanh(stretch)])
    fitted = LogisticRegression(
        l1_ratio=1.0, solver="liblinear", fit_intercept=False, C=row["strength"], tol=1e-12, max_iter=100_000
    ).fit(np.tile(features, (2, 1)), np.repeat([1, 0], N), sample_weight=np.concatenate([wins, 1 - wins]))
    assert (row["theta"], row["phi"]) == pytest.approx(tuple(fitted.coef_[0]), abs=1e-4)
    assert row["psi"] is None and row["baseline"] == REFERENCE
    assert row["controlled"] == pytest.approx(float(sigmoid(fitted.coef_[0][0])), abs=1e-4)


def test_another_data_set_changes_nothing(arena):
    everything = reports.run(arena, NAME).table.to_pylist()
    for dataset in ("length", "blind", "steep", "lone"):
        alone = rows_of(arena, NAME, dataset=dataset)
        found = {row["policy"]: row for row in everything if row["dataset"] == dataset}
        assert list(found) == list(alone)
        for name, row in found.items():
            figures = ("win_rate", "controlled", "low", "high", "theta", "phi", "psi")
            assert [row[key] for key in figures] == pytest.approx([alone[name][key] for key in figures], abs=1e-9)


def test_seed_and_replicates_are_recorded_and_count(arena):
    first, second = (rows_of(arena, NAME, dataset="lone", seed=seed, replicates=300)["long"] for seed in (1, 2))
    again = rows_of(arena, NAME, dataset="lone", seed=1, replicates=300)["long"]
    assert first["controlled"] == pytest.approx(second["controlled"], rel=1e-9)
    assert first["low"] == pytest.approx(again["low"], rel=1e-9) != second["low"]
    with pytest.raises(OptionError, match="replicates is 0"):
        rows_of(arena, NAME, dataset="lone", replicates=0)


def test_hostile_votes(store, tmp_path):
    annotate(store, tmp_path, {"a": [0.7]}, dataset="one-prompt")
    annotate(store, tmp_path, {"a": [0.5] * 9, "b": [1.0] * 9}, dataset="level")
    annotate(store, tmp_path, {"a": [(0.2, "")] * 9, "b": [0.2, 0.9] * 4}, dataset="empty",
             lengths={"b": [4, 5, 6, 7, 8, 9, 12, 30]})  # fmt: skip
    one = rows_of(store, NAME, dataset="one-prompt")["a"]
    assert one["win_rate"] == pytest.approx(0.7) and one["controlled"] is one["low"] is one["is_extreme"] is None
    level = rows_of(store, NAME, dataset="level")
    assert level["a"]["controlled"] == pytest.approx(0.5, abs=1e-6) and level["a"]["phi"] is None  # no gap to control
    assert 0.95 < level["b"]["controlled"] <= 1 and level["b"]["shift"] == pytest.approx(0, abs=0.05)
    empty = rows_of(store, NAME, dataset="empty")
    assert empty["a"]["controlled"] is None  # every gap is -10: length and quality cannot be told apart
    assert 0 < empty["b"]["low"] < empty["b"]["controlled"] < empty["b"]["high"] < 1
    assert list(rows_of(store, NAME, dataset="empty")) == ["b", "a"]
    assert rows_of(store, NAME, dataset="empty", policy="b").keys() == {"b"}


def test_everybody_against_everybody(store, tmp_path):
    rng = np.random.default_rng(2)
    rows = []
    for number in range(90):
        pair = [("abc"[number % 3], "bca"[number % 3]), ("bca"[number % 3], "abc"[number % 3])][number % 2]
        lengths = rng.integers(3, 40, 2)
        rows.append({
            "prompt": f"p{number}", "chosen": "x" * lengths[0], "rejected": "y" * lengths[1], "chosen_model": pair[0],
            "rejected_model": pair[1], "prob": 0.5 + 0.5 * rng.random(),
        })  # fmt: skip
    ingest(store, write(tmp_path / "pairs.jsonl", rows), format="pairs", dataset="pairs")
    found = rows_of(store, NAME)
    assert {row["baseline"] for row in found.values()} == {"all"} and {row["psi"] for row in found.values()} == {None}
    assert all(0 < row["low"] < row["controlled"] < row["high"] < 1 for row in found.values())


def test_the_order_of_votes_does_not_matter():
    rng = np.random.default_rng(3)
    wins, lengths = rng.beta(1, 3, (3, N)), rng.integers(5, 60, (3, N))
    votes, order = against_reference(wins, lengths), rng.permutation(3 * N)
    shuffled = Votes(*(column[order] for column in vars(votes).values()))
    for one, other in zip(
        *(length_controlled(each, keys(N), has_baseline=True, replicates=50) for each in (votes, shuffled)), strict=True
    ):
        assert one.rate == pytest.approx(other.rate, abs=1e-9)
        assert one.replicates == pytest.approx(other.replicates, abs=1e-9)


def test_difficulty_is_found_again():
    rng = np.random.default_rng(4)
    hard, theta = rng.normal(0, 1.5, N), rng.normal(-1, 1, 30)
    lengths = rng.integers(5, 60, (30, N))
    stretch = np.tanh(np.stack([standardised(one) for one in lengths]))
    wins = rng.random((30, N)) < sigmoid(theta[:, None] + 1.2 * stretch + hard)
    found, phi = shared_fit(against_reference(wins.astype(float), lengths), stretch.ravel())
    assert phi == pytest.approx(1.2, abs=0.15)
    assert np.corrcoef(found, hard)[0, 1] > 0.9
    assert not shared_fit(against_reference(wins[:1].astype(float), lengths[:1]), stretch[0])[0].any()


def test_replicates_are_near_full_refits():
    """One Newton step stands for a refit: their spread and their ends differ little."""
    rng = np.random.default_rng(6)
    lengths = rng.integers(5, 60, N)
    stretch = np.tanh(standardised(lengths))
    wins = sigmoid(-2 + 1.5 * stretch + rng.normal(0, 2, N))
    found = controlled(wins, lengths, replicates=400)
    counts = poisson_counts(keys(N), 400).T.astype(float)
    features = np.column_stack([np.ones(N), stretch])
    refits = l1_logistic.fit(features, wins, counts, np.full(400, 1e6))
    rates = sigmoid(refits[:, 0])
    assert np.corrcoef(found.replicates, rates)[0, 1] > 0.99
    ends = [np.percentile(one, [2.5, 97.5]) for one in (found.replicates, rates)]
    assert ends[0] == pytest.approx(ends[1], abs=0.08 * np.ptp(ends[1]))


@pytest.mark.parametrize("n, theta", [(50, -1.5), (50, 0.0), (N, -0.5)])
def test_the_interval_holds_the_truth(n, theta):
    """By percentiles as far out as _rm_bootstrap_interval takes them (Hesterberg 2015)."""
    rng, samples = np.random.default_rng(8), 150
    level = stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    held = 0
    for _ in range(samples):
        lengths = rng.integers(5, 60, n)
        wins = (rng.random(n) < sigmoid(theta + 1.5 * np.tanh(standardised(lengths)))).astype(float)
        low, high = np.quantile(controlled(wins, lengths, replicates=200).replicates, [level, 1 - level])
        held += low <= sigmoid(theta) <= high
    assert 0.92 <= held / samples <= 0.99


FURTHER_OFF = {
    "claude": "the leaderboard's difficulties come from many strong policies, those here from mostly weak ones",
    "claude-instant-1.2": "as claude",
    "alpaca-7b": "phi is pulled by imagined rows (to 1.6), the leaderboard's by judged rewritings; its phi is 2.2",
    "phi-2": "its file lacks two prompts, and the leaderboard gave every prompt after them another's difficulty",
}
"""Policies more than 0.5 points from the leaderboard, and why: what the inputs here do not allow."""


@pytest.fixture(scope="module")
def board(alpaca):
    """The rows of the report over the published annotations."""
    return rows_of(alpaca, NAME)


def test_the_leaderboard(board, real_data):
    known = published(real_data)
    off = {name: 100 * board[name]["controlled"] - known[name][1] for name in board.keys() & known.keys()}
    assert len(off) == 22 and off["gpt4_1106_preview"] == 0
    assert {name for name, points in off.items() if abs(points) > 0.5} <= FURTHER_OFF.keys()
    assert max(map(abs, off.values())) < 2.5 and abs(off["alpaca-7b"]) < 0.7 and abs(off["phi-2"]) < 0.8
    assert np.mean(np.abs(list(off.values()))) < 0.4
    raw = [abs(100 * board[name]["win_rate"] - known[name][1]) for name in off]
    assert np.mean(raw) > 4  # what it would be without length control
    others = off.keys() - {"gpt4_1106_preview"}
    inside = [board[name]["low"] <= known[name][1] / 100 <= board[name]["high"] for name in others]
    assert np.mean(inside) > 0.9
    ours, theirs = ([figure(name) for name in sorted(off)] for figure in (
        lambda name: board[name]["controlled"], lambda name: known[name][1]))  # fmt: skip
    assert stats.spearmanr(ours, theirs).statistic > 0.98


def test_the_leaderboard_moved_the_difficulties_of_phi_2(alpaca, board, real_data):
    """With the difficulty of the prompt in its place, as if none were missing, theta is the published one."""
    rows = alpaca.rows(
        "select policy, prompt_id::varchar as prompt, win, (n_chars - opponent_chars)::double as gap "
        "from _rm_facing('alpaca', null, 'all', null, null, null) where policy <> opponent"
    )
    ordered = alpaca.rows(
        "select prompt_id::varchar as prompt from prompt_sources join dataset_files using (file_id) "
        'where n_rows = 805 group by prompt_id order by min("row")'
    )
    number = {row["prompt"]: place for place, row in enumerate(ordered)}
    names = sorted({row["policy"] for row in rows})
    policy = np.array([names.index(row["policy"]) for row in rows])
    prompt = np.array([number[row["prompt"]] for row in rows])
    own = policy == names.index("phi-2")
    assert own.sum() == 803 and board["phi-2"]["theta"] < -4
    prompt[own] = np.argsort(np.argsort(prompt[own]))
    votes = Votes(policy, prompt, prompt, *(np.array([row[name] for row in rows]) for name in ("win", "gap")))
    moved = length_controlled(votes, keys(805), has_baseline=True, replicates=1)[names.index("phi-2")]
    assert moved.theta == pytest.approx(-3.287, abs=0.1)
    assert 100 * moved.rate == pytest.approx(published(real_data)["phi-2"][1], abs=0.2)
