"""Which layer an op of a float graph belongs to."""

from __future__ import annotations

from collections.abc import Callable

from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator

PRODUCTS = frozenset({"FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})
"""Ops with weights of their own."""


def layer_of_op(
    graph: FloatGraph, op: FloatOperator, layer_of: Callable[[str], str | None]
) -> str | None:
    """Return the layer of an op: its output is named after it, or at least its weights are."""
    for index in (*op.outputs, *op.inputs[1:]):
        if index >= 0:
            layer = layer_of(graph.tensors[index].name)
            if layer is not None:
                return layer
    return None


class OpLayers:
    """The layers of the ops of one graph.

    What follows the last layer, such as the reshaping behind a dense layer of sequences or a scale
    that a functional model multiplies with, has no name of its own. It goes with that layer: to
    convert its result to another format would undo what the user chose for it.

    Args:
        graph: The float graph.
        layer_of: The layer of an op, from the name of its output.
    """

    def __init__(self, graph: FloatGraph, layer_of: Callable[[str], str | None]) -> None:
        self._graph = graph
        self._layer_of = layer_of
        self._producers = {
            index: position for position, op in enumerate(graph.operators) for index in op.outputs
        }
        self._behind_the_last = self._find_behind_the_last()

    def of(self, op: FloatOperator) -> str | None:
        """Return the layer of an op, or None."""
        layer = layer_of_op(self._graph, op, self._layer_of)
        while layer is None and op.outputs[0] in self._behind_the_last:
            if op.code in PRODUCTS:
                return None
            known = [self._producers[i] for i in op.inputs if i in self._producers]
            if not known:
                return None
            op = self._graph.operators[known[0]]
            if op.custom is not None:
                return None
            layer = layer_of_op(self._graph, op, self._layer_of)
        return layer

    def _find_behind_the_last(self) -> set[int]:
        """Return outputs of ops without a layer that only such ops and the user read."""
        found: set[int] = set()
        readers: dict[int, list[FloatOperator]] = {}
        for op in self._graph.operators:
            for index in op.inputs:
                readers.setdefault(index, []).append(op)
        for op in reversed(self._graph.operators):
            if layer_of_op(self._graph, op, self._layer_of) is not None:
                continue
            if all(reader.outputs[0] in found for i in op.outputs for reader in readers.get(i, [])):
                found |= set(op.outputs)
        return found
