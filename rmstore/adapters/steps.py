"""Reasoning traces whose steps are labelled, as process reward models learn from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rmstore.adapters.base import Adapter, Column
from rmstore.errors import OptionError

_PROMPT = Column(("text", "list"), is_stored=False)
_ANSWER = Column(("text", "number", "boolean"), is_stored=False)
_INDEX = Column(("number",))


class Steps(Adapter):
    """One trace per row: ``prompt`` (or ``input``, ``question``, ``problem``) and ``steps``, a list of texts.

    The text of the response is its steps with a line break between each two; steps are counted from 1 in the store.
    What is said of them comes as ``labels``, one number from 0 to 1, truth value or null per step (PRM800K,
    Math-Shepherd), or as ``mistake_index`` (BIG-Bench Mistake) or ``label`` (ProcessBench), the first wrong step
    counted from 0: steps before it are labelled 1, it is labelled 0, and those after it have no label. Null and -1
    say that no step is wrong. A row with none of these columns has steps without labels.

    Where ``answer`` and ``target`` are both given the response is rated: ``gold`` is 1 where they are equal but for
    white space at their ends, else 0. ``policy``, ``model`` or ``generator`` says who wrote the trace. The option
    ``label_source`` says where the labels come from, such as human, mc or judge; human where nothing says otherwise.
    """

    name = "steps"
    description = (
        "prompt, steps and labels or the index of the first mistake (BIG-Bench Mistake, PRM800K, ProcessBench)"
    )
    sql = "steps"
    columns = {
        "prompt": _PROMPT,
        "steps": Column(("list",), required=True),
        "labels": Column(("list",)),
        "mistake_index": _INDEX,
        "label": _INDEX,
        "answer": _ANSWER,
        "target": _ANSWER,
    }
    options = {"label_source": None}

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given)
        source = self.values["label_source"]
        if source is not None and (not isinstance(source, str) or not source):
            raise OptionError(
                f"label_source of the format 'steps' is {source!r}", hint="give a name, such as human, mc or judge"
            )

    def parameters(self) -> dict[str, Any]:
        """Return where the labels come from, None where no option says it."""
        return {"label_source": self.values["label_source"]}
