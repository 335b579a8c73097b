"""The page of results as a text: what is on it, that it repeats, and what is no result."""

import json
import re
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from results_folder import HOSTILE

from rmstore import reports
from rmstore.errors import StoreError
from rmstore.reports import kept as report_kept
from rmstore.reports.results import anchor, read
from rmstore.reports.site import build, publish


@pytest.fixture(scope="module")
def page(site):
    return site.read_text(encoding="utf-8")


def test_the_same_results_give_the_same_bytes(made, page):
    site = build(*made)
    assert site.page.read_text(encoding="utf-8") == page and site.n_results == 5 and site.others == []


def test_pictures_are_drawn_once(made, page, tmp_path, monkeypatch):
    store, folder = made
    shutil.copytree(folder, tmp_path / "site")
    place, drawn, draw = tmp_path / "site", [], report_kept.svg

    def drawing(report, *rest, **more):
        drawn.append(report.name)
        return draw(report, *rest, **more)

    monkeypatch.setattr(report_kept, "svg", drawing)
    assert build(store, place).page.read_text(encoding="utf-8") == page and drawn == []
    changed = pq.read_table(place / "bon/h@1+s@1.parquet")
    pq.write_table(changed.slice(0, 1).replace_schema_metadata(changed.schema.metadata), place / "bon/h@1+s@1.parquet")
    (place / "accuracy/other@1+s@1.parquet").unlink()
    shorter = build(store, place).page.read_text(encoding="utf-8")
    assert drawn == ["bon"] and shorter != page
    kept = json.loads((place / report_kept.KEPT).read_text(encoding="utf-8"))
    assert len(kept) == 3 and all(picture in shorter for picture in kept.values()), "those of the page, no others"
    drawn.clear()
    more = ("<a href='x'>here</a></svg>", "</svg><p>no</p>", "<text><![CDATA[<p>no</p>]]></text></svg>")
    foreign = {name: kept[name].replace("</svg>", end) for name, end in zip(kept, more, strict=True)}
    for said in ("[", "[1]", json.dumps(dict.fromkeys(kept, 1)), json.dumps(foreign)):
        (place / report_kept.KEPT).write_text(said)
        assert build(store, place).page.read_text(encoding="utf-8") == shorter
        assert json.loads((place / report_kept.KEPT).read_text(encoding="utf-8")) == kept
    assert sorted(drawn) == sorted(["accuracy", "bon", "calibration-bins"] * 4)


def test_places_come_from_names(made, page, tmp_path):
    ids = re.findall(r'<(?:section|article|details)[^>]* id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {"leaderboard", "accuracy", "accuracy:h@1:s@1", "accuracy:other@1:s@1", "bon:h@1:s@1", "head:h@1"} <= set(
        ids
    )
    store, folder = made
    for name in ("bon", "accuracy"):  # fewer results, in another folder: the others keep their places
        shutil.copytree(folder / name, tmp_path / "other" / name)
    (tmp_path / "other" / "bon" / "h@1+s@1.parquet").rename(tmp_path / "other" / "z.parquet")
    again = re.findall(r'<article id="([^"]+)"', build(store, tmp_path / "other").page.read_text())
    assert again == ["accuracy:h@1:s@1", "accuracy:other@1:s@1", "bon:h@1:s@1"]


def test_a_result_of_the_whole_store_has_another_place_than_its_report(made, tmp_path):
    reports.run(made[0], "winrate", {}, to=tmp_path / "all.parquet")
    page = build(made[0], tmp_path).page.read_text(encoding="utf-8")
    assert re.findall(r'<(section|article)[^>]* id="(winrate[^"]*)"', page) == [
        ("section", "winrate"), ("article", "winrate:all"),
    ]  # fmt: skip


