"""RM-Bench: several right and several wrong responses per prompt, in matching styles."""

from __future__ import annotations

from rmstore.adapters.base import TEXT, Adapter, Column

_SIDE = Column(("list",), required=True)


class RMBench(Adapter):
    """``chosen`` and ``rejected`` are lists of texts; every chosen one is better than every rejected one.

    Lists of three are in the styles concise, detailed and markdown, which become the variant of a response; lists of
    another length have no variant. The metadata keeps the ids of the responses in the order of the lists, which the
    report ``rm-bench`` needs where a text stands there twice.
    """

    name = "rm-bench"
    description = "lists of chosen and rejected responses per prompt, three styles each (RM-Bench)"
    sql = "rm_bench"
    columns = {"prompt": TEXT, "chosen": _SIDE, "rejected": _SIDE}
