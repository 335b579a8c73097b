"""What is fuzzed: an ingest of any format, an import of a head folder, an import of a snapshot folder.

Every target makes its input from bytes, so that hypothesis and atheris drive the same code. Only an RmstoreError may
come out, the store must be sound afterwards, and the only files that appear are side files.
"""

import hashlib
import json
import shutil
from contextlib import suppress
from pathlib import Path

import rmstore
from rmstore import doctor
from rmstore.errors import RmstoreError

DATA = Path(__file__).parent.parent / "data"
SAMPLES = {
    "alpaca-eval": ["alpaca_same_outputs.json", "alpaca_missing_keys.json"],
    "hh": ["hh_differing_prompts.jsonl", "hh_empty_response.jsonl", "hh_inline_human.jsonl"],
    "llmbar": ["llmbar_same_outputs.json"],
    "pairs": [],
    "pandalm": ["pandalm_testset.json"],
    "qa-feedback": ["qa_feedback.json"],
    "ratings": ["helpsteer.jsonl", "ultrafeedback.jsonl", "unieval.json"],
    "responses": ["responses_flat.jsonl", "responses_many.jsonl"],
    "rewardbench2": ["rewardbench2.jsonl"],
    "rm-bench": ["rm_bench_repeated_text.json"],
    "steps": ["mistakes.jsonl"],
}
PAIRS = [
    {"prompt": "p", "chosen": "good", "rejected": "bad", "margin": 0.5, "prob": 0.75, "weight": 2, "annotator": "a",
     "subset": "s", "split": "test", "chosen_logp": -3.5, "score_chosen": 1.0, "source": "judge"},
    {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
     "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]},
]  # fmt: skip


def _deep(n):
    value = []
    for _ in range(n):
        value = [value]
    return value


ODD = [
    None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**40, 1e308, -1e308, 5e-324, float("nan"), float("inf"), "",
    " ", "\x00", "\n\n", "'; drop table prompts; --", '"', "../../x", "/etc/passwd", "${HOME}", "{table}", "$sample",
    "\u202e\u200b\ufeff", "\ud800", "😀" * 9, "e\u0301", "x" * 10_000, "NaN", "1e999", "null", "[]", '{"a": 1}', [], {},
    [[]], [None], {"": ""}, {"role": "user"}, [{"role": "user", "content": None}], [{"role": 1, "content": {}}],
    [{"role": "system", "content": ""}] * 40, _deep(60), {"__class__": "os.system", "args": ["touch hacked"]},
    "\n\nHuman: \n\nAssistant: ", "\n\nAssistant: ", {"a/b~c": {"~1": 1}}, ["a", 1, None, {}],
]  # fmt: skip


class Source:
    """Decisions drawn from bytes; zero when they are used up."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def below(self, n):
        """Return a number from 0 to n - 1."""
        self.place += 2
        return int.from_bytes(self.data[self.place - 2 : self.place], "big") % n

    def choice(self, items):
        return items[self.below(len(items))]

    def rest(self):
        return self.data[self.place :]


def mutated(value, source):
    """Return a value with something in it replaced, taken away, repeated, renamed or moved."""
    if isinstance(value, dict) and value and source.below(4):
        key = source.choice(sorted(value, key=str))
        action, changed = source.below(8), dict(value)
        if action == 0:
            del changed[key]
        elif action == 1:
            changed[str(source.choice(ODD))[:99]] = changed.pop(key)
        else:
            changed[key] = mutated(value[key], source)
        return changed
    if isinstance(value, list) and value and source.below(4):
        place, action = source.below(len(value)), source.below(6)
        if action == 0:
            return value[:place] + value[place + 1 :]
        if action == 1:
            return value + [value[place]] * (1 + source.below(3))
        return [*value[:place], mutated(value[place], source), *value[place + 1 :]]
    return source.choice(ODD)


def samples(name):
    """Return the rows that a format is known to take."""
    if name == "pairs":
        return PAIRS
    rows = []
    for file in SAMPLES[name]:
        text = (DATA / file).read_text(encoding="utf-8")
        rows += json.loads(text) if file.endswith(".json") else [json.loads(line) for line in text.splitlines()]
    return rows


def spoiled(data, source):
    """Return bytes with some of them changed, taken away, or put in."""
    data = bytearray(data)
    for _ in range(source.below(5)):
        place, action = source.below(max(1, len(data))), source.below(3)
        if action == 0 and data:
            data[place % len(data)] = source.below(256)
        elif action == 1:
            del data[place : place + 1 + source.below(30)]
        else:
            data[place:place] = bytes(source.below(256) for _ in range(1 + source.below(4)))
    return bytes(data)


def outcome(call):
    """Return what a call gives, or None where it refuses; anything but an RmstoreError goes on."""
    with suppress(RmstoreError):
        return call()
    return None


def check_sound(store):
    """Fail where the doctor finds damage."""
    wrong = [(finding.check, finding.examples) for finding in doctor.check(store, everything=True) if finding.is_wrong]
    assert not wrong, wrong


def ingest(store, folder, data):
    """Ingest one file made from bytes, in a folder that is empty."""
    source = Source(data)
    name = source.choice(sorted(SAMPLES))
    ending, on_error = source.choice([".jsonl", ".json", ".csv", ".jsonl.gz"]), source.choice(["abort", "skip"])
    kind = source.below(4)
    if kind == 0:
        content = source.rest()
    else:
        rows = list(samples(name))
        for _ in range(1 + source.below(4)):
            rows = mutated(rows, source) if source.below(8) == 0 and kind == 1 else rows
            if isinstance(rows, list) and rows:
                place = source.below(len(rows))
                rows[place] = mutated(rows[place], source)
        content = _written(rows, ending)
        content = spoiled(content, source) if kind == 3 else content
    file = folder / f"in{ending}"
    file.write_bytes(content)
    before = {path.name for path in folder.iterdir()}
    outcome(lambda: store.ingest(file, format=name, dataset="d", on_error=on_error, rejects=folder / "side.jsonl"))
    assert {path.name for path in folder.iterdir()} - before <= {"side.jsonl"}
    check_sound(store)


def _written(rows, ending):
    if ending == ".json" or not isinstance(rows, list):
        return json.dumps(rows).encode()
    if ending == ".csv" and rows and isinstance(rows[0], dict):
        cells = [[str(key) for key in rows[0]]]
        cells += [[json.dumps(cell) for cell in row.values()] for row in rows if isinstance(row, dict)]
        lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in cells)
        return "\n".join(lines).encode(errors="surrogatepass")
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parcels(folder):
    """Write a head and a snapshot to folders of a folder and return these."""
    rows = [
        {"prompt": f"q{i // 2}", "chosen": f"good {i} {'x' * i}", "rejected": f"bad {i}", "annotator": "a"}
        for i in range(6)
    ]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with rmstore.connect() as store:
        store.ingest(folder / "in.jsonl", format="pairs", dataset="d")
        store.embed("d", snapshot="s", encoder="toy", layout="joint")
        store.sql("select rm_train('h', a.embedding, b.embedding) from rm_rows('s') as a join rm_rows('s') as b "
                  "on a.n_chars > b.n_chars")  # fmt: skip
        store.export_head("h", folder / "head")
        store.export_snapshot("s", folder / "snapshot")
    return folder / "head", folder / "snapshot"


def import_folder(store, parcel, folder, data, call):
    """Import a parcel after something in it was changed, in half of the cases with checksums that fit again."""
    source, place = Source(data), folder / "parcel"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(parcel, place)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    for _ in range(1 + source.below(2)):
        file = source.choice(files)
        said = file.read_bytes()
        with suppress(ValueError):  # what was spoiled before is no JSON any more
            said = json.dumps(mutated(json.loads(said), source)).encode() if file.suffix == ".json" else said
        file.write_bytes(said if file.suffix == ".json" and source.below(4) else spoiled(said, source))
        if source.below(8) == 0:
            extra = place / source.choice(["x", "run.py", ".hidden", "manifest.json.bak"])
            extra.write_bytes(source.rest())
    if source.below(4):
        _sign(place)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    outcome(lambda: call(store, place))
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    check_sound(store)


def _sign(place):
    """Let the manifest say what the files are now, where it can still be read."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, OSError):
        said = json.loads((place / "manifest.json").read_bytes())
        for name, facts in said["files"].items():
            data = (place / name).read_bytes()
            now = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            facts.update({key: now[key] for key in now if key in facts})
        (place / "manifest.json").write_bytes(json.dumps(said).encode())
