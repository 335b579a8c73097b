"""Training objectives: losses over the rewards of pairs, one file per objective."""

from rmstore.registry import Registry

OBJECTIVES = Registry(
    "objective",
    "objectives",
    {
        "bt": "rmstore.objectives.bt:BradleyTerry",
        "classification": "rmstore.objectives.classification:Classification",
        "hinge": "rmstore.objectives.hinge:Hinge",
        "margin": "rmstore.objectives.margin:Margin",
        "soft": "rmstore.objectives.soft:Soft",
    },
)
