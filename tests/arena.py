"""Stores with votes on policies: written as AlpacaEval's annotations and ingested, or the real ones."""

import csv

import numpy as np
from ingesting import write

from rmstore import reports
from rmstore.ingest import ingest

REFERENCE = "the reference"


def annotate(store, folder, policies, *, dataset="arena", lengths=None):
    """Ingest a file per policy, whose votes are P(the policy beats the reference) by prompt.

    Args:
        store: an open store.
        folder: where the files go.
        policies: name -> one probability per prompt, None where there is no vote; or one (probability, response) each.
        dataset: name of the data set.
        lengths: name -> one length per prompt, of responses that are made up; the reference says 10 characters.
    """
    for policy, votes in policies.items():
        rows = []
        for number, vote in enumerate(votes):
            if vote is None:
                continue
            given = vote if isinstance(vote, tuple) else (vote, None)
            prob, text = given if given[1] is not None else (given[0], said(policy, number, lengths))
            rows.append({
                "instruction": f"prompt {number}", "output_1": f"r{number:<9d}", "generator_1": REFERENCE,
                "output_2": text, "generator_2": policy, "preference": 1 + float(prob), "annotator": "judge",
                "dataset": "even" if number % 2 == 0 else "odd",
            })  # fmt: skip
        ingest(store, write(folder / f"{dataset}-{policy}.json", rows), format="alpaca-eval", dataset=dataset)


def said(policy, number, lengths):
    """Return a response of a given length that is the policy's own, as far as it is long enough."""
    n = 10 if lengths is None else int(lengths[policy][number])
    return f"{policy}{number}".ljust(n, ".")[:n]


def rows_of(store, report, **params):
    """Run a report and return its rows by policy."""
    return {row["policy"]: row for row in reports.run(store, report, params).table.to_pylist()}


def published(real_data):
    """Return win rate, length-controlled win rate and mean length by policy, in percent, from the leaderboard."""
    with (real_data / "alpaca_eval" / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = {}
    for row in rows:
        places = [
            row[column].split("/results/")[1].split("/")[0]
            for column in ("samples", "link")
            if "/results/" in row[column]
        ]
        figures = tuple(float(row[name]) for name in ("win_rate", "length_controlled_winrate", "avg_length"))
        found[places[0] if places else row["name"]] = figures
    # its rows name the policy so
    found["example"] = found.pop("NullModel")
    return found


def ingest_published(store, real_data):
    """Ingest the annotations of all 26 policies as data set ``alpaca``."""
    files = str(real_data / "alpaca_eval" / "results" / "*" / "weighted_alpaca_eval_gpt4_turbo" / "annotations.json.gz")
    ingest(store, files, format="alpaca-eval", dataset="alpaca")


def import_published(store, real_data):
    """Import the published vectors of those annotations, of 21 policies, as snapshot ``alpaca``."""
    match = (
        "select keyed.response_id, file.embedding from file join ("
        "  select response_id, left(sha256(rm_prompt_text(messages) || chr(10) || chr(10) || text), 16) as key"
        "  from responses join prompts using (prompt_id)) as keyed on keyed.key = file.response_id"
    )
    file = real_data / "embeddings" / "alpaca_eval.parquet"
    store.import_vectors(file, encoder="all-MiniLM-L6-v2", snapshot="alpaca", datasets="alpaca", match=match)


def sigmoid(logits):
    """Return 1 / (1 + exp(-u))."""
    return 1 / (1 + np.exp(-np.asarray(logits, float)))
