"""What the kill tests run and kill: small operations on prepared stores, also as a worker process.

``python operations.py NAME`` runs an operation on ``lab.duckdb`` in the current folder. It says ``ready`` when the
work begins and ``done`` when the store is closed again, so that a parent knows when to kill and whether it hit. All
paths are relative, so that copies of a folder end up with the same content.
"""

from __future__ import annotations

import gzip
import importlib
import json
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import rmstore

STORE = "lab.duckdb"
LEGACY = Path(__file__).parents[1] / "legacy" / "0.1.0.duckdb.gz"
WORDS = ("a", "on", "the", "rain", "river", "bridge", "morning", "darkness", "afternoons", "wilderness")
PARTS, PAIRS = 5, 160
"""Files of the data set ``d``, and pairs in each."""


@dataclass(frozen=True)
class Operation:
    """Something that is killed.

    Attributes:
        start: the prepared folder that it begins with.
        run: the work; the store is opened for it unless ``opens`` is true.
        needs: modules loaded before the work begins, so that kills hit the work and not the loading.
        opens: it opens or makes the store by itself.
    """

    start: str
    run: Callable[..., object]
    needs: tuple[str, ...] = ()
    opens: bool = False


def write_pairs(path: Path, n: int, *, seed: int, prompts: str = "question") -> None:
    """Write n pairs, two to a prompt, whose chosen answers are longer most of the time."""
    draw = random.Random(seed)

    def words(low: int, high: int) -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(low, high)))

    rows = [
        {"prompt": f"{prompts} {seed} {number // 2}", "chosen": words(4, 12), "rejected": words(2, 9)}
        for number in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _empty() -> None:
    Path("parts").mkdir()
    for part in range(PARTS):
        path = Path("parts") / f"{part}.jsonl"
        write_pairs(path, PAIRS, seed=part)
        path.write_text(path.read_text(encoding="utf-8") + f'{{"prompt": "bad row of {part}"}}\n', encoding="utf-8")


def _fresh() -> None:
    _empty()
    with rmstore.connect(STORE):
        pass


def _ingested() -> None:
    _fresh()
    with rmstore.connect(STORE) as store:
        _ingest(store)


def _embedded() -> None:
    _ingested()
    with rmstore.connect(STORE) as store:
        _embed(store)


def _trained() -> None:
    _embedded()
    with rmstore.connect(STORE) as store:
        store.train("helpful", snapshot="s")
        store.train("helpful", snapshot="s", members=3, merge="weights")
        store.export_head("helpful@2", "folder")


def _shared() -> None:
    """Another data set holds some of the same prompts and answers, and a snapshot holds both."""
    _embedded()
    with rmstore.connect(STORE) as store:
        store.ingest("parts/0.jsonl", format="pairs", dataset="other", on_error="skip", rejects="others.jsonl")
        store.embed(["d", "other"], snapshot="both", encoder="toy")


def _measured() -> None:
    """Vectors that another program made of the same answers."""
    _embedded()
    with rmstore.connect(STORE) as store:
        store.export("select response_id, embedding::float[] as embedding from rm_rows('s')", "vectors.parquet")


def _replaced() -> None:
    """A snapshot with an older version, and vectors that only a dropped snapshot held."""
    _embedded()
    with rmstore.connect(STORE) as store:
        store.embed("d", encoder="toy", snapshot="s", where="n_chars > 30")
        store.embed("d", encoder="toy:24", snapshot="spare", layout="joint")
        store.drop_snapshot("spare@1", force=True)


def _abroad() -> None:
    """The snapshot of another store, as a folder beside an empty one."""
    _embedded()
    with rmstore.connect(STORE) as store:
        store.export_snapshot("s", "folder")
    Path(STORE).unlink()
    with rmstore.connect(STORE):
        pass


def _legacy() -> None:
    Path(STORE).write_bytes(gzip.decompress(LEGACY.read_bytes()))


STARTS = {
    "empty": _empty,
    "fresh": _fresh,
    "ingested": _ingested,
    "embedded": _embedded,
    "trained": _trained,
    "shared": _shared,
    "measured": _measured,
    "replaced": _replaced,
    "abroad": _abroad,
    "legacy": _legacy,
}


def _init() -> None:
    with rmstore.connect(STORE):
        pass


def _ingest(store: rmstore.Store) -> None:
    store.ingest("parts/*.jsonl", format="pairs", dataset="d", license="MIT", on_error="skip", rejects="rejected.jsonl")


def _embed(store: rmstore.Store) -> None:
    store.embed("d", encoder="toy", snapshot="s", batch_size=100)


def _snapshot(store: rmstore.Store) -> None:
    store.embed("d", encoder="toy", snapshot="long", where="n_chars > 30", message="long ones")
    store.tag_snapshot("long@1", "paper")
    store.embed("d", encoder="toy", snapshot="prompts", layout="prompt||response", batch_size=100)


def _snapshot_export(store: rmstore.Store) -> None:
    store.export_snapshot("s", "out", force=True)


def _snapshot_import(store: rmstore.Store) -> None:
    store.import_snapshot("folder", name="taken")


def _reembed(store: rmstore.Store) -> None:
    store.reembed("s", encoder="toy:12", batch_size=100)


def _import_vectors(store: rmstore.Store) -> None:
    match = "select response_id, embedding from file"
    store.import_vectors("vectors.parquet", match=match, snapshot="taken", encoder="elsewhere", precision="f16")


def _restore(store: rmstore.Store) -> None:
    store.restore_snapshot("s@1")


def _gc(store: rmstore.Store) -> None:
    store.gc()


def _compact(store: rmstore.Store) -> None:
    store.gc(compact=True)


def _train_linear(store: rmstore.Store) -> None:
    store.train("helpful", snapshot="s", members=4)
    store.deploy_head("helpful@1")


def _train_mlp(store: rmstore.Store) -> None:
    store.train("deep", snapshot="s", head="mlp", members=3, options={"epochs": 4, "hidden": [16]})


def _head_import(store: rmstore.Store) -> None:
    store.import_head("folder", name="imported")


def _head_export(store: rmstore.Store) -> None:
    store.export_head("helpful@2", "out", force=True)
    store.export_head("helpful@1", "helpful.sql", force=True)


def _score(store: rmstore.Store) -> None:
    store.score("helpful@1", snapshot="s", to="scores.parquet")


def _drop_dataset(store: rmstore.Store) -> None:
    if any(row["name"] == "d" and not row["is_dropped"] for row in store.run("embedding/datasets")):
        store.drop_dataset("d", force=True)


OPERATIONS = {
    "init": Operation("empty", _init, opens=True),
    "ingest": Operation("fresh", _ingest),
    "embed": Operation("ingested", _embed),
    "snapshot-create": Operation("embedded", _snapshot),
    "snapshot-restore": Operation("replaced", _restore),
    "snapshot-export": Operation("embedded", _snapshot_export),
    "snapshot-import": Operation("abroad", _snapshot_import),
    "reembed": Operation("embedded", _reembed),
    "import-vectors": Operation("measured", _import_vectors),
    "gc": Operation("replaced", _gc),
    "gc-compact": Operation("replaced", _compact),
    "train-linear": Operation("embedded", _train_linear, needs=("scipy.optimize",)),
    "train-mlp": Operation("embedded", _train_mlp, needs=("torch",)),
    "head-export": Operation("trained", _head_export),
    "head-import": Operation("trained", _head_import),
    "score": Operation("trained", _score),
    "dataset-drop": Operation("shared", _drop_dataset),
    "migrate": Operation("legacy", _init, opens=True),
}


def perform(name: str, *, small_log: bool = False, said: Callable[[str], object] = lambda word: None) -> None:
    """Run an operation in the current folder.

    Args:
        name: which.
        small_log: have the engine write a checkpoint after every few commits instead of after 16 MB.
        said: told ``ready`` and ``done``.
    """
    operation = OPERATIONS[name]
    for module in operation.needs:
        importlib.import_module(module)
    if operation.opens:
        said("ready")
        operation.run()
    else:
        with rmstore.connect(STORE) as store:
            if small_log:
                store.sql("set wal_autocheckpoint = '16KB'")
            said("ready")
            operation.run(store)
    said("done")


def _say(word: str) -> None:
    sys.stdout.write(f"{word} {time.monotonic()}\n")
    sys.stdout.flush()


def _main(name: str, *settings: str) -> int:
    """Run an operation as a command does: an RmstoreError is told with its type, anything else is a traceback."""
    for setting in settings:
        if setting.startswith("file-limit="):
            limit = int(setting.partition("=")[2])
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        perform(name, small_log="small-log" in settings, said=_say)
    except rmstore.RmstoreError as problem:
        sys.stderr.write(f"{type(problem).__name__}: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
