"""Sources on the Hugging Face hub: ``hf://owner/name``, with ``@revision`` and a path or pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from rmstore.adapters import files
from rmstore.adapters.files import DataFile
from rmstore.errors import BadFileError

_REFERENCE = re.compile(r"hf://(?:datasets/)?([\w.-]+/[\w.-]+)(?:@([\w.-]+))?(?:/(.+))?")


@dataclass(frozen=True)
class HubReference:
    """A data set on the hub and which of its files are meant.

    Attributes:
        repo: owner/name.
        revision: branch, tag or commit; None is the default branch.
        pattern: path or glob inside it; None is every data file.
    """

    repo: str
    revision: str | None = None
    pattern: str | None = None


def parse(source: str) -> HubReference:
    """Return the parts of an ``hf://`` source.

    Raises:
        BadFileError: it is not one.

    Example:
        >>> parse("hf://Anthropic/hh-rlhf@main/harmless-base/*.jsonl.gz")
        HubReference(repo='Anthropic/hh-rlhf', revision='main', pattern='harmless-base/*.jsonl.gz')
    """
    match = _REFERENCE.fullmatch(source)
    if not match:
        raise BadFileError(
            f"{source!r} is no hub source", hint="hf://owner/name, hf://owner/name@revision/path/*.parquet"
        )
    return HubReference(*match.groups())


def choose(reference: HubReference, names: Sequence[str]) -> list[str]:
    """Return the data files that a reference means, in name order.

    Raises:
        BadFileError: there are none, or several types of file and no pattern that chooses.
    """
    data = sorted(name for name in names if (ending(name) in files.TYPES))
    if reference.pattern is not None:
        chosen = [name for name in data if fnmatch(name, reference.pattern)]
    else:
        chosen = data
        types = sorted({ending(name) for name in data})
        if len(types) > 1:
            raise BadFileError(
                f"hf://{reference.repo} has files of several types: {', '.join(types)}",
                hint=f"choose with a pattern: hf://{reference.repo}/**{types[0]}",
            )
    if not chosen:
        some = ", ".join(data[:5]) or "none"
        raise BadFileError(
            f"hf://{reference.repo} has no data file {reference.pattern or ''}".rstrip(), hint=f"its data files: {some}"
        )
    return chosen


def ending(name: str) -> str:
    """Return the ending that tells the type of a file, without that of its packing."""
    path = Path(name)
    return (Path(path.stem) if path.suffix.lower() in files.PACKED else path).suffix.lower()


def find(sources: Sequence[str | Path]) -> list[DataFile]:
    """Return the files that sources name; those on the hub are fetched into the hub's own cache.

    Raises:
        BadFileError: nothing is there, it cannot be read or fetched, or its ending is unknown.
    """
    found: list[DataFile] = []
    for source in sources:
        found += _fetch(source) if isinstance(source, str) and source.startswith("hf://") else files.find(source)
    return found or files.find([])


def _fetch(source: str) -> list[DataFile]:
    reference = parse(source)
    import huggingface_hub

    at: dict[str, Any] = {"repo_id": reference.repo, "repo_type": "dataset", "revision": reference.revision}
    try:
        names = choose(reference, huggingface_hub.HfApi().list_repo_files(**at))
        paths = [huggingface_hub.hf_hub_download(filename=name, **at) for name in names]
    except BadFileError:
        raise
    except Exception as problem:  # the hub's library lets through errors of several network packages
        first = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise BadFileError(
            f"{source} cannot be fetched: {first}",
            hint="check the name and the network, `hf auth login` where it is private, or give a local file",
        ) from problem
    home = f"hf://{reference.repo}" + (f"@{reference.revision}" if reference.revision else "")
    return [files.describe(Path(path), f"{home}/{name}") for path, name in zip(paths, names, strict=True)]
