"""Many responses per prompt, each with a gold reward and other ratings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rmstore.adapters.base import Adapter, Column
from rmstore.errors import OptionError

_PROMPT = Column(("text", "list"), is_stored=False)
_LABEL = Column(("text", "number", "boolean"), is_stored=False)


class Responses(Adapter):
    """Either one row per response, or one row per prompt with a list of responses.

    A row per response has ``prompt`` (or ``instruction``) and ``response`` (or ``text``, ``output``, ``completion``).
    It may have ``policy`` (or ``model``, ``generator``), ``gold`` (or ``reward``, ``score``), ``ratings`` (an object
    of attributes), ``annotator``, ``variant``, ``origin``, ``logp`` and ``n_tokens``. Of several names for one thing
    the first counts. Every other numeric column becomes a rating, save ``id``, ``idx``, ``index``, ``row`` and names
    that end in ``_id``; the option ``attributes`` lists the columns instead, and is needed for csv, which has no types.

    A row per prompt has ``responses``: texts, or objects with the columns of a row per response. A list ``gold``,
    ``rewards`` or ``scores`` may stand beside it; ``policy`` and ``annotator`` may be given for the whole row.
    """

    name = "responses"
    description = "one row per response, or per prompt with a list of responses, with gold rewards and ratings"
    sql = "responses"
    columns = {
        "prompt": _PROMPT,
        "instruction": _PROMPT,
        "responses": Column(("list",), is_stored=False),
        "annotator": _LABEL,
        "logp": Column(("number",), is_stored=False),
        "n_tokens": Column(("number",), is_stored=False),
    }
    options = {"attributes": None}

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given)
        names = self.values["attributes"]
        if names is None:
            return
        if isinstance(names, str) or not all(isinstance(name, str) and name not in self.columns for name in names):
            raise OptionError(
                f"attributes of the format 'responses' is {names!r}",
                hint="give a list of column names; gold and ratings are read in any case",
            )
        self.values["attributes"] = list(names)

    def parameters(self) -> dict[str, Any]:
        """Return the columns that hold ratings, or None for every numeric one."""
        return {"attributes": self.values["attributes"]}
