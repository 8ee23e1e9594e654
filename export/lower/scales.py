"""The one table of scales that every form of a model shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.markers import Delay
from tfpipeline.export.lower.builtin_rules import rule_of
from tfpipeline.export.modes import INT8, INT16
from tfpipeline.export.quantize.quantization import (
    Quantization,
    affine,
    symmetric_int16,
)
from tfpipeline.export.quantize.ranges import Range
from tfpipeline.export.recurrent.quantize import RecurrentPlan


class QuantizationTable:
    """Quantization of any activation of one graph, in any integer format.

    Args:
        graph: The float graph.
        ranges: Lowest and highest value of its activations, by tensor index.
        plans: The quantized layer, or the delay, of each marker, by operator position.
    """

    def __init__(
        self,
        graph: FloatGraph,
        ranges: Mapping[int, Range],
        plans: Mapping[int, RecurrentPlan | Delay],
    ) -> None:
        self._graph = graph
        self._ranges = ranges
        self._plans = plans
        self._producers = {
            index: position for position, op in enumerate(graph.operators) for index in op.outputs
        }
        self._known: dict[tuple[int, str], Quantization] = {}

    def of(self, index: int, kind: str) -> Quantization:
        """The quantization of tensor `index` as "int8" or "int16"."""
        key = (index, kind)
        if key not in self._known:
            self._known[key] = self._find(index, kind)
        return self._known[key]

    def _find(self, index: int, kind: str) -> Quantization:
        data = self._graph.tensors[index].data
        if data is not None:
            return self._cover((float(data.min()), float(data.max())), kind)
        position = self._producers.get(index)
        if position is None:
            return self._cover(self._ranges[index], kind)
        op, plan = self._graph.operators[position], self._plans.get(position)
        if isinstance(plan, RecurrentPlan):
            return plan.output if kind == INT8 else plan.states[0].int16
        if isinstance(plan, Delay):
            return self.of(op.inputs[0], kind)
        rule = rule_of(op)
        if rule is not None and kind in rule.outputs:
            return rule.outputs[kind]
        if rule is not None and rule.same_scale:
            source = next(i for i in op.inputs if self._graph.tensors[i].dtype == np.float32)
            return self.of(source, kind)
        return self._cover(self._ranges[index], kind)

    @staticmethod
    def _cover(covered: Range, kind: str) -> Quantization:
        if not np.isfinite(covered).all():
            raise ValueError(f"a range of {covered}")
        rules: dict[str, Callable[[], Quantization]] = {
            INT8: lambda: affine(np.array(covered)),
            INT16: lambda: symmetric_int16(*covered),
        }
        return rules[kind]()
