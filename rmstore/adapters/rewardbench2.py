"""RewardBench 2: right and wrong responses per prompt, one right among four, or many of each in its subset Ties."""

from __future__ import annotations

from rmstore.adapters.base import TEXT, Adapter, Column

_SIDE = Column(("list",), required=True)


class RewardBench2(Adapter):
    """The rows of ``allenai/reward-bench-2`` (arXiv 2506.01937), one item per row.

    ``chosen`` and ``rejected`` are lists of texts; every chosen one is better than every rejected one. ``models`` names
    the policy of every response, chosen ones first, or one policy for all. ``id`` is kept, since the subset Ties pairs
    its rows by it: ``ref:12`` asks for one right answer, ``tied:12`` for any of several. Counts such as
    ``num_correct`` and ``additional_metadata`` are metadata. The report ``rewardbench2`` reads what this stores.
    """

    name = "rewardbench2"
    description = "lists of chosen and rejected responses per prompt with an id (RewardBench 2)"
    sql = "rewardbench2"
    columns = {
        "id": Column(("text", "number"), required=True, is_stored=False),
        "prompt": TEXT,
        "chosen": _SIDE,
        "rejected": _SIDE,
        "models": Column(("list",)),
    }
