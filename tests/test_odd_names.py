"""Names are refused with a clear error or kept; content and paths may be anything and are found again unharmed."""

import json

import duckdb
import pytest

import rmstore
from rmstore import doctor
from rmstore.errors import InvalidNameError, RmstoreError

BAD_NAMES = [
    "", " ", "a b", "a'b", 'a"b', "a;drop table heads", "'; drop table prompts; --", "../x", "/etc/passwd", "-x", ".x",
    "é", "مرحبا", "a\u200bb", "a\u202eb", "😀", "a\nb", "a\x00b", "x" * 10_000, "x" * 129, "a@b", "${HOME}", "{table}",
]  # fmt: skip
TEXTS = [
    "'; drop table prompts; --", '"; delete from responses; --', "مرحبا بالعالم", "a\u202eb\u200bc\ufeff", "😀👩‍👩‍👧",
    "line\nbreak\r\nand\ttab", "x" * 10_000, "../../etc/passwd", "e\u0301 and é", "{table} $sample ${HOME} %s", " ",
    "\\N", "NULL", "1e999", "<script>alert(1)</script>", "\x01\x1b[31m",
]  # fmt: skip
PATHS = ["it's", 'a "quoted" name', "a;b", "with space", "üñï 😀", "a%20b", "${HOME}", "{table}", "--force",
         "a[b]", "a*"]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_names_that_are_none_are_refused(lab, name, tmp_path):
    source = tmp_path / "more.jsonl"
    source.write_text(json.dumps({"prompt": "p", "chosen": "a", "rejected": "b"}) + "\n", encoding="utf-8")
    vote = "select rm_train($name, chosen_embedding, rejected_embedding) from rm_pairs('tiny')"
    for call in (
        lambda: lab.ingest(source, format="pairs", dataset=name),
        lambda: lab.embed("tiny", snapshot=name, encoder="toy"),
        lambda: lab.tag_snapshot("tiny@1", name),
        lambda: lab.sql(vote, {"name": name}),
    ):
        with pytest.raises(InvalidNameError):
            call()
    for call in (
        lambda: lab.dataset(name),
        lambda: lab.snapshot(name),
        lambda: lab.head(name),
        lambda: lab.drop_head(name),
        lambda: lab.embed(name, encoder="toy"),
        lambda: lab.report(name),
        lambda: lab.sql("from rm_rows($name)", {"name": name}),
        lambda: lab.sql("select rm_score($name, [1.0])", {"name": name}),
    ):
        with pytest.raises(RmstoreError):
            call()
    assert lab.value("select count(*) from datasets") == 1 and not lab.heads() and len(lab.snapshots()) == 1


def test_content_comes_back_as_it_was(store, tmp_path):
    rows = [
        {"prompt": text, "chosen": text + "+", "rejected": text + "-", "subset": text, "annotator": text,
         "chosen_model": text, "rejected_model": "other", "kept": {text: text}}
        for text in TEXTS
    ]  # fmt: skip
    source = tmp_path / "odd.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    store.ingest(source, format="pairs", dataset="odd")
    store.embed("odd", snapshot="odd", encoder="toy", layout="joint")
    assert {row["text"] for row in store.rows("select text from responses")} == {t + s for t in TEXTS for s in "+-"}
    assert {row["content"] for row in store.rows("select messages[1].content as content from prompts")} == set(TEXTS)
    assert {row["policy"] for row in store.rows("select policy from rm_rows('odd')")} == {*TEXTS, "other"}
    found = store.rows("select distinct subset, annotator from rm_pairs('odd')")
    assert {row["subset"] for row in found} == {row["annotator"] for row in found} == set(TEXTS)
    for text in TEXTS:  # and each is found again by its value
        where = "select count(*) from rm_pairs('odd') where subset = $text"
        assert store.value(where, {"text": text}) == 1
    assert not [finding.check for finding in doctor.check(store, everything=True) if finding.is_wrong]


def make(folder, name, answers):
    """Make a store with a snapshot ``s`` of two answers and export it to a folder."""
    folder.mkdir()
    source = folder / "votes.jsonl"
    row = {"prompt": "p", "chosen": answers[0], "rejected": answers[1]}
    source.write_text(json.dumps(row) + "\n", encoding="utf-8")
    with rmstore.connect() as store:
        store.ingest(source, format="pairs", dataset="d")
        store.embed("d", snapshot="s", encoder="toy")
        store.export_snapshot("s", folder / name)


@pytest.mark.parametrize(("name", "decoy"), [("a[b]", "ab"), ("a*", "ab"), ("a?", "ab"), ("[!b]", "c")])
def test_a_folder_whose_name_is_a_pattern_is_read_itself(tmp_path, name, decoy):
    make(tmp_path / "mine", name, ["aa", "b"])
    make(tmp_path / "other", decoy, ["zz", "y"])
    (tmp_path / "other" / decoy).rename(tmp_path / "mine" / decoy)
    with rmstore.connect() as store:
        assert store.import_snapshot(tmp_path / "mine" / name).is_new
        assert {row["text"] for row in store.rows("select text from responses")} == {"aa", "b"}
        store.export_snapshot("s", tmp_path / "mine" / name, force=True)
        assert store.import_snapshot(tmp_path / "mine" / decoy, name="decoy").is_new
    con = duckdb.connect()
    con.execute("set file_search_path = ?", [str(tmp_path / "mine" / name)])
    con.execute((tmp_path / "mine" / name / "rows.sql").read_text(encoding="utf-8"))
    assert con.sql('select n_chars from "rows" order by all').fetchall() == [(1,), (2,)]
    assert con.sql("select text from 'responses.parquet' order by all").fetchall() == [("aa",), ("b",)]


@pytest.mark.parametrize("name", PATHS)
def test_paths_may_have_any_name(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    source = folder / f"{name}.jsonl"
    source.write_text(json.dumps({"prompt": "p", "chosen": "aa", "rejected": "b"}) + "\n", encoding="utf-8")
    with rmstore.connect(folder / f"{name}.duckdb") as store:
        store.ingest(source, format="pairs", dataset="d")
        store.embed("d", snapshot="s", encoder="toy")
        for ending in (".parquet", ".csv", ".jsonl"):
            assert store.export("select prompt_id from rm_rows('s')", folder / f"{name} out{ending}") == 2
        store.export_snapshot("s", folder / f"{name} snapshot")
    with rmstore.connect(folder / "other's.duckdb") as other:
        assert other.import_snapshot(folder / f"{name} snapshot").is_new
        assert other.value("select count(*) from rm_rows('s')") == 2
    with rmstore.connect(folder / f"{name}.duckdb", safe=True) as stranger:
        assert stranger.sql("select count(*) from rm_rows('s')").fetchall() == [(2,)]
