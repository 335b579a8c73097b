"""Fixtures: a store in memory and the folder of real data sets."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import rmstore


@pytest.fixture
def store():
    """An empty store in memory, with the macros of reports too, which tests call by themselves."""
    with rmstore.connect() as opened:
        opened.make_macros("report_macros")
        yield opened


@pytest.fixture
def other():
    """Another store, which knows nothing."""
    with rmstore.connect() as opened:
        yield opened


@pytest.fixture
def dirs(tmp_path):
    """A list of one folder, with the report hits."""
    from own_reports import write

    return [write(tmp_path / "reports")]


@pytest.fixture
def parcel(exported, tmp_path):
    """A copy, to be changed, of the folder that the fixture ``exported`` of the test module wrote."""
    return Path(shutil.copytree(exported, tmp_path / "parcel"))


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, or a skip that says why."""
    place = os.environ.get("RMSTORE_TEST_DATA")
    if not place or not Path(place).is_dir():
        pytest.skip("RMSTORE_TEST_DATA does not name a folder of real data sets")
    return Path(place)


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(tmp_path, capsys, monkeypatch):
    """Run a command line in this process: ``cli("status").out``; the store is a file of the test."""
    from rmstore.cli import main

    monkeypatch.setenv("RMSTORE", str(tmp_path / "lab.duckdb"))

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


WORDS = ("a", "on", "the", "rain", "river", "bridge", "morning", "darkness", "afternoons", "wilderness")


@pytest.fixture
def lab(store, tmp_path):
    """A store with data set ``tiny`` (90 pairs over 30 prompts) and its toy snapshot ``tiny@1``, layout joint."""
    import json
    import random

    from rmstore.embedding import embed
    from rmstore.ingest import ingest

    draw = random.Random(7)

    def words(low, high):
        return " ".join(draw.choices(WORDS, k=draw.randint(low, high)))

    lines = [
        {"prompt": f"prompt {i // 3} {words(1, 3)}" if i % 3 else f"prompt {i // 3}", "chosen": words(4, 9),
         "rejected": words(1, 5), "subset": "even" if i % 2 == 0 else "odd"}
        for i in range(90)
    ]  # fmt: skip
    path = tmp_path / "tiny.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    ingest(store, path, format="pairs", dataset="tiny")
    embed(store, "tiny", snapshot="tiny", encoder="toy", layout="joint")
    return store


@pytest.fixture(scope="session")
def toured(tmp_path_factory):
    """The folder that the tour leaves, made with the toy encoder; copy it before changing anything."""
    from rmstore import tour

    folder = tmp_path_factory.mktemp("toured") / "demo"
    tour.run(folder, encoder="toy")
    return folder
