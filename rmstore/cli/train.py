"""``train`` and ``score``: heads are made and used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rmstore.cli.options import Settings, assignments, command, json_option, opened


@command(
    examples=(
        "rmstore train helpful --snapshot hh@1",
        "rmstore train helpful --snapshot hh --head mlp --members 5 -o hidden=[256]",
        "rmstore train plain --snapshot hh --where \"dataset = 'hh'\" --feature log_len",
        "rmstore train facts --snapshot qa --attribute wrong-grounding",
        "rmstore train attrs --snapshot qa --ratings --head multi",
        "rmstore train armo --snapshot qa --head multi -o start=attrs",
        "rmstore train prm --snapshot traces --steps",
    )
)
@click.argument("name")
@click.option("--snapshot", required=True, metavar="REF", help="Snapshot whose rows train the head.")
@click.option("--head", "kind", default="linear", show_default=True, help="Kind of head.")
@click.option("--objective", help="Loss; by default bt over pairs, squared over ratings.")
@click.option("--members", type=click.IntRange(min=1), default=1, show_default=True, help="Size of the ensemble.")
@click.option("--merge", type=click.Choice(["weights"]), help="Average the members into one head.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--where", metavar="SQL", help="Condition over the columns of rm_pairs, rm_ratings or rm_steps.")
@click.option("--feature", "features", multiple=True, help="Side feature beside the vector, such as log_len.")
@click.option("--ratings", is_flag=True, help="Train on the ratings of the responses, of every attribute.")
@click.option("--attribute", "attributes", multiple=True, help="Train on the ratings of this attribute. Repeatable.")
@click.option("--steps", is_flag=True, help="Train on labelled reasoning steps.")
@click.option("--source", metavar="NAME", help="Whose labels of steps; by default what all sources agree on.")
@assignments("-o", "--option", about="Option of the head or objective, such as l2=0.01. Repeatable.")
@json_option
@click.pass_obj
def train(
    settings: Settings,
    name: str,
    kind: str,
    objective: str | None,
    ratings: bool,
    attributes: tuple[str, ...],
    steps: bool,
    source: str | None,
    option: dict[str, Any],
    as_json: bool,
    **rest: Any,
) -> None:
    """Train a head and store it as the next version of NAME.

    Preferences between responses of the snapshot train it, with --ratings or --attribute its ratings, with --steps the
    labels of its reasoning steps: training rows fit, validation rows choose and stop, test rows only measure. The same
    rows, options and seed give the version that is there already. Several attributes make one head with --head multi.
    """
    from rmstore.cli.output import notes, show_record
    from rmstore.cli.progress import progress

    if objective is not None:
        rest["objective"] = objective
    if source is not None and not steps:
        raise click.UsageError("--source goes with --steps")
    if steps and (ratings or attributes):
        raise click.UsageError("--steps goes without --ratings and --attribute")
    if steps or ratings or attributes:
        if rest.pop("features"):
            raise click.UsageError("--feature goes with preferences, not with ratings or steps")
        rest |= {"steps": True, "source": source} if steps else {"attributes": attributes}
    with opened(settings, write=True) as store, progress(show=not as_json) as report:
        result = store.train(name, head=kind, options=option or None, progress=report, **rest)
    record = result.row()
    found = record.pop("notes")
    if as_json:
        show_record({**record, "notes": found}, as_json=True)
        return
    record["head"] = result.info.reference
    record.pop("version")
    show_record({key: value for key, value in record.items() if value is not None})
    notes(found)


@command(examples=("rmstore score helpful --snapshot hh@1 --to rewards.parquet",))
@click.argument("head")
@click.option("--snapshot", required=True, metavar="REF", help="Snapshot whose responses are scored.")
@click.option("--to", required=True, type=click.Path(path_type=Path), help=".parquet, .csv, .json or .jsonl")
@click.pass_obj
def score(settings: Settings, head: str, snapshot: str, to: Path) -> None:
    """Write the responses of a snapshot with their rewards to a file."""
    from rmstore.cli.output import counted

    with opened(settings) as store:
        n_rows = store.score(head, snapshot=snapshot, to=to)
    click.echo(f"{counted(n_rows, 'row')} in {to}")
