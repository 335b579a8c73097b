"""``report``: evaluation reports, each a file of SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rmstore.cli.lazy import Command, Group
from rmstore.cli.options import Settings, assignments, json_option, opened, untyped
from rmstore.cli.report_all import run_all
from rmstore.cli.report_site import site

SHOWN = 10
"""Cells that rerun shows of those that differ; --json gives all."""

_reports_option = click.option(
    "--reports", "dirs", type=click.Path(path_type=Path, file_okay=False, exists=True), multiple=True,
    help="Folder with more reports. Repeatable.",
)  # fmt: skip


@click.group(cls=Group)
def report() -> None:
    """List, show, check and run reports."""


@report.command("list", examples=("rmstore report list", "rmstore report list --reports my_reports"))
@_reports_option
@json_option
def list_(dirs: tuple[Path, ...], as_json: bool) -> None:
    """List the reports with their titles and parameters; a file that is none is listed with what is wrong."""
    from rmstore.cli.output import show
    from rmstore.reports import files

    rows = [
        {"report": one.name, "title": f"BROKEN: {one.problem}", "params": ""}
        if isinstance(one, files.Broken)
        else {"report": one.name, "title": one.title, "params": ", ".join(param.text for param in one.params)}
        for one in files.scan(dirs)
    ]
    show(rows, as_json=as_json)


@report.command("show", examples=("rmstore report show accuracy",))
@click.argument("name")
@_reports_option
def show_(name: str, dirs: tuple[Path, ...]) -> None:
    """Print a report: its header, which is its registration, and its SQL."""
    from rmstore import reports

    click.echo(reports.get(name, dirs).sql.rstrip())


@report.command("check", examples=("rmstore report check", "rmstore report check mine --reports my_reports"))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_reports_option
@json_option
@click.pass_obj
def check(settings: Settings, names: tuple[str, ...], dirs: tuple[Path, ...], as_json: bool) -> None:
    """Compare header, parameters and columns of reports with what their SQL gives; all reports by default."""
    import rmstore
    from rmstore import reports
    from rmstore.cli.output import show
    from rmstore.reports import files

    wanted = [reports.get(name, dirs) for name in names] or files.scan(dirs)
    rows = []
    with rmstore.connect() as store:
        for found in wanted:
            problems = [found.problem] if isinstance(found, files.Broken) else reports.check(store, found)
            rows.append({"report": found.name, "state": "WRONG" if problems else "ok", "problems": "; ".join(problems)})
    show(rows, as_json=as_json)
    if any(row["problems"] for row in rows):
        raise click.exceptions.Exit(1)


class RunCommand(Command):
    """Takes the parameters of any report as options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what is not an option of the command for the report."""
        ctx.ignore_unknown_options = ctx.allow_extra_args = True
        return super().parse_args(ctx, args)


@report.command(
    "run",
    cls=RunCommand,
    examples=(
        "rmstore report run accuracy --head helpful@3 --snapshot hh@1 --to acc.parquet",
        "rmstore report run accuracy --head helpful --snapshot hh --folds 5",
        "rmstore report run accuracy --head helpful@3 --compare helpful@2",
        "rmstore report run accuracy --head helpful --where \"annotator = 'anna' and chosen_chars < 2000\"",
        "rmstore report run mine --reports my_reports -p split=valid --json",
        "rmstore report run --all --to reports --head helpful@3 --head helpful@2",
    ),
)
@click.argument("name", required=False)
@click.option(
    "--to", type=click.Path(path_type=Path), help="Write FILE as well: .parquet .csv .json .jsonl .md .html .svg .png"
)
@click.option("--all", "everything", is_flag=True, help="Run all that fits into the folder --to, what changed alone.")
@click.option("--prune", is_flag=True, help="With --all: remove files whose head, snapshot or report is gone.")
@click.option("--folds", type=click.IntRange(min=2), help="Train and score k folds like the head, over all groups.")
@click.option("--where", metavar="SQL", help="Condition on the votes or rows that the report reads.")
@click.option("--compare", metavar="HEAD", help="Give the difference between --head and this head, group by group.")
@assignments("-p", "--param", about="Parameter of the report; --NAME VALUE does the same. Repeatable.", read=untyped)
@_reports_option
@json_option
@click.pass_context
def run(
    ctx: click.Context, name: str | None, to: Path | None, everything: bool, prune: bool, folds: int | None,
    where: str | None, compare: str | None, param: dict[str, Any], dirs: tuple[Path, ...], as_json: bool,
) -> None:  # fmt: skip
    """Run a report; its parameters (report show NAME) are options: --head REF, --snapshot REF ...

    With --all every report is run for every head (--head, repeatable; by default the default version of each name), and
    only what changed since the files in the folder were written is computed.

    A Parquet file carries report, SQL hash, parameters, head, snapshot, licences and versions in its metadata, any
    other has them beside it. FILE.svg and FILE.png are the picture of the report, FILE.dark.svg that on dark paper.
    """
    from rmstore import reports
    from rmstore.cli.output import counted, notes, plain, show, to_json

    words = ctx.args
    if name is not None and name.startswith("--"):  # a parameter that comes first
        words, name = [name, *words], None
    if everything:
        if name or to is None or folds or where or compare:
            raise click.UsageError("--all takes --to FOLDER, and no NAME, --folds, --where or --compare")
        run_all(ctx.obj, to, [*param.items(), *_extra(words)], dirs=dirs, prune=prune, as_json=as_json)
        return
    if name is None:
        raise click.UsageError("Missing argument 'NAME'; or say --all")
    values = {**param, **dict(_extra(words))}
    with opened(ctx.obj, write=True) as store:
        result = reports.run(store, name, values, to=to, dirs=dirs, folds=folds, where=where, compare=compare)
    rows = result.table.to_pylist()
    if as_json:
        click.echo(to_json({"report": name, "rows": rows, "provenance": plain(result.provenance)}))
        return
    show(rows)
    notes(result.provenance.get("notes", []))
    if result.output:
        click.echo(f"{counted(len(rows), 'row')} in {result.output}", err=True)


@report.command("runs", examples=("rmstore report runs", "rmstore report runs --report accuracy --json"))
@click.option("--report", "name", help="Runs of this report alone.")
@json_option
@click.pass_obj
def runs(settings: Settings, name: str | None, as_json: bool) -> None:
    """List the runs that the store recorded, newest first; diff and rerun take the first digits of their ids."""
    from rmstore.cli.output import show
    from rmstore.reports import record

    with opened(settings) as store:
        found = record.list_runs(store, name)
    if not as_json:
        found = [{**row, "run_id": row["run_id"][:8]} for row in found]
    show(found, as_json=as_json, empty=f"no run of {name!r} is recorded" if name else "no report has been run")


_trust_option = click.option("--trust", is_flag=True, help="Run SQL that comes from a file's metadata alone.")


@report.command("diff", examples=("rmstore report diff before.parquet after.parquet", "rmstore report diff 1f0c 9a7e"))
@click.argument("left", metavar="FILE|RUN")
@click.argument("right", metavar="FILE|RUN")
@_trust_option
@_reports_option
@json_option
@click.pass_obj
def diff(settings: Settings, left: str, right: str, trust: bool, dirs: tuple[Path, ...], as_json: bool) -> None:
    """Put two runs of a report beside each other: every number, its difference (left less right), what else differs.

    The measure is paired group by group, with an interval, where both runs can be repeated in this store.
    """
    from rmstore.cli.output import notes, show, to_json
    from rmstore.reports import diff as report_diff

    with opened(settings, write=True) as store:
        found = report_diff.diff(store, left, right, dirs=dirs, trust=trust)
    if as_json:
        parts = {"report": found.report, "keys": found.keys, "rows": found.table.to_pylist()}
        click.echo(to_json({**parts, "provenance": found.provenance, "notes": found.notes}))
        return
    show(found.table.to_pylist())
    click.echo()
    show(found.provenance, empty="the two runs have one provenance")
    notes(found.notes)


@report.command(
    "rerun",
    examples=("rmstore report rerun acc.parquet", "rmstore report rerun 1f0c2a9e --json"),
)
@click.argument("source", metavar="FILE|RUN")
@_trust_option
@_reports_option
@json_option
@click.pass_obj
def rerun(settings: Settings, source: str, trust: bool, dirs: tuple[Path, ...], as_json: bool) -> None:
    """Repeat a run from what it recorded and say whether the rows are equal; exit code 1 where they are not.

    Head, snapshot and SQL must have the recorded fingerprints. Fractions are equal to 1e-9 of their size.
    """
    from rmstore.cli.output import counted, notes, plain, show, to_json
    from rmstore.reports import rerun as report_rerun

    with opened(settings, write=True) as store:
        done = report_rerun.rerun(store, source, dirs=dirs, trust=trust)
    if as_json:
        parts = {"report": done.report, "is_equal": done.is_equal, "differences": done.differences, "notes": done.notes}
        click.echo(to_json({**parts, "rows": done.table.to_pylist(), "provenance": plain(done.provenance)}))
    elif done.is_equal is None:
        show(done.table.to_pylist())
    elif done.is_equal:
        click.echo(f"equal: {counted(done.table.num_rows, 'row')} of {done.report}")
    else:
        click.echo(f"DIFFERENT: {counted(len(done.differences), 'cell')} of {done.report}")
        show(done.differences[:SHOWN])
    if not as_json:
        notes(done.notes)
    if done.is_equal is False:
        raise click.exceptions.Exit(1)


report.add_command(site)


def _extra(words: list[str]) -> list[tuple[str, Any]]:
    """Return ``--name value`` and ``--name=value`` as pairs, in order."""
    pairs: list[tuple[str, Any]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or word == "--":
            raise click.UsageError(f"unexpected argument {word!r}")
        name, equals, value = word[2:].partition("=")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise click.UsageError(f"option {word!r} needs a value")
            value = rest.pop(0)
        pairs.append((name.replace("-", "_"), untyped(value)))
    return pairs
