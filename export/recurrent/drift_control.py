"""What keeps a state within bounds whose equations do not, in builtin ops.

The equations are `tfpipeline.numerics.cells.drift_control`; a cell's step has multiplied with the
gain already.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.recurrent.portable import PortableStep
from tfpipeline.numerics.recurrent import STATE_LIMIT


def controlled(step: PortableStep, graph: GraphBuilder, parts: Sequence[int]) -> int:
    """Return the new h, the sum of two parts plus the offset, within the limit."""
    plan, numbers = step.plan, step.plan.numbers()
    name, level = f"{plan.name}/h", step.level
    h = step.gates.apply(graph, "ADD", name, parts, plan.units, level)
    if numbers["state_offset"] != 0:
        offset = step.constant(graph, "state_offset", numbers["state_offset"])
        h = step.gates.apply(graph, "ADD", f"{name}_moved", [h, offset], plan.units, level)
    limit = float(numbers["state_limit"])
    if limit < STATE_LIMIT:
        h = step.gates.within(graph, name, h, limit, plan.units, level)
    return h
