"""Pictures of reports as SVG and PNG, by vl-convert: no browser, no network, its own fonts."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from rmstore.errors import MissingPackageError
from rmstore.reports.header import Report
from rmstore.reports.picture import Frame, altair, picture

_ID = re.compile(r'(id="|url\(#|href="#)([A-Za-z][\w-]*)')
PIXELS = 2
"""Pixels of a PNG for each of the picture, so that it is sharp on fine screens and on paper."""


def svg(report: Report, table: pa.Table, frame: Frame, *, prefix: str = "id-") -> str:
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
    names: dict[str, str] = {}  # the engine numbers ids through the life of a process
    return _ID.sub(lambda found: found[1] + names.setdefault(found[2], f"{prefix}{len(names)}"), text)


def png(report: Report, table: pa.Table, frame: Frame) -> bytes:
    """Return the picture of a run as PNG; arguments and errors are those of :func:`svg`."""
    specification = picture(report, table, frame)
    image: bytes = _converter().vegalite_to_png(specification, scale=PIXELS, **_options())
    return image


def versions() -> list[str]:
    """Return the versions of the packages that draw.

    Raises:
        MissingPackageError: they are not installed.
    """
    return [str(altair().__version__), str(_converter().__version__)]


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
