"""``snapshot``: frozen sets of embedded responses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli import embed as embed_commands
from rmstore.cli.lazy import Group
from rmstore.cli.options import Settings, json_option, opened

if TYPE_CHECKING:
    from rmstore.records import SnapshotInfo


@click.group(cls=Group)
def snapshot() -> None:
    """Create, compare, restore, check, share and drop snapshots."""


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


@snapshot.command("diff", examples=("rmstore snapshot diff hh@1 hh@2", "rmstore snapshot diff hh@1 hh@2 --counts"))
@click.argument("old")
@click.argument("new")
@click.option("--counts", is_flag=True, help="Count only, and read no vector.")
@json_option
@click.pass_obj
def diff(settings: Settings, old: str, new: str, counts: bool, as_json: bool) -> None:
    """Show what changed from OLD to NEW, by data set, and how far vectors moved.

    A response of both is kept; or rerendered: another text stands for it; or reencoded: the same text under another
    encoder. Where vectors can differ, quantiles of the cosine between old and new follow. SQL: rm_snapshot_diff.
    """
    from rmstore.cli.output import notes, show_record
    from rmstore.cli.progress import progress
    from rmstore.snapshot_diff import CHANGES

    with opened(settings) as store, progress(show=not as_json) as report:
        found = store.diff(old, new, vectors=not counts, progress=report)
    total = {"dataset": "all", **{f"n_{change}": getattr(found, f"n_{change}") for change in CHANGES}}
    record: dict[str, Any] = {"old": found.old.reference, "new": found.new.reference}
    if as_json:
        record |= {**{change: total[f"n_{change}"] for change in CHANGES}, "common": found.n_common}
        record |= {"same_encoder": found.same_encoder, "same_layout": found.same_layout}
        record |= {"datasets": list(found.datasets), "cosine": found.moved, "notes": list(found.notes)}
    else:
        record["responses"] = [total, *found.datasets]
        record |= {"cosine": [found.moved]} if found.moved else {}
    show_record(record, as_json=as_json)
    if not as_json:
        notes(found.notes)


@snapshot.command("tag", examples=("rmstore snapshot tag hh@2 paper",))
@click.argument("reference")
@click.argument("tag")
@click.pass_obj
def tag_(settings: Settings, reference: str, tag: str) -> None:
    """Give a version a tag; a tag that another version has moves."""
    from rmstore import snapshots

    with opened(settings, write=True) as store:
        before = snapshots.tagged(store, snapshots.resolve(store, reference).name, tag)
        info = snapshots.tag(store, reference, tag)
    moved = f" (was {before})" if before not in (None, info.reference) else ""
    click.echo(f"{info.name}@{tag} is {info.reference}{moved}")


@snapshot.command("restore", examples=("rmstore snapshot restore hh@1 -m 'the new encoder was no better'",))
@click.argument("reference")
@click.option("-m", "--message", help="Note kept with the new version; by default that it is a restore.")
@click.option("--author", help="Who restores it.")
@json_option
@click.pass_obj
def restore(settings: Settings, reference: str, message: str | None, author: str | None, as_json: bool) -> None:
    """Make an older version the latest again, as a new version.

    The way back from a re-embedding: the same responses, encoder and layout, less what was withdrawn since.
    """
    from rmstore.cli.output import counted, show_record

    with opened(settings, write=True) as store:
        n_lost = store.snapshot(reference).n_withdrawn
        info, is_new = store.restore_snapshot(reference, message=message, author=author)
    if as_json:
        record = {"snapshot": info.reference, "rows": info.n_rows, "withdrawn": n_lost, "is_new": is_new}
        show_record(record, as_json=True)
    elif is_new:
        lost = f"; {n_lost:,} more were withdrawn and do not come back" if n_lost else ""
        click.echo(f"{info.reference}: {counted(info.n_rows, 'response')}, {info.encoder}, {info.layout}{lost}")
    else:
        click.echo(f"{info.reference} has this content already; nothing changed")


@snapshot.command("verify", examples=("rmstore snapshot verify hh@2", "rmstore snapshot verify hh@2 --sample 100"))
@click.argument("reference")
@click.option("--sample", type=click.IntRange(min=0), default=0, metavar="N", help="Embed N members again and compare.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws other members.")
@json_option
@click.pass_obj
def verify(settings: Settings, reference: str, sample: int, seed: int, as_json: bool) -> None:
    """Check that a version is what was frozen; exit code 1 where something is wrong.

    The fingerprint of its members, a text and a vector for each of them, and every vector against its checksum.
    Nothing is changed.
    """
    from rmstore.cli.output import counted, notes, show, show_record
    from rmstore.cli.progress import progress

    with opened(settings) as store, progress(show=not as_json) as report:
        found = store.verify_snapshot(reference, sample=sample, seed=seed, progress=report)
    rows = [finding.row() for finding in found.findings]
    if as_json:
        facts = {"snapshot": found.snapshot.reference, "members": found.n_members, "vectors": found.n_vectors}
        show_record({**facts, "is_sound": found.is_sound, "checks": rows, "notes": list(found.notes)}, as_json=True)
    else:
        show(rows)
        notes(found.notes)
        for finding in found.findings:
            if finding.n:
                click.echo(f"{finding.check}: {finding.hint}", err=True)
        looked = f"{counted(found.n_members, 'member')} and {counted(found.n_vectors, 'vector')}"
        click.echo(f"{found.snapshot.reference}: {looked}, {'all in order' if found.is_sound else 'NOT in order'}")
    if not found.is_sound:
        raise click.exceptions.Exit(1)


@snapshot.command("export", examples=("rmstore snapshot export hh@2 --to hh-2",))
@click.argument("reference")
@click.option("--to", type=click.Path(path_type=Path), required=True, help="Folder to make.")
@click.option("--force", is_flag=True, help="Replace an exported snapshot that is there.")
@json_option
@click.pass_obj
def export(settings: Settings, reference: str, to: Path, force: bool, as_json: bool) -> None:
    """Write a version to a folder of Parquet that any engine reads and another store can import.

    The folder holds prompts, responses, votes, ratings, steps and vectors, a README, views for DuckDB and a manifest
    with the checksum of every file. It appears when it is complete.
    """
    from rmstore.cli.output import counted, show_record
    from rmstore.cli.progress import progress

    with opened(settings) as store, progress(show=not as_json) as report:
        info = store.export_snapshot(reference, to, force=force, progress=report)
    if as_json:
        rows = info.n_rows - info.n_withdrawn
        show_record({"snapshot": info.reference, "folder": str(to), "rows": rows}, as_json=True)
        return
    click.echo(f"{info.reference} in {to}: {counted(info.n_rows - info.n_withdrawn, 'response')}")


@snapshot.command("import", examples=("rmstore snapshot import hh-2", "rmstore snapshot import hh-2 --name theirs"))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the snapshot here; its own by default.")
@json_option
@click.pass_obj
def import_(settings: Settings, folder: Path, name: str | None, as_json: bool) -> None:
    """Store the snapshot of a folder as the next version of its name.

    Every file is checked first: checksums, ids, references, vectors; nothing in the folder is ever run. What is here
    already is not added twice, and an import that was stopped goes on when it is run again.
    """
    from rmstore.cli.output import counted, show_record
    from rmstore.cli.progress import progress

    with opened(settings, write=True) as store, progress(show=not as_json) as report:
        result = store.import_snapshot(folder, name=name, progress=report)
    info = result.info
    if as_json:
        show_record({"snapshot": info.reference, "is_new": result.is_new, "added": dict(result.counts)}, as_json=True)
    elif result.is_new:
        new = f"{result.counts['responses']:,} of them and {counted(result.counts['vectors'], 'vector')} new here"
        click.echo(f"{info.reference} imported: {counted(info.n_rows - info.n_withdrawn, 'response')}, {new}")
    else:
        click.echo(f"{info.reference} is there already")


@snapshot.command("drop", examples=("rmstore snapshot drop hh@1",))
@click.argument("reference")
@click.option("--force", is_flag=True, help="Also where heads were trained on it.")
@click.pass_obj
def drop(settings: Settings, reference: str, force: bool) -> None:
    """Drop a version; its number is not used again, its vectors stay until rmstore gc.

    Its row, fingerprint and origin stay, and with --force its members too, until the heads trained on it are dropped.
    """
    from rmstore import snapshots
    from rmstore.cli.output import counted

    with opened(settings, write=True) as store:
        heads = snapshots.trained_heads(store, reference)
        info = snapshots.drop(store, reference, force=force)
    kept = f"; its {counted(info.n_rows - info.n_withdrawn, 'member')} stay for {', '.join(heads)}" if heads else ""
    click.echo(f"dropped {info.reference}{kept}")


def _row(info: SnapshotInfo) -> dict[str, Any]:
    return {
        "snapshot": info.reference, "encoder": info.encoder, "layout": info.layout, "rows": info.n_rows,
        "withdrawn": info.n_withdrawn, "datasets": ", ".join(info.datasets), "created_at": info.created_at[:19],
    }  # fmt: skip
