"""A page of every result: leaderboard, reports with tables, pictures and provenance, heads, snapshots and data sets."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rmstore import head_card, head_store, snapshots
from rmstore.datasets import list_datasets
from rmstore.errors import StoreError, UnknownNameError
from rmstore.export import replacing
from rmstore.records import Progress, silent
from rmstore.reports import batch
from rmstore.reports.headline import headline
from rmstore.reports.html import environment, render, safe
from rmstore.reports.kept import Pictures
from rmstore.reports.picture import altair
from rmstore.reports.results import Result, address, anchor, natural, read
from rmstore.reports.text import clean, column, words
from rmstore.reports.view import Cell, Head, Table, View, cell, of_rows, view
from rmstore.store import Store

PAGE = "index.html"
TABLE_ROWS = 200
"""Rows of a table on the page; the others are in its file."""


@dataclass(frozen=True)
class Site:
    """What was built.

    Attributes:
        page: the page.
        n_results: how many runs are on it.
        others: Parquet files of the folder that are no results, with why.
        notes: what the runs before it leave to do: results of what is gone, reports that are wrong.
    """

    page: Path
    n_results: int
    others: list[str]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Shown:
    """A result on the page.

    Attributes:
        anchor: its place.
        name: heads, snapshots and options.
        heads: references of its heads.
        file: address of its Parquet file.
        view: its table and texts.
        picture: its chart, None where it has none.
    """

    anchor: str
    name: str
    heads: list[str]
    file: str
    view: View
    picture: Any


@dataclass(frozen=True)
class Chapter:
    """A report with its results."""

    anchor: str
    name: str
    runs: list[Shown]


@dataclass(frozen=True)
class CardSection:
    """A section of a head's card: fields of text, and tables by name."""

    name: str
    fields: dict[str, str]
    tables: dict[str, Table]


@dataclass(frozen=True)
class Card:
    """A head: its place, its card, and a line about it."""

    anchor: str
    name: str
    line: str
    sections: list[CardSection]


def publish(
    store: Store,
    folder: str | Path,
    *,
    run: bool = True,
    heads: Sequence[str] = (),
    dirs: Sequence[str | Path] = (),
    progress: Progress = silent,
) -> Site:
    """Run the reports that have changed into a folder and write the page over them.

    Args:
        store: an open store.
        folder: takes the Parquet files and ``index.html``.
        run: call :func:`rmstore.reports.batch.run_all` first; without it the page shows what the folder has.
        heads: references of heads to run reports on; the default version of each name where there are none.
        dirs: folders with more reports.
        progress: told what is run, then what is drawn.

    Raises:
        UnknownNameError: no such head.
        StoreError: the folder has no result, or cannot be written.
        MissingPackageError: the packages that draw and lay out are not installed.
    """
    environment()  # before anything is computed
    altair()
    rows = batch.run_all(store, folder, heads=heads, dirs=dirs, progress=progress) if run else []
    notes = [f"report {row.report} is wrong: {row.reason}" for row in rows if row.state == "failed"]
    if stale := sum(row.state == "stale" for row in rows):
        notes.append(
            f"{stale} of the results show what is gone or does not apply any more; "
            f"rmstore report run --all --to {folder} --prune removes them"
        )
    return replace(build(store, Path(folder), progress=progress), notes=notes)


def build(store: Store, folder: Path, *, progress: Progress = silent) -> Site:
    """Write ``index.html`` over the results in a folder; the page appears when it is complete.

    It needs no network and no other file: links lead to the Parquet files beside it. The same results give the same
    bytes. Pictures are kept in the folder, so that the next page draws those of new results alone.

    Args:
        store: the store that the results came from; it gives cards, snapshots and data sets.
        folder: holds the results, Parquet files with provenance, in any order of folders.
        progress: told how many results are drawn.

    Raises:
        StoreError: there is no such folder, it has no result, or it cannot be written.
        MissingPackageError: the packages that draw and lay out are not installed.
    """
    if not folder.is_dir():
        raise StoreError(f"there is no folder {str(folder)!r}", hint=f"rmstore report run --all --to {folder}")
    results, others = read(folder)
    if not results:
        reason = f" ({'; '.join(others[:3])})" if others else ""
        raise StoreError(
            f"{str(folder)!r} has no results of reports{reason}",
            hint=f"rmstore report run --all --to {folder}, or rmstore report run NAME --to {folder / 'NAME.parquet'}",
        )
    pictures = Pictures(folder)
    text = page(store, results, pictures, progress=progress)
    with replacing(folder / PAGE, store.path) as part:
        part.write_text(text, encoding="utf-8")
    pictures.save()
    return Site(folder / PAGE, len(results), others)


