"""Every report on data at the edge: numbers that are none, intervals out of order and engine errors are found here."""

import math
import re

import pytest
from lab import fill
from wide_lab import widen

import rmstore
from rmstore import reports
from rmstore.errors import RmstoreError
from rmstore.reports.files import list_reports

PROMPTS, POLICIES = 12, ("a", "b", "c")
SMALL = {"replicates": 20, "repeats": 2, "folds": 2}
SHARES = {"accuracy", "win_rate", "controlled", "tie_rate", "ece", "f1", "failure", "quantile", "coverage"}
WITHOUT_ROWS = {"rm-bench", "agreement", "coverage"}
"""Reports that have none where the data are sound: of files of a format, of a second rater, of training vectors."""


def sound():
    """Twelve prompts, half of them in each subset, with three policies, and votes that follow the reward."""
    rows = {"prompt": [], "text": [], "reward": [], "gold": [], "policy": [], "subset": [], "split": []}
    votes = []
    for number in range(PROMPTS):
        for place, policy in enumerate(POLICIES):
            rows["prompt"].append(f"prompt {number}")
            rows["text"].append("word " * (1 + (number + 2 * place) % 5) + policy)
            rows["reward"].append(0.1 * ((7 * number + 5 * place) % 11) - 0.5)
            rows["gold"].append(float((3 * number + 4 * place) % 7))
            rows["policy"].append(policy)
            rows["subset"].append("even" if number % 2 == 0 else "odd")
            rows["split"].append("test" if number % 3 else "train")
        for pair in ((0, 1), (1, 2), (0, 2)):
            sides = sorted((3 * number + place for place in pair), key=lambda row: -rows["reward"][row])
            votes.append((*sides, (0.6, 0.8, 1.0)[sum(sides) % 3], rows["subset"][sides[0]]))
    return rows, votes


def column(name, value):
    """Return what changes a column of the rows: to a value, or by a function of row number and value."""

    def change(rows, votes):
        changed = [value(i, old) if callable(value) else value for i, old in enumerate(rows[name])]
        return {**rows, name: changed}, votes

    return change


def first(n):
    def change(rows, votes):
        return {name: values[:n] for name, values in rows.items()}, [vote for vote in votes if max(vote[:2]) < n]

    return change


CASES = {
    "sound": lambda rows, votes: (rows, votes),
    "constant rewards": column("reward", 0.0),
    "huge rewards": column("reward", lambda i, value: 1e15 * value),
    "a reward that is NaN": column("reward", lambda i, value: math.nan if i == 4 else value),
    "constant gold": column("gold", 3.0),
    "no gold": column("gold", None),
    "equal lengths": column("text", lambda i, value: f"text {i:02}"),
    "empty texts": column("text", ""),
    "no policies": column("policy", None),
    "nothing to test": column("split", "train"),
    "no votes": lambda rows, votes: (rows, []),
    "votes without an opinion": lambda rows, votes: (rows, [(a, b, 0.5, subset) for a, b, _, subset in votes]),
    "one vote": lambda rows, votes: (rows, votes[4:5]),
    "one prompt": first(3),
    "one response": first(1),
}
SEEN = {"all seen": {f"prompt {number}" for number in range(PROMPTS)}, "nobody knows what was seen": None}
REFUSALS = {
    "a reward that is NaN": r"holds nan \(row \d+ of its batch",
    "no gold": "no attribute is called 'gold'",
    "one vote": "too few rows: 1 to train on",
}


def parameters(report):
    """Return what a report needs and, of what makes it long, little."""
    needed = {
        param.name: {"HEAD": "h", "SNAPSHOT": "s"}.get(param.type) for param in report.params if param.is_required
    }
    needed |= {"old": "s", "new": "w"} if report.name == "encoder-comparison" else {}
    return needed | {param.name: SMALL[param.name] for param in report.params if param.name in SMALL}


def numbers(value):
    """Return the fractions in a cell."""
    if isinstance(value, dict | list):
        return [number for one in (value.values() if isinstance(value, dict) else value) for number in numbers(one)]
    return [value] if isinstance(value, float) else []


def faults(row):
    """Return the columns of a row whose values cannot be."""
    wrong = [name for name, value in row.items() if not all(map(math.isfinite, numbers(value)))]
    wrong += [name for name in SHARES & row.keys() if row[name] is not None and not -1e-9 <= row[name] <= 1 + 1e-9]
    for low, high in ((name, f"{name.removesuffix('low')}high") for name in row if re.search(r"(^|_)low$", name)):
        ends = [row[low], row[high]]
        if (None in ends and ends != [None, None]) or (None not in ends and ends[0] > ends[1]):
            wrong.append(low)
    return wrong


@pytest.fixture(scope="module", params=[*CASES, *SEEN])
def edge(request):
    rows, votes = CASES.get(request.param, CASES["sound"])(*sound())
    with rmstore.connect() as opened:
        fill(opened, rows, votes, seen=SEEN.get(request.param, ()))
        vectors = [[reward, len(text) / 10] for reward, text in zip(rows["reward"], rows["text"], strict=True)]
        widen(opened, rows, vectors, (1.0, 0.0))
        yield opened, request.param


@pytest.mark.parametrize("report", list_reports(), ids=lambda report: report.name)
def test_every_report_on_data_at_the_edge(edge, report):
    store, case = edge
    if report.name.startswith("steps"):
        with pytest.raises(RmstoreError, match=r"no response of snapshot 's@1' has reasoning steps"):
            reports.run(store, report.name, parameters(report))
        return
    try:
        rows = reports.run(store, report.name, parameters(report)).table.to_pylist()
    except RmstoreError as problem:
        assert re.search(REFUSALS.get(case, "$never"), problem.problem), (case, problem.problem)
        return
    assert {tuple(found) for row in rows if (found := faults(row))} == set()
    assert rows or case != "sound" or report.name in WITHOUT_ROWS
