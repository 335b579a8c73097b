"""Does an ensemble of reward heads help? The case study of README.md, on the responses of AlpacaEval.

python benchmarks/ensembles/run.py DATA [--to build/ensembles]

DATA is the folder with alpaca_eval and embeddings. Every cell (annotator, pair scheme, seed, head, objective) becomes
one Parquet file under --to; a run that was stopped goes on where it was. Numbers come from sql/; this file loops and
draws.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import rmstore
from rmstore.export import export

HERE = Path(__file__).parent
QUALITIES = (10.0, 1.0, 0.1, 3.0, 0.5, 0.3, 5.0, 0.7, 0.01, 0.001)
"""The annotator's grid of arXiv 2502.04357, far apart first, so that a run that is cut short still spans it."""
FOLDS, MEMBERS, PER_PROMPT, REPLICATES = 5, 5, 10, 1000
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@dataclass(frozen=True)
class Way:
    """How a head kind becomes an ensemble.

    Attributes:
        options: of the head.
        shares_votes: members differ by seed alone, so the first of them is what one head would be.
        merges: its members can be averaged by weights into another head than their mean (WARM).
    """

    options: Mapping[str, Any]
    shares_votes: bool
    merges: bool = False


WAYS = {
    "linear": Way({"diversity": "bootstrap"}, shares_votes=False),
    "mlp": Way({"diversity": "seed", "hidden": [64]}, shares_votes=True, merges=True),
    "lightgbm": Way({"diversity": "seed", "threads": 1}, shares_votes=True),
}
OBJECTIVES = ("bt", "classification")


@dataclass(frozen=True)
class Cell:
    """One ensemble: what is annotated, how, and what learns from it. The seed is also the fold that is held out."""

    scheme: str
    quality: float
    seed: int
    head: str
    objective: str

    @property
    def name(self) -> str:
        """Name of its file and its heads."""
        return f"{self.scheme}-q{self.quality:g}-seed{self.seed}-{self.head}-{self.objective}"


def grid(
    qualities: Sequence[float] = QUALITIES, seeds: Sequence[int] = range(FOLDS), heads: Iterable[str] = WAYS
) -> Iterator[Cell]:
    """Yield the cells; those that share votes come one after the other."""
    for quality, seed, scheme, head, objective in product(qualities, seeds, ("within", "across"), heads, OBJECTIVES):
        yield Cell(scheme, quality, seed, head, objective)


class Study:
    """The study in one store and one folder.

    Args:
        store: an open store.
        snapshot: the responses, of which those with a rating ``gold`` count.
        folder: where the files go.
        folds: parts of the prompts, of which each cell holds one out.
        per_prompt: pairs that the annotator sees of each prompt.
    """

    def __init__(
        self,
        store: rmstore.Store,
        snapshot: str,
        folder: Path,
        *,
        folds: int = FOLDS,
        per_prompt: int = PER_PROMPT,
    ) -> None:
        self.store, self.snapshot, self.folds, self.per_prompt = store, snapshot, folds, per_prompt
        self.folder, self.cells = folder, folder / "cells"
        self.cells.mkdir(parents=True, exist_ok=True)
        self._voted: tuple[str, float, int] | None = None
        store.make_macros("report_macros")
        store.sql("attach if not exists ':memory:' as study")
        self.run("candidates", snapshot=snapshot, folds=folds)

    def run(self, name: str, /, **params: Any) -> Any:
        """Run ``sql/<name>.sql`` and return its result."""
        return self.store.sql(query(name), params or None)

    def compute(self, cell: Cell) -> float:
        """Compute a cell whose file is not there, write it, and return the seconds that took."""
        file, began = self.cells / f"{cell.name}.parquet", time.perf_counter()
        if file.exists():
            return 0.0
        self._vote(cell)
        heads = self._train(cell)
        self.run("rewards", fold=cell.seed, **heads)
        self.run("prompt_scores")
        seconds = time.perf_counter() - began
        self.run("facts", fold=cell.seed, seconds=seconds, **vars(cell), **heads)
        for head in filter(None, heads.values()):
            self.store.drop_head(head)
        export(self.store, query("cell"), file)
        return seconds

    def baselines(self) -> None:
        """Score what needs no head."""
        self.run("baselines")
        self.run("prompt_scores")
        export(self.store, query("baseline_cell"), self.cells / "baselines.parquet")

    def summarise(self, replicates: int = REPLICATES) -> None:
        """Write results.csv, summary.csv, tables.md and chart.svg from the cells that are there."""
        self.run("scores", files=str(self.cells / "*.parquet"))
        for name in ("configs", "sums"):
            self.run(name)
        self.run("resamples", replicates=replicates)
        for name in ("replicates", "gaps", "summary"):
            self.run(name)
        export(self.store, query("results"), self.folder / "results.csv")
        export(self.store, "from study.summary", self.folder / "summary.csv")
        tables = (self.run(f"table_{name}") for name in ("levels", "gains"))
        (self.folder / "tables.md").write_text("\n".join(map(markdown, tables)), encoding="utf-8")
        draw(self.store.rows(query("chart")), self.folder / "chart.svg")

    def _vote(self, cell: Cell) -> None:
        wanted = (cell.scheme, cell.quality, cell.seed)
        if self._voted != wanted:
            self.run("votes", snapshot=self.snapshot, quality=cell.quality, across=cell.scheme == "across",
                     per_prompt=self.per_prompt, seed=cell.seed, fold=cell.seed, folds=self.folds)  # fmt: skip
            self._voted = wanted

    def _train(self, cell: Cell) -> dict[str, str | None]:
        """Train the heads of a cell and return their names, None for one that it has no need of."""
        way = WAYS[cell.head]
        heads: dict[str, str | None] = {"ensemble": f"{cell.name}/ensemble", "single": None, "merged": None}
        self._fit(cell, f"{cell.name}/ensemble", MEMBERS)
        if not way.shares_votes:
            heads["single"] = f"{cell.name}/single"
            self._fit(cell, f"{cell.name}/single", 1)
        if way.merges:
            heads["merged"] = f"{cell.name}/merged"
            self._fit(cell, f"{cell.name}/merged", MEMBERS, merge="weights")
        return heads

    def _fit(self, cell: Cell, name: str, members: int, *, merge: str | None = None) -> None:
        self.run("train", name=name, snapshot=self.snapshot, head=cell.head, objective=cell.objective, members=members,
                 merge=merge, seed=cell.seed, options=json.dumps(WAYS[cell.head].options))  # fmt: skip


