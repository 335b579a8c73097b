"""``snapshot``: frozen sets of embedded responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rmstore.cli import embed as embed_commands
from rmstore.cli.lazy import Group
from rmstore.cli.options import Settings, json_option, opened

if TYPE_CHECKING:
    from rmstore.records import SnapshotInfo


@click.group(cls=Group)
def snapshot() -> None:
    """Create, list, compare, tag and drop snapshots."""


@snapshot.command("create", examples=("rmstore snapshot create hh-short --dataset hh --where 'n_chars < 400'",))
@click.argument("name")
@click.option("--dataset", "datasets", multiple=True, required=True, help="Data set. Repeatable.")
@click.option("--encoder", default="all-MiniLM-L6-v2", show_default=True, help="Model name, path, or toy.")
@click.option("--layout", help="Such as joint, response, prompt||response, joint||response (default).")
@click.option("--where", metavar="SQL", help="Condition over dataset, subset, split, policy, n_chars, text, prompt ...")
@click.option("-m", "--message", help="Note kept with the snapshot.")
@click.option("--author", help="Who makes it.")
@json_option
@click.pass_obj
def create(settings: Settings, name: str, datasets: tuple[str, ...], as_json: bool, **rest: Any) -> None:
    """Freeze responses as a new version; what lacks a vector is embedded first.

    The same as rmstore embed, with the snapshot first.
    """
    from rmstore.cli.progress import progress

    with opened(settings, write=True) as store, progress(show=not as_json) as report:
        result = store.embed(datasets, snapshot=name, progress=report, **rest)
    embed_commands.show_embed(result, as_json=as_json)


@snapshot.command("list", examples=("rmstore snapshot list",))
@click.argument("name", required=False)
@json_option
@click.pass_obj
def list_(settings: Settings, name: str | None, as_json: bool) -> None:
    """List the versions of all snapshots, or of one."""
    from rmstore.cli.output import show

    with opened(settings) as store:
        found = store.snapshots(name)
    rows = [vars(info) if as_json else _row(info) for info in found]
    show(rows, as_json=as_json, empty="no snapshot yet; rmstore embed makes one")


@snapshot.command("show", examples=("rmstore snapshot show hh@2",))
@click.argument("reference")
@json_option
@click.pass_obj
def show_(settings: Settings, reference: str, as_json: bool) -> None:
    """Show one version: what it is made of, its tags and heads."""
    from rmstore import snapshots
    from rmstore.cli.output import show_record

    with opened(settings) as store:
        record = snapshots.show(store, reference)
    show_record(record, as_json=as_json)


@snapshot.command("diff", examples=("rmstore snapshot diff hh@1 hh@2",))
@click.argument("old")
@click.argument("new")
@json_option
@click.pass_obj
def diff(settings: Settings, old: str, new: str, as_json: bool) -> None:
    """Count what NEW has that OLD has not, and the other way round."""
    from rmstore.cli.output import show_record

    with opened(settings) as store:
        found = store.diff(old, new)
    record = {
        "old": found.old.reference, "new": found.new.reference, "added": found.n_added, "removed": found.n_removed,
        "common": found.n_common, "same_encoder": found.same_encoder, "same_layout": found.same_layout,
        "datasets": list(found.datasets),
    }  # fmt: skip
    show_record(record, as_json=as_json)


@snapshot.command("tag", examples=("rmstore snapshot tag hh@2 paper",))
@click.argument("reference")
@click.argument("tag")
@click.pass_obj
def tag_(settings: Settings, reference: str, tag: str) -> None:
    """Give a version a tag; a tag that another version has moves."""
    from rmstore import snapshots

    with opened(settings, write=True) as store:
        info = snapshots.tag(store, reference, tag)
    click.echo(f"{info.name}@{tag} is {info.reference}")


@snapshot.command("drop", examples=("rmstore snapshot drop hh@1",))
@click.argument("reference")
@click.option("--force", is_flag=True, help="Also where heads were trained on it.")
@click.pass_obj
def drop(settings: Settings, reference: str, force: bool) -> None:
    """Drop a version; its number is not used again, its vectors stay until rmstore gc.

    Its row, fingerprint and origin stay, and with --force its members too, until the heads trained on it are dropped.
    """
    from rmstore import snapshots

    with opened(settings, write=True) as store:
        info = snapshots.drop(store, reference, force=force)
    kept = f"; its {counted(info.n_rows - info.n_withdrawn, 'member')} stay for {', '.join(heads)}" if heads else ""
    click.echo(f"dropped {info.reference}{kept}")


def _row(info: SnapshotInfo) -> dict[str, Any]:
    return {
        "snapshot": info.reference, "encoder": info.encoder, "layout": info.layout, "rows": info.n_rows,
        "withdrawn": info.n_withdrawn, "datasets": ", ".join(info.datasets), "created_at": info.created_at[:19],
    }  # fmt: skip
    from rmstore.cli.output import counted
        heads = snapshots.trained_heads(store, reference)
