"""Heads as ONNX models: another runtime gives our rewards."""

import sys

import numpy as np
import pyarrow as pa
import pytest

from rmstore import head_onnx, head_store
from rmstore.errors import InputError, MissingPackageError
from rmstore.heads.linear import LinearHead
from rmstore.kernels import Field, Scorer

runtime = pytest.importorskip("onnxruntime")

RECIPES = {
    "linear": {"head": "linear", "members": 3},
    "linear of one": {"head": "linear"},
    "mlp": {"head": "mlp", "members": 3, "options": {"hidden": [6], "epochs": 3}},
    "deep mlp": {"head": "mlp", "options": {"hidden": [5, 4], "epochs": 2}},
    "merged mlp": {"head": "mlp", "members": 2, "merge": "weights", "options": {"hidden": [3], "epochs": 2}},
    "mlp with a feature": {"head": "mlp", "options": {"hidden": [4], "epochs": 2}, "features": ["log_len"]},
    "adapter": {"head": "adapter", "members": 3, "options": {"hidden": [6], "rank": 2, "epochs": 3}},
    "linear adapter": {"head": "adapter", "options": {"hidden": [], "rank": 2, "epochs": 3}},
    "shared adapters": {"head": "adapter", "members": 3, "options": {"hidden": [6], "share": True, "epochs": 3}},
    "adapter of rank 0": {"head": "adapter", "options": {"hidden": [6], "rank": 0, "epochs": 3}},
    "prototype": {"head": "prototype", "members": 3, "options": {"prototypes": 3, "epochs": 3}},
    "single prototypes": {"head": "prototype", "options": {"threshold": 1, "epochs": 3}},
}  # fmt: skip


def run(path, **inputs):
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert {given.name for given in session.get_inputs()} == inputs.keys()
    assert [made.name for made in session.get_outputs()] == ["reward", "members"]
    return session.run(None, inputs)


@pytest.fixture
def rated(lab):
    """The lab with two ratings of every response: its length, and how many letters a it has."""
    lab.sql(
        "insert into ratings select md5(r.response_id::varchar || a.name)::uuid, r.response_id, 1, a.name, null,"
        " case a.name when 'brief' then -length(text) else length(text) - length(replace(text, 'a', '')) end"
        " from responses as r, (values ('brief'), ('letters')) as a(name)"
    )
    return lab


def close(found, expected):
    """Within 1e-5 of the size of the rewards, which float sums round."""
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_runtime_gives_our_rewards(lab, tmp_path, recipe):
    info = lab.train("h", snapshot="tiny", **RECIPES[recipe]).info
    lab.export_head("h", tmp_path / "h.onnx")
    x = "{e: embedding, log_len: ln(n_chars)}" if "features" in RECIPES[recipe] else "embedding"
    rows = lab.sql(
        f"select embedding, ln(n_chars) as log_len, rm_score('h', {x}) as reward, rm_score_members('h', {x}) as members"
        " from rm_rows('tiny') order by response_id"
    ).to_arrow_table()
    vectors = np.array(rows["embedding"].to_pylist(), np.float32)
    inputs = {"embedding": vectors}
    if "features" in RECIPES[recipe]:
        inputs = {"e": vectors, "log_len": rows["log_len"].to_numpy().astype(np.float32)}
    reward, members = run(tmp_path / "h.onnx", **inputs)
    assert reward.shape == (len(rows),) and members.shape == (len(rows), len(info.member_means))
    close(reward, rows["reward"].to_numpy())
    close(members, np.array(rows["members"].to_pylist()))
    one, _ = run(tmp_path / "h.onnx", **{name: values[:1] for name, values in inputs.items()})
    close(one, reward[:1])


@pytest.mark.parametrize(("layout", "words"), [("joint||prompt", {}), ("joint", {"verbosity": "brief"})])
def test_attributes_and_their_gate_are_a_graph(rated, tmp_path, layout, words):
    rated.embed("tiny", snapshot="m", encoder="toy", layout=layout)
    rated.train("a", snapshot="m", head="multi", attributes=[], options=words)
    rated.train("h", snapshot="m", head="multi", options={"start": "a", "hidden": [4], "steps": 20})
    for name in ("a", "h"):
        rated.export_head(name, tmp_path / f"{name}.onnx")
        rows = rated.sql(
            f"select embedding, rm_score('{name}', embedding) as reward,"
            f" rm_score_members('{name}', embedding) as members from rm_rows('m') order by response_id"
        ).to_arrow_table()
        vectors = np.array(rows["embedding"].to_pylist(), np.float32)
        reward, members = run(tmp_path / f"{name}.onnx", embedding=vectors)
        close(reward, rows["reward"].to_numpy())
        close(members, np.array(rows["members"].to_pylist()))


def test_the_model_says_what_it_is(lab, tmp_path):
    info = lab.train("h", snapshot="tiny").info
    lab.export_head("h", tmp_path / "h.onnx")
    told = runtime.InferenceSession(tmp_path / "h.onnx").get_modelmeta().custom_metadata_map
    assert (told["rmstore.head"], told["rmstore.fingerprint"]) == ("h@1", info.fingerprint)
    assert told["rmstore.encoder_key"] == info.encoder_key
    before = (tmp_path / "h.onnx").read_bytes()
    lab.export_head("h", tmp_path / "h.onnx", force=True)
    assert (tmp_path / "h.onnx").read_bytes() == before


def test_trees_are_no_graph(lab, tmp_path):
    lab.train("h", snapshot="tiny", head="lightgbm", options={"trees": 2})
    with pytest.raises(InputError, match="'lightgbm', which is no graph"):
        lab.export_head("h", tmp_path / "h.onnx")
    assert list(tmp_path.glob("*.onnx")) == []


def test_a_missing_package_is_named_with_its_extra(lab, tmp_path, monkeypatch):
    lab.train("h", snapshot="tiny")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match=r"rmstore\[onnx\]"):
        lab.export_head("h", tmp_path / "h.onnx")


def test_fields_may_not_take_the_names_of_outputs(lab):
    info = lab.train("h", snapshot="tiny").info
    one = np.ones(1, np.float32)
    scorer = Scorer(LinearHead(np.ones((1, 2), np.float32), one), (Field("reward", 2),), 0.0, one, one, 1.0)
    with pytest.raises(InputError, match="called 'reward'"):
        head_onnx.model(scorer, info)


def test_fields_that_look_like_inner_names_do_no_harm(lab, tmp_path):
    info = lab.train("h", snapshot="tiny").info
    weights = np.array([[1.0, -2.0, 3.0]], np.float32)
    fields = (Field("value_0", 1, is_scalar=True, shift=1.0, scale=2.0), Field("x", 2))
    scorer = Scorer(LinearHead(weights, np.zeros(1, np.float32)), fields, 0.5, np.zeros(1), np.ones(1), 1.0)
    (tmp_path / "h.onnx").write_bytes(head_onnx.model(scorer, info).SerializeToString())
    column = pa.StructArray.from_arrays(
        [pa.array([3.0]), pa.array([[1.0, 1.0]], pa.list_(pa.float32(), 2))], names=["value_0", "x"]
    )
    reward, _ = run(tmp_path / "h.onnx", value_0=np.array([3.0], np.float32), x=np.ones((1, 2), np.float32))
    assert reward[0] == scorer.score(column)[0].as_py() == 1.5
    assert head_store.resolve(lab, "h").reference == "h@1"
