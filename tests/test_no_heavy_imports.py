"""Importing rmstore and asking for help load nothing heavy, and help is quick."""

import subprocess
import sys
import time

import pytest

HEAVY = {"torch", "lightgbm", "sentence_transformers", "transformers", "sklearn", "scipy", "altair", "pandas"}
ENGINE = {"duckdb", "pyarrow", "numpy"}


def modules_after(code):
    script = f"import sys\n{code}\nprint('\\n'.join(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n"))


@pytest.mark.parametrize(
    "code",
    [
        "import rmstore",
        "import rmstore.cli",
        "from rmstore.cli import main; main(['--help'])",
        "from rmstore.cli import main; main(['train', '--help'])",
        "from rmstore.cli import main; main(['--version'])",
    ],
)
def test_nothing_heavy(code):
    assert not modules_after(code) & (HEAVY | ENGINE)


def test_opening_and_asking_loads_no_learning_packages():
    code = "import rmstore\nwith rmstore.connect() as store: store.sql('select * from rm_heads()').fetchall()"
    assert not modules_after(code) & HEAVY


def test_help_is_quick():
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "rmstore", "--help"], capture_output=True, check=True)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.5
