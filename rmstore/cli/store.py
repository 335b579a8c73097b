"""``init``, ``status``, ``doctor``, ``migrate``: the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli.options import Settings, command, dry_run_option, json_option, opened

if TYPE_CHECKING:
    from rmstore.doctor import Finding


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


@command(name="doctor", examples=("rmstore doctor", "rmstore doctor --all --json", "rmstore doctor --repair --dry-run"))
@click.option("--all", "everything", is_flag=True, help="Compute every content id and checksum, not those of a sample.")
@click.option("--repair", is_flag=True, help="First repair what can be rebuilt from what is there.")
@dry_run_option
@json_option
@click.pass_obj
def doctor(settings: Settings, everything: bool, repair: bool, dry_run: bool, as_json: bool) -> None:
    """Check the store; exit code 1 where something is wrong.

    Versions and sizes come first. Then duplicates, orphans, ids that do not match their content, weights, vectors
    and their checksums, tags, snapshots with their counts and fingerprints, texts without vectors. Nothing is changed
    without --repair, which removes copies and orphans, computes missing checksums and embeds damaged vectors again.
    """
    from rmstore import doctor as room
    from rmstore import repair as mender
    from rmstore.cli.output import show, show_record
    from rmstore.cli.progress import progress

    if dry_run and not repair:
        raise click.UsageError("--dry-run goes with --repair")
    with opened(settings, write=repair) as store, progress(show=not as_json) as report:
        done = mender.repair(store, dry_run=dry_run, progress=report) if repair else []
        findings = room.check(store, everything=everything or repair, progress=report)
        facts = room.facts(store)
    repairs = [one.row(dry_run=dry_run) for one in done]
    rows = [finding.row() for finding in findings]
    if as_json:
        show_record({**facts, "repairs": repairs, "checks": rows}, as_json=True)
    else:
        show_record(_readable(facts), as_json=False)
        if repair:
            show(repairs, as_json=False, empty="nothing to repair")
        show(rows, as_json=False)
        _summary(findings)
    if any(finding.is_wrong for finding in findings):
        raise click.exceptions.Exit(1)


def _readable(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts with sizes as people read them."""
    from rmstore.cli.output import size

    found = {key: size(value) if isinstance(value, int) else value for key, value in facts.items()}
    for key in ("tables", "vectors"):
        found[key] = [{**row, "bytes": size(row["bytes"])} for row in facts[key] if row["bytes"]]
    return found


def _summary(findings: list[Finding]) -> None:
    for finding in findings:
        if finding.n:
            click.echo(f"{finding.check}: {finding.hint}", err=True)
    wrong = sum(finding.is_wrong for finding in findings)
    click.echo(f"{len(findings)} checks, {f'{wrong} found something' if wrong else 'all in order'}")


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
