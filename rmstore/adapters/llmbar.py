"""LLMBar: an instruction, two outputs, and which of them is better."""

from __future__ import annotations

from rmstore.adapters.base import TEXT, Adapter, Column


class LLMBar(Adapter):
    """``dataset.json`` of LLMBar; the file does not say its subset, so give one."""

    name = "llmbar"
    description = "input, output_1, output_2 and label 1 or 2 (LLMBar)"
    sql = "llmbar"
    columns = {"input": TEXT, "output_1": TEXT, "output_2": TEXT, "label": Column(("number",), required=True)}
