"""A store with every room: one method per verb of the command line, each imported when it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmstore import store as engine
from rmstore.records import Progress, silent
from rmstore.report_methods import ReportingStore

if TYPE_CHECKING:
    import duckdb

    from rmstore.doctor import Finding
    from rmstore.garbage import Collected
    from rmstore.handles import HeadHandle
    from rmstore.head_compare import HeadComparison
    from rmstore.head_import import HeadImport
    from rmstore.records import EmbedResult, HeadInfo, IngestResult, SnapshotInfo
    from rmstore.repair import Repair
    from rmstore.snapshot_diff import SnapshotDiff
    from rmstore.snapshot_import import SnapshotImport
    from rmstore.snapshot_verify import Verification
    from rmstore.training import TrainResult


class Store(ReportingStore):
    """An open store. Make one with ``rmstore.connect`` or ``rmstore.attach``.

    Methods take what the command of the same name takes; the functions that they call document the details.

    Example:
        >>> import rmstore
        >>> with rmstore.connect() as store:
        ...     store.sql("select count(*) from rm_heads()").fetchone()
        (0,)
    """

    def __enter__(self) -> Store:
        return self

    def execute(
        self, cursor: duckdb.DuckDBPyConnection, query: str, params: engine.Parameters = None
    ) -> duckdb.DuckDBPyConnection:
        """Run SQL on a cursor; Ctrl-C stops it, errors are those of :meth:`sql`."""
        with self.interruptible(cursor):
            return super().execute(cursor, query, params)

    def query(self, query: str, params: engine.Parameters = None) -> duckdb.DuckDBPyRelation:
        """Run SQL and return the last result; another name of :meth:`sql`."""
        return self.sql(query, params)

    def export(self, query: str, to: str | Path, params: engine.Parameters = None) -> int:
        """Write the result of one SELECT to a .parquet, .csv, .json or .jsonl file; see :mod:`rmstore.export`."""
        from rmstore.export import export

        return export(self, query, Path(to), params)

    def status(self) -> dict[str, Any]:
        """Return what the store holds; see :func:`rmstore.doctor.status`."""
        from rmstore import doctor

        return doctor.status(self)

    def doctor(self, *, everything: bool = False) -> list[Finding]:
        """Return what every check found; see :func:`rmstore.doctor.check`."""
        from rmstore import doctor

        return doctor.check(self, everything=everything)

    def repair(self, *, dry_run: bool = False, progress: Progress = silent) -> list[Repair]:
        """Repair what can be rebuilt and return what was done; see :func:`rmstore.repair.repair`."""
        from rmstore import repair

        return repair.repair(self, dry_run=dry_run, progress=progress)

    def ingest(self, source: str | Path | Sequence[str | Path], **options: Any) -> IngestResult:
        """Bring files into a data set; ``format`` and ``dataset`` are needed, see :func:`rmstore.ingest.ingest`."""
        from rmstore.ingest import ingest

        return ingest(self, source, **options)

    def datasets(self) -> list[dict[str, Any]]:
        """Return the data sets; see :func:`rmstore.datasets.list_datasets`."""
        from rmstore import datasets

        return datasets.list_datasets(self)

    def dataset(self, name: str) -> dict[str, Any]:
        """Return what a data set holds; see :func:`rmstore.datasets.show_dataset`."""
        from rmstore import datasets

        return datasets.show_dataset(self, name)

    def drop_dataset(
        self, name: str, *, force: bool = False, reason: str | None = None, dry_run: bool = False
    ) -> dict[str, Any]:
        """Drop a data set and return what went; see :func:`rmstore.datasets.drop_dataset`."""
        from rmstore import datasets

        return datasets.drop_dataset(self, name, force=force, reason=reason, dry_run=dry_run)

    def gc(self, *, dry_run: bool = False, compact: bool = False, progress: Progress = silent) -> Collected:
        """Remove what nothing needs, and give its space back; see :func:`rmstore.garbage.collect`."""
        from rmstore import garbage

        return garbage.collect(self, dry_run=dry_run, compacted=compact, progress=progress)

    def encoders(self) -> list[dict[str, Any]]:
        """Return the encoders and what each has embedded."""
        found: list[dict[str, Any]] = self.status()["encoders"]
        return found

    def embed(
        self, datasets: str | Sequence[str], *, snapshot: str | None = None, progress: Progress = silent, **options: Any
    ) -> EmbedResult:
        """Embed data sets and freeze them as a snapshot; see :func:`rmstore.embedding.embed`."""
        from rmstore.embedding import embed

        return embed(self, datasets, snapshot=snapshot, progress=progress, **options)

    def reembed(self, snapshot: str, *, encoder: str, progress: Progress = silent, **options: Any) -> EmbedResult:
        """Embed the members of a snapshot with another encoder; see :func:`rmstore.reembedding.reembed`."""
        from rmstore.reembedding import reembed

        return reembed(self, snapshot, encoder=encoder, progress=progress, **options)

    def import_vectors(self, file: str | Path, *, snapshot: str, encoder: str, **options: Any) -> EmbedResult:
        """Take vectors that were made elsewhere; see :func:`rmstore.imports.import_vectors`."""
        from rmstore.imports import import_vectors

        return import_vectors(self, file, snapshot=snapshot, encoder=encoder, **options)

    def snapshots(self, name: str | None = None) -> list[SnapshotInfo]:
        """Return the snapshot versions, oldest first; see :func:`rmstore.snapshots.list_snapshots`."""
        from rmstore import snapshots

        return snapshots.list_snapshots(self, name)

    def snapshot(self, reference: str) -> SnapshotInfo:
        """Return the snapshot version that a reference means; see :func:`rmstore.snapshots.resolve`."""
        from rmstore import snapshots

        return snapshots.resolve(self, reference)

    def diff(self, old: str, new: str, *, vectors: bool = True, progress: Progress = silent) -> SnapshotDiff:
        """Return what one snapshot has that another has not; see :func:`rmstore.snapshot_diff.diff`."""
        from rmstore import snapshot_diff

        return snapshot_diff.diff(self, old, new, vectors=vectors, progress=progress)

    def tag_snapshot(self, reference: str, tag: str) -> SnapshotInfo:
        """Give a snapshot version a tag and return it; see :func:`rmstore.snapshots.tag`."""
        from rmstore import snapshots

        return snapshots.tag(self, reference, tag)

    def restore_snapshot(self, reference: str, **options: Any) -> tuple[SnapshotInfo, bool]:
        """Make an older version the latest again; see :func:`rmstore.snapshots.restore`."""
        from rmstore import snapshots

        return snapshots.restore(self, reference, **options)

    def verify_snapshot(self, reference: str, *, progress: Progress = silent, **options: Any) -> Verification:
        """Check members, texts and vectors of a snapshot; see :func:`rmstore.snapshot_verify.verify`."""
        from rmstore import snapshot_verify

        return snapshot_verify.verify(self, reference, progress=progress, **options)

    def export_snapshot(
        self, reference: str, to: str | Path, *, force: bool = False, progress: Progress = silent
    ) -> SnapshotInfo:
        """Write a snapshot to a folder of Parquet; see :func:`rmstore.snapshot_folder.export_folder`."""
        from rmstore.snapshot_folder import export_folder

        return export_folder(self, reference, Path(to), force=force, progress=progress)

    def import_snapshot(
        self, folder: str | Path, *, name: str | None = None, progress: Progress = silent
    ) -> SnapshotImport:
        """Store the snapshot of a folder; see :func:`rmstore.snapshot_import.import_folder`."""
        from rmstore.snapshot_import import import_folder

        return import_folder(self, Path(folder), name, progress=progress)

    def drop_snapshot(self, reference: str, *, force: bool = False) -> SnapshotInfo:
        """Drop a snapshot version and return it; see :func:`rmstore.snapshots.drop`."""
        from rmstore import snapshots

        return snapshots.drop(self, reference, force=force)

    def train(self, name: str, *, snapshot: str, progress: Progress = silent, **options: Any) -> TrainResult:
        """Train a head on the preferences of a snapshot, on its ratings, or on its reasoning steps.

        Args:
            name: name of the head.
            snapshot: reference of the snapshot.
            progress: told how far the fit is.
            options: head, objective, members, merge, seed, options of a :class:`rmstore.recipes.Recipe`; what else
                :func:`rmstore.snapshot_training.train_snapshot` takes. With attributes (a list, of all if it is empty)
                :func:`rmstore.snapshot_training.train_ratings` is called, with steps=True
                :func:`rmstore.snapshot_training.train_steps`.
        """
        from rmstore import snapshot_training as on
        from rmstore.recipes import Recipe

        rest = {key: options.pop(key) for key in ("where", "features", "attributes", "source") if key in options}
        call: Any = on.train_snapshot
        if options.pop("steps", False):
            call, options = on.train_steps, {"objective": "logistic", **options}
        elif "attributes" in rest:
            call, options = on.train_ratings, {"objective": "squared", **options}
        return call(self, name, snapshot=snapshot, recipe=Recipe(**options), progress=progress, **rest)

    def heads(self, name: str | None = None) -> list[HeadInfo]:
        """Return the head versions, oldest first; see :func:`rmstore.head_store.list_heads`."""
        from rmstore import head_store

        return head_store.list_heads(self, name)

    def head(self, reference: str) -> HeadHandle:
        """Return a head that scores vectors and texts; see :class:`rmstore.handles.HeadHandle`."""
        from rmstore.handles import HeadHandle

        return HeadHandle.open(self, reference)

    def export_head(self, reference: str, to: str | Path, *, force: bool = False, macro: str | None = None) -> HeadInfo:
        """Write a head to a folder, FILE.sql or FILE.onnx; see :func:`rmstore.head_export.export_head`."""
        from rmstore.head_export import export_head

        return export_head(self, reference, Path(to), force=force, macro=macro)

    def import_head(self, folder: str | Path, *, name: str | None = None) -> HeadImport:
        """Store the head of a folder; see :func:`rmstore.head_import.import_folder`."""
        from rmstore.head_import import import_folder

        return import_folder(self, Path(folder), name)

    def compare_heads(self, a: str, b: str, *, snapshot: str | None = None, split: str = "test") -> HeadComparison:
        """Return two heads side by side and on the same pairs; see :func:`rmstore.head_compare.compare`."""
        from rmstore.head_compare import compare

        return compare(self, a, b, snapshot=snapshot, split=split)

    def explain(self, head: str, response: str, *, snapshot: str | None = None, k: int = 5) -> dict[str, Any]:
        """Return why a response has its reward; see :func:`rmstore.head_explain.explain_response`."""
        from rmstore.head_explain import explain_response

        return explain_response(self, head, response, snapshot=snapshot, k=k)

    def card(self, reference: str) -> dict[str, dict[str, Any]]:
        """Return the card of a head: sections of fields; see :func:`rmstore.head_card.card`."""
        from rmstore import head_card

        return head_card.card(self, reference)

    def describe_head(self, reference: str, **fields: str) -> dict[str, str]:
        """Enter what people say of a head and return it; see :func:`rmstore.head_card.describe`."""
        from rmstore import head_card

        return head_card.describe(self, reference, fields)

    def deploy_head(self, reference: str) -> HeadInfo:
        """Make a head version the one that its bare name means; see :func:`rmstore.deployments.deploy`."""
        from rmstore import deployments

        return deployments.deploy(self, reference)

    def rollback_head(self, name: str) -> HeadInfo:
        """Go back to the version deployed before; see :func:`rmstore.deployments.rollback`."""
        from rmstore import deployments

        return deployments.rollback(self, name)

    def deployments(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return which versions bare names have meant; see :func:`rmstore.deployments.history`."""
        from rmstore import deployments

        return deployments.history(self, name)

    def drop_head(self, reference: str) -> HeadInfo:
        """Drop a head version and return it; see :func:`rmstore.head_store.drop`."""
        from rmstore import head_store

        return head_store.drop(self, reference)

    def score(self, head: str, *, snapshot: str, to: str | Path) -> int:
        """Write the rows of a snapshot with their rewards to a file; see :func:`rmstore.handles.score_to`."""
        from rmstore.handles import score_to

        return score_to(self, head, snapshot=snapshot, to=Path(to))
