"""Baselines of the report accuracy that learn, against scikit-learn, and the paired z against numpy."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lab import save_head
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from spans import paired_share
from stocking import stock

import rmstore
from rmstore import reports, snapshots
from rmstore.imports import import_vectors
from rmstore.reports.rows import same

N, DIM, FOLDS, K = 180, 6, 5, 10
MATCH = "select r.response_id, f.embedding from file as f join responses as r on r.text = f.name"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A store of 180 prompts with two responses each, random vectors of both parts, and what the tests know of it.

    Votes follow the vector of the response in part. Thirty pairs have a second vote, twenty votes are across prompts,
    one is a tie. The head ``h@1`` says nothing of what it saw, so that every vote is counted.
    """
    rng = np.random.default_rng(11)
    parts = {"joint": rng.standard_normal((2 * N, DIM)), "response": rng.standard_normal((2 * N, DIM))}
    parts = {part: vectors.astype(np.float32) for part, vectors in parts.items()}
    taste = parts["response"] @ [2, 1, 0, 0, 0, 0] + parts["joint"] @ [1, 0, 0, 0, 0, 0]
    pairs = [(2 * i, 2 * i + 1) for i in [*range(N), *range(30)]]
    pairs += [tuple(pair) for pair in rng.choice(2 * N, (20, 2), replace=False).tolist()]
    won = rng.random(len(pairs)) < 1 / (1 + np.exp([taste[b] - taste[a] for a, b in pairs]))
    votes = [(a, b) if is_first else (b, a) for (a, b), is_first in zip(pairs, won, strict=True)]
    names = [f"text {i} " + "x" * int(n) for i, n in enumerate(rng.integers(0, 40, 2 * N))]
    with rmstore.connect() as store:
        stock(store, [(f"prompt {i // 2}", name) for i, name in enumerate(names)], votes=votes)
        store.sql('update preferences set prob = 0.5 where "row" = 3')
        weights = rng.standard_normal(DIM)
        bare = None
        for part, snapshot in (("joint", "s"), ("response", "alone")):
            path = tmp_path_factory.mktemp("vectors") / f"{part}.parquet"
            column = pa.array(list(parts[part]), type=pa.list_(pa.float32()))
            pq.write_table(pa.table({"name": names, "embedding": column}), path)
            import_vectors(store, path, match=MATCH, snapshot=snapshot, encoder="m", layout=part)
            if part == "joint":
                save_head(store, snapshots.resolve(store, "s"), (), weights=(tuple(weights),))
                bare = reports.run(store, "accuracy", {"head": "h"}).table.to_pylist()
        yield store, known(store, names, parts, weights), bare


def known(store, names, parts, weights):
    """Return decided votes as arrays by name, with both baselines' guesses made anew."""
    place = {name: i for i, name in enumerate(names)}
    rows = store.rows(
        "select c.text as chosen, r.text as rejected, votes.group_id::varchar as g, votes.split, "
        "rm_fold(votes.group_id, 5) as c_fold, rm_fold(p.group_id, 5) as r_fold, "
        "_rm_hash_split(p.group_id) as r_split from rm_pairs('s') as votes "
        "join responses c on c.response_id = chosen_id join responses r on r.response_id = rejected_id "
        "join prompts p on p.prompt_id = r.prompt_id where prob > 0.5 order by preference_id"
    )
    votes = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    votes["chosen"] = np.array([place[name] for name in votes["chosen"]])
    votes["rejected"] = np.array([place[name] for name in votes["rejected"]])
    sides = np.stack([votes["chosen"], votes["rejected"]])
    folds = np.where(np.stack([votes["split"], votes["r_split"]]) == "train", [votes["c_fold"], votes["r_fold"]], -1)
    lengths = np.array([len(name) for name in names])[sides]
    votes["longest"] = 0.5 + 0.5 * np.sign(lengths[0] - lengths[1])
    votes["random"], votes["shortest"] = np.full(len(rows), 0.5), 1 - votes["longest"]
    votes["hit"] = (np.diff(parts["joint"].astype(float)[sides[::-1]] @ weights, axis=0)[0] > 0).astype(float)
    for name in ("response_only", "neighbour"):
        votes[name] = np.full(len(rows), 0.5)
    for home in range(-1, FOLDS):
        judged = (folds.max(axis=0) == home) & ((folds.min(axis=0) == -1) | (folds[0] == folds[1]))
        taught = (folds.min(axis=0) > -1) & (folds != home).all(axis=0)
        if judged.any():
            for name, learn in (("response_only", by_logistic), ("neighbour", by_neighbours)):
                values = learn(parts["response" if name == "response_only" else "joint"], sides[:, taught])
                votes[name][judged] = 0.5 + 0.5 * np.sign(np.round(np.diff(values[sides[::-1, judged]], axis=0)[0], 9))
    return votes