def page(store: Store, results: Sequence[Result], pictures: Pictures, *, progress: Progress = silent) -> str:
    """Return the page over results, which are in its order."""
    with_runs, shown = [], []
    places = _anchors(results)
    for place, result in enumerate(results):
        shown.append(_shown(result, places[place], pictures))
        progress(place + 1, len(results), result.anchor)
    for name, group in itertools.groupby(zip(results, shown, strict=True), key=lambda pair: pair[0].report.name):
        with_runs.append(Chapter(anchor(name), name, [one for _, one in group]))
    heads = sorted({name for result in results for name in result.heads}, key=natural)
    return render(
        "site.html",
        title="Reward model reports",
        leaders=[chapter for chapter in with_runs if chapter.name == "leaderboard"],
        chapters=[chapter for chapter in with_runs if chapter.name != "leaderboard"],
        overview=_overview(results, places),
        heads=heads,
        cards=_cards(store, heads),
        snapshots=_snapshots(store),
        datasets=_datasets(store),
        newest=max(str(result.provenance.get("created_at", "")) for result in results)[:16].replace("T", " "),
    )


def _anchors(results: Sequence[Result]) -> list[str]:
    """Return the places of results; a run that is there again is numbered in the order of the files."""
    seen: Counter[str] = Counter()
    places = []
    for name in (result.anchor for result in results):
        seen[name] += 1
        places.append(name if seen[name] == 1 else f"{name}::{seen[name]}")
    return places


def _shown(result: Result, place: str, pictures: Pictures) -> Shown:
    found = view(result.report, result.table, result.provenance, most=TABLE_ROWS)
    picture = safe(pictures.of(result, place)) if result.report.chart else None
    return Shown(place, clean(_name(result)), result.heads, address(result.file), found, picture)


def _name(result: Result) -> str:
    """Return what tells the runs of one report apart."""
    about, on = " and ".join(result.asked), _circumstances(result)
    return f"{about} on {on}" if about and on else about or on or "the whole store"


def _circumstances(result: Result) -> str:
    """Return snapshots and options in a line."""
    return ", ".join([*result.snapshots, *(f"{words(key)} {value}" for key, value in result.options.items())])


def _overview(results: Sequence[Result], places: Sequence[str]) -> Table:
    """Return a line per run with its measure over everything, where it has one."""
    names = ("report", "head", "on", "measure", "value", "low", "high", "over", "beside it")
    columns = tuple(Head(name, name in {"value", "low", "high"}, name == "value") for name in names)
    rows = []
    for result, place in zip(results, places, strict=True):
        line = headline(result.report, result.table)
        numbers = [line.value, line.low, line.high] if line else [None] * 3
        beside = ", ".join(f"{name} {column([value])[0]}" for name, value in line.beside.items()) if line else ""
        rows.append((
            Cell(clean(result.report.name), href="#" + address(place)), _text(", ".join(result.asked)),
            _text(_circumstances(result)), _text(line.name if line else ""),
            *(cell(number, column([number])[0]) for number in numbers), _text(line.n if line else ""), _text(beside),
        ))  # fmt: skip
    return Table(columns, tuple(rows))


def _text(text: str) -> Cell:
    return Cell(clean(text), is_null=not text)


def _cards(store: Store, names: Sequence[str]) -> list[Card]:
    """Return the cards of heads; one that is not in the store is named alone."""
    cards = []
    for name in names:
        try:
            info = head_store.resolve(store, name)
            card: Mapping[str, Mapping[str, Any]] = head_card.card(store, info.reference)
        except UnknownNameError:
            cards.append(Card(f"head:{anchor(name)}", clean(name), "not in this store", []))
            continue
        line = f"{info.kind}, {info.objective}, {info.created_at[:10]}"
        cards.append(Card(f"head:{anchor(name)}", clean(name), line, [_section(*part) for part in card.items()]))
    return cards


def _section(name: str, fields: Mapping[str, Any]) -> CardSection:
    tables = {key: value for key, value in fields.items() if isinstance(value, list) and value and _is_rows(value)}
    plain = {words(key): _plain(value) for key, value in fields.items() if key not in tables}
    return CardSection(
        words(name),
        plain,
        {words(key): of_rows(rows, file_names={"source"} & rows[0].keys()) for key, rows in tables.items()},
    )


def _is_rows(value: Sequence[Any]) -> bool:
    return all(isinstance(entry, Mapping) for entry in value)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(entry) for entry in value) or "none"
    return column([value])[0] or "unknown"


def _snapshots(store: Store) -> Table:
    return of_rows([
        {
            "snapshot": info.reference, "responses": info.n_rows, "withdrawn": info.n_withdrawn,
            "data sets": ", ".join(info.datasets), "filter": info.where, "encoder": info.encoder, "dim": info.dim,
            "precision": info.precision, "layout": info.layout, "fingerprint": info.fingerprint,
            "made": info.created_at[:19],
        }
        for info in snapshots.list_snapshots(store)
    ])  # fmt: skip


def _datasets(store: Store) -> Table:
    return of_rows(list_datasets(store), file_names={"source"})
