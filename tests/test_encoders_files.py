"""The files of a model folder: what is malformed is named before anything is loaded."""

import json

import pytest
import tiny_models

from rmstore.encoders import load_encoder, weights
from rmstore.errors import InputError

MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
MEAN = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


@pytest.fixture
def model(tmp_path):
    folder = tiny_models.bert(tmp_path / "bert")
    (folder / "modules.json").write_text(json.dumps(MODULES), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(MEAN), encoding="utf-8")
    return folder


def test_pooling_is_read_from_its_configuration(model):
    assert weights.pooling(model) == "mean" == load_encoder(str(model)).spec.pooling
    cls = {**MEAN, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (model / "1_Pooling" / "config.json").write_text(json.dumps(cls), encoding="utf-8")
    assert weights.pooling(model) == "cls"


NO_JSON = ["{", "", "\udcff"]
NO_MODULES = ["{}", "[1]", '[{"type": 3, "path": ""}]', '[{"type": "x"}]']


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("modules.json", content) for content in (*NO_JSON, *NO_MODULES)),
        *(("1_Pooling/config.json", content) for content in (*NO_JSON, "[1]")),
        *(("config.json", content) for content in NO_JSON),
    ],
)
def test_malformed_files_are_named(model, name, content):
    (model / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError) as caught:
        load_encoder(str(model))
    assert name.rsplit("/", 1)[-1] in str(caught.value) and str(model) in str(caught.value)


def test_a_pooling_without_its_configuration_is_named(model):
    (model / "1_Pooling" / "config.json").unlink()
    with pytest.raises(InputError, match=r"1_Pooling"):
        weights.pooling(model)
