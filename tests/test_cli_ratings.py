"""Heads from ratings on the command line: one attribute, several, and a gate on preferences."""

import json
import shutil

import pytest

from rmstore.cli import main

WORDS = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"]


def read(done):
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store whose toy vectors say how every response was rated; pairs prefer more words of four letters."""
    responses, pairs = [], []
    for number in range(120):
        filler = " ".join(WORDS[(number + place) % 6] for place in range(3))
        texts = [f"{filler} dddd dddd {number}", f"{filler} bb {number}"]
        responses += [
            {"prompt": f"Question {number}?", "response": text, "helpful": text.count("dddd"), "brief": -len(text)}
            for text in texts
        ]
        pairs.append({"prompt": f"Question {number}?", "chosen": texts[0], "rejected": texts[1]})
    folder = tmp_path_factory.mktemp("rated")
    lines = [["init"]]
    for name, rows, form in (("r", responses, "responses"), ("p", pairs, "pairs")):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        lines.append(["ingest", str(folder / f"{name}.jsonl"), "--format", form, "--dataset", name])
    lines.append(["embed", "r", "p", "--encoder", "toy", "--snapshot", "s", "--layout", "response||prompt"])
    for line in lines:
        assert main(["--store", str(folder / "s.duckdb"), *line]) == 0
    return folder / "s.duckdb"


@pytest.fixture
def rated(cli, made, tmp_path):
    """Runs command lines on a copy of that store."""
    shutil.copy(made, tmp_path / "lab.duckdb")
    return cli


def test_a_snapshot_of_ratings_alone_points_to_its_attributes(rated):
    read(rated("embed", "r", "--encoder", "toy", "--snapshot", "only", "--layout", "response", "--json"))
    assert rated("query", "delete from preferences").code == 0
    told = rated("train", "h", "--snapshot", "only")
    assert told.code == 1 and "'only@1' has no preferences; its responses are rated for brief, helpful" in told.err
    (hint,) = (line.partition("rmstore ")[2] for line in told.err.splitlines() if "--attribute" in line)
    assert hint == "train h --snapshot only@1 --attribute brief"
    assert read(rated(*hint.split(), "--json"))["n_used"]


def test_one_attribute_trains_any_head(rated):
    result = read(rated("train", "h", "--snapshot", "s", "--attribute", "helpful", "--json"))
    assert result["n_used"] + result["test_n"] == 240
    assert result["train_r2"] > 0.9
    assert result["train_accuracy"] is None
    shown = read(rated("head", "show", "h", "--json"))
    assert shown["objective"] == "squared"


def test_several_attributes_make_one_multi_head_and_pairs_its_gate(rated):
    done = rated("train", "x", "--snapshot", "s", "--ratings")
    assert done.code == 1 and "2 attributes: brief, helpful" in done.err and "head := 'multi'" in done.err
    both = ("--attribute", "helpful", "--attribute", "brief")
    assert read(rated("train", "attrs", "--snapshot", "s", *both, "--head", "multi", "--json"))["is_new"]
    again = read(rated("train", "attrs", "--snapshot", "s", "--ratings", "--head", "multi", "--json"))
    assert not again["is_new"]
    gate = ("-o", "start=attrs", "-o", "hidden=[8]", "-o", "steps=20", "--json")
    result = read(rated("train", "armo", "--snapshot", "s", "--head", "multi", *gate))
    assert result["valid_accuracy"] > 0.9
    rows = read(rated("query", "select count(*) as n, count(reward) as m from rm_rewards('armo', 's')", "--json"))
    assert rows[0]["n"] == rows[0]["m"] > 0


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--attribute", "helpfull"], 1, "did you mean 'helpful'"),
        (["--ratings", "--feature", "log_len"], 2, "--feature goes with preferences"),
        (["--ratings", "--objective", "bt"], 1, "does not learn from ratings"),
        (["--attribute", "helpful", "--where", "nope = 1"], 1, "nope"),
        (["--attribute", "helpful", "--where", "value > 1000"], 1, "nothing of s@1 passes --where 'value > 1000'"),
        (
            ["--attribute", "helpful", "--attribute", "brief", "--head", "multi", "--where", "attribute = 'brief'"],
            1,
            "has no rating of 'helpful' that passes --where \"attribute = 'brief'\"",
        ),
        (["--head", "multi"], 1, "attributes are not there yet"),
    ],
)
def test_what_cannot_be_trained_is_said(rated, words, code, told):
    done = rated("train", "h", "--snapshot", "s", *words)
    assert done.code == code
    assert told in done.err
    assert "Traceback" not in done.err
