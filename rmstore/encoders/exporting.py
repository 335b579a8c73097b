"""A sentence-transformers model as an ONNX file, made once from its weights and kept in the user's cache folder.

A model's own ONNX file is never read: it need not hold the weights whose hash is part of the encoder's key.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rmstore.encoders import weights
from rmstore.errors import InputError, MissingPackageError
from rmstore.hashing import file_sha256, fingerprint

RULE = "dynamo/1"
"""How the file is made; a change makes new files."""

OUTPUT = "sentence_embedding"


def exported(model: Any, inputs: Sequence[str], folder: Path, *, extra: str) -> Path:
    """Return the ONNX file of a loaded model, written by ``torch.onnx`` where the cache has none.

    Args:
        model: a SentenceTransformer on the CPU.
        inputs: names of its inputs, each (n, width).
        folder: the files it was loaded from.
        extra: extra of rmstore that brings the packages needed.

    Raises:
        MissingPackageError: a package for the export is not installed.
        InputError: the model cannot be exported.
    """
    import torch

    configs = {str(path.relative_to(folder)): file_sha256(path) for path in sorted(folder.rglob("*.json"))}
    sha256 = weights.weights_sha256(folder)
    name = f"{sha256[:16]}-{fingerprint(RULE, torch.__version__, sha256, configs)[:16]}"
    place = cache_folder() / "onnx" / name / "model.onnx"
    if place.is_file():
        return place
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise MissingPackageError(package, extra, f"the backend {extra!r}")
    try:
        place.parent.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent.parent, prefix=".part-") as part:
            made = Path(part) / place.parent.name
            made.mkdir()
            _export(model, inputs, made / place.name)
            _move(made, place.parent)
    except OSError as problem:
        raise InputError(
            f"the exported model cannot be kept in {str(cache_folder())!r}: {problem}",
            hint="name a folder with room for it in RMSTORE_CACHE",
        ) from problem
    return place


def _move(made: Path, to: Path) -> None:
    """Put a finished folder in its place in one step; one that another process put there first is as good."""
    try:
        made.rename(to)
    except OSError:
        if not any(to.glob("*.onnx")):
            raise


def forget(place: Path) -> None:
    """Remove an exported file that does not do."""
    shutil.rmtree(place.parent, ignore_errors=True)


def cache_folder() -> Path:
    """Return the folder for files that can be made again: RMSTORE_CACHE, else the user's cache folder."""
    given = os.environ.get("RMSTORE_CACHE")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rmstore"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "rmstore" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rmstore"


def _export(model: Any, inputs: Sequence[str], to: Path) -> None:
    import torch

    class Graph(torch.nn.Module):
        """The model with its inputs by position."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.model(dict(zip(inputs, tensors, strict=True)))[OUTPUT]
            return found

    mask = torch.ones((2, 9), dtype=torch.int64)
    mask[1, 5:] = 0
    sample = tuple(mask if name == "attention_mask" else torch.zeros_like(mask) for name in inputs)
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)  # it lists packages that are not needed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries about each other
            torch.onnx.export(
                Graph().eval(), sample, to, dynamo=True, verbose=False, optimize=True,
                input_names=list(inputs), output_names=[OUTPUT], dynamic_shapes=((free,) * len(inputs),),
            )  # fmt: skip
    except OSError:
        raise
    except Exception as problem:  # the exporter has exceptions of many kinds
        reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
        raise InputError(
            f"the model cannot be exported to ONNX: {reason}", hint="use the backend 'torch'"
        ) from problem  # fmt: skip
    finally:
        log.setLevel(level)
