"""Adapters: data formats, one file per format beside one SQL file in ``sql/queries/ingest/``."""

from rmstore.registry import Registry

ADAPTERS = Registry(
    "format",
    "adapters",
    {
        "alpaca-eval": "rmstore.adapters.alpaca_eval:AlpacaEval",
        "hh": "rmstore.adapters.hh:HH",
        "llmbar": "rmstore.adapters.llmbar:LLMBar",
        "npy": "rmstore.adapters.npy:Npy",
        "pairs": "rmstore.adapters.pairs:Pairs",
        "pandalm": "rmstore.adapters.pandalm:PandaLM",
        "qa-feedback": "rmstore.adapters.qa_feedback:QAFeedback",
        "ratings": "rmstore.adapters.ratings:Ratings",
        "responses": "rmstore.adapters.responses:Responses",
        "rewardbench2": "rmstore.adapters.rewardbench2:RewardBench2",
        "rm-bench": "rmstore.adapters.rm_bench:RMBench",
        "steps": "rmstore.adapters.steps:Steps",
    },
)