def by_logistic(vectors, sides):
    """A linear Bradley-Terry head whose prior gives a gap of typical length the variance 1."""
    gaps = vectors[sides[0]].astype(float) - vectors[sides[1]]
    strength = 1 / (gaps**2).sum(axis=1).mean()
    model = LogisticRegression(C=strength, fit_intercept=False, tol=1e-12, max_iter=10_000)
    model.fit(np.concatenate([gaps, -gaps]), [1] * len(gaps) + [0] * len(gaps), sample_weight=[0.5] * 2 * len(gaps))
    return vectors.astype(float) @ model.coef_[0]


def by_neighbours(vectors, sides):
    wins, played = (np.bincount(items, minlength=len(vectors)) for items in (sides[0], sides.ravel()))
    base = np.flatnonzero(played)
    nearest = NearestNeighbors(n_neighbors=K, metric="cosine", algorithm="brute").fit(vectors[base].astype(float))
    return (wins / np.maximum(played, 1))[base][nearest.kneighbors(vectors.astype(float))[1]].mean(axis=1)


def paired(votes, rows, baseline):
    """Mean difference of the head from a baseline, its z and its interval: the sandwich over groups."""
    gap, group = (votes["hit"] - votes[baseline])[rows], np.unique(votes["g"][rows], return_inverse=True)[1]
    count = group.max() + 1
    deviation = np.sqrt(count / (count - 1) * (np.bincount(group, gap - gap.mean()) ** 2).sum()) / len(gap)
    return gap.mean(), gap.mean() / deviation, *paired_share(gap.mean(), deviation**2, count)


def report(store, **params):
    return reports.run(store, "accuracy", {"head": "h", "snapshot": "s", **params}).table.to_pylist()


@pytest.mark.parametrize("split", ["test", "valid", "train", "all"])
def test_baselines_and_z_are_those_of_independent_code(lab, split):
    store, votes, _ = lab
    row = report(store, split=split)[-1]
    rows = np.isin(votes["split"], [split] if split != "all" else ["train", "valid", "test"])
    names = ("random", "longest", "shortest", "response_only", "neighbour")
    assert row["n_pairs"] == rows.sum()
    shares = {name: votes[name][rows].mean() for name in names}
    assert {name: row[name] for name in names} == pytest.approx(shares, abs=1e-9)
    assert row["accuracy"] == pytest.approx(votes["hit"][rows].mean(), abs=1e-9)
    best = max(names, key=lambda name: shares[name])
    assert (row["best_baseline"], row["policy"]) == (best, None)
    difference, z, low, high = paired(votes, rows, best)
    assert (row["difference"], row["z"]) == pytest.approx((difference, z), abs=1e-9)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((low, high), abs=1e-6)


def test_the_response_alone_is_judged_where_its_vectors_are_stored(lab):
    store, _, bare = lab
    row = report(store)[-1]
    assert (bare[-1]["response_only"], bare[-1]["neighbour"]) == (None, row["neighbour"])
    assert row["response_only"] > 0.6  # what the votes follow, mostly
    store.sql(
        "create temp table kept as from renderings; delete from renderings "
        "where part = 'response' and item_id in (select response_id from responses limit 1)"
    )
    try:
        found = report(store, split="all")[-1]
    finally:
        store.sql("delete from renderings; insert into renderings from kept; drop table kept")
    assert found["response_only"] is None and found["neighbour"] is not None


def test_what_baselines_learn_is_neither_folded_nor_filtered(lab):
    store, votes, _ = lab
    store.train("f", snapshot="s")
    folded = reports.run(store, "accuracy", {"head": "f", "snapshot": "s"}, folds=FOLDS).table.to_pylist()
    within = votes["c_fold"] == votes["r_fold"]  # the others have no head that saw neither side
    for row in folded:
        rows = within & ((votes["split"] == row["split"]) | (row["split"] == "all"))
        assert 0 < row["n_pairs"] == rows.sum()
        for name in ("response_only", "neighbour"):
            assert row[name] == pytest.approx(votes[name][rows].mean(), abs=1e-9)
    where = "rejected_chars > chosen_chars"
    found = reports.run(store, "accuracy", {"head": "h", "snapshot": "s", "split": "all"}, where=where)
    row = found.table.to_pylist()[-1]
    rows = votes["longest"] == 0
    assert (row["n_pairs"], row["longest"]) == (rows.sum(), 0)
    for name in ("response_only", "neighbour"):
        assert row[name] == pytest.approx(votes[name][rows].mean(), abs=1e-9)


def test_threads_do_not_matter(lab):
    store, _, _ = lab
    threads = store.value("select current_setting('threads')")
    store.sql("set threads = 1")
    once = report(store, split="all")
    store.sql(f"set threads = {threads}")
    assert same(report(store, split="all"), once)
