"""The annotations of AlpacaEval 2: a judge's graded preference between one reference and a model."""

from __future__ import annotations

from rmstore.adapters.base import LABEL, TEXT, Adapter, Column

_NAME = Column(LABEL.kinds, required=True)


class AlpacaEval(Adapter):
    """``annotations.json``: output_1 is the reference, output_2 the model's, preference is 1 + P(output_2 is better).

    ``raw_completion`` is metadata: its tokens stand for either output. The model's response gets two ratings by the
    judge: ``win_prob`` = preference - 1, and ``gold``, its log-odds with the probability clipped at 1e-6.
    """

    name = "alpaca-eval"
    description = "annotations.json of AlpacaEval: instruction, two outputs, preference between 1 and 2"
    sql = "alpaca_eval"
    columns = {
        "instruction": TEXT,
        "output_1": TEXT,
        "generator_1": _NAME,
        "output_2": TEXT,
        "generator_2": _NAME,
        "preference": Column(("number",), required=True),
        "annotator": LABEL,
    }
    subset_column = "dataset"
