"""The generated parts of README.md: ``make docs`` writes them, tests/test_docs.py compares."""

import inspect
import re

import click

import rmstore
from rmstore import reports, resources
from rmstore.adapters import ADAPTERS
from rmstore.cli import cli
from rmstore.encoders import ENCODERS
from rmstore.heads import HEADS
from rmstore.objectives import OBJECTIVES

_MACRO = re.compile(r"create or replace macro (rm_\w+)\s*(.*?)\s+as\s+(?:table\b)?", re.DOTALL)
_OVERLOAD = re.compile(r"^ {4}(\([^()]*\)) as ", re.MULTILINE)


def leaves(command=cli, path=()):
    """Yield (words, command) for every command that does something."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from leaves(command.get_command(click.Context(command), name), (*path, name))
    else:
        yield path, command


def commands():
    """Return the help of every command, folded away under its first line."""
    parts = []
    for path, command in leaves():
        words = " ".join(("rmstore", *path))
        context = click.Context(command, info_name=words, terminal_width=88, max_content_width=88)
        context.help_option_names = ["-h", "--help"]
        title = command.get_short_help_str(limit=100)
        parts.append(
            f"<details><summary><code>{words}</code> {_html(title)}</summary>\n\n"
            f"```text\n{command.get_help(context)}\n```\n\n</details>"
        )
    return "\n".join(parts)


def functions():
    """Return a line per SQL function: how it is called, and its comment in the catalogue."""
    with rmstore.connect() as store:
        rows = store.rows(
            "select function_name as name, max(comment) as comment from duckdb_functions() "
            r"where function_name like 'rm\_%' escape '\' and database_name = 'memory' group by all"
        )
    comments = {row["name"]: row["comment"] for row in rows}
    calls = signatures()
    assert calls.keys() == comments.keys(), calls.keys() ^ comments.keys()
    lines = ["| call | gives |", "|---|---|"]
    lines += [
        f"| {'<br>'.join(f'`{call}`' for call in calls[name])} | {_cell(comments[name] or '')} |" for name in calls
    ]
    return "\n".join(lines)


def signatures():
    """Return name -> calls with parameters and defaults, in the order of the files."""
    found = {}
    for folder in ("macros", "methods"):
        for name in resources.names("sql", folder):
            text = resources.text("sql", f"{folder}/{name}")
            for match in _MACRO.finditer(text):
                body = text[match.start() : text.index(";", match.start())]
                overloads = _OVERLOAD.findall(body)
                found[match[1]] = [match[1] + " ".join(one.split()) for one in overloads or [match[2]]]
                found[match[1]] = [call.replace("( ", "(").replace(" )", ")") for call in found[match[1]]]
    return found


def report_table():
    """Return a line per built-in report."""
    lines = ["| report | answers | parameters |", "|---|---|---|"]
    for report in reports.list_reports():
        params = ", ".join(f"`{param.name}`" for param in report.params)
        lines.append(f"| `{report.name}` | {_cell(report.title)} | {params} |")
    return "\n".join(lines)


def formats():
    """Return a line per format of ``rmstore ingest``."""
    lines = ["| format | a row is |", "|---|---|"]
    return "\n".join(lines + [f"| `{name}` | {_cell(ADAPTERS[name].description)} |" for name in ADAPTERS])


def kinds():
    """Return a line per head, objective and encoder."""
    lines = ["| | name | what it is |", "|---|---|---|"]
    for room, registry in {"head": HEADS, "objective": OBJECTIVES, "encoder": ENCODERS}.items():
        for name in registry:
            first = (inspect.getdoc(registry[name]) or "").partition("\n\n")[0]
            lines.append(f"| {room} | `{name}` | {_cell(' '.join(first.split()))} |")
    return "\n".join(lines)


def _cell(text):
    return text.replace("|", "\\|").replace("``", "`")


def _html(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
