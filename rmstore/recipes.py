"""How to train: the settings of ``rm_train``, checked and turned into head, objective and options.

Options:
    start: the fit goes on from this head, of the same kind and input.
    search: every combination of the values is fitted, and the one with the lowest loss on validation rows is kept;
        the head records what was tried.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rmstore.errors import OptionError
from rmstore.heads import HEADS
from rmstore.heads.base import Head
from rmstore.objectives import OBJECTIVES
from rmstore.objectives import terms as objective_terms
from rmstore.objectives.base import Objective
from rmstore.options import Option, fill

MOST_CANDIDATES = 200
"""Combinations of a search beyond which a small grid is not small any more."""


def _reference(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value


def _lists(value: Any) -> dict[str, list[Any]]:
    if not isinstance(value, Mapping) or not all(isinstance(values, list) and values for values in value.values()):
        raise TypeError
    return dict(value)


TABLE: Mapping[str, Option] = {
    "start": Option(None, "the reference of a head, such as 'helpful@3'", _reference),
    "search": Option({}, "lists of values by option, such as {l2: [0.1, 1.0, 10.0]}", _lists),
}
"""Options of every head."""


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that ``rm_train`` takes beside the rows.

    Attributes:
        options: of the head, of the objective and of its terms; ``start``, a reference to the head that the fit goes on
            from; ``search``, lists of values by option, of which the best combination on validation rows is kept.
    """

    head: str = "linear"
    objective: str = "bt"
    members: int = 1
    merge: str | None = None
    seed: int = 0
    options: Mapping[str, Any] | None = None


ON_PAIRS, ON_RATINGS, ON_STEPS = Recipe(), Recipe(objective="squared"), Recipe(objective="logistic")
"""What trains where nothing else is asked for."""


@dataclass(frozen=True)
class Candidate:
    """One way to fit.

    Attributes:
        given: the options that a search tries here, by name.
        objective: the loss, with its terms.
        options: all options of the head.
    """

    given: Mapping[str, Any]
    objective: Objective
    options: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """Every option, as a stored head shows them."""
        return {**self.options, **self.objective.options}


@dataclass(frozen=True)
class Plan:
    """A checked recipe.

    Attributes:
        recipe: as it was given.
        kind: class of the head.
        candidates: ways to fit, more than one in a search.
        start: reference to the head that the fit goes on from.
    """

    recipe: Recipe
    kind: type[Head]
    candidates: tuple[Candidate, ...]
    start: str | None

    @property
    def objective(self) -> Objective:
        """The objective of the first candidate; a search varies its options alone."""
        return self.candidates[0].objective

    def knowing(self, **options: Any) -> Plan:
        """Return the plan with options of the head set wherever they are None."""
        known = [
            replace(candidate, options={
                name: options.get(name) if value is None else value for name, value in candidate.options.items()
            })
            for candidate in self.candidates
        ]  # fmt: skip
        return replace(self, candidates=tuple(known))


def plan(recipe: Recipe) -> Plan:
    """Return the recipe with every name looked up and every option checked.

    Raises:
        OptionError: an option, head or objective does not exist, or has a value that it cannot have.
    """
    for name, least, hint in (("members", 1, "1 for a single head, 5 for an ensemble"), ("seed", 0, "such as 7")):
        value = getattr(recipe, name)
        if not isinstance(value, int) or not least <= value < 2**63:
            raise OptionError(f"{name} is {value}", hint=f"a whole number of at least {least}: {hint}")
    kind = HEADS[recipe.head]
    given = dict(recipe.options or {})
    general = fill("training", TABLE, {name: given.pop(name) for name in TABLE if name in given})
    candidates = (_candidate(recipe, kind, given, choice) for choice in _grid(general["search"], given))
    return Plan(recipe, kind, tuple(candidates), general["start"])


def _grid(search: Mapping[str, list[Any]], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every combination of the values of a search; one that is empty where there is no search."""
    for name in search:
        if name in given or name in TABLE:
            raise OptionError(f"{name} is both given and searched", hint="leave it out of one of the two")
    grid = [dict(zip(search, values, strict=True)) for values in itertools.product(*search.values())]
    if len(grid) > MOST_CANDIDATES:
        raise OptionError(
            f"the search has {len(grid)} combinations", hint=f"at most {MOST_CANDIDATES}: give fewer values"
        )
    return grid


def _candidate(recipe: Recipe, kind: type[Head], given: Mapping[str, Any], choice: Mapping[str, Any]) -> Candidate:
    """Return head options and objective; every option goes to the one that knows it."""
    objective_class = OBJECTIVES[recipe.objective]
    rest = {**given, **choice}
    own = {key: rest.pop(key) for key in list(rest) if key in objective_class.table}
    terms = {key: rest.pop(key) for key in list(rest) if key in objective_terms.TABLE and key not in kind.table}
    objective = objective_terms.with_terms(objective_class(own), terms)
    return Candidate(choice, objective, kind.options(rest))


def parse_options(text: str | None) -> dict[str, Any]:
    """Return the options of a JSON object, or of none.

    Raises:
        OptionError: it is not a JSON object.
    """
    if text is None:
        return {}
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise OptionError(f"options is {text!r}", hint="give a struct, such as options := {'l2': 0.01}")
    return given
