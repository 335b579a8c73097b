"""Backends: ONNX Runtime and OpenVINO give torch's vectors, from a file that is made once and checked."""

import os
import stat

import numpy as np
import pytest
import tiny_models

from rmstore.encoders import backends, exporting, load_encoder
from rmstore.errors import InputError, MissingPackageError, OptionError

TEXTS = ["river rain", "", "word " * 200, "a short text.", "one two " * 7, "river"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return str(tiny_models.bert(tmp_path_factory.mktemp("models") / "bert"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder that the tests of this file share, as making a file takes seconds."""
    place = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RMSTORE_CACHE", str(place))
        yield place


@pytest.fixture(params=["onnx", "openvino"])
def backend(request, cache):
    pytest.importorskip(backends.PACKAGES[request.param])
    pytest.importorskip("onnxscript")
    return request.param


@pytest.mark.parametrize("options", [{}, {"normalize": True, "truncate_dim": 10, "max_tokens": 20}])
def test_vectors_are_those_of_torch(bert, backend, options):
    ours, torchs = load_encoder(bert, {**options, "backend": backend}), load_encoder(bert, options)
    np.testing.assert_allclose(ours.encode(TEXTS), torchs.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(ours.encode(TEXTS[3:4]), torchs.encode(TEXTS)[3:4], atol=1e-5)
    assert ours.spec.key != torchs.spec.key
    assert (ours.spec.backend, torchs.spec.backend) == (backend, "torch")
    assert load_encoder(bert, ours.spec.options).spec == ours.spec


def test_the_file_is_made_once(bert, backend, cache, monkeypatch):
    load_encoder(bert, {"backend": backend})
    sha256 = load_encoder(bert).spec.weights_sha256
    made = [path for path in cache.rglob("*") if path.is_file() and path.parent.name.startswith(sha256[:16])]
    assert {path.name for path in made} == {"model.onnx", "model.onnx.data"}
    assert len({path.parent for path in made}) == 1

    def again(*_):
        raise AssertionError("exported twice")

    monkeypatch.setattr(exporting, "_export", again)
    load_encoder(bert, {"backend": backend})


@pytest.mark.slow
def test_other_weights_have_another_file(bert, tmp_path, backend, cache):
    from safetensors.numpy import load_file, save_file

    other = tiny_models.bert(tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    save_file({name: value * 2 for name, value in weights.items()}, other / "model.safetensors", {"format": "pt"})
    changed = load_encoder(str(other), {"backend": backend})
    np.testing.assert_allclose(changed.encode(TEXTS), load_encoder(str(other)).encode(TEXTS), atol=1e-4)
    assert np.abs(changed.encode(TEXTS) - load_encoder(bert, {"backend": backend}).encode(TEXTS)).max() > 0.01


@pytest.mark.slow
def test_a_broken_file_is_named_and_made_anew(bert, backend, cache):
    load_encoder(bert, {"backend": backend})
    for place in cache.rglob("model.onnx"):
        place.write_bytes(b"not a model")
    with pytest.raises(InputError, match=f"the backend '{backend}' does not run the model[\\s\\S]*try again"):
        load_encoder(bert, {"backend": backend})
    assert load_encoder(bert, {"backend": backend}).encode(TEXTS).any()


@pytest.mark.slow
def test_a_file_with_other_vectors_is_refused(bert, backend, cache):
    onnx = pytest.importorskip("onnx")
    load_encoder(bert, {"backend": backend})
    sha256 = load_encoder(bert).spec.weights_sha256
    places = list(cache.glob(f"onnx/{sha256[:16]}-*/model.onnx"))
    for place in places:
        model = onnx.load(place)
        for weight in model.graph.initializer:
            if len(weight.dims) == 2 and weight.data_type == onnx.TensorProto.FLOAT:
                changed = onnx.numpy_helper.to_array(weight) * 1.01
                weight.CopyFrom(onnx.numpy_helper.from_array(changed.astype(np.float32), weight.name))
        onnx.save(model, place)
    with pytest.raises(InputError, match="differ from those of torch by"):
        load_encoder(bert, {"backend": backend})
    assert not any(place.exists() for place in places)


def test_a_failing_export_leaves_nothing(bert, tmp_path, backend, monkeypatch):
    import torch

    def fails(*_, **__):
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setenv("RMSTORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(InputError, match="cannot be exported to ONNX: no such operator[\\s\\S]*backend 'torch'"):
        load_encoder(bert, {"backend": backend})
    assert list((tmp_path / "cache" / "onnx").iterdir()) == []


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_cache_that_cannot_be_written_is_named(bert, tmp_path, backend, monkeypatch):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("RMSTORE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="RMSTORE_CACHE"):
        load_encoder(bert, {"backend": backend})


def test_a_cache_that_is_a_file_is_named(bert, tmp_path, backend, monkeypatch):
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setenv("RMSTORE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="RMSTORE_CACHE"):
        load_encoder(bert, {"backend": backend})


@pytest.mark.parametrize(("name", "package"), [("onnx", "onnxruntime"), ("openvino", "openvino")])
def test_a_missing_package_names_its_extra(bert, name, package, monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda asked: None)
    with pytest.raises(MissingPackageError, match=f"'{package}'[\\s\\S]*rmstore\\[{name}\\]"):
        load_encoder(bert, {"backend": name})


def test_a_missing_exporter_names_the_extra_of_the_backend(bert, tmp_path, backend, monkeypatch):
    monkeypatch.setenv("RMSTORE_CACHE", str(tmp_path))
    monkeypatch.setattr(exporting, "find_spec", lambda asked: None if asked == "onnxscript" else asked)
    with pytest.raises(MissingPackageError, match=f"'onnxscript'[\\s\\S]*rmstore\\[{backend}\\]"):
        load_encoder(bert, {"backend": backend})


def test_what_a_backend_does_not_do_is_said(bert, backend):
    with pytest.raises(OptionError, match="dtype is 'bf16' with backend[\\s\\S]*'torch'"):
        load_encoder(bert, {"backend": backend, "dtype": "bf16"})
    with pytest.raises(OptionError, match="'torch'.*'onnx'.*'openvino'"):
        load_encoder(bert, {"backend": "tensorflow"})


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("RMSTORE_CACHE", str(tmp_path))
    assert exporting.cache_folder() == tmp_path
    monkeypatch.delenv("RMSTORE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(exporting.sys, "platform", "linux")
    assert exporting.cache_folder() == tmp_path / "rmstore"
