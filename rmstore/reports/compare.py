"""Two runs of a report beside each other: the difference of its measure, paired group by group, with its interval."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from rmstore.errors import ReportError
from rmstore.reports.chart import Chart
from rmstore.reports.files import list_reports
from rmstore.reports.header import Column, Comparison, Report
from rmstore.reports.units import listed
from rmstore.store import Store, fill_in, quote_identifier, statement


def line_of(report: Report) -> Comparison:
    """Return how runs of a report are compared.

    Raises:
        ReportError: they are not, with the reports whose runs are.
    """
    if report.compare is None:
        able = ", ".join(one.name for one in list_reports() if one.compare) or "none of the built-in ones"
        raise ReportError(
            f"runs of report {report.name!r} are not compared: its header has no line 'compare'",
            hint=f"these have: {able}",
        )
    return report.compare


def names_of(line: Comparison) -> tuple[str, str]:
    """Return the columns that hold the measure of the first run and that of the second."""
    return line.metric, f"{line.metric}_compared"


def number_of(line: Comparison) -> str:
    """Return the column that holds the number of units, ``n`` unless a key is called so."""
    return "n_units" if "n" in line.keys else "n"


def pair(store: Store, line: Comparison, left: pa.Table, right: pa.Table) -> pa.Table:
    """Return, by key, the measure of two runs over the groups that both judged, with the difference and its interval.

    The columns are the keys, n (units judged by both; n_units where a key is called n), n_groups, n_unpaired (groups
    that one side judged alone, or on another number of units), the measure of both, difference (left less right), low
    and high (95 %, clustered by group; of a share within [-1, 1]), and z; the last three are NULL where nothing varies.

    Args:
        store: an open store.
        line: what the header says.
        left: keys, ``group_id``, ``unit_n`` and ``unit_total`` of the first run.
        right: those of the second.
    """
    keys = [quote_identifier(key) for key in line.keys]
    whole = all(pa.types.is_integer(side.schema.field("unit_n").type) for side in (left, right))
    first, second = names_of(line)
    parts = {
        "keys": listed(line.keys),
        "grouped": ", ".join(keys) or "()",
        "order": ", ".join(f"{key}::varchar = 'all', {key}" for key in keys) or "1",
        "number": quote_identifier(number_of(line)),
        "kind": "bigint" if whole else "double",
        "left": quote_identifier(first),
        "right": quote_identifier(second),
        "interval": "_rm_paired_share_interval" if line.is_share else "_rm_paired_interval",
    }
    with store.cursor("report_macros") as cursor:
        cursor.register("units_left", left)
        cursor.register("units_right", right)
        return store.arrow(cursor, fill_in(statement("reports/compare"), parts))


def notes(table: pa.Table) -> list[str]:
    """Return what a reader of a comparison should know: what could not be paired."""
    most = max(table.select(["n_unpaired", "n_groups"]).to_pylist(), key=lambda row: row["n_unpaired"], default=None)
    if most is None or not most["n_unpaired"]:
        return []
    return [
        f"groups that one run judged alone, or on another number of units, are left out (n_unpaired): at most "
        f"{most['n_unpaired']} of {most['n_unpaired'] + most['n_groups']} in a row"
    ]


def as_report(report: Report, table: pa.Table, first: str, second: str) -> Report:
    """Return a comparison in the shape of a report, for what shows it: its title, columns and chart.

    Args:
        report: the report that was run.
        table: the comparison.
        first: reference of the head.
        second: reference of the head that it is compared with.
    """
    line = line_of(report)
    kinds = {column.name: column.type for column in report.columns if column.name in line.keys}
    number = number_of(line)
    kinds |= {number: "DOUBLE" if pa.types.is_floating(table.schema.field(number).type) else "BIGINT"}
    kinds |= {"n_groups": "BIGINT", "n_unpaired": "BIGINT"}
    chart = None
    if line.keys and table.num_rows:
        varied = [key for key in line.keys if len(table[key].unique()) > 1] or line.keys
        channels: dict[str, tuple[str, ...]] = {"x": (varied[-1],), "y": ("difference",)}
        channels |= {"low": ("low",), "high": ("high",)}
        chart = Chart("points", channels, {"y_title": f"{line.metric}: {first} less {second}"})
    return replace(
        report,
        title=f"{report.title}: {first} beside {second}",
        grain=f"one row per {', '.join(line.keys) or 'run'}",
        columns=tuple(Column(name, kinds.get(name, "DOUBLE")) for name in table.column_names),
        chart=chart,
        note=(
            f"{line.metric} of {first}, {line.metric}_compared of {second}, over the n units of the n_groups groups "
            "that both judged. low and high: 95 % interval of the paired difference, clustered by group; z: difference "
            "over its standard error. All three are NULL where nothing varies."
        ),
    )
