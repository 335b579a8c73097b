"""The report winrate: by hand, whose words they were, which baseline, and the published win rates."""

import numpy as np
import pyarrow as pa
import pytest
from arena import REFERENCE, annotate, published, rows_of
from ingesting import write
from lab import fill
from scipy import stats

import rmstore
from rmstore import reports
from rmstore.errors import RmstoreError
from rmstore.ingest import ingest

WINS = {"a": [0.9, 0.5, 0.2, 1.0], "b": [0.9, 0.1, 0.5, None]}


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    """Two policies against the reference, which say the same to prompt 0; the reference says 10 characters."""
    with rmstore.connect() as opened:
        folder = tmp_path_factory.mktemp("arena")
        both = {name: [(wins[0], "the same words"), *wins[1:]] for name, wins in WINS.items()}
        annotate(opened, folder, both, lengths={"a": [0, 12, 3, 10], "b": [0, 30, 10]})
        yield opened


def interval(wins):
    """Return Wilson's interval for as many coins as the variance of independent wins, and two coins more, is worth."""
    n, p = len(wins), np.mean(wins)
    variance = ((n - 1) * np.var(wins, ddof=1) + 2 * p * (1 - p)) / (n + 1) / n
    coins, t = p * (1 - p) / variance, stats.t.ppf(0.975, n - 1)
    middle, half = p + t**2 / (2 * coins), t * np.sqrt(p * (1 - p) / coins + t**2 / (4 * coins**2))
    return (middle - half) / (1 + t**2 / coins), (middle + half) / (1 + t**2 / coins)


def test_by_hand(arena):
    rows = rows_of(arena, "winrate")
    assert list(rows) == ["a", "b"]
    a, b = rows["a"], rows["b"]
    assert (a["dataset"], a["baseline"], a["n_pairs"], a["n_groups"], a["n_ties"]) == ("arena", REFERENCE, 4, 4, 1)
    assert (b["baseline"], b["n_pairs"], b["n_ties"]) == (REFERENCE, 3, 1)
    assert a["win_rate"] == pytest.approx((0.9 + 0.5 + 0.2 + 1) / 4, abs=1e-12)
    assert b["win_rate"] == pytest.approx(0.5, abs=1e-12)
    assert (a["discrete"], b["discrete"]) == pytest.approx(((1 + 0.5 + 0 + 1) / 4, (1 + 0 + 0.5) / 3))
    assert (a["low"], a["high"]) == pytest.approx(interval([0.9, 0.5, 0.2, 1.0]), abs=1e-6)
    # 14, 12, 3 and 10 characters against 10
    assert (a["longest"], a["mean_chars"], a["baseline_chars"]) == pytest.approx(((1 + 1 + 0 + 0.5) / 4, 39 / 4, 10))
    assert {row["random"] for row in rows.values()} == {0.5}


def test_choosing(arena):
    assert list(rows_of(arena, "winrate", policy="a")) == ["a"]
    assert rows_of(arena, "winrate", subset="even")["a"]["win_rate"] == pytest.approx((0.9 + 0.2) / 2)
    assert rows_of(arena, "winrate", annotator="judge", source="judge")["b"]["n_pairs"] == 3
    turned = rows_of(arena, "winrate", baseline="a")
    assert list(turned) == [REFERENCE] and turned[REFERENCE]["win_rate"] == pytest.approx(1 - 2.6 / 4)
    where = reports.run(arena, "winrate", where="chosen_chars >= 10 and rejected_chars >= 10").table.to_pylist()
    assert {row["policy"]: row["n_pairs"] for row in where} == {"a": 3, "b": 3}


@pytest.mark.parametrize(
    "slip, said",
    [
        ({"policy": "c"}, "no policy is called 'c': there are a, b, the reference"),
        ({"baseline": "c"}, "no policy is called 'c'"),
        ({"subset": "evne"}, "no subset is called 'evne'"),
        ({"annotator": "jugde"}, "no annotator is called 'jugde': there are judge"),
        ({"source": "humans"}, "no source of votes is called 'humans': there are judge"),
    ],
)
def test_slips_are_errors(arena, slip, said):
    with pytest.raises(RmstoreError, match=said):
        reports.run(arena, "winrate", slip)


def test_rm_votes_tells_whose_words_they_were(arena):
    votes = arena.rows("select * from rm_votes() order by preference_id")
    assert len(votes) == 7 and len({vote["preference_id"] for vote in votes}) == 7
    assert sorted(name for vote in votes for name in (vote["chosen_policy"], vote["rejected_policy"])) == (
        ["a"] * 4 + ["b"] * 3 + [REFERENCE] * 7
    )
    same = [vote for vote in votes if vote["chosen_chars"] == 14]
    assert {vote["chosen_policy"] for vote in same} == {"a", "b"} and len({vote["chosen_id"] for vote in same}) == 1
    first = arena.rows("describe select * from rm_votes()")
    assert [row["column_name"] for row in first][:4] == ["preference_id", "chosen_id", "rejected_id", "prob"]


