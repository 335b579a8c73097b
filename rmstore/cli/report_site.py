"""``report site``: a page of every result."""

from __future__ import annotations

from pathlib import Path

import click

from rmstore.cli.options import Settings, command, json_option, opened


@command(
    name="site",
    examples=(
        "rmstore report site reports",
        "rmstore report site reports --head helpful@3 --head helpful@2",
        "rmstore report site reports --no-run",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--head", "heads", multiple=True, metavar="REF", help="Heads to report on; see report run --all.")
@click.option("--run/--no-run", "run", default=True, help="First run what has changed, or show what is there.")
@click.option(
    "--reports", "dirs", type=click.Path(path_type=Path, file_okay=False, exists=True), multiple=True,
    help="Folder with more reports. Repeatable.",
)  # fmt: skip
@json_option
@click.pass_obj
def site(
    settings: Settings, folder: Path, heads: tuple[str, ...], run: bool, dirs: tuple[Path, ...], as_json: bool
) -> None:
    """Write FOLDER/index.html: leaderboard, every report with table, picture, SQL and provenance, cards of the heads.

    The page opens from the disk, in light and dark, and needs no network. It shows the Parquet files of reports in the
    folder; report run --all writes them, and is called first. Links to a result stay the same when it is built again.
    """
    from rmstore.cli.output import counted, notes, show_record
    from rmstore.cli.progress import progress
    from rmstore.reports import site as report_site

    if heads and not run:
        raise click.UsageError("--head says what to run, and --no-run runs nothing")
    with opened(settings, write=run) as store, progress(show=not as_json) as told:
        made = report_site.publish(store, folder, run=run, heads=heads, dirs=dirs, progress=told)
    if as_json:
        show_record(
            {"page": str(made.page), "n_results": made.n_results, "others": made.others, "notes": made.notes},
            as_json=True,
        )
        return
    click.echo(f"{made.page}: {counted(made.n_results, 'result')}")
    notes([*made.others, *made.notes])
