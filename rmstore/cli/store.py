"""``init``, ``status``, ``doctor``, ``migrate``: the file itself."""

from __future__ import annotations

from pathlib import Path

import click

from rmstore.cli.options import Settings, command, dry_run_option, json_option, opened


@command(examples=("rmstore --store lab.duckdb init", "rmstore --store lab.duckdb init --compat 1.5"))
@click.option("--compat", metavar="VERSION", help="Oldest DuckDB that shall read the file, such as 1.5.")
@click.pass_obj
def init(settings: Settings, compat: str | None) -> None:
    """Make an empty store; one that is there already stays as it is."""
    import rmstore
    from rmstore.errors import StoreError

    there = Path(settings.store).exists()
    if there and compat:
        raise StoreError(f"{settings.store!r} is there already", hint="--compat holds only when a store is made")
    with rmstore.connect(settings.store, compat=compat):
        pass
    click.echo(f"{settings.store}: {'a store already, nothing changed' if there else 'an empty store'}")


@command(examples=("rmstore status", "rmstore status --json"))
@json_option
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Show data sets, encoders, snapshots, heads, sizes, versions."""
    from rmstore import doctor
    from rmstore.cli.output import show_record, size

    with opened(settings) as store:
        record = doctor.status(store)
    if not as_json:
        record = {key: size(value) if key == "size" else value for key, value in record.items()}
    show_record(record, as_json=as_json)


@command(name="doctor", examples=("rmstore doctor", "rmstore doctor --all --json"))
@click.option("--all", "everything", is_flag=True, help="Compute every content id again, not those of a sample.")
@json_option
@click.pass_obj
def doctor(settings: Settings, everything: bool, as_json: bool) -> None:
    """Check the store; exit code 1 where something is wrong.

    Duplicates, orphans, ids that do not match their content, weights and their checksums, tags, snapshot
    counts, texts without vectors. Nothing is changed.
    """
    from rmstore import doctor as room
    from rmstore.cli.output import show
    from rmstore.cli.progress import progress

    with opened(settings) as store, progress(show=not as_json) as report:
        findings = room.check(store, everything=everything, progress=report)
    rows = [finding.row() for finding in findings]
    show(rows, as_json=as_json)
    wrong = [finding for finding in findings if finding.n]
    if not as_json:
        for finding in wrong:
            click.echo(f"{finding.check}: {finding.hint}", err=True)
        click.echo(f"{len(findings)} checks, {f'{len(wrong)} found something' if wrong else 'all in order'}")
    if wrong:
        raise click.exceptions.Exit(1)


@command(examples=("rmstore migrate --dry-run", "rmstore migrate"))
@dry_run_option
@json_option
@click.pass_obj
def migrate(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Bring an older store up to date.

    Opening a store for writing does the same; each migration is one transaction.
    """
    from rmstore.cli.output import show
    from rmstore.connection import migrate_file

    todo = migrate_file(Path(settings.store), dry_run=dry_run)
    rows = [{"migration": migration.name, "applied": not dry_run} for migration in todo]
    show(rows, as_json=as_json, empty="the store is up to date")
