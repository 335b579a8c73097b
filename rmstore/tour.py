"""The tour behind ``rmstore demo``: every step is shown as it would be typed, then run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

import rmstore
from rmstore.cli.output import print_table
from rmstore.cli.progress import progress
from rmstore.encoders import DEFAULT
from rmstore.store import statement

if TYPE_CHECKING:
    from rmstore.api import Store

HEADS = ("linear", "mlp", "lightgbm")
BASELINES = ("policy", "longest", "shortest", "random")
FOLDS = 5


@dataclass(frozen=True)
class Tour:
    """Where the tour runs and where it prints."""

    folder: Path
    store: Store
    console: Console

    def say(self, title: str, text: str) -> None:
        """Print the heading of a step and what it does."""
        self.console.print()
        self.console.rule(title, align="left", style="cyan")
        self.console.print(text, highlight=False)

    def show_command(self, line: str) -> None:
        """Print a command line that does what is done next."""
        self.console.print(f"\n  $ {line}", style="bold", highlight=False, markup=False, soft_wrap=True)

    def query(self, name: str) -> list[dict[str, Any]]:
        """Show a statement of sql/queries/tour, run it and print its rows."""
        text = statement(f"tour/{name}").strip()
        self.show_sql(text)
        relation = self.store.sql(text)
        rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        self.table(rows)
        return rows

    def show_sql(self, text: str) -> None:
        """Print SQL, coloured on a terminal."""
        self.console.print()
        if self.console.is_terminal:
            from rich.padding import Padding
            from rich.syntax import Syntax

            self.console.print(Padding(Syntax(text, "sql", background_color="default", word_wrap=True), (0, 0, 0, 2)))
        else:
            for line in text.splitlines():
                self.console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)

    def table(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Print rows as a table."""
        self.console.print()
        if rows:
            print_table(rows, list(rows[0]))

    def step(self, work: Callable[[], Any]) -> Any:
        """Do the work of a step and say how long it took."""
        began = time.perf_counter()
        result = work()
        self.console.print(f"  {time.perf_counter() - began:.1f} s", style="dim", highlight=False)
        return result


def run(folder: Path, *, encoder: str = DEFAULT) -> None:
    """Run the tour in a folder; what an earlier run left there is found and not done again."""
    began = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tour.duckdb"
    console = Console(file=sys.stdout)
    was_there = path.exists()
    with rmstore.connect(path) as store, store.interruptible():
        tour = Tour(folder, store, console)
        tour.say("1  A store", "One DuckDB file holds everything that follows.")
        tour.show_command(f"rmstore --store {path} init")
        console.print(f"\n  {path}: {'there already, from an earlier run' if was_there else 'an empty store'}")
        _ingest(tour)
        _prefer(tour)
        _embed(tour, encoder)
        _train(tour)
        _ask(tour)
        _compare(tour)
        _farewell(tour, time.perf_counter() - began)


def _ingest(tour: Tour) -> None:
    tour.say(
        "2  Data", "128 prompts with four answers each, written and rated for this tour (data card: rmstore/data/tour)."
    )
    tour.show_command("rmstore ingest responses.jsonl --format responses --dataset tour -o subset_column=topic")
    with as_file(files("rmstore") / "data" / "tour" / "responses.jsonl") as file:
        _bring(tour, file, format="responses", license="Apache-2.0", options={"subset_column": "topic"})


def _prefer(tour: Tour) -> None:
    tour.say(
        "3  Preferences",
        "Nobody voted on pairs here, so SQL makes the votes: of two answers to a prompt, the one with the higher gold "
        "rating wins. They are marked as what they are, simulated.",
    )
    query, file = statement("tour/pairs").strip(), tour.folder / "pairs.jsonl"
    tour.show_sql(query)
    tour.show_command(f"rmstore query - --to {file} < pairs.sql")
    tour.show_command(f"rmstore ingest {file} --format pairs --dataset tour --source-kind simulated")
    tour.store.export(query, file)
    _bring(tour, file, format="pairs", source_kind="simulated")


def _bring(tour: Tour, file: Path, **options: Any) -> None:
    result = tour.step(lambda: tour.store.ingest(file, dataset="tour", **options)).files[0]
    row = {"rows": result.n_rows, "new prompts": result.n_prompts, "new responses": result.n_responses}
    tour.table([{**row, "new preferences": result.n_preferences, "new ratings": result.n_ratings}])


