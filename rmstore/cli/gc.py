"""``gc``: what nothing needs any more goes, and the file shrinks."""

from __future__ import annotations

from dataclasses import asdict

import click

from rmstore.cli.options import Settings, command, dry_run_option, json_option, opened


@command(name="gc", examples=("rmstore gc --dry-run", "rmstore gc --compact"))
@click.option("--compact", is_flag=True, help="Write the file anew, so that the space goes back to the file system.")
@dry_run_option
@json_option
@click.pass_obj
def gc(settings: Settings, compact: bool, dry_run: bool, as_json: bool) -> None:
    """Remove vectors that no snapshot needs.

    Members that a forced drop left for heads that are gone go too. Kept are the parts and steps of every
    snapshot, dropped ones included while a head that was trained on them lives. Imported vectors come back from
    their file alone. Without --compact the file keeps its size, and new vectors fill the space; --compact needs
    as much free disk as the store has content.
    """
    from rmstore.cli.output import counted, show, show_record, size
    from rmstore.cli.progress import progress

    with opened(settings, write=not dry_run) as store, progress(show=not as_json) as report:
        found = store.gc(dry_run=dry_run, compact=compact, progress=report)
    if as_json:
        show_record({**asdict(found), "n_bytes": found.n_bytes}, as_json=True)
        return
    show(
        [{"encoder": row.encoder, "renderings": row.n_renderings, "vectors": row.n_vectors, "bytes": size(row.n_bytes),
          "encoder goes": "yes" if row.is_gone else ""} for row in found.encoders],
        empty="no vector is spare",
    )  # fmt: skip
    if found.n_members:
        click.echo(f"{counted(found.n_members, 'member')} of dropped snapshots, whose heads are gone")
    for row in found.kept:
        click.echo(
            f"kept: {row['snapshot']}, dropped, {counted(row['n_members'], 'member')}, for {', '.join(row['heads'])}"
        )
    if found.compaction:
        click.echo(f"the file had {size(found.compaction.n_before)} and has {size(found.compaction.n_after)}")
    elif dry_run:
        click.echo("dry run: nothing was removed")
    elif found.encoders and not compact:
        click.echo("the space is free for new vectors; rmstore gc --compact makes the file smaller")
