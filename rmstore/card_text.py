"""Cards as Markdown and as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rmstore.errors import OptionError
from rmstore.export import replacing

WRITERS = {".md": "Markdown", ".json": "JSON"}


def write(card: Mapping[str, Mapping[str, Any]], to: Path, store_file: Path | None = None) -> None:
    """Write a card to a file; its ending, .md or .json, says how.

    Raises:
        OptionError: the ending means neither.
        StoreError: the place cannot be written.
    """
    if to.suffix.lower() not in WRITERS:
        raise OptionError(f"{to.name!r} has no ending that means a card", hint="give FILE.md or FILE.json")
    text = markdown(card) if to.suffix.lower() == ".md" else as_json(card)
    with replacing(to, store_file) as part:
        part.write_text(text, encoding="utf-8")


def as_json(card: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a card as JSON, in the order of its sections."""
    return json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def markdown(card: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a card as Markdown: a section per group of fields, lists of rows as tables.

    Example:
        >>> print(markdown({"head": {"reference": "h@1", "license": "unknown"}, "labels": {"votes": 2}}))
        # Reward head h@1
        <BLANKLINE>
        ## Head
        <BLANKLINE>
        - **reference**: h@1
        - **license**: unknown
        <BLANKLINE>
        ## Labels
        <BLANKLINE>
        - **votes**: 2
        <BLANKLINE>
    """
    lines = [f"# Reward head {_text(card['head']['reference'])}", ""]
    for section, fields in card.items():
        lines += [f"## {_title(section)}", ""]
        plain = {name: value for name, value in fields.items() if not _is_table(value)}
        lines += [f"- **{_title(name, first=False)}**: {_text(value)}" for name, value in plain.items()]
        for name, value in fields.items():
            if _is_table(value):
                lines += ["", f"**{_title(name, first=False)}**", "", *_table(value)]
        lines.append("")
    return "\n".join(lines)


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(rows[0])
    body = ["| " + " | ".join(_text(row[name]).replace("|", "\\|") for name in names) + " |" for row in rows]
    return ["| " + " | ".join(_title(name, first=False) for name in names) + " |", "|---" * len(names) + "|", *body]


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _title(name: str, *, first: bool = True) -> str:
    words = name.replace("_", " ")
    return words.capitalize() if first else words


def _text(value: Any) -> str:
    """Return a value on one line that no reader takes for markup."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_text(entry) for entry in value)
    return html.escape(" ".join(str(value).split()), quote=False)
