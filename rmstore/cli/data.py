"""``ingest`` and ``dataset``: files into the store, and what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli.lazy import Group
from rmstore.cli.options import Settings, assignments, command, dry_run_option, json_option, opened

if TYPE_CHECKING:
    from rmstore.records import IngestResult


@command(
    examples=(
        "rmstore ingest train.jsonl.gz --format hh --dataset hh --split train",
        "rmstore ingest 'pairs/*.parquet' --format pairs --dataset mine --on-error skip",
        "rmstore ingest answers.jsonl --format responses --dataset tour -o subset_column=topic",
        "rmstore ingest verdicts.json --format pandalm --dataset pandalm -o test_set=testset-v1.json.gz",
    )
)
@click.argument("source", nargs=-1, required=True)
@click.option("--format", "kind", required=True, help="Shape of the file; an unknown one is answered with a list.")
@click.option("--dataset", required=True, metavar="NAME", help="Data set that the rows belong to.")
@click.option("--split", type=click.Choice(["train", "valid", "test"]), help="Published split of all rows.")
@click.option("--subset", help="Subset of all rows, instead of a column.")
@click.option("--license", "licence", help="Licence of the data set.")
@click.option("--source-kind", metavar="KIND", help="Who voted: human, judge, pseudo, simulated, constructed.")
@click.option("--on-error", type=click.Choice(["abort", "skip"]), default="abort", show_default=True)
@click.option("--rejects", type=click.Path(path_type=Path), help="File for bad rows, with reasons (--on-error skip).")
@assignments("-o", "--option", about="Option of the format. Repeatable.")
@dry_run_option
@json_option
@click.pass_obj
def ingest(
    settings: Settings, source: tuple[str, ...], kind: str, dataset: str, licence: str | None,
    option: dict[str, Any], dry_run: bool, as_json: bool, **rest: Any,
) -> None:  # fmt: skip
    """Bring files, globs or hf://owner/name into a data set.

    A file is one transaction. Rows that are there already are not added again, so that running the same
    command twice, or after Ctrl-C, only does what is missing.
    """
    from rmstore.cli.progress import progress

    with opened(settings, write=True) as store, progress(show=not as_json) as report:
        result = store.ingest(
            list(source), format=kind, dataset=dataset, license=licence, options=option or None, dry_run=dry_run,
            progress=report, **rest,
        )  # fmt: skip
    _show_ingest(result, as_json=as_json)


@click.group(cls=Group)
def dataset() -> None:
    """List, show and drop data sets."""


@dataset.command("list", examples=("rmstore dataset list",))
@json_option
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List the data sets with their counts."""
    from rmstore.cli.output import show
    from rmstore.datasets import list_datasets

    with opened(settings) as store:
        rows = list_datasets(store)
    show(rows, as_json=as_json, empty="no data set yet; rmstore ingest brings one")


@dataset.command("show", examples=("rmstore dataset show hh",))
@click.argument("name")
@json_option
@click.pass_obj
def show_(settings: Settings, name: str, as_json: bool) -> None:
    """Show one data set: files, subsets, splits, policies, votes."""
    from rmstore.cli.output import show_record
    from rmstore.datasets import show_dataset

    with opened(settings) as store:
        record = show_dataset(store, name)
    show_record(record, as_json=as_json)


@dataset.command(
    "drop",
    examples=("rmstore dataset drop hh --dry-run", "rmstore dataset drop hh --force --reason 'consent withdrawn'"),
)
@click.argument("name")
@click.option("--force", is_flag=True, help="Also where snapshots use its responses.")
@click.option("--reason", metavar="TEXT", help="Why, kept with the snapshots and heads that it was part of.")
@dry_run_option
@json_option
@click.pass_obj
def drop(settings: Settings, name: str, force: bool, reason: str | None, dry_run: bool, as_json: bool) -> None:
    """Drop a data set and what no other set shares with it, vectors included.

    Snapshots lose its responses and say so; heads that were trained on them stay, and say so. Free blocks of the
    file hold what was deleted until rmstore gc --compact writes it anew.
    """
    from rmstore.cli.output import counted, notes, show_record
    from rmstore.datasets import drop_dataset

    with opened(settings, write=True) as store:
        record = drop_dataset(store, name, force=force, reason=reason, dry_run=dry_run)
    show_record(record, as_json=as_json)
    notes(
        f"{row['head']} was trained on {counted(row['n_groups'], 'group')} of prompts of {name}, and its weights stay: "
        "train it again without them, or rmstore head drop it"
        for row in record["heads"]
    )


def _show_ingest(result: IngestResult, *, as_json: bool) -> None:
    from rmstore.cli.output import notes, show, show_record

    rows = [{key: value for key, value in vars(file).items() if key != "rejected_file"} for file in result.files]
    if as_json:
        rejected = [str(file.rejected_file) for file in result.files if file.rejected_file]
        show_record(
            {**vars(result), "files": rows, "notes": list(result.notes), "rejected_files": rejected}, as_json=True
        )
        return
    short = {
        "path": "file", "n_rows": "rows", "n_prompts": "prompts", "n_responses": "responses",
        "n_preferences": "preferences", "n_ratings": "ratings", "n_steps": "steps", "n_rejected": "rejected",
        "is_new": "new",
    }  # fmt: skip
    if not any(row["n_steps"] for row in rows):
        del short["n_steps"]
    show([{title: row[name] for name, title in short.items()} for row in rows])
    if result.dry_run:
        click.echo("dry run: nothing was written")
    notes(result.notes)
    for file in result.files:
        if file.rejected_file:
            click.echo(f"{file.n_rejected:,} bad rows of {file.path} are in {file.rejected_file}", err=True)
