"""A decoder language model as an encoder: the hidden state that a reward model puts its head on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from rmstore.encoders import weights
from rmstore.encoders.base import EncoderSpec
from rmstore.encoders.options import MODELS, read_options, recorded
from rmstore.encoders.rendering import RENDERING, RULES
from rmstore.encoders.transformer import TransformerEncoder, quiet, workers_of
from rmstore.encoders.windows import unit
from rmstore.encoders.workers import Workers
from rmstore.errors import InputError, OptionError
from rmstore.options import choice, either, flag, whole

_OPTIONS = {
    **MODELS,
    "normalize": flag(False),
    "pooling": choice("last", "last", "mean"),
    "layer": either(None, whole(None, -1024, 1024)),
}
_LONGEST = 2_048
"""Default window at most: models of today name windows that no machine without a GPU wants to fill."""


class LanguageModelEncoder(TransformerEncoder):
    """``lm:NAME`` or ``lm:FOLDER``, a decoder of transformers; a text's vector is that of its last token.

    The last token that is not padding is where a causal model has read the whole text: reward models put their head
    there (``AutoModelForSequenceClassification``, TRL's ``RewardTrainer``), and arXiv 2502.04357 trains reward models
    on just that hidden state, kept. No chat template is applied and no end token added beside those that the tokenizer
    adds by itself: texts are rendered as for every encoder. A text without any token has the vector 0.
    Weights are read as safetensors alone, and code that comes with a model is never run.

    Options that change the vectors, and with them the key:

    - ``max_tokens``: the window; by default the model's own, 2,048 at most.
    - ``pooling``: ``last``, or ``mean`` over all tokens.
    - ``layer``: which hidden state, 0 the embedding of the tokens, -2 the last but one; by default the last, after its
      norm. States before the last are not normed.
    - ``dtype`` (``f32``, ``bf16``), ``normalize`` (false), ``truncation``, ``precision``: as for
      sentence-transformers.

    Options that do not: ``device``, ``processes``.
    """

    kind: ClassVar[str] = "lm"

    def __init__(self, spec: EncoderSpec, model: Any, tokenizer: Any, layer: int, workers: Workers | None) -> None:
        super().__init__(spec, tokenizer, device=model.device.type, workers=workers)
        self._model, self._layer = model, layer
        self._takes_last = spec.pooling.startswith("last")

    @classmethod
    def load(cls, model: str, options: Mapping[str, Any]) -> LanguageModelEncoder:
        """Return the encoder ``lm:NAME``; see the class for its options."""
        name = model.partition(":")[2]
        chosen = read_options(options, _OPTIONS, encoder=model)
        if not name:
            raise InputError(f"{model!r} names no model", hint="lm:FOLDER, or lm:OWNER/NAME on the hub")
        files = weights.find_model(name, owner=None)
        sha256 = weights.weights_sha256(files.folder)
        loaded, tokenizer = _load(files, chosen, model)
        config = loaded.config
        most = getattr(config, "max_position_embeddings", None)
        layer = _layer(chosen["layer"], int(config.num_hidden_layers), model)
        spec = EncoderSpec(
            kind=cls.kind,
            model=model,
            dim=int(config.hidden_size),
            max_tokens=_max_tokens(chosen["max_tokens"], most, tokenizer.model_max_length, model),
            weights_sha256=sha256,
            tokenizer_sha256=weights.tokenizer_sha256(files.folder),
            rendering=RENDERING,
            pooling=chosen["pooling"] + (f"/layer-{layer}" if layer < config.num_hidden_layers else ""),
            truncation=RULES[chosen["truncation"]],
            normalize=chosen["normalize"],
            backend="torch" + ("-bf16" if chosen["dtype"] == "bf16" else ""),
            precision=chosen["precision"],
            revision=files.revision,
            license=files.license,
            options=recorded(chosen, _OPTIONS),
        )
        return cls(spec, loaded, tokenizer, layer, workers_of(cls, model, options, chosen["processes"]))

    def _forward(self, tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
        import torch

        # Padding is on the right, where a causal model cannot see it from the tokens; positions count from 0.
        device = self._model.device
        ids, seen = torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)
        is_last = self._layer == self._model.config.num_hidden_layers
        with torch.inference_mode():
            found = self._model(input_ids=ids, attention_mask=seen, use_cache=False, output_hidden_states=not is_last)
            states = found.last_hidden_state if is_last else found.hidden_states[self._layer]
            if self._takes_last:
                vectors = states[torch.arange(len(ids), device=device), seen.sum(dim=1) - 1].float()
            else:
                vectors = (states.float() * seen[:, :, None]).sum(dim=1) / seen.sum(dim=1, keepdim=True)
            result: np.ndarray = vectors.cpu().numpy()
        return unit(result) if self.spec.normalize else result


def _load(files: weights.ModelFiles, chosen: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModel, AutoTokenizer

    where = {"trust_remote_code": False, "local_files_only": True}
    dtype = torch.bfloat16 if chosen["dtype"] == "bf16" else torch.float32
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(str(files.folder), use_fast=True, **where)
            model = AutoModel.from_pretrained(str(files.folder), dtype=dtype, use_safetensors=True, **where)
            model.to(chosen["device"] or ("cuda" if torch.cuda.is_available() else "cpu"))
        except (OSError, ValueError, RuntimeError, ImportError, KeyError) as problem:
            reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
            raise InputError(f"the encoder {name!r} does not load from {str(files.folder)!r}: {reason}") from problem
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(f"the encoder {name!r} has no fast tokenizer", hint="save it with a tokenizer.json")
    if model.config.is_encoder_decoder or not _is_causal(model):
        raise InputError(
            f"the encoder {name!r} is a {type(model).__name__}, whose last token has not read the text",
            hint=f"as sentence-transformers model: {name.partition(':')[2]}",
        )
    return model.eval(), tokenizer


def _is_causal(model: Any) -> bool:
    """Return True where a token sees those before it alone, by asking the model itself."""
    import torch

    ids = torch.tensor([[1, 1, 1], [1, 1, 0]], device=model.device)
    with torch.inference_mode():
        states = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).last_hidden_state
    return bool((states[0, :2] - states[1, :2]).abs().max() <= 1e-3 * states.abs().max())


def _layer(wanted: int | None, n_layers: int, name: str) -> int:
    """Return the number of a hidden state counted from 0, the embedding of the tokens."""
    if wanted is None:
        return n_layers
    if not -n_layers - 1 <= wanted <= n_layers:
        raise OptionError(f"option layer is {wanted}", hint=f"{name} has the states 0 to {n_layers}, or -1 downwards")
    return wanted % (n_layers + 1)


def _max_tokens(wanted: int | None, most: int | None, of_tokenizer: int, name: str) -> int:
    if wanted is None:
        return min(most or _LONGEST, of_tokenizer, _LONGEST)
    if most is not None and wanted > most:
        raise OptionError(f"option max_tokens is {wanted}", hint=f"{name} reads 8 to {most} tokens")
    return wanted
