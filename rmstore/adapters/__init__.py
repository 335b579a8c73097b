"""Adapters: data formats, one file per format beside one SQL file in ``sql/queries/ingest/``."""

from rmstore.registry import Registry

ADAPTERS = Registry(
    "format",
    "adapters",
    {
        "hh": "rmstore.adapters.hh:HH",
        "pairs": "rmstore.adapters.pairs:Pairs",
        "responses": "rmstore.adapters.responses:Responses",
    },
)
