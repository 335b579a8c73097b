"""Heads as graphs of operators, in ONNX's terms but without its package; ``rmstore.head_onnx`` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Node:
    """One operator: an ONNX name, the values it reads, the one it gives, its attributes."""

    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]


@dataclass
class Graph:
    """Operators in order; each reads inputs, constants and what earlier ones gave.

    Attributes:
        nodes: the operators.
        constants: arrays by name, float32 or int64.
        score: name of the reward, (n,), where a head's reward is not the mean of its members.

    Example:
        >>> graph = Graph()
        >>> graph.add("MatMul", "x", graph.constant(np.ones((2, 1))))
        'rm/value_0'
        >>> graph.nodes[0].inputs, graph.constants["rm/constant_0"].dtype
        (('x', 'rm/constant_0'), dtype('float32'))
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    score: str = ""

    def constant(self, values: np.ndarray | list[int]) -> str:
        """Add an array and return its name; a list of whole numbers, such as axes, becomes int64."""
        name = f"rm/constant_{len(self.constants)}"
        self.constants[name] = np.asarray(values, np.int64 if isinstance(values, list) else np.float32)
        return name

    def add(self, op: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator and return the name of what it gives."""
        output = output or f"rm/value_{len(self.nodes)}"
        self.nodes.append(Node(op, inputs, output, attributes))
        return output
