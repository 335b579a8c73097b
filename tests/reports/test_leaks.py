"""The report leaks: what is shared, counted by hand, by numpy, and as the notes of real data sets state it."""

import numpy as np
import pytest
from lab import fill, table

from rmstore import reports
from rmstore.embedding import embed
from rmstore.errors import ReportError
from rmstore.ingest import ingest

ROWS = [
    {"prompt": "p1", "text": "a", "reward": 1, "dataset": "x", "split": "train"},
    {"prompt": "p1", "text": "a", "reward": 1, "dataset": "y", "split": "test"},  # the whole group is test
    {"prompt": "p2", "text": "b", "reward": 2, "dataset": "x", "split": "train"},
    {"prompt": "p2", "text": "bb", "reward": 2, "dataset": "x", "split": "train"},
    {"prompt": "p3", "text": "c", "reward": -2, "dataset": "y", "split": "test"},
    {"prompt": "p3", "text": "b", "reward": -3, "dataset": "y", "split": "test"},
    {"prompt": "p4", "text": "d", "reward": 3, "dataset": "y", "split": "valid"},
]
VOTES = [(0, 1), (5, 4), (2, 3)]


def by_kind(rows):
    """Return n, n_left, n_right by kind and sides."""
    return {(row["kind"], row["left"], row["right"]): (row["n"], row["n_left"], row["n_right"]) for row in rows}


def test_what_is_shared_by_hand(store):
    fill(store, ROWS, VOTES, seen=["p3"])
    rows = table(store, "leaks")
    assert by_kind(rows) == {
        ("group, splits", "test", "train"): (0, 2, 1),
        ("group, splits", "valid", "train"): (0, 1, 1),
        ("prompt, splits", "test", "train"): (0, 2, 1),
        ("prompt, splits", "valid", "train"): (0, 1, 1),
        ("group, published", "y test", "x train"): (1, 2, 2),
        ("group", "x", "y"): (1, 2, 3),
        ("prompt", "x", "y"): (1, 2, 3),
        ("response", "x", "y"): (1, 3, 4),
        ("text", "x", "y"): (2, 3, 4),
        # vectors of one component: those of one sign have cosine 1, and only p2 trains
        ("near response", "x test", "x train"): (1, 1, 2),
        ("near response", "y test", "x train"): (1, 3, 2),
        ("near response", "y valid", "x train"): (1, 1, 2),
        ("vote seen by head", "x test", "h@1"): (0, 1, 2),
        ("vote seen by head", "y test", "h@1"): (1, 1, 2),
    }
    found = {(row["kind"], row["left"]): row for row in rows}
    assert found["prompt", "x"]["example"] == "p1" and found["response", "x"]["example"] == "a"
    assert (found["text", "x"]["share_left"], found["text", "x"]["share_right"]) == (2 / 3, 2 / 4)
    near = found["near response", "y test"]
    assert near["example"].startswith("1.000: p1 => a (") and ") ~ p2 => b" in near["example"]
    assert near["share_right"] is None and not near["is_sample"]


def test_without_a_head_there_are_no_votes_and_unknown_groups_are_null(store):
    fill(store, ROWS, VOTES, seen=None)
    votes = [row for row in table(store, "leaks") if row["kind"] == "vote seen by head"]
    assert [(row["n"], row["n_left"], row["n_right"], row["share_left"]) for row in votes] == [
        (None, 1, None, None)
    ] * 2
    without = reports.run(store, "leaks", {"snapshot": "s"}).table.to_pylist()
    assert not [row for row in without if row["kind"] == "vote seen by head"]


def test_one_data_set_and_one_split_share_nothing(store):
    fill(store, [{"prompt": "p", "text": "a", "reward": 1}, {"prompt": "p", "text": "b", "reward": 2}], [(0, 1)])
    assert list(by_kind(table(store, "leaks"))) == [("vote seen by head", "d test", "h@1")]


def vectors(store, snapshot, column):
    """Return ids and unit vectors of the judged splits and of the training split."""
    rows = store.rows(f"select distinct on ({column}) {column} as id, split, embedding from rm_rows('{snapshot}')")
    sides = ([row for row in rows if (row["split"] == "train") is is_base] for is_base in (False, True))
    for side in sides:
        matrix = np.array([row["embedding"] for row in side], np.float64)
        yield side, matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