@pytest.mark.parametrize("winner", [0, 1])
def test_leaderboards_are_in_the_order_of_their_snapshots_whoever_wins(made, tmp_path, winner):
    reports.run(made[0], "leaderboard", {"snapshot": "s"}, to=tmp_path / "a.parquet")
    whole = pq.read_table(tmp_path / "a.parquet")
    turned = whole.take(list(range(whole.num_rows))[::-1])
    assert whole["head"][0] != turned["head"][0]
    said = dict(whole.schema.metadata)
    tables = (whole, turned) if winner == 0 else (turned, whole)
    for name, table in zip(("s", "r"), tables, strict=True):
        named = said | {b"rmstore.snapshots": said[b"rmstore.snapshots"].replace(b"s@1", name.encode() + b"@1")}
        pq.write_table(table.replace_schema_metadata(named), tmp_path / f"{'a' if name == 's' else 'b'}.parquet")
    assert [result.snapshots for result in read(tmp_path)[0]] == [["r@1"], ["s@1"]]


def test_names_are_spelled_one_to_one():
    assert anchor("a b") != anchor("a~20b") and anchor("a:b") != anchor("a~3ab")
    assert anchor("helpful@3") == "helpful@3" and '"' not in anchor('x"y') and " " not in anchor("a b")


def test_what_is_on_it(page):
    for said in ("All results", "Provenance", "select ", "first &amp; &lt;second&gt;", "Data sets", "MIT", "s@1"):
        assert said in page, said
    assert HOSTILE not in page and "<script>alert" not in page and page.count("<script>") == 1
    assert page.count("</script>") == 1 and "http" not in re.sub(r"http-equiv|http://www.w3.org/|https://", "", page)


def test_other_files_are_told_apart(made, tmp_path):
    store, folder = made
    shutil.copytree(folder / "bon", tmp_path / "bon")
    pq.write_table(pa.table({"n": [1]}), tmp_path / "mine.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    (tmp_path / ".hidden.parquet").write_bytes(b"")
    whole = pq.read_table(tmp_path / "bon" / "h@1+s@1.parquet")
    broken = dict(whole.schema.metadata) | {b"rmstore.heads": b"[]"}
    pq.write_table(whole.replace_schema_metadata(broken), tmp_path / "broken.parquet")
    site = build(store, tmp_path)
    assert site.n_results == 1
    assert [text.partition(":")[0] for text in site.others] == ["broken.parquet", "mine.parquet", "torn.parquet"]


def test_long_tables_end_with_a_word(made, tmp_path):
    store, folder = made
    whole = pq.read_table(folder / "bon" / "h@1+s@1.parquet")
    long = pa.concat_tables([whole] * 100).replace_schema_metadata(whole.schema.metadata)
    pq.write_table(long, tmp_path / "long.parquet")
    text = build(store, tmp_path).page.read_text()
    assert f"The {100 * whole.num_rows - 200:,} after them are in the file" in text


def test_the_same_run_twice_has_two_places(made, tmp_path):
    store, folder = made
    for name in ("a", "b"):
        shutil.copy(folder / "bon" / "h@1+s@1.parquet", tmp_path / f"{name}.parquet")
    assert [result.file for result in read(tmp_path)[0]] == ["a.parquet", "b.parquet"]
    text = build(store, tmp_path).page.read_text()
    assert 'id="bon:h@1:s@1"' in text and 'id="bon:h@1:s@1::2"' in text


def test_a_head_that_is_not_here_is_named(made, other, tmp_path):
    shutil.copytree(made[1] / "bon", tmp_path / "bon")
    assert "not in this store" in build(other, tmp_path).page.read_text()


def test_nothing_to_show(made, tmp_path):
    with pytest.raises(StoreError, match="there is no folder"):
        build(made[0], tmp_path / "no")
    with pytest.raises(StoreError, match="no results of reports"):
        publish(made[0], tmp_path, run=False)
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path, cli):
    from rmstore.cli import main

    assert "FOLDER" in cli("report", "site", "--help").out
    assert main(["report", "site", str(tmp_path), "--head", "h", "--no-run"]) == 2
