"""Files as they come: any type and packing, damaged ones named with place and reason."""

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingesting import content, counts, write

import rmstore
from rmstore.adapters import hub
from rmstore.adapters.hub import HubReference
from rmstore.errors import BadFileError, BadRowsError
from rmstore.ingest import ingest

ROW = {"prompt": "a", "chosen": "b", "rejected": "c"}
LINE = json.dumps(ROW).encode() + b"\n"


def pack(data):
    return gzip.compress(data, mtime=0)


@pytest.fixture(scope="module")
def untouched():
    """A store that stays empty, whatever a test tries with it."""
    with rmstore.connect() as opened:
        yield opened
        assert set(counts(opened).values()) == {0}


def bring(store, path, **options):
    return ingest(store, path, format="pairs", dataset="d", **options)


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b" \n\n", "is empty"),
        ("a.jsonl.gz", pack(b""), "is empty"),
        ("a.json", b"[]", "has no rows"),
        ("a.csv", b"prompt,chosen,rejected\n", "has no rows"),
        ("a.jsonl.gz", pack(LINE * 99)[:-9], "is damaged: Compressed file ended"),
        ("a.jsonl.gz", pack(LINE)[:-8] + bytes(4) + pack(LINE)[-4:], "is damaged: CRC check failed"),
        ("a.jsonl.gz", LINE, "is damaged: Not a gzipped file"),
        ("a.jsonl", pack(LINE), "is gzip, not jsonl"),
        ("a.jsonl", b"PAR1....", "is a Parquet file, not jsonl"),
        ("a.csv", b"a\0b", "is a binary file, not csv"),
        ("a.jsonl", LINE.decode().encode("utf-16"), "is UTF-16"),
        ("a.parquet", b"PAR1 not really", "cannot be read as Parquet"),
        ("a.json", b'[{"prompt": "a"},\n {"prompt": }]', "is not valid JSON, line 2 column 13: Expecting value"),
        ("a.json", b'[{"prompt": "\xff"}]', "is not valid UTF-8 at byte 14"),
        ("a.csv", b"prompt,,rejected\na,b,c\n", "has a column without a name"),
        ("a.csv", b"prompt,chosen,chosen\na,b,c\n", "has the column 'chosen' twice"),
        ("a.csv", b'"prompt\n', "line 1: unexpected end of data"),
        ("a.txt", LINE, "has the ending '.txt'"),
        ("a", LINE, "has the ending 'none'"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(name, data, problem, untouched, tmp_path):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadFileError) as caught:
        bring(untouched, path, on_error="skip", rejects=tmp_path / "aside.jsonl")
    assert str(path) in caught.value.problem and problem in caught.value.problem


