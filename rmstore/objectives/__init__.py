"""Training objectives: losses over the rewards of pairs or items, one file per objective."""

from rmstore.registry import Registry

OBJECTIVES = Registry(
    "objective",
    "objectives",
    {
        "absolute": "rmstore.objectives.absolute:Absolute",
        "bt": "rmstore.objectives.bt:BradleyTerry",
        "classification": "rmstore.objectives.classification:Classification",
        "hinge": "rmstore.objectives.hinge:Hinge",
        "logistic": "rmstore.objectives.logistic:Logistic",
        "margin": "rmstore.objectives.margin:Margin",
        "norm": "rmstore.objectives.norm:Norm",
        "plackett_luce": "rmstore.objectives.plackett_luce:PlackettLuce",
        "soft": "rmstore.objectives.soft:Soft",
        "squared": "rmstore.objectives.squared:Squared",
    },
)


def learns_from_items(objective: str) -> bool:
    """Return whether an objective learns from single items, whose values it takes as they are, and not from pairs."""
    return objective in OBJECTIVES and bool(OBJECTIVES[objective].sees == "item")
