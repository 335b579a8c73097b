"""Reward heads: maps from inputs to rewards, one file per kind."""

from rmstore.registry import Registry

HEADS = Registry(
    "head kind",
    "heads",
    {
        "adapter": "rmstore.heads.adapter:AdapterHead",
        "lightgbm": "rmstore.heads.lightgbm:LightGBMHead",
        "linear": "rmstore.heads.linear:LinearHead",
        "mlp": "rmstore.heads.mlp:MLPHead",
        "multi": "rmstore.heads.multi:MultiHead",
        "prototype": "rmstore.heads.prototype:PrototypeHead",
    },
)
