"""PandaLM's test set: pairs with a vote of each of three annotators, and the verdicts of machines on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rmstore.adapters.base import LABEL, TEXT, Adapter, Column
from rmstore.errors import OptionError

_SIDE = Column(LABEL.kinds, required=True)
_VOTE = Column(("number",), required=True)


class PandaLM(Adapter):
    """``testset-v1.json``, or with the option ``test_set``, which names that file, a file of verdicts on it.

    The prompt is ``instruction``, and after an empty line ``input`` where there is one. ``cmp_key`` names the two
    models. Each of ``annotator1`` to ``annotator3`` gives one vote: 1 and 2 for a response, 0 for a tie. A response
    that is not a text, such as the JSON value true, is taken as JSON writes it, and counted.

    A row of verdicts has ``idx``, the row that it judges, and one column ``<name>_result``: 0 or Tie, 1, 2, or
    garbage. It gives one vote by ``<name>``; garbage gives none, is counted, and stays in the metadata. Give both
    files the same subset, so that the votes are on the same generations.
    """

    name = "pandalm"
    description = (
        "instruction, input, two responses, votes 0, 1, 2 of three annotators; or verdicts, with test_set (PandaLM)"
    )
    sql = "pandalm"
    columns = {
        "instruction": TEXT,
        "input": Column(("text",)),
        "response1": _SIDE,
        "response2": _SIDE,
        "cmp_key": Column(("text",), is_stored=False),
        "annotator1": _VOTE,
        "annotator2": _VOTE,
        "annotator3": _VOTE,
    }
    options = {"test_set": None}
    has_remarks = True

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__(given)
        test_set = self.values["test_set"]
        if test_set is None:
            return
        if not isinstance(test_set, str):
            raise OptionError(
                f"test_set of the format 'pandalm' is {test_set!r}", hint="give the path of testset-v1.json"
            )
        self.beside, self.sql = test_set, "pandalm_verdicts"
        self.columns = {"idx": Column(LABEL.kinds, required=True, is_stored=False)}
