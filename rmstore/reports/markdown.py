"""A run as Markdown: title, table, note and provenance, for a README, a pull request or a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rmstore.reports.view import Fact, Table, View

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$#]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads as more than text. An underscore inside a word is no emphasis."""


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    Example:
        >>> print(escaped("n_pairs | *a* <b>\nc & _d_"))
        n_pairs \| \*a\* &lt;b&gt; c &amp; \_d\_
    """
    named = {"<": "&lt;", ">": "&gt;"}
    text = " ".join(text.replace("&", "&amp;").split("\n"))
    return _SPECIAL.sub(lambda found: named.get(found[0], "\\" + found[0]), text)


def markdown(shown: View) -> str:
    """Return a run as Markdown: every row, numbers rounded by column."""
    lines = [f"## {escaped(shown.report.title)}", "", escaped(shown.caption), ""]
    if shown.table.rows:
        lines += list(_table(shown.table))
    else:
        lines += ["No rows."]
    lines += [line for note in shown.notes for line in ("", f"> **Note:** {escaped(note)}")]
    if shown.report.note:
        lines += ["", f"{escaped(shown.report.grain)}. {escaped(shown.report.note)}"]
    lines += ["", "### Provenance", "", *_list(shown.facts, 0)]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> Iterator[str]:
    yield _line([escaped(head.name) for head in table.columns])
    yield _line(["---:" if head.is_number else "---" for head in table.columns])
    for row in table.rows:
        yield _line([escaped(cell.text) for cell in row])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(facts: Sequence[Fact], depth: int) -> Iterator[str]:
    for fact in facts:
        yield f"{'  ' * depth}- {escaped(fact.name)}: {escaped(fact.text)}".rstrip()
        yield from _list(fact.below, depth + 1)
