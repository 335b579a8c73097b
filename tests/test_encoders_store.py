"""Options of encoders as a store sees them: what is stored, what SQL reads, and which encoder a name means."""

import numpy as np
import pytest
import tiny_models
from stocking import stock

from rmstore.embedding import embed
from rmstore.errors import InputError, OptionError
from rmstore.precision import rounded
from rmstore.vectors import encoder_specs, find_encoder

ROWS = [
    (
        f"prompt {'aa ' * (number % 5)}{number // 2}",
        f"{'word ' * (number % 7)}a bb {'ccc ' * (number % 11)}{number}",
        "x",
    )
    for number in range(40)
]
VOTES = [sorted((n, n + 1), key=lambda number: -len(ROWS[number][1])) for n in range(0, 40, 2)]
"""The longer response wins."""
LAYOUTS = ["joint", "prompt||response||prompt*response"]


def vectors_of(store, snapshot):
    """Return the vectors of a snapshot by response id."""
    rows = store.rows("select response_id::varchar as id, embedding from rm_rows($snapshot)", {"snapshot": snapshot})
    return {row["id"]: np.array(row["embedding"], np.float32) for row in rows}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("precision", ["f16", "i8"])
def test_a_snapshot_holds_rounded_vectors_that_rm_embed_gives_too(store, precision, layout):
    stock(store, ROWS, votes=VOTES)
    given = {"normalize": True}
    made = embed(store, "d", snapshot="s", encoder="toy", layout=layout,
                 encoder_options={**given, "precision": precision}).snapshot  # fmt: skip
    plain = embed(store, "d", snapshot="p", encoder="toy", layout=layout, encoder_options=given).snapshot
    assert (made.precision, plain.precision) == (precision, "f32")
    assert store.value(f"select count(*) from embeddings_8_{precision}") == store.value(
        "select count(*) from embeddings_8_f32"
    )
    found, exact = vectors_of(store, "s"), vectors_of(store, "p")
    differ = [np.abs(found[key] - exact[key]).max() for key in exact]
    assert 0 < max(differ) < {"f16": 1e-3, "i8": 0.01}[precision]
    if layout == "joint":
        keys = sorted(exact)
        stored = rounded(np.stack([exact[key] for key in keys]), precision)
        np.testing.assert_array_equal(np.stack([found[key] for key in keys]), stored)
    again = store.rows(
        "select response_id::varchar as id, rm_embed('s@1', messages[1].content, text) as vector "
        "from responses join prompts using (prompt_id)"
    )
    for row in again:
        np.testing.assert_array_equal(np.array(row["vector"], np.float32), found[row["id"]])


@pytest.mark.parametrize("precision", ["f16", "i8"])
def test_heads_train_and_score_on_rounded_vectors(store, precision):
    stock(store, ROWS, votes=VOTES)
    for name, options in (("s", {"precision": precision}), ("p", {})):
        embed(store, "d", snapshot=name, encoder="toy", layout=LAYOUTS[1], encoder_options=options)
        trained = store.value(
            "select rm_train($name, chosen_embedding, rejected_embedding).n_used from rm_pairs($name)", {"name": name}
        )
        assert trained == len(VOTES)
    assert store.value("select count(*) from rm_rewards('s', 's') where isfinite(reward)") == len(ROWS)
    read = "select list(rm_score('p', embedding) order by response_id) from rm_rows($name)"
    ours, theirs = (np.array(store.value(read, {"name": name})) for name in ("s", "p"))
    np.testing.assert_allclose(ours, theirs, atol=0.05 * np.ptp(theirs))
    assert np.ptp(theirs) > 0.1


def test_options_make_another_encoder_whose_name_says_so(store):
    stock(store, ROWS[:4])
    plain = embed(store, "d", snapshot="s", encoder="toy", layout="response")
    same = embed(store, "d", snapshot="s", encoder="toy", layout="response", encoder_options={"precision": "f32"})
    assert (same.is_new, same.n_embedded) == (False, 0)
    other = embed(store, "d", snapshot="s", encoder="toy", layout="response", encoder_options={"truncation": "start"})
    assert other.is_new and other.snapshot.encoder.startswith("toy-")
    assert set(encoder_specs(store)) == {"toy", other.snapshot.encoder}
    by_name = embed(store, "d", snapshot="s", encoder=other.snapshot.encoder, layout="response")
    assert (by_name.is_new, by_name.snapshot) == (False, other.snapshot)
    assert plain.snapshot.encoder == "toy"


def test_a_text_too_long_is_rendered_by_the_rule(store):
    stock(store, [("first prompt", "word " * 30, "x")])
    kept = {}
    for rule in ("end", "start", "windows"):
        made = embed(
            store, "d", snapshot=rule, encoder="toy", layout="joint",
            encoder_options={"truncation": rule, "max_tokens": 10},
        )  # fmt: skip
        kept[rule] = store.rows(
            "select n_tokens, n_cut from renderings join encoders using (encoder_id) where name = $name",
            {"name": made.snapshot.encoder},
        )
        assert made.n_truncated == (rule != "windows")
    assert kept == {
        "end": [{"n_tokens": 10, "n_cut": 22}],
        "start": [{"n_tokens": 10, "n_cut": 22}],
        "windows": [{"n_tokens": 32, "n_cut": 0}],
    }


def test_how_to_run_goes_with_a_name_of_the_store(store, tmp_path):
    stock(store, ROWS[:6])
    model = str(tiny_models.bert(tmp_path / "bert"))
    made = embed(store, "d", snapshot="s", encoder=model, layout="response", encoder_options={"max_tokens": 16})
    name = made.snapshot.encoder
    assert name != model
    several = find_encoder(store, name, {"processes": 2, "device": "cpu"})
    assert several.spec == find_encoder(store, name).spec
    again = embed(store, "d", snapshot="s", encoder=name, layout="response", encoder_options={"processes": 2})
    assert (again.is_new, again.n_embedded) == (False, 0)
    with pytest.raises(InputError, match=f"has options of its own.*[\\s\\S]*{model}"):
        find_encoder(store, name, {"max_tokens": 20})
    with pytest.raises(OptionError, match="processes"):
        find_encoder(store, "toy", {"processes": 2})


def test_a_language_model_is_an_encoder_like_others(store, tmp_path):
    stock(store, ROWS, votes=VOTES)
    model = f"lm:{tiny_models.llama(tmp_path / 'llama')}"
    made = embed(store, "d", snapshot="s", encoder=model, layout="joint", encoder_options={"precision": "f16"})
    assert (made.snapshot.dim, made.snapshot.precision, made.n_texts) == (32, "f16", len(ROWS))
    used = store.value("select rm_train('h', chosen_embedding, rejected_embedding).n_used from rm_pairs('s')")
    assert used == len(VOTES)
    assert store.value("select count(*) from rm_rewards('h', 's') where isfinite(reward)") == len(ROWS)
    assert embed(store, "d", snapshot="s", encoder=made.snapshot.encoder, layout="joint").n_embedded == 0