def test_what_is_not_a_file_is_named(untouched, tmp_path):
    with pytest.raises(BadFileError, match=r"is a folder(.|\n)*\*\.jsonl"):
        bring(untouched, tmp_path)
    with pytest.raises(BadFileError, match="there is no file .*nowhere.jsonl"):
        bring(untouched, tmp_path / "nowhere.jsonl")
    with pytest.raises(BadFileError, match=r"no file matches .*\*\.jsonl"):
        bring(untouched, str(tmp_path / "*.jsonl"))
    with pytest.raises(BadFileError, match="no file was given"):
        bring(untouched, [])
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(BadFileError, match=r"pipe\.jsonl is not a file"):
        bring(untouched, tmp_path / "pipe.jsonl")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(untouched, tmp_path):
    path = write(tmp_path / "a.jsonl", [ROW])
    path.chmod(0)
    with pytest.raises(BadFileError, match="cannot be read: Permission denied"):
        bring(untouched, path)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"prompt": "a"', "not valid JSON: Expecting ',' delimiter at character 15"),
        (b"not json", "not valid JSON: Expecting value at character 1"),
        (b'{"prompt": "\xff"}', "not valid UTF-8: byte 0xff at byte 13"),
        (b'{"prompt": "\\ud800", "chosen": "b", "rejected": "c"}', "not valid JSON: it has half a surrogate pair"),
        (b'{"prompt": "a"} {"prompt": "b"}', "not valid JSON: Extra data at character 17"),
        (b"[1, 2]", "it is not a JSON object"),
        (b'"a"', "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b"{}", "'chosen' is missing"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_or_skipped(bad, reason, store, tmp_path):
    packed = bad.startswith(b"[")
    path, data = (
        tmp_path / ("a.jsonl.gz" if packed else "a.jsonl"),
        LINE + b"\n" + bad + b"\n" + LINE.replace(b'"b"', b'"d"'),
    )
    path.write_bytes(pack(data) if packed else data)
    with pytest.raises(BadRowsError) as caught:
        bring(store, path)
    assert f"{path} line 3: {reason}" in caught.value.problem
    assert counts(store)["dataset_files"] == 0
    result = bring(store, path, on_error="skip", rejects=tmp_path / "aside.jsonl").files[0]
    assert (result.n_rows, result.n_rejected, result.n_responses) == (3, 1, 3)
    assert [row["row"] for row in store.rows('select "row" from prompt_sources order by all')] == [1, 3]


@pytest.mark.parametrize(
    ("bad", "reason", "kept"),
    [
        (b"a,b\n", "2 fields where the header names 3", '["a", "b"]'),
        (b"a,b,c,d\n", "4 fields where the header names 3", '["a", "b", "c", "d"]'),
        (b'a,"b"x,c\n', "not valid csv: ',' expected after '\"'", 'a,"b"x,c\n'),
        (b"a,\xff,c\n", "not valid UTF-8", '{"prompt": "a", "chosen": "\ufffd", "rejected": "c"}'),
    ],
)  # fmt: skip
def test_a_bad_csv_record_is_named_or_skipped(bad, reason, kept, store, tmp_path):
    path, aside = tmp_path / "a.csv", tmp_path / "aside.jsonl"
    path.write_bytes(b'prompt,chosen,rejected\n"a\nb",c,d\n' + bad + b"e,f,g\n")
    with pytest.raises(BadRowsError) as caught:
        bring(store, path)
    assert f"{path} line 4: {reason}" in caught.value.problem
    result = bring(store, path, on_error="skip", rejects=aside).files[0]
    assert (result.n_rows, result.n_rejected, result.n_prompts) == (3, 1, 2)
    assert json.loads(aside.read_text(encoding="utf-8"))["content"] == kept


def test_an_unfinished_quote_at_the_end_of_csv_is_not_dropped_silently(untouched, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'prompt,chosen,rejected\na,b,c\nd,e,"f\n')
    with pytest.raises(BadRowsError, match="line 3: not valid csv: unexpected end of data"):
        bring(untouched, path)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + LINE,
        LINE.rstrip(b"\n"),
        LINE.replace(b"\n", b"\r\n") + b"\r\n",
        b"\n \n" + LINE + b"   \n",
    ],
)
def test_marks_line_ends_and_blank_lines_do_not_matter(data, store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(data)
    bring(store, tmp_path / "a.jsonl")
    with rmstore.connect() as plain:
        bring(plain, write(tmp_path / "b.jsonl", [ROW]))
        assert content(store) == content(plain)


@pytest.mark.parametrize(
    "data",
    [json.dumps(ROW, indent=2).encode(), LINE, json.dumps(ROW, indent=2).encode() * 2, b"\xef\xbb\xbf" + LINE],
)
def test_a_json_file_may_hold_objects_instead_of_an_array(data, store, tmp_path):
    (tmp_path / "a.json").write_bytes(data)
    assert bring(store, tmp_path / "a.json").files[0].n_rows == data.count(b"prompt")


def test_gzip_files_in_several_parts_are_read_whole(store, tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(pack(LINE) + pack(LINE.replace(b'"b"', b'"d"')))
    assert bring(store, tmp_path / "a.jsonl.gz").files[0].n_rows == 2


def test_texts_that_look_like_something_else_stay_texts(store, tmp_path):
    texts = [
        "2020-01-01",
        "0012",
        "1e3",
        "true",
        "null",
        "",
        "NaN",
        "550e8400-e29b-41d4-a716-446655440000",
        "[1]",
        " x ",
    ]
    for ending in ("jsonl", "csv", "parquet"):
        with rmstore.connect() as fresh:
            bring(fresh, write(tmp_path / f"a.{ending}", [{**ROW, "chosen": text} for text in texts]))
            assert {row["text"] for row in fresh.rows("select text from responses")} == {*texts, "c"}, ending


def test_parquet_columns_of_any_type_become_metadata(store, tmp_path):
    table = pa.table(
        {**{name: [value] for name, value in ROW.items()}, "n": pa.array([1], pa.int8()), "v": [[0.5, 1.5]]}
    )
    table = table.append_column("when", pa.array([0], pa.timestamp("us")))
    pq.write_table(table, tmp_path / "a.parquet")
    bring(store, tmp_path / "a.parquet")
    assert json.loads(store.value("select metadata from prompt_sources")) == {
        "n": 1, "v": [0.5, 1.5], "when": "1970-01-01 00:00:00",
    }  # fmt: skip


def test_rows_keep_the_order_of_a_file_of_several_row_groups(store, tmp_path):
    n = 40_000
    rows = pa.table({"prompt": [str(i) for i in range(n)], "chosen": ["b"] * n, "rejected": ["b"] * n})
    pq.write_table(rows, tmp_path / "a.parquet", row_group_size=10_000)
    bring(store, tmp_path / "a.parquet")
    places = 'select "row", messages[1].content as content from prompt_sources join prompts using (prompt_id)'
    assert store.value(f'select count(*) from ({places}) where content <> ("row" - 1)::varchar') == 0
    assert store.value('select count(distinct "row") from prompt_sources') == n


def test_a_glob_takes_files_by_name(store, tmp_path):
    for name in "ba":
        write(tmp_path / f"{name}.jsonl", [{**ROW, "chosen": name}])
    result = bring(store, str(tmp_path / "*.jsonl"))
    assert [file.path for file in result.files] == [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]


def test_a_file_whose_name_is_a_pattern_is_taken_as_it_is(store, tmp_path):
    path = write(tmp_path / "a[1].jsonl", [ROW])
    assert bring(store, str(path)).files[0].path == str(path)


def test_a_packed_file_of_another_type_inside_is_named(untouched, tmp_path):
    (tmp_path / "a.parquet.gz").write_bytes(pack(b"PAR1 not really"))
    with pytest.raises(BadFileError, match=r"a\.parquet\.gz cannot be read as Parquet"):
        bring(untouched, tmp_path / "a.parquet.gz")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("hf://owner/name", HubReference("owner/name")),
        ("hf://datasets/owner/name", HubReference("owner/name")),
        ("hf://owner/name@v1", HubReference("owner/name", "v1")),
        ("hf://owner/name/data/*.parquet", HubReference("owner/name", None, "data/*.parquet")),
        ("hf://owner/na.me-1@v1.0/train.jsonl", HubReference("owner/na.me-1", "v1.0", "train.jsonl")),
    ],
)
def test_hub_sources_are_parsed(source, expected):
    assert hub.parse(source) == expected


