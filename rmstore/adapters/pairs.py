"""Preference pairs as TRL and RewardBench write them: prompt, chosen, rejected."""

from __future__ import annotations

from rmstore.adapters.base import LABEL, NUMBER, Adapter, Column

_SIDE = Column(("text", "list"), required=True)


class Pairs(Adapter):
    """One pair per row, as plain text or as chat messages.

    A chat side is a list of ``{"role", "content"}`` that ends with the response. It may hold the prompt as well: then
    ``prompt`` may be left out, and the prompts of the two sides may differ. A side that begins with an assistant turn
    goes on from ``prompt``. ``source`` is who voted where it is human, judge, pseudo, simulated or constructed, and
    metadata elsewhere. ``prob`` is the chance that chosen is better, 1 where it is not given.
    """

    name = "pairs"
    description = "prompt, chosen, rejected as text or chat messages (TRL, RewardBench)"
    sql = "pairs"
    columns = {
        "prompt": Column(("text", "list")),
        "chosen": _SIDE,
        "rejected": _SIDE,
        "chosen_model": LABEL,
        "rejected_model": LABEL,
        "margin": NUMBER,
        "prob": NUMBER,
        "weight": NUMBER,
        "score_chosen": NUMBER,
        "score_rejected": NUMBER,
        "chosen_logp": NUMBER,
        "rejected_logp": NUMBER,
        "annotator": LABEL,
        "source": LABEL,
    }
