"""Every built-in report says the same of the same rows, in whatever order the tables hold them, with any threads.

One that a batch takes to stay with its snapshot (:mod:`rmstore.reports.reach`) says so beside other data sets too.

The data make a query choose: equal rewards, golds and win rates, means that are equal but for the order in which
doubles are added up, a response of several generations, data sets and subsets, several votes on a pair, prompts and
texts twice.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from arena import annotate
from benches import give_rewards, ingest_rows
from elsewhere import ingest
from lab import fill, save_head
from tracing import fill_traces, until
from wide_lab import describe, widen

import rmstore
from rmstore import reports, snapshots
from rmstore.reports import compare, execution, files, reach
from rmstore.reports.execution import Job
from rmstore.reports.inputs import Inputs
from rmstore.reports.rows import differences
from rmstore.store import quote_identifier

PROMPTS, K, DIM, LINES = 64, 6, 20, 12
SHUFFLES = (1, 2)
GOLDS = ((0.1, 0.2, 0.3), (0.3, 0.1, 0.2), (0.2, 0.2, 0.2), (0.7, 0.1, 0.1), (0.3, 0.3, 0.3), (0.1, 0.1, 0.7))
"""Ratings with two means, whose sums of doubles depend on what comes first."""
TORN = ((0.7, False), (0.6, False), (0.8, True))
"""Votes of one annotator, and which are the other way round: their mean is 0.5, or the double below it."""
POLICIES = ("one", "two", "three")
PROBS = (0.1, 0.7, 0.7, 0.2, 0.35, 0.9, 0.6, 0.55, 0.45, 0.3)
CROSS = """
    update generations set origin = 'crossed'
    where policy = 'three' and response_id in (
        select response_id from responses join prompts using (prompt_id)
        where (try_cast(right(text, 1) as integer) + try_cast(messages[1].content[2:] as integer) // 8) % 2 = 0)
"""
RESPONSES_ALONE = """
    insert into renderings by name
    select * replace ('response' as part) from renderings where encoder_id = 2 and part = 'joint'
"""
ELSEWHERE = """
    insert into step_labels by name
    select step_id, dataset_id, unnest(['human', 'judge']) as source, share as label
    from step_labels
    cross join (select unnest([0.1e0, 0.2e0, 0.3e0]) as share)
    where label = 1;
    delete from step_labels where label = 1;
    insert into datasets by name select * replace (2 as dataset_id, 'e' as name) from datasets;
    insert into generations by name select * replace (uuid() as generation_id, 2 as dataset_id) from generations;
    insert into step_labels by name select * replace (2 as dataset_id, 1 - label as label) from step_labels;
    update snapshots set datasets = ['d', 'e'];
"""


ELSEWHERE_TOO = """
    update generations
    set policy = if(response_id in (select chosen_id from preferences), 'one', 'two'), origin = 'crossed', logp = -1
    where dataset_id in (select dataset_id from datasets where starts_with(name, 'away'));
    update dataset_files set format = 'npy'
    where dataset_id = (select dataset_id from datasets where name = 'away-votes')
"""


def crowd(store, folder):
    """Responses of three generations each, a part of them in two data sets and splits, and a data set of win rates.

    Heads over vectors that are equal in twos: ``w``, its ``twin``, ``team`` of three members, and ``flat``, all zeros.
    """
    draw = np.random.default_rng(5)
    looks, answers = draw.normal(size=(PROMPTS, DIM)), draw.normal(size=(PROMPTS, K // 2, DIM))
    rows, votes, vectors, own = [], [], [], []
    for p, k, n in product(range(PROMPTS), range(K), range(3)):
        row = {
            "prompt": f"p{p}", "text": f"{'long ' * (k % 3)}text {k}", "reward": float(p * k % 3),
            "split": ("train", "train", "valid", "test")[p % 4], "dataset": "de"[p // 4 % 2],
            "subset": ("easy", "hard", None)[k % 3], "gold": GOLDS[(p + k) % len(GOLDS)][n],
            "policy": POLICIES[0 if p % 3 == 0 else {0: 0, 4: 1}.get(k, n)],
        }  # fmt: skip
        again = [{**row, "dataset": "e", "split": "train", "subset": "hard"}] if p % 8 == 3 and n == 0 else []
        rows += [row, *again]
        vectors += [answers[p, k // 2]] * (1 + len(again))
        own += [looks[p]] * (1 + len(again))
    place = {(row["prompt"], row["text"][-1]): number for number, row in enumerate(rows)}
    for p, (a, b) in product(range(PROMPTS), ((0, 1), (2, 3), (1, 5), (4, 2))):
        pair = place[f"p{p}", str(a)], place[f"p{p}", str(b)]
        votes += [(*pair[:: -1 if is_turned else 1], prob, "easy") for prob, is_turned in TORN]
        votes += [(*pair, 0.9, "hard"), (*pair[::-1], 1.0, None)][: p % 3]
    way = draw.normal(size=DIM)
    for i in range(LINES):  # the margin of w is a multiple of prob - 0.7: a correlation of 1 to rounding
        votes.append((len(rows), len(rows) + 1, 0.7 + 0.1 * (i % 3)))
        rows += [{"prompt": f"line {i}", "text": f"{side} 9", "dataset": "line", "gold": 0.5} for side in "ab"]
        vectors += [0.1 * (i % 3) * way, 0 * way]
        own += [way, way]
    groups = fill(store, rows, votes, seen=["p7"])
    store.sql("update preferences set annotator = if(subset = 'easy', 'ann', 'bob'), margin = \"row\" % 4 / 10")
    weights = tuple(draw.normal(size=DIM))
    widen(store, rows, vectors, weights, prompt_vectors=own, seen=[groups["p7"]])
    texts = {name: [row[name] for row in rows] for name in ("prompt", "text")}
    describe(store, texts, logp=draw.uniform(-9, -1, len(rows)).tolist(), n_tokens=7)
    store.sql(CROSS)
    store.sql(RESPONSES_ALONE)
    members = tuple(map(tuple, draw.normal(size=(3, DIM))))
    for name, given in {"flat": ((0.0,) * DIM,), "twin": (weights,), "team": members}.items():
        save_head(store, snapshots.resolve(store, "w"), [groups["p7"]], name=name, weights=given)
    annotate(store, folder, {name: np.roll(PROBS, n).tolist() for n, name in enumerate(POLICIES)})


def benchmarks(store, folder):
    """Items of three benchmarks with equal rewards; prompts, texts of an item and pairs of Ties are there twice."""
    pairs = [
        {"prompt": f"p{n % 7}", "chosen": f"{n % 3} good{n % 2}", "rejected": f"{n % 2} bad", "subset": subset}
        for n, subset in enumerate(["alpacaeval-easy", "hep-go", "math-prm", "donotanswer", "shp", "summarize"] * 8)
    ]  # fmt: skip
    lists = [
        {"id": n, "prompt": f"q{n % 5}", "chosen": [f"{n % 3} a", f"{n % 2} b", "1 c"],
         "rejected": ["1 c", "0 d", "0 d"], "subset": subset}
        for n, subset in enumerate(["chat", "safety-refuse", "safety-response", "code"] * 5)
    ]  # fmt: skip
    items = [
        {"id": str(n), "prompt": f"r{n % 4}", "chosen": [f"{n % 3} x"], "rejected": ["1 y", "1 y", f"{n % 2} z"],
         "num_correct": 1, "subset": subset}
        for n, subset in enumerate(["Math", "Focus", "Safety"] * 6)
    ] + [
        {"id": f"{kind}:{n % 6}", "prompt": f"{kind} {n}", "chosen": [f"{2 + n % 2} s", f"{2 + n % 3} t"][:n_right],
         "rejected": [f"{n % 4} u", "1 v"], "num_correct": n_right, "subset": "Ties"}
        for n in range(12)
        for kind, n_right in (("ref", 1), ("tied", 2))
    ]  # fmt: skip
    for name, rows in (("pairs", pairs), ("rm-bench", lists), ("rewardbench2", items)):
        ingest_rows(store, folder / f"{name}.jsonl", rows, format=name, dataset=name)
    heads = {"h": lambda _, text: float(text[0]), "other": lambda _, text: float(len(text) % 3)}
    give_rewards(store, heads, seen=["p3", "ref 2", "q4"])


def solutions(store, folder):
    """Solutions of steps that score the same; two sources agree, to rounding, on right steps, another data set not."""
    draw, given = np.random.default_rng(3), []
    for n in range(120):
        size = n % 5 + 1
        given.append({
            "prompt": f"p{n % 24}", "logits": draw.integers(-1, 2, size).astype(float).tolist(),
            "labels": until(size, -1 if n % 2 else int(draw.integers(1, size + 1))), "subset": "ab"[n % 2],
            "split": ("train", "test")[n % 24 < 16], "gold": float(n % 3),
        })  # fmt: skip
    fill_traces(store, given, seen=["p3"])
    save_head(store, snapshots.resolve(store, "s"), (), name="other", weights=((-1.0,),), objective="logistic")
    store.sql(ELSEWHERE)


H, W, FEW = {"head": "h"}, {"head": "w"}, {"replicates": 100}
NOISE = {"snapshot": "w", "repeats": 2}
CASES = [
    ("accuracy", crowd, {**W, "split": "all"}),
    ("agreement", crowd, {"snapshot": "w", **FEW}),
    ("bon", crowd, W),
    ("calibration", crowd, {**W, **FEW}),
    ("calibration-bins", crowd, W),
    ("consistency", crowd, {**W, "low": -1, "high": 1}),
    ("consistency", crowd, {**W, "low": -1, "high": 1, "attribute": "gold"}),
    ("coverage", crowd, W),
    ("coverage", crowd, {**W, "attribute": "gold", "k": 3}),
    ("data-scaling", crowd, {"snapshot": "w", "sizes": "10,20,40,80", "per_group": 3}),
    ("encoder-comparison", crowd, {"old": "s", "new": "w"}),
    ("ensembles", crowd, {"head": "team"}),
    ("ensembles-bon", crowd, {"head": "team"}),
    ("label-noise", crowd, {**NOISE, "levels": "0,0.2"}),
    ("label-noise", crowd, {**NOISE, "levels": "5,1", "attribute": "gold"}),
    ("leaderboard", crowd, {"snapshot": "w"}),
    ("leaks", crowd, {"snapshot": "w", **W, "threshold": 0.3}),
    ("length-bias", crowd, W),
    ("length-controlled-winrate", crowd, FEW),
    ("length-controlled-winrate", crowd, {**W, **FEW}),
    ("margins", crowd, {**W, "split": "all"}),
    ("overoptimisation", crowd, {**W, **FEW}),
    ("overoptimisation", crowd, {"head": "flat", **FEW}),
    ("overoptimisation-curve", crowd, {"head": "flat"}),
    ("rewardbench", benchmarks, H),
    ("rewardbench2", benchmarks, H),
    ("rm-bench", benchmarks, H),
    ("seam", crowd, W),
    ("seam", crowd, {**W, "negatives": "crossed"}),
    ("spearman", crowd, W),
    ("steps", solutions, H),
    ("steps-bon", solutions, H),
    ("steps-bon", solutions, {**H, "attribute": "gold"}),
    ("winrate", crowd, {}),
    ("winrate", crowd, W),
]
"""Report, what fills a store, and parameters."""


def shuffled(store, seed):
    """Return a store of the rows of another in an order that the seed draws."""
    other = rmstore.connect()
    with store.cursor() as source, other.cursor() as target:
        tables = source.execute("select table_name from duckdb_tables() where database_name = 'rm'").fetchall()
        for table in (f"rm.main.{quote_identifier(name)}" for (name,) in tables):
            rows = source.sql(f"select * from {table} order by hash(rowid, $seed)", params={"seed": seed})
            target.register("moved", rows.to_arrow_table())
            target.execute(f"create or replace table {table} as from moved")
    return other


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """By what fills a store: two shuffled copies, and the store itself with data sets more; made when asked for."""
    made = {}

    def get(make):
        if make not in made:
            store, folder = rmstore.connect(), tmp_path_factory.mktemp(make.__name__)
            make(store, folder)
            made[make] = [*(shuffled(store, seed) for seed in SHUFFLES), store]
            for opened, threads in zip(made[make], (4, 1, 2), strict=True):
                opened.sql(f"set threads = {threads}")
            ingest(store, folder, "away", "elsewhere")
            store.sql(ELSEWHERE_TOO)
        return made[make]

    yield get
    for opened in made.values():
        for store in opened:
            store.close()


def stays(store, report, params):
    """Return whether a batch takes a report to read nothing beyond its snapshots."""
    inputs, bound = Inputs(store), execution.prepare(store, Job(report, params))
    return reach.reach(store, inputs.functions, inputs.tables, report, bound) == "snapshots"


def units(store, report, params):
    """Return what ``--compare`` pairs of a run, by cell and group; none of a report that compares no runs."""
    if report.compare is None:
        return pa.table({})
    job = Job(report, params)
    rows = execution.units(store, job, execution.prepare(store, job)).to_pylist()
    cells = [{**row, "group_id": str(row["group_id"])} for row in rows]
    return pa.Table.from_pylist(sorted(cells, key=lambda cell: [str(value) for value in list(cell.values())[:-2]]))


@pytest.mark.parametrize(("name", "make", "params"), CASES, ids=[case[0] for case in CASES])
def test_neither_order_nor_other_data_sets_say_anything(stores, name, make, params):
    one, other, beside = stores(make)
    report = reports.get(name)
    if stays(one, report, params):
        other = beside
    expected = reports.run(one, name, params).table
    assert expected.num_rows
    assert differences(expected, reports.run(other, name, params).table) == []
    assert differences(units(one, report, params), units(other, report, params)) == []


@pytest.mark.parametrize(("name", "rival"), [("calibration-bins", "team"), ("margins", "twin"), ("spearman", "flat")])
def test_nor_where_two_heads_are_compared(stores, name, rival):
    first, *others = (reports.run(store, name, W, compare=rival).table for store in stores(crowd))
    assert first.num_rows
    assert [differences(first, table) for table in others] == [[], []]


@pytest.mark.parametrize("case", [case for case in CASES if case[0] in {"accuracy", "label-noise", "leaks"}])
def test_nor_does_a_connection_that_gives_functions_ids_as_such(stores, case):
    name, make, params = case
    one, other, _ = stores(make)
    expected = reports.run(one, name, params).table
    other.sql("set arrow_lossless_conversion = true")
    try:
        assert differences(expected, reports.run(other, name, params).table) == []
    finally:
        other.sql("reset arrow_lossless_conversion")


def test_totals_that_were_added_up_in_another_order_do_not_differ(store):
    totals = [(0.1 + 0.2) + 0.3, (0.3 + 0.2) + 0.1, 2.0]
    assert totals[0] != totals[1]
    left, right = (
        pa.table({"group_id": ["x", "y", "z"], "unit_n": [3, 3, 3], "unit_total": given})
        for given in (totals, [totals[1], totals[0], 2.0])
    )
    line = reports.get("margins").compare
    row = compare.pair(store, replace(line, keys=()), left, right).to_pylist()[0]
    assert (row["difference"], row["low"], row["high"], row["z"]) == (pytest.approx(0, abs=1e-15), None, None, None)


def test_a_curve_that_is_flat_to_rounding_has_one_exponent(store):
    query = "select _rm_power_curve($points::struct(n bigint, y double)[])"
    for noise in ((0, 0, 0, 0), (1e-16, 0, 0, 0), (0, 2e-16, -1e-16, 0), (0, 0, -2e-16, 2e-16)):
        points = [{"n": n, "y": 2 / 3 + more} for n, more in zip((10, 20, 40, 80), noise, strict=True)]
        assert store.value(query, {"points": points})["c"] == 0.02


def test_fits_that_cancel_out_have_no_peak(store):
    assert 0.1 + 0.2 - 0.3 > 0
    for fits in ("(0.1, 0.1), (0.2, 0.2), (-0.3, -0.3)", "(0.2, 0.2), (-0.3, -0.3), (0.1, 0.1)"):
        assert store.value(f"select _rm_summed_peak(a::double, b::double) from (values {fits}) as fits(a, b)") is None


def test_every_report_that_is_there_is_shuffled():
    assert {name for name, *_ in CASES} == {report.name for report in files.list_reports()}
