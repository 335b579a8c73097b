"""A folder of results to build a page of."""

from lab import fill, save_head

from rmstore import reports, snapshots

HOSTILE = "</script><img src=x onerror=alert(1)> \"quoted\" & 'single' | שלום ☕"

OWN = """\
-- report:  texts
-- title:   Texts of </title><script>alert(2)</script> "anybody"
-- grain:   one row per text
-- engines: duckdb
-- params:  head HEAD, snapshot SNAPSHOT
-- columns: words VARCHAR, n BIGINT
-- note:    Shows what <b>texts</b> do.
select 'a' as words, 1::bigint as n where $head = '' and $snapshot = ''
"""
"""A report of somebody's own, with no chart and no rows."""


def fill_folder(store, folder):
    """Fill an empty store and write results of two heads to a folder.

    Subset 'part k' has k prompts, so that their counts and intervals differ; one subset has a hostile name.
    """
    rows, votes = [], []
    subsets = {"part 2": 2, "part 10": 10, HOSTILE: 1, "x" * 90: 3}
    for subset, n in subsets.items():
        for number in range(n):
            for text, reward in (("good", 1.0 + number / 7), ("bad", -1.0 if number % 3 else 2.0), ("fair", 0.25)):
                rows.append({
                    "prompt": f"{subset} {number}", "text": f"{text} {number}", "reward": reward, "gold": reward / 3,
                    "subset": subset, "dataset": "first & <second>",
                })  # fmt: skip
            votes += [(len(rows) - 3, len(rows) - 2, 1.0, subset), (len(rows) - 3, len(rows) - 1, 1.0, subset)]
    fill(store, rows, votes)
    save_head(store, snapshots.resolve(store, "s"), (), name="other", weights=((-1.0,),))
    own = folder / ".own"
    own.mkdir()
    (own / "texts.sql").write_text(OWN)
    for name, heads in {"accuracy": ["h@1", "other@1"], "bon": ["h@1"], "calibration-bins": ["other@1"]}.items():
        (folder / name).mkdir()
        for head in heads:
            reports.run(store, name, {"head": head, "snapshot": "s"}, to=folder / name / f"{head}+s@1.parquet")
    reports.run(store, "texts", {"head": "h@1", "snapshot": "s"}, to=folder / "texts.parquet", dirs=[own])
