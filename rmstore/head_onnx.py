"""Heads as ONNX models, for any runtime: the operators that a head names, with standardisation and reference mean.

A model has one input per field of the head's input: ``embedding`` (n, d), or the fields by name, numbers as (n,). It
gives ``reward`` (n,), as ``rm_score`` does, and ``members`` (n, m), as ``rm_score_members`` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rmstore import __version__, head_store
from rmstore.errors import InputError, MissingPackageError
from rmstore.export import replacing
from rmstore.heads.graph import Graph
from rmstore.store import Store

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

    from rmstore.kernels import Field, Scorer
    from rmstore.records import HeadInfo

OPSET = 18
IR_VERSION = 8
"""Old enough for every runtime since 2022."""
VECTOR = "embedding"


def export_onnx(store: Store, text: str, to: Path) -> HeadInfo:
    """Write a head as an ONNX model and return what is known of it.

    Args:
        store: an open store.
        text: reference of the head.
        to: file for the model; one that is there is replaced.

    Raises:
        InputError: heads of this kind are no graph of operators.
        MissingPackageError: the package ``onnx`` is not installed.
        StoreError: the file cannot be written.
    """
    info = head_store.resolve(store, text)
    built = model(head_store.scorer(store, info.head_id), info)
    with replacing(to, store.path) as part:
        part.write_bytes(built.SerializeToString(deterministic=True))
    return info


def model(scorer: Scorer, info: HeadInfo) -> ModelProto:
    """Return a head as a checked ONNX model.

    Raises:
        InputError: heads of this kind are no graph of operators.
        MissingPackageError: the package ``onnx`` is not installed.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError:
        raise MissingPackageError("onnx", "onnx", "writing an ONNX model") from None
    graph = _graph(scorer, info)
    nodes = [helper.make_node(node.op, node.inputs, [node.output], **node.attributes) for node in graph.nodes]
    constants = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in graph.constants.items()]

    def value(name: str, *shape: str | int) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    given = [
        value(_input(field), "n") if field.is_scalar else value(_input(field), "n", field.width)
        for field in scorer.fields
    ]
    made = [value("reward", "n"), value("members", "n", scorer.head.n_members)]
    built = helper.make_model(
        helper.make_graph(nodes, "reward_head", given, made, constants),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="rmstore",
        producer_version=__version__,
    )  # fmt: skip
    facts = {"head": info.reference, "fingerprint": info.fingerprint, "encoder_key": info.encoder_key,
             "layout": info.layout, "temperature": info.temperature}  # fmt: skip
    helper.set_model_props(built, {f"rmstore.{name}": str(value) for name, value in facts.items() if value is not None})
    onnx.checker.check_model(built, full_check=True)
    return built


def _graph(scorer: Scorer, info: HeadInfo) -> Graph:
    """Return inputs to reward and members as one graph."""
    taken = sorted({_input(field) for field in scorer.fields} & {"reward", "members"})
    if taken:
        raise InputError(
            f"a field of head {info.reference} is called {taken[0]!r}, as an output of the model is",
            hint="train it with another name for the field",
        )
    graph = Graph()
    rewards = scorer.head.operators(graph, _standardised(graph, scorer.fields))
    if rewards is None:
        raise InputError(
            f"head {info.reference} is of kind {info.kind!r}, which is no graph of ONNX operators",
            hint="rmstore head export REF FOLDER keeps it whole",
        )
    score = graph.score or graph.add("ReduceMean", rewards, graph.constant([1]), keepdims=0)
    graph.add("Sub", score, graph.constant(np.array(scorer.reference_mean)), output="reward")
    centred = graph.add("Sub", rewards, graph.constant(scorer.member_means))
    graph.add("Div", centred, graph.constant(scorer.member_scales), output="members")
    return graph


def _standardised(graph: Graph, fields: tuple[Field, ...]) -> str:
    """Return the items, (n, d): the fields side by side, numbers shifted and scaled."""
    parts = []
    for field in fields:
        part = _input(field)
        if field.is_scalar:
            part = graph.add("Unsqueeze", part, graph.constant([1]))
            part = graph.add("Sub", part, graph.constant(np.array(field.shift)))
            part = graph.add("Div", part, graph.constant(np.array(field.scale)))
        parts.append(part)
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)


def _input(field: Field) -> str:
    return field.name or VECTOR
