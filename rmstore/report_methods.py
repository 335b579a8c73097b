"""The methods of a store that run reports, list them and set their runs beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmstore import store as engine

if TYPE_CHECKING:
    from rmstore.records import ReportResult
    from rmstore.reports.batch import BatchRow
    from rmstore.reports.diff import Diff
    from rmstore.reports.header import Report
    from rmstore.reports.rerun import Rerun
    from rmstore.reports.site import Site


class ReportingStore(engine.Store):
    """A store that reports; the functions that its methods call document the details."""

    def report(
        self,
        name: str,
        *,
        to: str | Path | None = None,
        folds: int | None = None,
        where: str | None = None,
        compare: str | None = None,
        dirs: Sequence[str | Path] = (),
        **params: Any,
    ) -> ReportResult:
        """Run a report; see :func:`rmstore.reports.run`.

        Args:
            name: name of the report.
            to: file for the rows.
            folds: train and score k folds instead of one head.
            where: one SQL expression that filters what the report reads.
            compare: reference of a second head; the rows are then the paired difference.
            dirs: folders with more reports.
            params: parameters of the report by name.
        """
        from rmstore import reports

        return reports.run(self, name, params, to=to, dirs=dirs, folds=folds, where=where, compare=compare)

    def reports(self, *, dirs: Sequence[str | Path] = ()) -> list[Report]:
        """Return the built-in reports and those of other folders; see :func:`rmstore.reports.list_reports`."""
        from rmstore import reports

        return reports.list_reports(dirs)

    def check_report(self, name: str, *, dirs: Sequence[str | Path] = ()) -> list[str]:
        """Return where a report is not what its header says; see :func:`rmstore.reports.checking.check`."""
        from rmstore import reports
        from rmstore.reports import checking

        return checking.check(self, reports.get(name, dirs))

    def report_runs(self, report: str | None = None) -> list[dict[str, Any]]:
        """Return the recorded runs, newest first; see :func:`rmstore.reports.record.list_runs`."""
        from rmstore.reports import record

        return record.list_runs(self, report)

    def diff_reports(
        self, left: str | Path, right: str | Path, *, dirs: Sequence[str | Path] = (), trust: bool = False
    ) -> Diff:
        """Return two runs of a report beside each other; see :func:`rmstore.reports.diff.diff`."""
        from rmstore.reports import diff

        return diff.diff(self, left, right, dirs=dirs, trust=trust)

    def rerun_report(self, source: str | Path, *, dirs: Sequence[str | Path] = (), trust: bool = False) -> Rerun:
        """Repeat a recorded run and say whether it is equal; see :func:`rmstore.reports.rerun.rerun`."""
        from rmstore.reports import rerun

        return rerun.rerun(self, source, dirs=dirs, trust=trust)

    def run_reports(self, to: str | Path, **options: Any) -> list[BatchRow]:
        """Run every report that fits into a folder, what changed alone; see :func:`rmstore.reports.batch.run_all`."""
        from rmstore.reports import batch

        return batch.run_all(self, to, **options)

    def report_site(self, folder: str | Path, **options: Any) -> Site:
        """Write a page of every result in a folder; see :func:`rmstore.reports.site.publish`."""
        from rmstore.reports import site

        return site.publish(self, folder, **options)
