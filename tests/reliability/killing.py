"""Kills a worker at a chosen moment of its work, and says whether it was still at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import contents
import operations

import rmstore


@dataclass(frozen=True)
class Undisturbed:
    """What an operation leaves when nobody disturbs it, and how long it takes after its ``ready``."""

    seconds: float
    tables: dict[str, list[tuple[Any, ...]]]
    files: dict[str, Any]


class Bench:
    """Prepared folders and undisturbed runs, each made once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._starts: dict[str, Path] = {}
        self._undisturbed: dict[str, Undisturbed] = {}

    def start(self, name: str) -> Path:
        """Return the prepared folder, which nobody may change."""
        if name not in self._starts:
            folder = Path(tempfile.mkdtemp(prefix=f"start-{name}-", dir=self.root))
            with chdir(folder):
                operations.STARTS[name]()
            self._starts[name] = folder
        return self._starts[name]

    def copy(self, operation: str) -> Path:
        """Return a folder of its own to run an operation in."""
        folder = Path(tempfile.mkdtemp(prefix=f"{operation}-", dir=self.root)) / "work"
        shutil.copytree(self.start(operations.OPERATIONS[operation].start), folder)
        return folder

    def undisturbed(self, operation: str) -> Undisturbed:
        """Return what an operation leaves when a worker runs it to its end."""
        if operation not in self._undisturbed:
            folder = self.copy(operation)
            with Worker(operation, folder) as worker:
                began, ended = worker.wait_for("ready"), worker.wait_for("done")
                worker.process.wait()
            self._undisturbed[operation] = Undisturbed(ended - began, *held(folder))
        return self._undisturbed[operation]


class Worker:
    """An operation in a process of its own."""

    def __init__(self, operation: str, folder: Path, *settings: str, user: int | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, operations.__file__, operation, *settings],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=user,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.communicate()

    def wait_for(self, word: str) -> float:
        """Return the moment at which the worker said a word."""
        assert self.process.stdout is not None and self.process.stderr is not None
        said = self.process.stdout.readline().split()
        assert said and said[0] == word, f"no {word!r}: {self.process.stderr.read()}"
        return float(said[1])

    def finish(self) -> tuple[int, str]:
        """Return exit code and standard error of a worker that nobody disturbs."""
        _, told = self.process.communicate()
        return self.process.returncode, told

    def kill_after(self, seconds: float) -> bool:
        """Kill the worker that long after its ``ready``; return whether it was still at work."""
        assert self.process.stdout is not None
        began = self.wait_for("ready")
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        self.process.kill()
        self.process.wait()
        return "done" not in self.process.stdout.read()


def held(folder: Path) -> tuple[dict[str, list[tuple[Any, ...]]], dict[str, Any]]:
    """Return what the store and the files of a folder hold; the store must be sound."""
    with rmstore.connect(folder / operations.STORE, read_only=True) as store:
        assert _findings(store) == []
        return contents.of_store(store), contents.of_folder(folder, store=operations.STORE)


def check_sound(folder: Path, *, read_only: bool = False) -> None:
    """Open the store of a folder, as the next command would; doctor must find nothing."""
    with rmstore.connect(folder / operations.STORE, read_only=read_only) as store:
        assert _findings(store) == []


def _findings(store: rmstore.Store) -> list[tuple[str, int, tuple[str, ...]]]:
    found = store.doctor(everything=True)
    return [(finding.check, finding.n, finding.examples) for finding in found if finding.is_wrong]