@pytest.mark.parametrize("source", ["hf://", "hf://owner", "hf:/owner/name", "hf://owner/name@", "hf://owner/name/"])
def test_what_is_no_hub_source_is_refused(source):
    with pytest.raises(BadFileError, match="no hub source"):
        hub.parse(source)


def test_hub_files_are_chosen_by_type_or_pattern():
    names = ["README.md", "b.jsonl", "a.jsonl.gz", ".gitattributes"]
    assert hub.choose(HubReference("o/n"), names) == ["a.jsonl.gz", "b.jsonl"]
    assert hub.choose(HubReference("o/n", None, "*.gz"), names) == ["a.jsonl.gz"]
    with pytest.raises(BadFileError, match="files of several types: .csv, .jsonl"):
        hub.choose(HubReference("o/n"), [*names, "c.csv"])
    with pytest.raises(BadFileError, match=r"no data file x\*(.|\n)*its data files: a.jsonl.gz, b.jsonl"):
        hub.choose(HubReference("o/n", None, "x*"), names)


def test_a_hub_that_cannot_be_reached_is_said(untouched, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadFileError, match="hf://owner/name cannot be fetched: (.|\n)*check the name and the network"):
        bring(untouched, "hf://owner/name")


@pytest.mark.parametrize("name", ["d[1]", "d*", "d?"])
@pytest.mark.parametrize("ending", [".jsonl", ".json", ".csv", ".parquet"])
def test_a_name_that_looks_like_a_pattern_is_the_name_of_one_file(store, tmp_path, name, ending):
    for stem, prompt in ((name, "right"), ("d1", "wrong")):
        rows = pa.table({column: [prompt] for column in ROW})
        path = tmp_path / f"{stem}{ending}"
        if ending == ".parquet":
            pq.write_table(rows, path)
        elif ending == ".csv":
            path.write_text("prompt,chosen,rejected\n" + ",".join([prompt, "b", "c"]) + "\n", encoding="utf-8")
        else:
            path.write_text(json.dumps({**ROW, "prompt": prompt}) + "\n", encoding="utf-8")
    bring(store, tmp_path / f"{name}{ending}")
    assert store.rows("select messages[1].content as content from prompts") == [{"content": "right"}]
