"""Language models as encoders: the hidden state that reward models read, and what is refused."""

import numpy as np
import pytest
import tiny_models

from rmstore.encoders import load_encoder
from rmstore.errors import InputError, OptionError

TEXTS = ["river rain", "the dog crossed it until morning " * 20, "a short text.", "word", ""]


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return tiny_models.llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return tiny_models.gpt2(tmp_path_factory.mktemp("models") / "gpt2")


def states(folder, text, window=tiny_models.WINDOW):
    """Return all hidden states of a text alone, without padding: one (tokens, width) matrix per layer."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, truncation=True, max_length=window)["input_ids"]
    with torch.inference_mode():
        found = AutoModel.from_pretrained(folder)(input_ids=torch.tensor([ids]), output_hidden_states=True)
    return [layer[0].numpy() for layer in found.hidden_states]


def test_a_reward_model_scores_these_vectors(llama):
    import torch
    from transformers import AutoTokenizer, LlamaForSequenceClassification

    torch.manual_seed(0)
    judge = LlamaForSequenceClassification.from_pretrained(llama, num_labels=1, pad_token_id=1)
    tokenizer = AutoTokenizer.from_pretrained(llama, pad_token="</s>", padding_side="right")
    with torch.inference_mode():
        rewards = judge(**tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")).logits.numpy()
    vectors = load_encoder(f"lm:{llama}").encode(TEXTS)
    np.testing.assert_allclose(vectors @ judge.score.weight.detach().numpy().T, rewards, atol=1e-5)


@pytest.mark.parametrize(("options", "layer", "pooled"), [
    ({}, -1, lambda rows: rows[-1]),
    ({"layer": 2}, 2, lambda rows: rows[-1]),
    ({"layer": 1}, 1, lambda rows: rows[-1]),
    ({"layer": -3}, 0, lambda rows: rows[-1]),
    ({"pooling": "mean"}, -1, lambda rows: rows.mean(axis=0)),
    ({"pooling": "mean", "layer": -2}, 1, lambda rows: rows.mean(axis=0)),
    ({"normalize": True}, -1, lambda rows: rows[-1] / np.linalg.norm(rows[-1])),
    ({"max_tokens": 9}, -1, lambda rows: rows[-1]),
])  # fmt: skip
def test_options_say_which_state(llama, options, layer, pooled):
    encoder = load_encoder(f"lm:{llama}", options)
    wanted = [pooled(states(llama, text, encoder.spec.max_tokens)[layer]) for text in TEXTS]
    np.testing.assert_allclose(encoder.encode(TEXTS), wanted, atol=1e-5)


def test_the_same_state_has_the_same_key(llama):
    keys = [load_encoder(f"lm:{llama}", {"layer": layer}).spec.key for layer in (2, -1, 1, -2, 0)]
    assert keys[0] == keys[1] == load_encoder(f"lm:{llama}").spec.key
    assert keys[2] == keys[3]
    assert len(set(keys)) == 3


def test_a_text_without_tokens_has_the_vector_zero(gpt2, llama):
    assert not load_encoder(f"lm:{gpt2}").encode(["", "river"])[0].any()
    assert load_encoder(f"lm:{llama}").encode([""]).any()  # its tokenizer puts a token before every text


def test_bf16_is_close_and_another_encoder(llama):
    full, brief = (load_encoder(f"lm:{llama}", {"dtype": dtype}) for dtype in ("f32", "bf16"))
    assert (full.spec.backend, brief.spec.backend) == ("torch", "torch-bf16")
    ours, theirs = brief.encode(TEXTS), full.encode(TEXTS)
    assert ours.dtype == np.float32
    cosine = np.einsum("nd,nd->n", ours, theirs) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert (cosine > 0.99).all()
    assert np.abs(ours - theirs).max() > 1e-5


def test_what_is_refused(llama, tmp_path):
    bert = tiny_models.bert(tmp_path / "bert")
    with pytest.raises(InputError, match="BertModel, whose last token has not read the text"):
        load_encoder(f"lm:{bert}")
    for layer in (3, -4):
        with pytest.raises(OptionError, match=f"layer is {layer}[\\s\\S]*0 to 2"):
            load_encoder(f"lm:{llama}", {"layer": layer})
    with pytest.raises(OptionError, match="'last' or 'mean'"):
        load_encoder(f"lm:{llama}", {"pooling": "first"})
    with pytest.raises(OptionError, match="reads 8 to 64 tokens"):
        load_encoder(f"lm:{llama}", {"max_tokens": 65})
    with pytest.raises(OptionError, match="truncate_dim"):
        load_encoder(f"lm:{llama}", {"truncate_dim": 8})
    (bert / "model.safetensors").rename(bert / "pytorch_model.bin")
    with pytest.raises(InputError, match="no weights as safetensors"):
        load_encoder(f"lm:{bert}")


def test_code_of_a_model_is_never_run(llama, tmp_path):
    import json
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(llama, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    with pytest.raises(InputError, match="does not load"):
        load_encoder(f"lm:{folder}")
    assert not (tmp_path / "ran").exists()