@pytest.mark.parametrize("threshold", [-1, 0.9, 0.99])
def test_near_responses_equal_all_cosines(lab, threshold):
    (judged, left), (base, right) = vectors(lab, "tiny", "response_id")
    best = (left @ right.T).max(axis=1)
    rows = reports.run(lab, "leaks", {"snapshot": "tiny", "threshold": threshold}).table.to_pylist()
    near = {row["left"]: row for row in rows if row["kind"] == "near response"}
    for split in ("test", "valid"):
        own = np.array([row["split"] == split for row in judged])
        found = near[f"tiny {split}"]
        assert (found["n"], found["n_left"], found["n_right"]) == ((best[own] >= threshold).sum(), own.sum(), len(base))
        if found["n"]:
            assert found["example"].startswith(f"{best[own].max():.3f}: ")
        else:
            assert found["example"] is None
    assert not [row for row in rows if row["kind"] == "near prompt"]  # layout joint has no vectors of prompts


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"threshold": 2}, "threshold is 2.0: give a cosine from -1 to 1"),
        ({"threshold": -1.01}, "threshold is -1.01"),
        ({"most": 0}, "most is 0: give a whole number from 1"),
    ],
)
def test_what_would_find_nothing_is_refused(lab, wrong, message):
    with pytest.raises(ReportError, match=message):
        reports.run(lab, "leaks", {"snapshot": "tiny", **wrong})


def test_near_prompts_need_vectors_of_prompts(lab):
    embed(lab, "tiny", snapshot="parts", encoder="toy", layout="prompt||response")
    sides = list(vectors(lab, "parts", "prompt_id"))
    left, right = (np.array([row["embedding"] for row in rows])[:, : matrix.shape[1] // 2] for rows, matrix in sides)
    cosines = (left @ right.T) / np.outer(np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1))
    rows = reports.run(lab, "leaks", {"snapshot": "parts", "threshold": 0.99}).table.to_pylist()
    near = [row for row in rows if row["kind"] == "near prompt"]
    assert sum(row["n"] for row in near) == (cosines.max(axis=1) >= 0.99).sum() > 0
    assert sum(row["n_left"] for row in near) == len(left)


def test_a_sample_is_said_to_be_one_and_is_the_same_again(lab):
    def near(most):
        rows = reports.run(lab, "leaks", {"snapshot": "tiny", "most": most}).table.to_pylist()
        return [row for row in rows if row["kind"] == "near response"]

    few = near(10)
    assert all(row["is_sample"] and row["n_right"] == 10 for row in few)
    assert sum(row["n_left"] for row in few) == 10
    assert near(10) == few
    assert not any(row["is_sample"] for row in near(20_000))


def test_real_data_sets_share_what_their_notes_say(store, real_data):
    """68 inputs of LLMBar occur in alpaca_eval and 12 in RM-Bench, whose 129 chat prompts all occur in alpaca_eval."""
    root = real_data / "llmbar"
    for path in sorted(root.glob("**/dataset.json*")):
        ingest(store, path, format="llmbar", dataset="llmbar", subset=str(path.parent.relative_to(root)))
    ingest(store, str(real_data / "rm-bench" / "*.json.gz"), format="rm-bench", dataset="rm-bench")
    answers = min((real_data / "alpaca_eval").glob("**/annotations.json.gz"))
    ingest(store, answers, format="alpaca-eval", dataset="alpaca_eval")
    embed(store, ["llmbar", "rm-bench", "alpaca_eval"], snapshot="all", encoder="toy", layout="joint")
    found = by_kind(reports.run(store, "leaks", {"snapshot": "all"}).table.to_pylist())
    shared = {sides: found["prompt", *sides][0] for sides in (
        ("alpaca_eval", "llmbar"), ("alpaca_eval", "rm-bench"), ("llmbar", "rm-bench"))}  # fmt: skip
    assert list(shared.values()) == [68, 129, 12]
    assert found["prompt", "alpaca_eval", "rm-bench"][1:] == (805, 796)
    assert all(n == 0 for (kind, *_), (n, *_) in found.items() if kind.endswith(", splits"))
