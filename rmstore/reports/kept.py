"""Pictures of a page that were drawn before, in a file beside it: a page that is built again draws what is new."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from xml.etree import ElementTree

from rmstore.export import replacing
from rmstore.hashing import canonical_json
from rmstore.reports.drawing import svg, versions
from rmstore.reports.inputs import code
from rmstore.reports.picture import Frame
from rmstore.reports.results import Result

KEPT = ".pictures.json"
"""File of a folder with the pictures of its page; without it all are drawn again."""
_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = {
    "svg", "g", "defs", "clipPath", "linearGradient", "stop", "path", "line", "rect", "circle", "text", "tspan",
}  # fmt: skip


class Pictures:
    """Pictures by the digest of what they are drawn from.

    Args:
        folder: holds the page.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / KEPT
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            said = {}
        self._before: dict[str, str] = said if isinstance(said, dict) else {}
        self._now: dict[str, str] = {}

    def of(self, result: Result, place: str) -> str:
        """Return the picture of a result as SVG, whose ids no other place of the page has.

        Args:
            result: a result whose report has a chart.
            place: where it stands on the page.

        Raises:
            MissingPackageError: the packages that draw are not installed.
        """
        digest = hashlib.sha256(canonical_json([result.sha256, place, code(), versions()]).encode()).hexdigest()
        kept = self._before.get(digest)
        if not isinstance(kept, str) or not _is_drawing(kept):
            kept = svg(result.report, result.table, Frame(), prefix=f"p{digest[:12]}-")
        self._now[digest] = kept
        return kept

    def save(self) -> None:
        """Keep the pictures that were asked for, and no others."""
        if self._now != self._before:
            with replacing(self._file) as part:
                part.write_text(json.dumps(self._now, sort_keys=True), encoding="utf-8")


def _is_drawing(text: str) -> bool:
    """Return whether a text is SVG of shapes and letters alone: a folder may come from somebody no page trusts."""
    if "<!" in text or "<?" in text:
        return False
    try:
        parts = ElementTree.fromstring(text).iter()  # noqa: S314 - it declares no entities
    except ElementTree.ParseError:
        return False
    return all(part.tag.startswith(_SVG) and part.tag.removeprefix(_SVG) in _SHAPES for part in parts)
