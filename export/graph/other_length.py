"""Which tensors of a model's graph are which in its graph at another number of time steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from tfpipeline.export.errors import ExportError
from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.op_layers import layer_of_op


def same_tensors(
    first: FloatGraph, second: FloatGraph, layer_of: Callable[[str], str | None]
) -> dict[int, int]:
    """Map the tensors of one graph to those of a graph of the same ops at another length.

    Args:
        first: One graph.
        second: The other one.
        layer_of: The layer of an op, from the name of its output, for messages.

    Raises:
        ExportError: the converter made other ops of the model at the other length.
    """
    return dict(_pairs(first, second, layer_of))


def _pairs(
    first: FloatGraph, second: FloatGraph, layer_of: Callable[[str], str | None]
) -> Iterator[tuple[int, int]]:
    """Tensors of both graphs that play the same part."""
    codes = [[op.custom or op.code for op in graph.operators] for graph in (first, second)]
    if codes[0] != codes[1]:
        raise ExportError(
            f"{_who_differs(first, second, layer_of)} other ops at another length, so that it can "
            "neither stream nor have a bounded length: use layers that work frame by frame, or "
            "export whole sequences of a fixed length"
        )
    for name, index in first.inputs.items():
        yield index, second.inputs[name]
    for a, b in zip(first.operators, second.operators, strict=True):
        yield from zip(a.inputs, b.inputs, strict=True)
        yield from zip(a.outputs, b.outputs, strict=True)


def _who_differs(
    first: FloatGraph, second: FloatGraph, layer_of: Callable[[str], str | None]
) -> str:
    """Return the layers that became other ops at the other length, with a verb."""
    ops = [
        Counter((layer_of_op(graph, op, layer_of), op.custom or op.code) for op in graph.operators)
        for graph in (first, second)
    ]
    changed = {layer for layer, _ in (ops[0] - ops[1]) + (ops[1] - ops[0]) if layer is not None}
    names = ", ".join(repr(layer) for layer in sorted(changed))
    if not names:
        return "the model becomes"
    return f"layer {names} becomes" if len(changed) == 1 else f"the layers {names} become"
