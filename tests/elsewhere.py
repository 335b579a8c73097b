"""Data sets that have nothing to do with a test's own: votes, gold ratings of sampled responses, labelled steps."""

import json


def ingest(store, folder, name, prompt):
    """Ingest votes, gold ratings and labelled steps as three data sets, and return their names."""
    asked = [f"{prompt} {number} {'so ' * (number % 4)}" for number in range(12)]
    rows = {
        "votes": ("pairs", [
            {"prompt": text, "chosen": f"{'a good bridge ' * (1 + n % 3)}{n}", "rejected": f"rain on {n}"}
            for n, text in enumerate(asked)
        ]),
        "golds": ("responses", [
            {"prompt": text, "response": f"{'river ' * (1 + k)}{(n * 7 + k) % 5}", "gold": (n * 5 + k * 3) % 7}
            for n, text in enumerate(asked) for k in range(4)
        ]),
        "steps": ("steps", [
            {"problem": text, "steps": ["one is " + "a" * n, "two", f"three {n}"], "label": -1 if n % 2 else 1}
            for n, text in enumerate(asked)
        ]),
    }  # fmt: skip
    for kind, (form, found) in rows.items():
        store.ingest(lines(folder / f"{name}-{kind}.jsonl", found), format=form, dataset=f"{name}-{kind}", split="test")
    return [f"{name}-{kind}" for kind in rows]


def lines(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file