def _embed(tour: Tour, encoder: str) -> None:
    tour.say(
        "4  Embeddings",
        f"{encoder} reads every prompt with each of its answers, and a snapshot freezes the result. This is the "
        "slow step, and it happens once.",
    )
    tour.show_command(f"rmstore embed tour --encoder {encoder} --snapshot tour --layout joint")

    def work() -> Any:
        with progress() as report:
            return tour.store.embed("tour", encoder=encoder, snapshot="tour", layout="joint", progress=report)

    result = tour.step(work)
    made = result.snapshot
    tour.table(
        [{"snapshot": made.reference, "layout": made.layout, "rows": made.n_rows, "texts": result.n_texts,
          "embedded now": result.n_embedded}]
    )  # fmt: skip
    tour.console.print("\n  The split is part of the data: all answers to one prompt fall on the same side.")
    tour.query("splits")


def _train(tour: Tour) -> None:
    tour.say(
        "5  Reward heads, trained in SQL",
        "rm_train is used like an aggregate, here with one head per group. Training rows fit a head, validation rows "
        "tune and stop it, test rows only measure it. Shown: shares of pairs whose preferred answer gets more reward.",
    )
    tour.step(lambda: tour.query("train"))


def _ask(tour: Tour) -> None:
    tour.say(
        "6  Rewards, queried with SQL",
        "The answers to one prompt that no head was trained on, by reward: their gold rating, and the chance that the "
        "first of the list is preferred to each.",
    )
    tour.query("ask")
    tour.console.print("\n  Twelve test prompts say little. Five heads, each trained without a fifth of the prompts:")
    tour.step(lambda: tour.query("folds"))
    tour.console.print("\n  Best of four: each prompt's answer with the highest reward, by the head that never saw it.")
    tour.query("best_of_4")


def _compare(tour: Tour) -> None:
    tour.say(
        "7  A leaderboard",
        f"How often does a head rank the preferred answer first? In {FOLDS} folds every prompt is scored by a head "
        "that was trained without it. Baselines: the policy that wins more often in training, the longer answer, "
        "the shorter one, a coin.",
    )
    best: dict[str, dict[str, Any]] = {}
    rows = []
    for kind in HEADS:
        file = tour.folder / f"accuracy-{kind}.parquet"
        best[kind] = _total(_report(tour, "accuracy", kind, file))
        rows.append({"ranks by": f"{kind} head", "accuracy": best[kind]["accuracy"], "low": best[kind]["low"],
                     "high": best[kind]["high"], "pairs": best[kind]["n_pairs"]})  # fmt: skip
    total = best[HEADS[0]]
    rows += [{"ranks by": name, "accuracy": total[name], "low": None, "high": None, "pairs": total["n_pairs"]}
             for name in BASELINES]  # fmt: skip
    rounded = [{key: _short(value) for key, value in row.items()} for row in rows]
    tour.table(sorted(rounded, key=lambda row: -row["accuracy"]))
    tour.console.print(
        "\n  low and high: a 95 % interval that counts pairs of one prompt as what they are worth together."
    )
    kind = max(HEADS, key=lambda kind: best[kind]["accuracy"])
    file = tour.folder / "best_of_n.parquet"
    tour.console.print(f"\n  What the {kind} head's choice among n answers is worth in gold, exactly, for every n:")
    columns = ("n", "n_prompts", "gold", "low", "high", "random", "longest", "oracle")
    tour.table([{name: _short(row[name]) for name in columns} for row in _report(tour, "bon", kind, file)])


def _report(tour: Tour, name: str, kind: str, file: Path) -> list[dict[str, Any]]:
    """Run a report on the tour's head of a kind, by folds, and return its rows."""
    tour.show_command(f"rmstore report run {name} --head tour-{kind} --snapshot tour --folds {FOLDS} --to {file}")
    values = {"head": f"tour-{kind}@1", "snapshot": "tour@1"}
    result = tour.step(lambda: tour.store.report(name, folds=FOLDS, to=file, **values))
    rows: list[dict[str, Any]] = result.table.to_pylist()
    return rows


def _total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of a report over all data sets, subsets and splits."""
    return next(row for row in rows if row["dataset"] == row["subset"] == row["split"] == "all")


def _short(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def _farewell(tour: Tour, seconds: float) -> None:
    path = tour.store.path
    tour.say(
        "Done", f"{seconds:.0f} s in all. In {tour.folder} are the store, the pairs, and a Parquet report per head."
    )
    tour.console.print("\n  Go on:", highlight=False)
    for line in (
        f"rmstore --store {path} shell",
        f"rmstore --store {path} status",
        f"rmstore --store {path} report list",
        f"rmstore --store {path} score tour-mlp --snapshot tour --to rewards.parquet",
        f'python -c "import duckdb; print(duckdb.sql(\\"from \'{tour.folder}/accuracy-linear.parquet\'\\"))"',
    ):
        tour.show_command(line)