def test_words_whose_vote_does_not_tell_are_nobodys(store):
    # the ids of these votes are random, so that nothing says which of two policies, or whether a named one, it is on
    rows = [{"text": "t", "policy": "a"}, {"text": "t", "policy": "b"}, {"text": "u", "policy": "c"}, {"text": "v"},
            {"text": "v", "policy": "d"}]  # fmt: skip
    fill(store, rows, [(0, 2), (2, 3)])
    votes = store.rows("select chosen_policy, rejected_policy from rm_votes() order by chosen_chars, chosen_policy")
    assert sorted((str(vote["chosen_policy"]), str(vote["rejected_policy"])) for vote in votes) == [
        ("None", "c"), ("c", "None"),
    ]  # fmt: skip
    result = reports.run(store, "winrate")
    (note,) = result.provenance["notes"]
    assert result.table.num_rows == 0 and note.startswith("the report has no rows")


def test_everybody_against_everybody(store):
    rows = [
        {"prompt": f"p{number // 4}", "text": f"t{number % 4}", "policy": "abcd"[number % 4]} for number in range(8)
    ]
    fill(store, rows, [(0, 1), (0, 2, 0.7), (3, 0), (1, 2), (1, 3, 0.5), (6, 7), (5, 4), (6, 4)])
    found = rows_of(store, "winrate")
    assert {row["baseline"] for row in found.values()} == {"all"}
    rates = {name: (row["n_pairs"], row["n_groups"], row["win_rate"]) for name, row in found.items()}
    assert rates == {
        "a": (5, 2, pytest.approx((1 + 0.7 + 0 + 0 + 0) / 5)), "b": (4, 2, pytest.approx((0 + 1 + 0.5 + 1) / 4)),
        "c": (4, 2, pytest.approx((0.3 + 0 + 1 + 1) / 4)), "d": (3, 2, pytest.approx((1 + 0.5 + 0) / 3)),
    }  # fmt: skip
    assert list(found) == ["b", "c", "d", "a"]


def test_a_policy_against_itself_is_half(store, tmp_path):
    rows = [
        {"instruction": f"p{number}", "output_1": "same", "generator_1": "r", "output_2": "same", "generator_2": "r",
         "preference": preference}
        for number, preference in enumerate((1.5, 1.5, 1.9))
    ]  # fmt: skip
    ingest(store, write(tmp_path / "self.json", rows), format="alpaca-eval", dataset="self")
    row = rows_of(store, "winrate")["r"]
    assert (row["baseline"], row["n_pairs"], row["win_rate"], row["longest"]) == ("r", 3, 0.5, 0.5)
    assert row["low"] < 0.5 < row["high"]


def test_one_prompt_constant_votes_and_empty_responses(store, tmp_path):
    annotate(store, tmp_path, {"a": [(1.0, "")], "b": [(1.0, "x")]}, dataset="one")
    annotate(store, tmp_path, {"a": [1.0] * 30, "b": [0.5] * 30}, dataset="constant")
    one = rows_of(store, "winrate", dataset="one")
    assert (one["a"]["win_rate"], one["a"]["low"], one["a"]["mean_chars"], one["a"]["longest"]) == (1, None, 0, 0)
    constant = rows_of(store, "winrate", dataset="constant")
    assert constant["a"]["win_rate"] == constant["a"]["high"] == 1 and 0.8 < constant["a"]["low"] < 1
    assert constant["b"]["n_ties"] == 30 and constant["b"]["discrete"] == 0.5
    assert [row["dataset"] for row in reports.run(store, "winrate").table.to_pylist()] == ["constant"] * 2 + ["one"] * 2


def test_an_empty_store(store):
    assert reports.run(store, "winrate").table.num_rows == 0


@pytest.mark.parametrize("n, a, b", [(30, 0.5, 4.5), (200, 0.2, 5), (100, 2, 2)])
def test_the_interval_holds_the_truth_in_95_of_100_samples(store, n, a, b):
    # graded votes, most of them near 0 as those against a strong reference
    draws = np.random.default_rng(0).beta(a, b, (500, n))
    cursor = store.cursor()
    cursor.register("draws", pa.table({"sample": np.repeat(np.arange(500), n), "win": draws.ravel()}))
    held = cursor.execute(
        "select avg((low <= $truth and $truth <= high)::integer) from ("
        "  select _rm_graded_interval(1, win).low as low, _rm_graded_interval(1, win).high as high"
        "  from draws group by sample)",
        {"truth": a / (a + b)},
    ).fetchall()[0][0]
    assert 0.925 <= held <= 0.98


def test_the_published_win_rates(alpaca, real_data):
    """Equal for all 22 policies that are on the leaderboard; four rewritings of two of them are not."""
    found, known = rows_of(alpaca, "winrate"), published(real_data)
    assert len(found) == 26 and {row["baseline"] for row in found.values()} == {"gpt4_1106_preview"}
    short = {"alpaca-7b_concise": 804, "alpaca-7b_verbose": 802, "phi-2": 803}  # so many rows in the file
    assert {name: row["n_pairs"] for name, row in found.items() if row["n_pairs"] != 805} == short
    unlisted = {f"{name}_{style}" for name in ("alpaca-7b", "gpt-3.5-turbo-1106") for style in ("concise", "verbose")}
    assert found.keys() - known.keys() == unlisted
    for name in found.keys() & known.keys():
        assert 100 * found[name]["win_rate"] == pytest.approx(known[name][0], abs=1e-9), name
        if name not in short:  # the leaderboard's length is over all responses, those without a vote too
            assert int(found[name]["mean_chars"]) == known[name][2], name
