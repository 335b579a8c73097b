"""What computes the forward pass of a sentence-transformers model: torch, ONNX Runtime or OpenVINO.

All in float32. Graphs with weights of int8 are left out: the runtimes then scale activations over the whole pass, so
that the vector of a text would depend on the texts beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from rmstore.encoders.exporting import OUTPUT, exported, forget
from rmstore.errors import InputError, MissingPackageError, OptionError

Run = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""Takes inputs by name, each (n, width) int64, and returns (n, dim) float32."""

PACKAGES = {"torch": None, "onnx": "onnxruntime", "openvino": "openvino"}
"""Backends, with the package that runs each."""

_TOLERANCE = 1e-5


def runner(model: Any, name: str, inputs: Sequence[str], folder: Path, *, dtype: str) -> Run:
    """Return the function that computes the model's vectors; it uses as many threads as torch does.

    Args:
        model: a SentenceTransformer.
        name: of the backend.
        inputs: names of the model's inputs.
        folder: the files it was loaded from.
        dtype: ``f32`` or ``bf16``.

    Raises:
        MissingPackageError: the package of the backend is not installed.
        OptionError: the backend does not compute in this dtype or on this device.
        InputError: the model cannot be exported, or the backend's vectors are not those of torch.
    """
    if name == "torch":
        return _torch(model.bfloat16() if dtype == "bf16" else model)
    package = PACKAGES[name]
    assert package is not None
    if find_spec(package) is None:
        raise MissingPackageError(package, name, f"the backend {name!r}")
    if dtype != "f32":
        raise OptionError(f"option dtype is {dtype!r} with backend {name!r}", hint="bf16 needs the backend 'torch'")
    if model.device.type != "cpu":
        raise OptionError(f"option device is {str(model.device)!r} with backend {name!r}", hint="device 'cpu'")
    place = exported(model, inputs, folder, extra=name)
    try:
        run = {"onnx": _onnx, "openvino": _openvino}[name](place)
        worst = _difference(_torch(model), run, inputs, int(model.tokenizer.vocab_size))
    except Exception as problem:  # the runtimes have exceptions of their own
        forget(place)
        reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise InputError(f"the backend {name!r} does not run the model: {reason}", hint="try again") from problem
    if not worst <= _TOLERANCE:
        forget(place)
        raise InputError(
            f"vectors of the backend {name!r} differ from those of torch by {worst:.1e}",
            hint="use the backend 'torch'",
        )
    return run


def _torch(model: Any) -> Run:
    import torch

    def run(features: Mapping[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            found = model({name: torch.from_numpy(value).to(model.device) for name, value in features.items()})
            vectors: np.ndarray = found[OUTPUT].float().cpu().numpy()
        return vectors

    return run


def _onnx(place: Path) -> Run:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(place), options, providers=["CPUExecutionProvider"])
    known = {entry.name for entry in session.get_inputs()}  # an input that the graph does not use is left out of it

    def run(features: Mapping[str, np.ndarray]) -> np.ndarray:
        vectors: np.ndarray = session.run([OUTPUT], {name: features[name] for name in known})[0]
        return vectors

    return run


def _openvino(place: Path) -> Run:
    import openvino
    import torch

    hints = {
        "INFERENCE_PRECISION_HINT": "f32",  # bfloat16 by default on processors that know it
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(str(place), "CPU", hints)
    known = {entry.get_any_name() for entry in compiled.inputs}

    def run(features: Mapping[str, np.ndarray]) -> np.ndarray:
        vectors: np.ndarray = np.array(compiled({name: features[name] for name in known})[OUTPUT], np.float32)
        return vectors

    return run


def _difference(ours: Run, theirs: Run, inputs: Sequence[str], n_words: int) -> float:
    """Return the largest difference over a few shapes, relative to the largest component where that is above 1."""
    rng = np.random.default_rng(0)
    worst = 0.0
    for sizes in ((1,), (19, 7, 1), (6, 6)):
        mask = (np.arange(max(sizes)) < np.array(sizes)[:, None]).astype(np.int64)
        tokens = rng.integers(n_words, size=mask.shape)
        known = {"input_ids": tokens, "attention_mask": mask}
        features = {name: known.get(name, np.zeros_like(mask)) for name in inputs}
        wanted = ours(features)
        gap = float(np.abs(theirs(features) - wanted).max())
        worst = max(worst, gap / max(float(np.abs(wanted).max()), 1.0))
    return worst
