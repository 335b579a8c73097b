"""``head``: the life of a head after training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli.lazy import Group
from rmstore.cli.options import Settings, json_option, opened

if TYPE_CHECKING:
    from rmstore.records import HeadInfo


@click.group(cls=Group)
def head() -> None:
    """List, show, describe, compare, deploy, export and drop heads."""


@head.command("list", examples=("rmstore head list", "rmstore head list helpful --json"))
@click.argument("name", required=False)
@json_option
@click.pass_obj
def list_(settings: Settings, name: str | None, as_json: bool) -> None:
    """List the versions of all heads, or of one, with their accuracy on validation and test pairs."""
    from rmstore.cli.output import show

    with opened(settings) as store:
        if name is not None:
            store.head(name)
        rows = [row for row in store.rows("select * from rm_heads()") if name in {None, row["name"]}]
    if not as_json:
        rated = any(row["valid_r2"] is not None or row["test_r2"] is not None for row in rows)
        rows = [_row(row, rated=rated) for row in rows]
    show(rows, as_json=as_json, empty="no head yet; rmstore train makes one")


@head.command("show", examples=("rmstore head show helpful@3",))
@click.argument("reference")
@json_option
@click.pass_obj
def show_(settings: Settings, reference: str, as_json: bool) -> None:
    """Show one version: how it was trained, on what, and its metrics."""
    from rmstore import head_store, withdrawals
    from rmstore.cli.output import show_record

    with opened(settings) as store:
        info = store.head(reference).info
        lost = withdrawals.of_head(store, info.head_id)
        metrics = head_store.metrics(store, info.head_id)
        query = "select snapshot from rm_heads() where name = $name and version = $version"
        snapshot = store.value(query, {"name": info.name, "version": info.version})
    show_record({**_record(info, snapshot, metrics), "withdrawals": lost}, as_json=as_json)


@head.command("card", examples=("rmstore head card helpful@3", "rmstore head card helpful --to helpful.md"))
@click.argument("reference")
@click.option("--to", type=click.Path(path_type=Path), help="Write .md or .json instead of printing.")
@json_option
@click.pass_obj
def card(settings: Settings, reference: str, to: Path | None, as_json: bool) -> None:
    """Print the card of a version: what it is for, what it learned from, how good it is, what nobody knows.

    It is computed from the store alone. What only people know is entered with rmstore head describe.
    """
    from rmstore import card_text

    with opened(settings) as store:
        found = store.card(reference)
        if to is not None:
            card_text.write(found, to, store.path)
    if to is not None:
        click.echo(f"{found['head']['reference']} in {to}")
        return
    click.echo(card_text.as_json(found) if as_json else card_text.markdown(found), nl=False)


@head.command(
    "describe",
    examples=(
        "rmstore head describe helpful@3 license=Apache-2.0 'intended_use=Ranking answers to support questions'",
        "rmstore head describe helpful@3 contact=",
        "rmstore head describe helpful@3",
    ),
)
@click.argument("reference")
@click.argument("fields", metavar="[FIELD=TEXT]...", nargs=-1)
@json_option
@click.pass_obj
def describe(settings: Settings, reference: str, fields: tuple[str, ...], as_json: bool) -> None:
    """Enter what people say of a version for its card, or show what they said; FIELD= takes a field back.

    Fields: intended_use, out_of_scope, license, contact, annotators, annotation_dates, instructions, pay_and_consent,
    aggregation, collection_dates, out_of_distribution, prompt_blindness, hacking_curve, known_failures.
    """
    from rmstore.cli.output import show

    given = {}
    for text in fields:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not FIELD=TEXT")
        given[name] = value
    with opened(settings, write=bool(given)) as store:
        said = store.describe_head(reference, **given)
    rows = [{"field": name, "value": value} for name, value in said.items()]
    show(rows, as_json=as_json, empty="nobody has said anything of this version yet")


@head.command(
    "compare",
    examples=("rmstore head compare helpful@2 helpful@3", "rmstore head compare helpful@3 mlp --snapshot hh@2 --json"),
)
@click.argument("a")
@click.argument("b")
@click.option("--snapshot", metavar="REF", help="Whose votes to rank; by default those that the heads were trained on.")
@click.option("--split", default="test", show_default=True, help="train, valid, test or all.")
@json_option
@click.pass_obj
def compare(settings: Settings, a: str, b: str, snapshot: str | None, split: str, as_json: bool) -> None:
    """Show what differs between two versions and how they rank the same pairs.

    The pairs are votes whose groups neither head saw in training. The difference is the accuracy of A less that of B,
    with a 95 % interval over groups.
    """
    from rmstore.cli.output import show_record

    with opened(settings) as store:
        found = store.compare_heads(a, b, snapshot=snapshot, split=split)
    record = {"a": found.a.reference, "b": found.b.reference}
    tables = {"facts": list(found.facts), "metrics": list(found.metrics)}
    show_record({**record, **({"pairs": found.pairs} if as_json else found.pairs), **tables}, as_json=as_json)


@head.command("explain", examples=("rmstore head explain helpful --response 3f2a0c1e-... -k 3",))
@click.argument("reference")
@click.option("--response", required=True, metavar="ID", help="Response to explain.")
@click.option("--snapshot", metavar="REF", help="Where its vector is; by default the snapshot of the head's training.")
@click.option("-k", type=click.IntRange(min=1, max=1000), default=5, show_default=True, help="Pairs each way.")
@json_option
@click.pass_obj
def explain(settings: Settings, reference: str, response: str, snapshot: str | None, k: int, as_json: bool) -> None:
    """Show why a response has its reward: what the fields of a linear head add, and the training pairs it resembles."""
    from rmstore.cli.output import show_record

    with opened(settings) as store:
        found = store.explain(reference, response, snapshot=snapshot, k=k)
    show_record(found, as_json=as_json)


@head.command(
    "export",
    examples=(
        "rmstore head export helpful@3 helpful-3",
        "rmstore head export helpful@3 helpful.sql --macro helpful",
        "rmstore head export helpful@3 helpful.onnx",
    ),
)
@click.argument("reference")
@click.argument("to", type=click.Path(path_type=Path))
@click.option("--macro", metavar="NAME", help="Name of the SQL macro; that of the head by default.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.pass_obj
def export(settings: Settings, reference: str, to: Path, macro: str | None, force: bool) -> None:
    """Write a version to a folder, to FILE.sql or to FILE.onnx.

    The folder holds weights, facts, card and checksums; another store can import it. The SQL is a macro that plain
    DuckDB runs, of a linear head. The model has inputs named as the fields of the head's input, or embedding.
    """
    with opened(settings) as store:
        info = store.export_head(reference, to, force=force, macro=macro)
    click.echo(f"{info.reference} in {to}")


@head.command("import", examples=("rmstore head import helpful-3", "rmstore head import helpful-3 --name theirs"))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the head here; its own by default.")
@click.pass_obj
def import_(settings: Settings, folder: Path, name: str | None) -> None:
    """Store the head of a folder as the next version of its name.

    Every file is checked against the manifest first, and nothing in the folder is ever run. A version of the same name
    that was trained from the same and has the same weights is kept instead.
    """
    with opened(settings, write=True) as store:
        result = store.import_head(folder, name=name)
    click.echo(f"{result.info.reference} {'imported' if result.is_new else 'is there already'}")


@head.command("deploy", examples=("rmstore head deploy helpful@2", "rmstore head deploy helpful@best"))
@click.argument("reference")
@click.pass_obj
def deploy(settings: Settings, reference: str) -> None:
    """Make a version the one that the bare name means: a number, a tag, latest or best."""
    with opened(settings, write=True) as store:
        info = store.deploy_head(reference)
    click.echo(f"{info.name} now means {info.reference}")


@head.command("rollback", examples=("rmstore head rollback helpful",))
@click.argument("name")
@click.pass_obj
def rollback(settings: Settings, name: str) -> None:
    """Go back to the version that was deployed before; again goes one further back."""
    with opened(settings, write=True) as store:
        info = store.rollback_head(name)
    click.echo(f"{info.name} now means {info.reference}")


@head.command("history", examples=("rmstore head history helpful",))
@click.argument("name", required=False)
@json_option
@click.pass_obj
def history(settings: Settings, name: str | None, as_json: bool) -> None:
    """List which versions the bare name has meant, oldest first."""
    from rmstore.cli.output import show

    with opened(settings) as store:
        rows = store.deployments(name)
    show(rows, as_json=as_json, empty="no version was deployed yet; a bare name means the latest")


@head.command("drop", examples=("rmstore head drop helpful@1",))
@click.argument("reference")
@click.pass_obj
def drop(settings: Settings, reference: str) -> None:
    """Drop a version: its weights go, its number is not used again."""
    with opened(settings, write=True) as store:
        info = store.drop_head(reference)
    click.echo(f"dropped {info.reference}")


def _row(row: dict[str, Any], *, rated: bool) -> dict[str, Any]:
    """Return what the list shows of a head; ``rated`` adds the columns of heads that learned from ratings."""
    return {
        "head": f"{row['name']}@{row['version']}", "kind": row["kind"], "objective": row["objective"],
        "members": row["members"], "snapshot": row["snapshot"], "rows": row["n_used"],
        "valid": row["valid_accuracy"], "test": row["test_accuracy"],
        **({"valid r2": row["valid_r2"], "test r2": row["test_r2"]} if rated else {}),
        "deployed": "yes" if row["is_deployed"] else "",
    }  # fmt: skip


def _record(info: HeadInfo, snapshot: str | None, metrics: dict[tuple[str, str], tuple[float, int]]) -> dict[str, Any]:
    record: dict[str, Any] = {"reference": info.reference, "snapshot": snapshot, **vars(info)}
    del record["snapshot_id"]
    for name in ("member_means", "member_scales"):
        record[name] = list(record[name])
    record["inputs"] = ", ".join(f"{field['name'] or 'vector'} ({field['width']})" for field in info.inputs)
    record["notes"] = list(info.notes)
    record["metrics"] = [
        {"split": split, "metric": metric, "value": value, "n": n} for (split, metric), (value, n) in metrics.items()
    ]
    return record