def query(name: str) -> str:
    """Return ``sql/<name>.sql``."""
    return (HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def markdown(result: Any) -> str:
    """Return a query's result as a Markdown table, NULL as nothing."""
    rows = [result.columns, ["---"] * len(result.columns), *result.fetchall()]
    return "".join("| " + " | ".join("" if value is None else value.strip() for value in row) + " |\n" for row in rows)


def bring(store: rmstore.Store, data: Path) -> None:
    """Ingest the comparisons and import the published vectors, without the models that play the judge."""
    store.ingest(
        str(data / "alpaca_eval/results/*/weighted_alpaca_eval_gpt4_turbo/annotations.json.gz"),
        format="alpaca-eval", dataset="alpaca", license="CC BY-NC 4.0",
    )  # fmt: skip
    store.import_vectors(
        data / "embeddings/alpaca_eval.parquet", encoder="all-MiniLM-L6-v2-right-cut", snapshot="alpaca",
        datasets="alpaca", weights_sha256=WEIGHTS_SHA256, match=query("match"),
    )  # fmt: skip


def draw(rows: list[dict[str, Any]], file: Path) -> None:
    """Draw the gains over one head by label error: a column per head kind, a row per metric."""
    import altair as alt

    names = {"mean": "mean", "wco": "worst case", "uwo": "mean - variance / 2", "warm": "averaged weights (WARM)"}
    colours = alt.Scale(domain=list(names.values()), range=["#0072B2", "#D55E00", "#009E73", "#CC79A7"])  # Okabe-Ito
    shapes = alt.Scale(domain=list(names.values()), range=["circle", "triangle-down", "square", "diamond"])
    zero = alt.Chart(alt.Data(values=[{"y": 0}])).mark_rule(color="#555555", strokeDash=[3, 3]).encode(y="y:Q")

    def panel(head: str, metric: str, title: str, form: str) -> alt.LayerChart:
        own = [row | {"way": names[row["method"]]} for row in rows if (row["head"], row["metric"]) == (head, metric)]
        base = alt.Chart(alt.Data(values=own), title=f"{head}: {title}", width=250, height=180).encode(
            x=alt.X(
                "label_error:Q", title="votes against gold", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 0.5])
            ),
            color=alt.Color("way:N", scale=colours, title="ensemble as"),
        )
        values = alt.Y("gain:Q", title="gain over one head", axis=alt.Axis(format=form))
        return alt.layer(
            zero,
            base.mark_rule(opacity=0.4, strokeWidth=2).encode(y="low:Q", y2="high:Q"),
            base.mark_line().encode(y=values),
            base.mark_point(filled=True, opacity=1, size=45).encode(
                y=values, shape=alt.Shape("way:N", scale=shapes, title="ensemble as")
            ),
        )

    metrics = (("accuracy", "accuracy", "+.0%"), ("bon_10", "gold, best of 10", "+.1f"))
    panels = [alt.hconcat(*(panel(head, *metric) for head in WAYS)).resolve_scale(y="shared") for metric in metrics]
    chart = alt.vconcat(*panels).configure_legend(orient="bottom", symbolOpacity=1)
    chart.configure_view(stroke="#dddddd").save(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--to", type=Path, default=Path("build/ensembles"))
    parser.add_argument("--qualities", type=float, nargs="*", default=QUALITIES, help="another grid")
    parser.add_argument("--seeds", type=int, default=FOLDS, help="fewer seeds, so that some prompts are not tested")
    parser.add_argument("--heads", nargs="*", choices=WAYS, default=list(WAYS))
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    with rmstore.connect(given.to / "store.duckdb") as store:
        bring(store, given.data)
        study = Study(store, "alpaca", given.to)
        cells, spent = list(grid(given.qualities, range(given.seeds), given.heads)), 0.0
        study.baselines()
        for number, cell in enumerate(cells, start=1):
            seconds = study.compute(cell)
            spent += seconds
            print(f"{number}/{len(cells)} {cell.name}: {seconds:.1f} s, {spent:.0f} s in all", flush=True)
        study.summarise()


if __name__ == "__main__":
    main()
