"""Imports point downwards only."""

import ast
from pathlib import Path

import pytest

import rmstore

ROOT = Path(rmstore.__file__).parent

LAYERS = [
    {"cli", "tour", "__main__"},
    {"connection"},
    {"api", "report_methods", "safe_query"},
    {"functions"},
    {
        "handles",
        "head_card",
        "head_folder",
        "head_import",
        "head_sql",
        "head_onnx",
        "head_export",
        "head_compare",
        "head_explain",
        "reports",
        "datasets",
        "doctor",
        "repair",
        "snapshot_folder",
        "snapshot_vectors",
        "snapshot_readme",
        "snapshot_check",
        "snapshot_import",
        "snapshot_verify",
        "garbage",
        "compaction",
    },
    {
        "ingest",
        "training",
        "snapshot_training",
        "learned_guesses",
        "trial_heads",
        "embedding",
        "imports",
        "placeholders",
        "matches",
        "reembedding",
        "embedding_estimate",
    },
    {"embedding_job"},
    {"staging", "vector_files", "ratings", "rankings"},
    {"pairs"},
    {"training_set", "fitting"},
    {"sides"},
    {
        "vectors",
        "member_vectors",
        "snapshot_diff",
        "withdrawals",
        "head_store",
        "deployments",
        "snapshots",
        "features",
        "filters",
        "export",
        "card_text",
    },
    {"store", "migrate", "safe_parser"},
    {"recipes", "metrics"},
    {
        "kernels",
        "grouping",
        "precision",
        "reordering",
        "bootstrap",
        "l1_logistic",
        "length_control",
        "baselines",
        "neighbours",
        "best_of_n",
        "rank_correlation",
    },
    {"adapters", "encoders", "objectives", "heads"},
    {
        "errors",
        "hashing",
        "records",
        "options",
        "json_types",
        "folders",
        "references",
        "registry",
        "resources",
        "spilling",
        "disk",
        "stop",
    },
]
"""Highest first; a module imports from its own layer or lower. rmstore/__init__.py belongs to none: it is lazy."""

PURE = LAYERS[-3] | LAYERS[-2]
"""Know no duckdb."""

STANDARD = LAYERS[-1]
"""The standard library only."""


def room(name):
    return name.split(".")[1] if "." in name else name


def files():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts != ("__init__",):
            yield pytest.param(path, parts[0], id="/".join(parts))


def imports(path, *, top_level=False):
    """Names of modules that a file imports; those for type checkers are no dependencies."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    for node in tree.body if top_level else ast.walk(tree):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "rmstore":
                yield from (f"rmstore.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def level(name):
    found = [number for number, layer in enumerate(LAYERS) if name in layer]
    assert found, f"rmstore/{name} has no layer; add it to LAYERS in tests/test_layers.py"
    return found[0]


@pytest.mark.parametrize(("path", "name"), list(files()))
def test_imports_point_downwards(path, name):
    lazy = {"api", "report_methods"}  # their methods call the rooms above, each imported when it is called
    for module in imports(path, top_level=name in lazy):
        if not module.startswith("rmstore.") or room(module) in {"__version__", "connect", "attach"}:
            continue
        assert level(room(module)) >= level(name), f"{path.name} imports {module}, which is above it"


@pytest.mark.parametrize(("path", "name"), list(files()))
def test_rooms_keep_to_their_packages(path, name):
    modules = {module.split(".")[0] for module in imports(path)}
    if name in PURE:
        assert "duckdb" not in modules
    if name in STANDARD:
        assert not modules & {"duckdb", "numpy", "pyarrow", "torch", "scipy", "lightgbm", "click", "rich"}
    if name not in {"cli", "tour", "__main__"}:
        assert not modules & {"click", "rich"}


@pytest.mark.parametrize(("path", "name"), list(files()))
def test_rooms_of_members_do_not_know_each_other(path, name):
    rooms = {"adapters", "encoders", "objectives", "heads"}
    if name in rooms:
        known = {room(module) for module in imports(path) if module.startswith("rmstore.")}
        assert not (known & rooms) - {name} - ({"objectives"} if name == "heads" else set())


def test_heads_see_objectives_through_their_base():
    for path in sorted((ROOT / "heads").glob("*.py")):
        for module in imports(path):
            assert not module.startswith("rmstore.objectives") or module == "rmstore.objectives.base", path.name
