"""Reads SQL in a process of its own: for some texts the engine's parser needs hours, and nothing can interrupt it.

DuckDB 2.0 takes seconds for eight WITH in one another that are never closed, and several times as long for every
further one. The process ends after its time; it has little memory, and crashes alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from typing import Any

MEMORY = 1 << 30
"""Bytes that the process may write to, where the operating system counts them."""

Parsed = list[tuple[str, Any]]
"""Every statement with its syntax tree, or None where it is no query that can be written as JSON."""


class ParserError(Exception):
    """The text is no SQL, or too much of it."""


def parse(text: str, seconds: float | None) -> Parsed:
    """Return the statements of a text with their syntax trees; an EXPLAIN has that of its query.

    Raises:
        ParserError: it does not parse, not in that time, or its tree is too deep.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-P", __file__]
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=seconds, check=False, env=environment
        )
        return unpacked(json.loads(done.stdout))
    except UnicodeEncodeError as problem:
        raise ParserError(f"the SQL is not valid Unicode: {problem.reason}") from None
    except subprocess.TimeoutExpired:
        raise ParserError(f"the SQL could not be read in {seconds:g} s") from None
    except (ValueError, RecursionError):
        raise ParserError("the SQL is too long or too deeply nested to be read") from None


def unpacked(said: list[tuple[str, str | None]] | str) -> Parsed:
    """Return what :func:`answer` said, trees as objects.

    Raises:
        ParserError: it said why the text does not parse.
    """
    if isinstance(said, str):
        raise ParserError(said)
    return [(query, None if tree is None else json.loads(tree)) for query, tree in said]


def _bound() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def answer(text: str) -> list[tuple[str, str | None]] | str:
    """Return the statements of a text, each with its tree as JSON, or why it does not parse."""
    import duckdb

    found = []
    with duckdb.connect(config={"threads": 1}) as con:
        try:
            for statement in con.extract_statements(text):
                plain = re.sub(r"^\s*explain\s+(analyze\s+)?", "", statement.query, flags=re.IGNORECASE)
                row = con.execute("select json_serialize_sql($text::varchar)", {"text": plain}).fetchone()
                tree = row[0] if row else None
                found.append((statement.query, None if tree is None or '"error":true' in tree[:20] else tree))
        except (duckdb.Error, RecursionError) as problem:
            return str(problem)
    return found


if __name__ == "__main__":
    _bound()
    sys.stdout.write(json.dumps(answer(sys.stdin.buffer.read().decode())))
