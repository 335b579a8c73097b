"""Pictures of reports as SVG and PNG, by vl-convert: no browser, no network, its own fonts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from rmstore.errors import MissingPackageError
from rmstore.report_header import Report
from rmstore.report_picture import Frame, altair, picture
from rmstore.report_text import clean

_ID = re.compile(r'(id="|url\(#|href="#)([A-Za-z][\w-]*)')
PIXELS = 2
"""Pixels of a PNG for each of the picture, so that it is sharp on fine screens and on paper."""


def svg(report: Report, table: pa.Table, frame: Frame, *, prefix: str = "") -> str:
    """Return the picture of a run as SVG.

    Args:
        report: the report.
        table: the rows of the run.
        frame: title, caption and theme.
        prefix: put before every id inside, so that several pictures can stand on one page.

    Raises:
        ReportError: the report declares no chart.
        MissingPackageError: the packages that draw are not installed.
    """
    specification = picture(report, table, frame)
    text: str = _converter().vegalite_to_svg(specification, **_options())
    return _ID.sub(lambda found: found[1] + prefix + found[2], text) if prefix else text


def png(report: Report, table: pa.Table, frame: Frame) -> bytes:
    """Return the picture of a run as PNG; arguments and errors are those of :func:`svg`."""
    specification = picture(report, table, frame)
    image: bytes = _converter().vegalite_to_png(specification, scale=PIXELS, **_options())
    return image


def caption(provenance: Mapping[str, Any], table: pa.Table) -> str:
    """Return head, snapshot and n of a run in one line.

    n is the first count of the report: of the row of totals, of every row where they agree, else of the largest row.

    Example:
        >>> rows = pa.table({"subset": ["a", "all"], "n_pairs": [2, 5]})
        >>> caption({"parameters": {"split": "test"}, "heads": {"head": {"reference": "h@1"}}}, rows)
        'head h@1, split test, 5 pairs'
    """
    named = {**provenance.get("heads", {}), **provenance.get("snapshots", {})}
    parts = [f"{key} {value['reference']}" for key, value in named.items()]
    parts += [
        f"{key} {value}" for key, value in provenance.get("parameters", {}).items()
        if key not in named and value is not None and key in {"split", "dataset", "subset", "attribute"}
    ]  # fmt: skip
    folds = provenance.get("folds")
    parts += [f"{folds['k']} folds" if isinstance(folds, Mapping) and "k" in folds else ""]
    return clean(", ".join(part for part in [*parts, _count(table)] if part))


def _count(table: pa.Table) -> str:
    name = next((name for name in table.column_names if re.fullmatch(r"n_\w+", name)), None)
    values = [value for value in table[name].to_pylist() if value is not None] if name else []
    if not values or not all(isinstance(value, int) for value in values):
        return ""
    rows = table.to_pylist()
    texts = [other for other in table.column_names if any(row[other] == "all" for row in rows)]
    total = next((row for row in rows if texts and all(row[other] == "all" for other in texts)), None)
    noun = str(name).removeprefix("n_").replace("_", " ")
    if total is not None or len(set(values)) == 1:
        return f"{total[name] if total else values[0]:,} {noun}"
    return f"up to {max(values):,} {noun} a row"


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError as problem:
        raise MissingPackageError("vl-convert-python", "charts", "a picture") from problem
    return vl_convert


def _options() -> dict[str, Any]:
    """Return the version of Vega-Lite that Altair writes, where vl-convert has it, and no address to load from."""
    wanted = altair().SCHEMA_VERSION.lstrip("v").rpartition(".")[0]
    known = _converter().get_vegalite_versions()
    return {"vl_version": wanted if wanted in known else None, "allowed_base_urls": []}
