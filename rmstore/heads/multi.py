"""The multi head: rated attributes predicted by ridge regression, and a gate that weighs them by prompt."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from rmstore import options as opt
from rmstore.errors import InputError, OptionError
from rmstore.heads import attributes as rated
from rmstore.heads import pairs as on
from rmstore.heads import serial
from rmstore.heads.attributes import Attributes
from rmstore.heads.base import Head, Pairs, Poll
from rmstore.heads.graph import Graph
from rmstore.heads.multi_training import PRESETS, Gate, describe_gate, train_gate
from rmstore.heads.ridge import fit_attributes
from rmstore.objectives.base import Objective

ON_RATINGS, ON_PAIRS = ("l2", "standardise"), ("preset", *PRESETS["quick"], "lr", "dropout")
"""Options of the attributes alone, and of the gate alone."""
CHUNK = 512
"""Items scored at a time: enough for the matrix product, few enough for the hidden layer to stay in cache."""


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _columns(value: Any) -> list[int]:
    start, stop = (opt.whole(None, 0).clean(place) for place in value)
    if start >= stop:
        raise ValueError
    return [start, stop]


class MultiHead(Head):
    """Attributes by ridge regression and a gate over them, after ArmoRM (arXiv 2406.12845).

    It is trained in two steps. Ratings train the attributes, which are the members; the score is then their plain mean.
    Pairs, with ``start`` at such a head, train a gate g, and the score is g(prompt) . r'. Rewards r are in standard
    deviations of each attribute's training values, so that attributes of any scale can be weighed and compared
    (adaptation); members give back the scale of the ratings, before ``verbosity`` is taken out. A score is therefore no
    rating, not even of a single attribute: 0 is the mean item, and where all ratings are equal every item has it.

    Options:
        l2: strength a of the penalty a |w|^2 beside the *sum* of squared errors, or 'auto': for every attribute the
            power of ten from 1e-4 to 1e4 with the lowest error on its validation rows.
        standardise: false for the published ridge, without intercept, on the values as they are.
        verbosity: attribute to take out of the others, by the rule of :mod:`rmstore.heads.debias`; measured on the
            training items of whichever step names it.
        preset: 'quick' for a gate that trains in seconds on a CPU, 'published' for that of the paper.
        hidden: widths of the gate's ReLU layers, by default those of the preset.
        steps: of the gate's training, by default those of the preset.
        batch_size: pairs per step, by default those of the preset.
        patience: steps without a lower validation loss after which the gate stops, by default those of the preset.
        scale: what the weights of a prompt add up to before training; where the preset has none, what fits best.
        lr: of AdamW at its height, from which it falls to 0 along half a cosine.
        dropout: share of the gate's hidden units left out per step.
        prompt_at: first column of the prompt vector in the input, and the one after its last. With a snapshot whose
            layout has the part ``prompt`` it is known; otherwise the prompt is what follows the attributes' columns.
            Where nothing follows, all prompts get the same weights.

    The released training script computes r' and trains the gate on r; here the gate is trained on what it weighs. As in
    the paper, pairs should be of other prompts than the ratings: on its own training items a ridge looks better than it
    is, and a gate that learns there trusts most the attributes that were fitted too well.

    Attributes:
        attributes: what ratings taught.
        gate: weights of the attributes by prompt, or None before pairs were seen.
        prompt: columns that the gate reads, (first, last + 1).
    """

    kind = "multi"
    takes_attributes = True
    reads_prompt = True
    table = {
        "l2": opt.either("auto", opt.number("auto", 0, open_low=True)),
        "standardise": opt.flag(True),
        "verbosity": opt.either(None, opt.Option(None, "the name of an attribute", _name)),
        "preset": opt.choice("quick", *PRESETS),
        "hidden": opt.either(None, opt.widths()),
        "steps": opt.either(None, opt.whole(None, 1)),
        "batch_size": opt.either(None, opt.whole(None, 1)),
        "patience": opt.either(None, opt.whole(None, 1)),
        "scale": opt.either(None, opt.number(None, 0, open_low=True)),
        "lr": opt.number(1e-3, 0, open_low=True),
        "dropout": opt.number(0.2, 0, 0.95),
        "prompt_at": opt.either(
            None, opt.Option(None, "first column and the one after the last: [384, 768]", _columns)
        ),
    }

    def __init__(
        self,
        attributes: Attributes,
        gate: Gate | None = None,
        prompt: tuple[int, int] = (0, 0),
        dim: int | None = None,
    ) -> None:
        self.attributes, self.gate, self.prompt = attributes, gate, prompt
        self._dim = dim or attributes.width

    @classmethod
    def fit(
        cls,
        train: Pairs,
        valid: Pairs | None,
        *,
        objective: Objective,
        options: Mapping[str, Any],
        members: int,
        merge: str | None,
        seed: int,
        poll: Poll,
        start: Head | None = None,
    ) -> tuple[MultiHead, dict[str, Any]]:
        """Return the attributes with their R^2, from ratings; or ``start`` with a gate, from pairs."""
        settings = cls.options(options)
        valid = on.check(train, valid, members, merge)
        if members > 1 or merge:
            raise OptionError(
                f"the multi head takes no {'merge' if merge else f'ensemble of {members}'}: its members are attributes",
                hint="leave members and merge out; rm_score_members gives the attributes",
            )
        if objective.sees == "item":
            head, record = cls._of_ratings(train, valid, objective, settings, poll, start)
        else:
            head, record = cls._of_pairs(train, valid, objective, settings, seed, poll, start)
        poll(1.0, "trained")
        return head, record

    @classmethod
    def _of_ratings(
        cls, train: Pairs, valid: Pairs | None, objective: Objective, settings: Mapping[str, Any], poll: Poll,
        start: Head | None,
    ) -> tuple[MultiHead, dict[str, Any]]:  # fmt: skip
        if train.value is None:
            raise InputError("ratings without a value", hint="rm_train_ratings gives one to every item")
        if objective.name != "squared":
            raise OptionError(
                f"the attributes of a multi head do not learn by the objective {objective.name!r}",
                hint="leave it out, or objective := 'squared'",
            )
        if start is not None:
            raise OptionError(
                "the attributes of a multi head have no use for a start", hint="start belongs to its training on pairs"
            )
        _refuse_set(settings, ON_PAIRS, "the gate, which pairs train")
        fitted, record = fit_attributes(
            train, valid, l2=None if settings["l2"] == "auto" else settings["l2"], standardise=settings["standardise"],
            poll=lambda share: poll(share, "multi: ridge"),
        )  # fmt: skip
        fitted, told = fitted.without(settings["verbosity"], train)
        return cls(fitted), {"attributes": record, **told}

    @classmethod
    def _of_pairs(
        cls, train: Pairs, valid: Pairs | None, objective: Objective, settings: Mapping[str, Any], seed: int,
        poll: Poll, start: Head | None,
    ) -> tuple[MultiHead, dict[str, Any]]:  # fmt: skip
        _refuse_set(settings, ON_RATINGS, "the attributes, which ratings train")
        dim = train.items.shape[1]
        if start is None:
            raise OptionError(
                "pairs train the gate of a multi head, and its attributes are not there yet",
                hint="rm_train_ratings('attrs', item, value, attribute := attribute, head := 'multi'), "
                "then options := {start: 'attrs'}",
            )
        if not isinstance(start, cls) or start.attributes.width > dim:
            raise OptionError(
                f"a gate over vectors of width {dim} cannot go on from a {start.kind} head of width {start.dim}",
                hint="start from a multi head that ratings trained, over the first of these columns",
            )
        prompt = tuple(settings["prompt_at"] or (start.attributes.width, dim))
        if prompt[1] > dim:
            raise OptionError(f"prompt_at ends at column {prompt[1]} of {dim}", hint="count columns from 0")
        attributes, told = start.attributes.without(settings["verbosity"], train)
        prompts = train.items[:, slice(*prompt)]
        gate, record = train_gate(
            attributes.rewards(train.items), prompts, train, valid, objective=objective, settings=settings, seed=seed,
            poll=poll,
        )  # fmt: skip
        items = np.unique(train.chosen)
        described = describe_gate(gate, attributes, train.items[items], prompts[items], told.get("verbosity"))
        return cls(attributes, gate, prompt, dim), {**record, "prompt_at": list(prompt), **told, "gate": described}

    def members(self, items: np.ndarray) -> np.ndarray:
        """Return the predicted rating of every attribute, (n, k) float32, in the scale of the ratings."""
        return self.attributes.ratings(on.check_items(items, self.dim))

    def score(self, items: np.ndarray) -> np.ndarray:
        """Return what the gate makes of the attributes, (n,) float32; before there is one, their mean.

        An attribute that was taken out as verbosity has no part in the mean.
        """
        items = on.check_items(items, self.dim)
        if self.gate is None:
            return self.attributes.rewards(items) @ self.attributes.even
        scores = np.empty(len(items), dtype=np.float32)
        for start in range(0, len(items), CHUNK):
            block = items[start : start + CHUNK]
            weights = self.gate.weights(block[:, slice(*self.prompt)])
            scores[start : start + CHUNK] = np.einsum("nk,nk->n", weights, self.attributes.rewards(block))
        return scores

    def operators(self, graph: Graph, items: str) -> str:
        """Add the attributes, and the gate over the prompt's columns; the score is the gate's."""
        own = _cut(graph, items, 0, self.attributes.width)
        rated, rating_bias, mixed, bias = self.attributes.folded
        rewards = graph.add("Add", graph.add("MatMul", own, graph.constant(mixed)), graph.constant(bias))
        if self.gate is None:
            weights = graph.constant(self.attributes.even[None])
        elif self.prompt[0] == self.prompt[1]:
            weights = graph.constant(self.gate.weights(np.empty((1, 0), np.float32)))
        else:
            weights = self.gate.operators(graph, _cut(graph, items, *self.prompt))
        graph.score = graph.add("ReduceSum", graph.add("Mul", rewards, weights), graph.constant([1]), keepdims=0)
        return graph.add("Add", graph.add("MatMul", own, graph.constant(rated)), graph.constant(rating_bias))

    @property
    def n_members(self) -> int:
        """Number of attributes."""
        return len(self.attributes.names)

    @property
    def dim(self) -> int:
        """Width of the input."""
        return self._dim

    def to_bytes(self) -> bytes:
        """Return the head as safetensors: the arrays of the attributes, and ``gate.weight.0`` and so on."""
        tensors = self.attributes.arrays
        settings: dict[str, Any] = {"attributes": self.attributes.names, "dim": self.dim, "prompt": self.prompt}
        if self.gate is not None:
            settings["gate_scale"] = self.gate.scale
            for number, (weight, bias) in enumerate(self.gate.layers):
                tensors[f"gate.weight.{number}"], tensors[f"gate.bias.{number}"] = weight, bias
        return serial.pack(self.kind, tensors, **settings)

    @classmethod
    def from_bytes(cls, data: bytes) -> MultiHead:
        """Return the head that ``to_bytes`` wrote."""
        tensors, header = serial.unpack(cls.kind, data)
        found = {name: array.shape for name, array in tensors.items()}
        try:
            names, dim, (first, last) = tuple(header["attributes"]), int(header["dim"]), header["prompt"]
            k, wide = len(names), found["weights"][1]
            expected = Attributes.shapes(k, wide)
            layers = []
            for number in range((len(found) - len(expected)) // 2):
                layers.append((tensors[f"gate.weight.{number}"], tensors[f"gate.bias.{number}"]))
            widths = [last - first, *(len(bias) for _, bias in layers)]
            for number, (inside, outside) in enumerate(pairwise(widths)):
                expected |= {f"gate.weight.{number}": (inside, outside), f"gate.bias.{number}": (outside,)}
            gate = Gate(tuple(layers), float(header["gate_scale"])) if layers else None
        except (KeyError, TypeError, ValueError, IndexError):
            serial.refuse(cls.kind, f"the tensors are {', '.join(sorted(tensors))}")
        fits = 0 < wide <= dim and 0 <= first <= last <= dim and (gate is None or widths[-1] == k)
        if found != expected or not k or not fits:
            serial.refuse(cls.kind, f"{k} attributes over {dim} columns do not fit tensors of shapes {found}")
        return cls(rated.from_arrays(names, {name: tensors[name] for name in rated.ARRAYS}), gate, (first, last), dim)


def _cut(graph: Graph, items: str, first: int, stop: int) -> str:
    """Add the columns from ``first`` to before ``stop``."""
    return graph.add("Slice", items, graph.constant([first]), graph.constant([stop]), graph.constant([1]))


def _refuse_set(settings: Mapping[str, Any], names: tuple[str, ...], owner: str) -> None:
    """Refuse options that the step at hand would not look at.

    Raises:
        OptionError: one of them was given.
    """
    for name in names:
        if settings[name] != MultiHead.table[name].default:
            raise OptionError(f"{name} belongs to {owner}", hint="leave it out here")
