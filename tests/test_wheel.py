"""The wheel holds what git holds, and runs from another folder without the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("build")
    pytest.importorskip("hatchling")
    place = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(place.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The scripts of an environment that has the wheel; its packages come from the environment of the tests."""
    place = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    command = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    site = next(place.glob("lib/python*/site-packages"))
    (site / "zz_packages.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return place / "bin"


def run(installed, folder, *words):
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "RMSTORE"}}
    command = [str(installed / words[0]), *words[1:]]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_wheel_holds_what_git_holds(wheel):
    listed = subprocess.run(
        ["git", "ls-files", "rmstore", "sql", "migrations"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    expected = set()
    for name in listed:
        for folder, inside in {"sql/": "rmstore/_sql/", "migrations/": "rmstore/_migrations/"}.items():
            if name.startswith(folder):
                name = inside + name.removeprefix(folder)
        expected.add(name)
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = {name.partition("/")[2] for name in archive.namelist() if ".dist-info/" in name}
    assert held == expected
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= metadata


def test_it_runs_from_another_folder(installed, tmp_path):
    where = run(installed, tmp_path, "python", "-c", "import rmstore; print(rmstore.__file__)").stdout
    assert where.startswith(str(installed.parent))
    assert run(installed, tmp_path, "rmstore", "init").returncode == 0
    (tmp_path / "pairs.jsonl").write_text(
        "".join(
            json.dumps({"prompt": f"Q {number}", "chosen": f"dddd {number}", "rejected": f"bb {number}"}) + "\n"
            for number in range(40)
        )
    )
    for line in (
        "ingest pairs.jsonl --format pairs --dataset d",
        "embed d --encoder toy --snapshot s",
        "train h --snapshot s",
        "report run accuracy --head h --snapshot s --split all --to accuracy.parquet",
        "score h --snapshot s --to rewards.parquet",
        "doctor",
        "status",
    ):
        done = run(installed, tmp_path, "rmstore", *line.split())
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "accuracy.parquet").exists() and (tmp_path / "rewards.parquet").exists()
