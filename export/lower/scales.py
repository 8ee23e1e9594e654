"""The one table of scales that every form of a model shares, made of what calibration saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tfpipeline.export.calibrate.calibrate import Observed
from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.markers import MARKER, Delay, Marked, marker_index
from tfpipeline.export.lower.builtin_rules import rule_of
from tfpipeline.export.modes import FLOAT32, INT8, INT16, ModeTable
from tfpipeline.export.quantize.quantization import (
    Quantization,
    affine,
    symmetric_int16,
)
from tfpipeline.export.quantize.ranges import Range
from tfpipeline.export.recurrent.quantize import RecurrentPlan, quantize

Plan = RecurrentPlan | Delay
"""What a marker is lowered from."""


class Quantizer:
    """Quantizes what calibration observed: recurrent layers once, activations by any rule.

    Args:
        graph: The float graph that calibration ran.
        layers: What its markers stand for, by their numbers.
        observed: What calibration saw.
        modes: Of the recurrent layers; None for int8 with a scale for each row of weights.
    """

    def __init__(
        self,
        graph: FloatGraph,
        layers: Sequence[Marked],
        observed: Observed,
        modes: ModeTable | None = None,
    ) -> None:
        self._graph = graph
        self._observed = observed
        self._plans: dict[int, Plan] = {}
        for position, op in enumerate(graph.operators):
            if op.custom == MARKER:
                layer = layers[marker_index(op.custom_options)]
                self._plans[position] = (
                    layer
                    if isinstance(layer, Delay)
                    else quantize(
                        layer.name,
                        layer.step,
                        observed.layers[position],
                        modes is None or modes.per_channel,
                        modes is None or modes.of(layer.name).activations != FLOAT32,
                    )
                )
        self._tables: dict[tuple[str, bool], QuantizationTable] = {}

    def table(self, clipping: str, all_samples: bool = True) -> QuantizationTable:
        """Return the scales by one rule of `ranges.CLIPPINGS`, made when first asked for.

        Args:
            clipping: Key of `CLIPPINGS`.
            all_samples: Whether those held back count too.
        """
        key = (clipping, all_samples)
        if key not in self._tables:
            seen = self._observed.activations
            self._tables[key] = QuantizationTable(
                self._graph, seen.ranges(*key), self._plans, seen.means(all_samples)
            )
        return self._tables[key]


class QuantizationTable:
    """Quantization of any activation of one graph, in any integer format.

    Args:
        graph: The float graph.
        ranges: Lowest and highest value of its activations, by tensor index.
        plans: The quantized layer, or the delay, of each marker, by operator position.
        means: Mean of each activation over all but its last axis, by tensor index.
    """

    def __init__(
        self,
        graph: FloatGraph,
        ranges: Mapping[int, Range],
        plans: Mapping[int, Plan],
        means: Mapping[int, np.ndarray],
    ) -> None:
        self.graph = graph
        self.ranges = ranges
        self.plans = plans
        self.means = means
        self._producers = {
            index: position for position, op in enumerate(graph.operators) for index in op.outputs
        }
        self._known: dict[tuple[int, str], Quantization] = {}
        self._carried: dict[int, QuantizationTable] = {}

    def recurrent_plans(self) -> list[RecurrentPlan]:
        """Return the quantized recurrent layers, in the order of the graph."""
        return [plan for plan in self.plans.values() if isinstance(plan, RecurrentPlan)]

    def carried_to(self, graph: FloatGraph, pairs: Mapping[int, int]) -> QuantizationTable:
        """Return the same for a graph of the same ops, whose tensors `pairs` maps to this one's.

        It is made when first asked for: all forms of a stream share one graph.
        """
        if id(graph) not in self._carried:
            self._carried[id(graph)] = QuantizationTable(
                graph,
                {i: self.ranges[other] for i, other in pairs.items() if other in self.ranges},
                self.plans,
                {i: self.means[other] for i, other in pairs.items() if other in self.means},
            )
        return self._carried[id(graph)]

    def of(self, index: int, kind: str) -> Quantization:
        """Return the quantization of tensor `index` as "int8" or "int16"."""
        key = (index, kind)
        if key not in self._known:
            self._known[key] = self._find(index, kind)
        return self._known[key]

    def _find(self, index: int, kind: str) -> Quantization:
        data = self.graph.tensors[index].data
        if data is not None:
            return self._cover((float(data.min()), float(data.max())), kind)
        position = self._producers.get(index)
        if position is None:
            return self._cover(self.ranges[index], kind)
        op, plan = self.graph.operators[position], self.plans.get(position)
        if isinstance(plan, RecurrentPlan):
            return plan.output if kind == INT8 else plan.states[0].int16
        if isinstance(plan, Delay):
            return self.of(op.inputs[0], kind)
        rule = rule_of(op)
        if rule is not None and kind in rule.outputs:
            return rule.outputs[kind]
        if rule is not None and rule.same_scale:
            source = next(i for i in op.inputs if self.graph.tensors[i].dtype == np.float32)
            return self.of(source, kind)
        return self._cover(self.ranges[index], kind)

    @staticmethod
    def _cover(covered: Range, kind: str) -> Quantization:
        if not np.isfinite(covered).all():
            raise ValueError(f"a range of {covered}")
        rules: dict[str, Callable[[], Quantization]] = {
            INT8: lambda: affine(np.array(covered)),
            INT16: lambda: symmetric_int16(*covered),
        }
        return rules[kind]()
