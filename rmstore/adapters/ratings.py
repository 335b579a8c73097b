"""Responses rated by attribute, as UniEval, UltraFeedback and HelpSteer publish them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rmstore.adapters.base import Adapter, Column
from rmstore.errors import OptionError

_PROMPT = Column(("text", "list"), is_stored=False)
ATTRIBUTES = (
    "helpfulness",
    "correctness",
    "coherence",
    "complexity",
    "verbosity",
    "overall_score",
    "fine-grained_score",
)  # fmt: skip


class Ratings(Adapter):
    """Either one row per response, or one row per prompt with ``completions``, a list of objects.

    The prompt is ``prompt``, ``instruction`` or ``source``, the first that is there; ``context`` becomes a system
    turn before it. A response is ``response`` or ``system_output`` (or ``output``, ``completion``, ``text``), its
    policy ``policy``, ``model`` or ``system_id`` (or ``generator``). Prompts of several turns in one text stay one
    text.

    Ratings are every attribute of an object ``scores``, ``annotations`` or ``ratings``, and the columns that the
    option ``attributes`` lists: by default those of HelpSteer (``helpfulness``, ``correctness``, ``coherence``,
    ``complexity``, ``verbosity``) and the two scores of UltraFeedback (``overall_score``, ``fine-grained_score``). A
    rating is a number, a text that is one, or an object whose ``Rating`` is one. Null, an empty text and N/A are no
    rating, never 0. Other columns, numbers too, stay in the metadata; that tells this format from ``responses``,
    which rates by every number.
    """

    name = "ratings"
    description = "responses rated by attribute (UniEval, UltraFeedback, HelpSteer)"
    sql = "ratings"
    columns = {
        "prompt": _PROMPT,
        "instruction": _PROMPT,
        "context": Column(("text",)),
        "completions": Column(("list",), is_stored=False),
        "annotator": Column(("text", "number", "boolean"), is_stored=False),
    }
    options = {"attributes": ATTRIBUTES}

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given)
        names = self.values["attributes"]
        if isinstance(names, str) or not all(isinstance(name, str) and name not in self.columns for name in names):
            raise OptionError(
                f"attributes of the format 'ratings' is {names!r}",
                hint="give a list of column names; scores, annotations and ratings are read in any case",
            )

    def parameters(self) -> dict[str, Any]:
        """Return the columns that hold ratings."""
        return {"attributes": list(self.values["attributes"])}
