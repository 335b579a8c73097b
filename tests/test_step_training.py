"""Step heads over a snapshot: by step id, by vector, and on the command line."""

import json
import shutil

import pytest
from tracing import stock_traces, until

import rmstore
from rmstore.embedding import embed
from rmstore.errors import InputError, OptionError

N = 60


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store of solutions that go wrong at the step that brings a word of three letters; vectors count such words."""
    path = tmp_path_factory.mktemp("steps") / "s.duckdb"
    with rmstore.connect(path, create=True) as store:
        traces, labels = [], []
        for number in range(N):
            error = -1 if number % 3 == 0 else 1 + number % 4
            steps = ["ccc" if step == error else "a" * (1 + (number + step) % 2) for step in range(1, 6)]
            traces.append((" ".join(["q"] * (1 + number % 7) + ["bb"] * (number // 7)), steps))
            labels.append(until(5, error))
        stock_traces(store, traces, human=labels)
        embed(store, "d", snapshot="s", encoder="toy:3", layout="joint||response", steps=True)
    return path


@pytest.fixture
def store(filled, tmp_path):
    shutil.copy(filled, tmp_path / "s.duckdb")
    with rmstore.connect(tmp_path / "s.duckdb") as opened:
        yield opened


def train(store, item, more=""):
    query = f"select unnest(rm_train_steps('prm', {item}, label, prompt := prompt_id, split := split{more}))"
    return store.rows(f"with r as ({query} from rm_steps('s')) from r")[0]


def test_rm_train_steps_by_id_and_by_vector_of_the_snapshot_agree(store):
    by_id = train(store, "step_id", ", snapshot := 's'")
    assert by_id["n_used"] + by_id["test_n"] > 150 and by_id["train_accuracy"] > 0.95
    scores = "select step_id, rm_score('prm', embedding) as score from rm_steps('s') order by step_id"
    first = [row["score"] for row in store.rows(scores)]
    by_vector = train(store, "embedding", ", snapshot := 's'")
    assert [row["score"] for row in store.rows(scores)] == pytest.approx(first, abs=1e-3)
    assert (by_vector["n_used"], by_vector["version"]) == (by_id["n_used"], 2)
    row = store.rows("select layout, snapshot_id, encoder_key is not null as is_known from heads where version = 1")[0]
    assert tuple(row.values()) == ("step", 1, True)
    probs = store.rows("select label, avg(prob) as p from rm_step_rewards('prm@1', 's') group by label order by label")
    assert [row["label"] for row in probs] == [0, 1, None] and probs[0]["p"] < 0.2 and probs[1]["p"] > 0.8


def test_steps_of_another_encoder_and_other_rows_are_refused(store):
    train(store, "step_id", ", snapshot := 's'")
    with pytest.raises(InputError, match="layout 'step'.*\n.*rm_step_rewards or rm_step_prob"):
        store.sql("from rm_rewards('prm', 's')")
    with pytest.raises(InputError, match="none of|no rating of"):
        train(store, "response_id", ", snapshot := 's'")
    with pytest.raises(InputError, match="have width 3"):
        train(store, "[1, 2]::float[2]", ", snapshot := 's'")
    with pytest.raises(OptionError, match="'bt' does not learn from steps"):
        train(store, "embedding", ", objective := 'bt'")


def test_train_steps_on_the_command_line(store, cli, tmp_path):
    store.close()
    done = cli(
        "--store", tmp_path / "s.duckdb", "train", "prm", "--snapshot", "s", "--steps", "--source", "human", "--json"
    )
    assert done.code == 0, done.err
    assert json.loads(done.out)["train_accuracy"] > 0.95


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--steps", "--feature", "log_len"], 2, "--feature goes with preferences"),
        (["--steps", "--ratings"], 2, "--steps goes without --ratings"),
        (["--source", "human"], 2, "--source goes with --steps"),
        (["--steps", "--source", "humn"], 1, "did you mean 'human'"),
    ],
)
def test_what_cannot_be(store, cli, tmp_path, words, code, message):
    store.close()
    done = cli("--store", tmp_path / "s.duckdb", "train", "prm", "--snapshot", "s", *words)
    assert done.code == code and message in done.err
