"""``encoders``, ``embed``, ``reembed`` and ``import-vectors``: texts to vectors."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmstore.cli.options import F, Settings, assignments, command, dry_run_option, json_option, opened

if TYPE_CHECKING:
    from rmstore.records import EmbedEstimate, EmbedResult


def _work_options(function: F) -> F:
    """Add what embed and reembed share: notes of the version, how much is committed at a time, encoder options."""
    function = assignments("-o", "--option", about="Option of the encoder, such as max_tokens=128. Repeatable.")(
        dry_run_option(json_option(function))
    )
    batch = click.option("--batch-size", type=click.IntRange(min=1), help="Texts between two commits.")
    author = click.option("--author", help="Who makes it.")
    return click.option("-m", "--message", help="Note kept with the version.")(author(batch(function)))


@command(examples=("rmstore encoders",))
@json_option
@click.pass_obj
def encoders(settings: Settings, as_json: bool) -> None:
    """List the encoders of the store and what each has embedded."""
    from rmstore import doctor
    from rmstore.cli.output import show

    with opened(settings) as store:
        rows = doctor.status(store)["encoders"]
    show(rows, as_json=as_json, empty="no encoder yet; rmstore embed brings one, all-MiniLM-L6-v2 by default")


@command(
    examples=(
        "rmstore embed hh --snapshot hh",
        "rmstore embed hh tour --snapshot short --where \"n_chars < 400 and split = 'train'\"",
        "rmstore embed hh --encoder toy --snapshot toy --layout joint --dry-run",
        "rmstore embed traces --snapshot traces --steps",
    )
)
@click.argument("datasets", metavar="DATASET...", nargs=-1, required=True)
@click.option("--encoder", default="all-MiniLM-L6-v2", show_default=True, help="Model name, path, or toy.")
@click.option("--snapshot", required=True, metavar="NAME", help="Snapshot to make a version of.")
@click.option("--layout", help="Such as joint, response, prompt||response, joint||response (default).")
@click.option("--where", metavar="SQL", help="Condition over dataset, subset, split, policy, n_chars, text, prompt ...")
@click.option("--steps", is_flag=True, help="Also embed every reasoning step, with all before it, for rm_steps.")
@_work_options
@click.pass_obj
def embed(
    settings: Settings, datasets: tuple[str, ...], option: dict[str, Any], dry_run: bool, as_json: bool, **rest: Any
) -> None:
    """Embed data sets and freeze them as a snapshot.

    A text is embedded once per encoder, ever; every batch is committed, so that the same command goes on
    where Ctrl-C stopped it. Where nothing changed, the version that is there stays the latest.
    """
    from rmstore.cli.progress import progress

    with opened(settings, write=not dry_run) as store, progress(show=not as_json) as report:
        result = store.embed(datasets, encoder_options=option or None, dry_run=dry_run, progress=report, **rest)
    show_embed(result, as_json=as_json)


@command(
    examples=(
        "rmstore reembed hh --encoder bge-small --dry-run",
        "rmstore reembed hh@1 --encoder all-MiniLM-L6-v2 -o max_tokens=128 -m 'a shorter window'",
        "rmstore reembed hh --encoder bge-small --layout joint --snapshot hh-bge",
    )
)
@click.argument("snapshot", metavar="SNAPSHOT")
@click.option("--encoder", required=True, help="Model name, path, or toy.")
@click.option("--layout", help="Such as joint or joint||response; that of the snapshot by default.")
@click.option("--snapshot", "name", metavar="NAME", help="Snapshot to make a version of; the same name by default.")
@_work_options
@click.pass_obj
def reembed(
    settings: Settings, snapshot: str, option: dict[str, Any], dry_run: bool, as_json: bool, **rest: Any
) -> None:
    """Embed a snapshot again, with another encoder.

    The same members become the next version. The old vectors stay: the version before is as good as ever, and
    rmstore snapshot restore goes back to it. Every batch is committed, so that the same command goes on where it
    was stopped. --dry-run embeds a sample of the texts and says how long all would take and how much room.
    """
    from rmstore.cli.progress import progress

    with opened(settings, write=not dry_run) as store, progress(show=not as_json) as report:
        result = store.reembed(snapshot, encoder_options=option or None, dry_run=dry_run, progress=report, **rest)
    show_embed(result, as_json=as_json)


@command(
    name="import-vectors",
    examples=(
        "rmstore import-vectors vectors.npy --encoder bge-small --snapshot hh-bge \\\n"
        "--match 'select response_id, embedding from file join ids on n = file_row_number'",
        "rmstore import-vectors emb.npy --rewards rew.npy --dataset published --encoder gemma-2b --snapshot published",
        "rmstore import-vectors vectors.parquet --encoder bge-small --snapshot hh-bge --precision f16 \\\n"
        "--pooling cls --max-tokens 512 --match 'select response_id, embedding from file'",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--match", metavar="SQL", help="One SELECT of response_id and embedding, and reward where there is one.")
@click.option("--rewards", type=click.Path(path_type=Path), help="The .npy of rewards beside one of vectors.")
@click.option("--attribute", default="gold", show_default=True, help="What the rewards rate.")
@click.option("--encoder", required=True, metavar="NAME", help="Model that made the vectors.")
@click.option("--snapshot", required=True, metavar="NAME", help="Snapshot to make a version of.")
@click.option("--layout", type=click.Choice(["joint", "response"]), default="joint", show_default=True)
@click.option("--dataset", "datasets", multiple=True, help="Data set that the snapshot shows; all matched by default.")
@click.option("--precision", type=click.Choice(["f32", "f16", "i8"]), default="f32", show_default=True, help="Storage.")
@click.option("--weights-sha256", help="Hash of the model's weights, where known.")
@click.option("--tokenizer-sha256", help="Hash of the tokenizer, where known.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Window of the model.")
@click.option("--rendering", default="unknown", help="How prompt and response became one text.")
@click.option("--pooling", default="unknown", help="How token vectors became one, such as mean, cls, last.")
@click.option("--truncation", default="unknown", help="What was cut from longer texts, such as right.")
@click.option("--normalize/--no-normalize", default=None, help="Whether vectors have length 1; found out by default.")
@click.option("--revision", help="Revision of the model.")
@click.option("--license", "licence", help="Licence of the vectors.")
@click.option("-m", "--message", help="Note kept with the snapshot.")
@click.option("--author", help="Who imports them.")
@json_option
@click.pass_obj
def import_vectors(
    settings: Settings, file: Path, licence: str | None, datasets: tuple[str, ...], as_json: bool, **rest: Any
) -> None:
    """Take vectors that were made elsewhere, from Parquet or .npy.

    The query sees the file as the relation "file", beside the tables and macros of the store. An .npy has the
    columns file_row_number (from 0), embedding and reward; one of shape (n, k, d), which is k responses to each of
    n prompts, also has prompt_number and response_number. Such an array needs no query: without --match its
    prompts and responses get placeholders as texts, in a --dataset of their own.

    Vectors are checked before any is written, then committed in slices, so that the same command goes on where it
    was stopped. The options of the model are kept with the encoder: vectors of equal options share one.
    """
    from rmstore.cli.progress import progress

    with opened(settings, write=True) as store, progress(show=not as_json) as report:
        result = store.import_vectors(file, license=licence, datasets=datasets or None, progress=report, **rest)
    show_embed(result, as_json=as_json)


def show_embed(result: EmbedResult, *, as_json: bool) -> None:
    """Print what an embed did."""
    from rmstore.cli.output import notes, show_record

    made = result.snapshot
    record: dict[str, Any] = {"snapshot": made.reference if made else None, "is_new": result.is_new}
    if made:
        record |= {"encoder": made.encoder, "layout": made.layout, "rows": made.n_rows}
    record |= {
        "items": result.n_items, "texts": result.n_texts, "embedded": result.n_embedded,
        "truncated": result.n_truncated, "seconds": round(result.seconds, 2), "dry_run": result.dry_run,
    }  # fmt: skip
    if result.n_steps:
        record["steps"] = result.n_steps
    if result.estimate:
        record |= {"estimate": asdict(result.estimate)} if as_json else _told(result.estimate)
    if as_json:
        record["notes"] = list(result.notes)
    show_record(record, as_json=as_json)
    if not as_json:
        notes(result.notes)


def _told(estimate: EmbedEstimate) -> dict[str, str]:
    """Return an estimate for people."""
    from rmstore.cli.output import counted, duration, size

    told = {"to embed": f"{counted(estimate.n_texts, 'text')}, about {estimate.n_tokens:,} tokens"}
    if estimate.n_known:
        told["there already"] = counted(estimate.n_known, "text")
    if estimate.tokens_per_second is not None:
        low, high = duration(estimate.seconds_low), duration(estimate.seconds_high)
        told["time"] = duration(estimate.seconds) + (f" ({low} to {high})" if low != high else "")
        told["rate"] = f"{estimate.tokens_per_second:,.0f} tokens/s, measured on {counted(estimate.n_sampled, 'text')}"
    return {**told, "room": size(estimate.n_bytes)}
