"""Finds the SQL and migrations that ship with the package, in a checkout or a wheel."""

from __future__ import annotations

from functools import cache
from importlib.abc import Traversable
from importlib.resources import files
from pathlib import Path


def tree(name: str) -> Traversable:
    """Return the shipped folder ``sql`` or ``migrations``."""
    shipped = files("rmstore") / f"_{name}"
    return shipped if shipped.is_dir() else Path(__file__).resolve().parent.parent / name


@cache
def text(folder: str, path: str) -> str:
    """Return a shipped file as text, for example ``text("sql", "queries/anti_join.sql")``."""
    return tree(folder).joinpath(*path.split("/")).read_text(encoding="utf-8")


def names(folder: str, path: str = "") -> list[str]:
    """Return the names of the ``.sql`` files in a shipped folder, in name order."""
    place = tree(folder).joinpath(*path.split("/")) if path else tree(folder)
    return sorted(entry.name for entry in place.iterdir() if entry.name.endswith(".sql"))
