"""Whole sequences that may be shorter: which models take them.

The input is padded at the end, and recurrent layers stop at the length. So nothing else may bring
a later time step to an earlier one, or make one value of all of them: what a stream could not do
either, and besides that picking a time step, such as `x[:, -1]`, which is the last one of the
padding.
"""

from __future__ import annotations

from tfpipeline.export.errors import ExportError
from tfpipeline.export.graph.float_graph import FloatOperator
from tfpipeline.export.graph.markers import MARKER
from tfpipeline.export.graph.time_axes import Growth, StretchedGraph

_STEP_BY_STEP = Growth(1, 0)


def check_bounded(stretched: StretchedGraph) -> None:
    """Refuse a model in which padding at the end would reach what comes before.

    Raises:
        ExportError: naming the layer.
    """
    graph = stretched.graph
    recurrent = [op for op in graph.operators if op.custom == MARKER and not stretched.is_delay(op)]
    if not recurrent:
        raise ExportError(
            "length='bounded' is for models with recurrent layers, which stop at the length; this "
            "one has none: pad its input and leave out what it gives after the end"
        )
    for op in graph.operators:
        problem = _problem(stretched, op) or stretched.problem(op, 1)
        if problem:
            raise ExportError(
                f"{stretched.who(op)} {problem}: the length of its sequences cannot be bounded; "
                "export with length='fixed'"
            )


def _problem(stretched: StretchedGraph, op: FloatOperator) -> str | None:
    inputs = [stretched.growths(i) for i in op.inputs if not stretched.graph.is_constant(i)]
    output = _time(stretched.growths(op.outputs[0]))
    if len(output) > 1:
        return "compares time steps with each other"
    if any(growth.slope < 1 for growth in output):
        return "puts out fewer time steps than it gets"
    if op.custom == MARKER and not stretched.is_delay(op):
        if _time(inputs[0]) != [_STEP_BY_STEP]:
            return "gets another number of time steps than the model"
        return None
    if not output and any(_time(sizes) for sizes in inputs):
        return "picks or combines time steps"
    return None


def _time(growths: list[Growth]) -> list[Growth]:
    return [growth for growth in growths if growth.slope]
