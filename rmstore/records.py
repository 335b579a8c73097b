"""Frozen records that cross module borders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Progress = Callable[[int, int | None, str], None]
"""Called with units done, units in all (None where unknown) and a short note."""


def silent(done: int, total: int | None, note: str) -> None:
    """Progress that shows nothing."""


@dataclass(frozen=True)
class FileResult:
    """What one ingested file brought; n_prompts .. n_steps count what was new to the store."""

    path: str
    n_rows: int
    n_prompts: int
    n_responses: int
    n_preferences: int
    n_ratings: int
    n_steps: int
    n_rejected: int
    is_new: bool
    rejected_file: Path | None = None


@dataclass(frozen=True)
class IngestResult:
    """What an ingest did, file by file, with what the user should know."""

    dataset: str
    files: tuple[FileResult, ...]
    notes: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True)
class SnapshotInfo:
    """A snapshot version."""

    snapshot_id: int
    name: str
    version: int
    encoder_id: int
    encoder: str
    encoder_key: str
    dim: int
    precision: str
    layout: str
    datasets: tuple[str, ...]
    where: str | None
    n_rows: int
    n_withdrawn: int
    fingerprint: str
    parent: int | None
    author: str | None
    message: str | None
    created_at: str

    @property
    def reference(self) -> str:
        """The reference that always means this version."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class EmbedEstimate:
    """What an embed would take, from a sample of its texts that was embedded and thrown away.

    Attributes:
        n_texts: distinct texts that have no vector.
        n_known: distinct texts that have one, made for something else.
        n_sampled: texts that were embedded to measure.
        n_tokens: tokens of the n_texts, estimated where not all were sampled.
        tokens_per_second: of the encoder, over all of the work.
        seconds: of the encoder; the estimate.
        seconds_low: two standard errors of the sample below it.
        seconds_high: as far above it.
        n_bytes: what the vectors and what points at them would add to the file.
    """

    n_texts: int
    n_known: int
    n_sampled: int
    n_tokens: int
    tokens_per_second: float | None
    seconds: float
    seconds_low: float
    seconds_high: float
    n_bytes: int


@dataclass(frozen=True)
class EmbedResult:
    """What an embed did: texts needed, those embedded now, texts that did not fit; n_steps of the items are steps."""

    snapshot: SnapshotInfo | None
    n_items: int
    n_texts: int
    n_embedded: int
    n_truncated: int
    seconds: float
    is_new: bool
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    n_steps: int = 0
    estimate: EmbedEstimate | None = None


@dataclass(frozen=True, kw_only=True)
class HeadFacts:
    """What is known of a head version beside its number and its bytes.

    Attributes:
        chosen: what the fit chose, such as ``l2``.
        inputs: fields of the input with width, shift and scale.
        within_prompt: trained on within-prompt pairs only; None where unknown.
        member_means: mean of every member on the reference set.
        member_scales: standard deviation of every member there.
    """

    name: str
    kind: str
    objective: str
    options: dict[str, Any]
    chosen: dict[str, Any]
    members: int
    merge: str | None
    seed: int
    snapshot_id: int | None
    encoder_key: str | None
    layout: str | None
    inputs: tuple[dict[str, Any], ...]
    within_prompt: bool | None
    training_sql: str | None
    fingerprint: str
    n_used: int
    n_skipped: int
    temperature: float
    reference_mean: float
    member_means: tuple[float, ...]
    member_scales: tuple[float, ...]
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HeadInfo(HeadFacts):
    """A stored head version, without its bytes."""

    head_id: int
    version: int
    rmstore_version: str
    created_at: str

    @property
    def reference(self) -> str:
        """The reference that always means this version."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class ReportResult:
    """A finished report: its rows as an arrow table and where each number came from."""

    report: str
    table: Any
    provenance: dict[str, Any] = field(default_factory=dict)
    output: Path | None = None
