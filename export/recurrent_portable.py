"""Lowers a recurrent layer to builtin ops: one step, or a WHILE over a sequence of steps.

Both use the same step, so streaming and whole sequences agree bit for bit. What does not depend on
the state is computed before the loop, for all time steps at once. What the gates do with the sum of
both products is a cell's own: see `gru_portable.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.export.gate_arithmetic import GateArithmetic
from tfpipeline.export.int8_ops import fully_connected, reshape
from tfpipeline.export.recurrent_plan import RecurrentPlan
from tfpipeline.numerics.recurrent import QuantizedMatrix

_INT8 = np.int8


@dataclass(frozen=True)
class Value:
    """Something computed for all time steps before the loop: `(frames, width)`."""

    name: str
    tensor: int
    width: int
    quantization: Quantization


class PortableStep(ABC):
    """Emits the ops of one layer into any graph: what precedes the loop, and one step.

    Where the operands of the input's and the state's last product have one scale (both kernels
    factored, or the input is another recurrent layer's output), the two are concatenated, so that
    the rows that are only summed come out of a single product with a single rounding. Otherwise
    both products are rounded to int8 and then added.

    Args:
        plan: The quantized layer.
        x: Quantization of the layer's input.
        gates: Number format of gates and states.
    """

    def __init__(self, plan: RecurrentPlan, x: Quantization, gates: GateArithmetic) -> None:
        self.plan = plan
        self.gates = gates
        self._x = x
        self._a_x = x if plan.kernel_scale is None else Quantization(plan.kernel_scale, 0)
        self._a_h = (
            plan.output if plan.recurrent_scale is None else Quantization(plan.recurrent_scale, 0)
        )
        self._joined = self._a_x == self._a_h and plan.sums_share_scales()

    @abstractmethod
    def other_values(self, graph: GraphBuilder, a_x: int, frames: int) -> list[Value]:
        """What else does not depend on the state, besides the summed rows."""

    @abstractmethod
    def mix(
        self,
        graph: GraphBuilder,
        total: int,
        others: Sequence[int],
        a_h: int,
        states: Sequence[int],
    ) -> list[int]:
        """The new states from the int8 sums, one frame of the other values, and the old states."""

    def before(self, graph: GraphBuilder, x: int, frames: int) -> list[Value]:
        """The part of the layer that does not depend on the state, for all frames at once."""
        plan = self.plan
        a_x, width = x, plan.features
        if plan.kernel_scale is not None:
            width = plan.kernel[0].values.shape[0]
            a_x = self._first_factor(graph, "a_x", x, self._x, plan.kernel[0], frames, self._a_x)
        elif self._joined:
            a_x = reshape(graph, f"{plan.name}/x", x, (frames, width), self._x)
        if self._joined:
            first = Value("a_x", a_x, width, self._a_x)
        else:
            gates = self.x_part(graph, "x_gates", a_x, slice(0, plan.summed_rows), frames)
            first = Value("x_gates", gates, plan.summed_rows, plan.inner["x_gates"])
        return [first, *self.other_values(graph, a_x, frames)]

    def step(self, graph: GraphBuilder, values: Sequence[int], states: Sequence[int]) -> list[int]:
        """The new states `(1, H)` from one frame of `before`'s values and the old states."""
        plan = self.plan
        a_h = h8 = self.narrow(graph, "h8", states[0])
        if plan.recurrent_scale is not None:
            first = plan.recurrent_kernel[0]
            a_h = self._first_factor(graph, "a_h", h8, plan.output, first, 1, self._a_h)
        if self._joined:
            total = self._joined_sum(graph, values[0], a_h)
        else:
            rows = slice(0, plan.summed_rows)
            h_gates = self.h_part(graph, "h_gates", a_h, rows)
            shape = (1, plan.summed_rows)
            total = graph.tensor(f"{plan.name}/gates", shape, _INT8, plan.inner["gates"])
            graph.operator("ADD", [values[0], h_gates], [total], schema.AddOptionsT(), version=2)
        return self.mix(graph, total, values[1:], a_h, states)

    def x_part(self, graph: GraphBuilder, part: str, a_x: int, rows: slice, frames: int) -> int:
        """Some rows of the kernel's last product, with their input bias, as `plan.inner[part]`."""
        bias = self.plan.bias[0, rows]
        return self._last_factor(graph, part, a_x, self._a_x, self.plan.kernel, rows, bias, frames)

    def h_part(self, graph: GraphBuilder, part: str, a_h: int, rows: slice) -> int:
        """Some rows of the recurrent kernel's last product, with the recurrent bias if any."""
        kernel, biases = self.plan.recurrent_kernel, self.plan.bias
        bias = biases[1, rows] if len(biases) > 1 else None
        return self._last_factor(graph, part, a_h, self._a_h, kernel, rows, bias, 1)

    def _first_factor(
        self,
        graph: GraphBuilder,
        name: str,
        x: int,
        x_quantization: Quantization,
        matrix: QuantizedMatrix,
        frames: int,
        output: Quantization,
    ) -> int:
        shape = (frames, matrix.values.shape[0])
        scale = x_quantization.scales()[0]
        full_name = f"{self.plan.name}/{name}"
        return fully_connected(graph, full_name, x, scale, matrix, None, shape, output)

    def _last_factor(
        self,
        graph: GraphBuilder,
        part: str,
        a: int,
        a_quantization: Quantization,
        matrices: tuple[QuantizedMatrix, ...],
        rows: slice,
        bias: np.ndarray | None,
        frames: int,
    ) -> int:
        matrix = QuantizedMatrix(matrices[-1].values[rows], matrices[-1].scales[rows])
        return fully_connected(
            graph,
            f"{self.plan.name}/{part}",
            a,
            a_quantization.scales()[0],
            matrix,
            bias,
            (frames, matrix.values.shape[0]),
            self.plan.inner[part],
        )

    def _joined_sum(self, graph: GraphBuilder, a_x: int, a_h: int) -> int:
        plan, rows = self.plan, slice(0, self.plan.summed_rows)
        halves = [kernel[-1].values[rows] for kernel in (plan.kernel, plan.recurrent_kernel)]
        matrix = QuantizedMatrix(np.concatenate(halves, axis=1), plan.kernel[-1].scales[rows])
        width = matrix.values.shape[1]
        both = graph.tensor(f"{plan.name}/a", (1, width), _INT8, self._a_x)
        options = schema.ConcatenationOptionsT(axis=1)
        graph.operator("CONCATENATION", [a_x, a_h], [both], options, version=2)
        return fully_connected(
            graph,
            f"{plan.name}/gates",
            both,
            self._a_x.scales()[0],
            matrix,
            plan.bias[:, rows].sum(axis=0),
            (1, matrix.values.shape[0]),
            plan.inner["gates"],
        )

    def narrow(self, graph: GraphBuilder, name: str, h: int) -> int:
        """h as int8: what products take, and what the layer puts out."""
        plan = self.plan
        return self.gates.narrow(graph, f"{plan.name}/{name}", h, plan.units, plan.output)


def lower_step(
    graph: GraphBuilder, step: PortableStep, x: int, states: Sequence[int]
) -> tuple[int, list[int]]:
    """One time step: returns the layer's output tensor and the new states."""
    plan = step.plan
    new = step.step(graph, [value.tensor for value in step.before(graph, x, 1)], states)
    output = step.narrow(graph, "output", new[0])
    if plan.return_sequences:
        shape = (1, 1, plan.units)
        output = reshape(graph, f"{plan.name}/sequence", output, shape, plan.output)
    return output, new


def lower_sequence(graph: GraphBuilder, step: PortableStep, x: int, frames: int) -> int:
    """All time steps from a zero state, in a WHILE; returns the layer's output tensor."""
    plan, gates = step.plan, step.gates
    values = step.before(graph, x, frames)
    model = graph.model
    condition = model.graph(f"{plan.name}/condition")
    body = model.graph(f"{plan.name}/body")

    def variables(target: GraphBuilder) -> dict[str, int]:
        result = {"t": target.tensor("t", (1,), np.int32)}
        for state in plan.states:
            shape, q = (1, plan.units), gates.state(state)
            result[state.name] = target.tensor(state.name, shape, gates.dtype, q)
        for value in values:
            shape = (frames, value.width)
            result[value.name] = target.tensor(value.name, shape, _INT8, value.quantization)
        if plan.return_sequences:
            result["start"] = target.tensor("start", (2,), np.int32)
            result["sequence"] = target.tensor("sequence", (frames, plan.units), _INT8, plan.output)
        return result

    inputs = variables(condition)
    more = condition.tensor("more", (1,), np.bool_)
    limit = condition.constant("frames", np.array([frames], np.int32))
    condition.operator("LESS", [inputs["t"], limit], [more], schema.LessOptionsT())
    condition.finish(list(inputs.values()), [more])

    inputs = variables(body)
    now = []
    for value in values:
        row = body.tensor(f"{value.name}_t", (1, value.width), _INT8, value.quantization)
        source = [inputs[value.name], inputs["t"]]
        body.operator("GATHER", source, [row], schema.GatherOptionsT(axis=0), version=2)
        now.append(row)
    names = [state.name for state in plan.states]
    new = step.step(body, now, [inputs[name] for name in names])
    outputs = dict(inputs)
    outputs.update(zip(names, new, strict=True))
    outputs["t"] = _increment(body, "t", inputs["t"], np.array([1], np.int32))
    if plan.return_sequences:
        outputs["start"] = _increment(body, "start", inputs["start"], np.array([1, 0], np.int32))
        outputs["sequence"] = body.tensor("new_sequence", (frames, plan.units), _INT8, plan.output)
        body.operator(
            "DYNAMIC_UPDATE_SLICE",
            [inputs["sequence"], step.narrow(body, "row", new[0]), inputs["start"]],
            [outputs["sequence"]],
        )
    body.finish(list(inputs.values()), list(outputs.values()))

    initial = {"t": graph.constant("first", np.zeros(1, np.int32))}
    for state in plan.states:
        initial[state.name] = gates.zero(graph, state, plan.units)
    for value in values:
        initial[value.name] = value.tensor
    if plan.return_sequences:
        initial["start"] = graph.constant("zero_start", np.zeros(2, np.int32))
        empty = np.zeros((frames, plan.units), _INT8)
        initial["sequence"] = graph.constant("empty_sequence", empty, plan.output)
    final = variables(graph)
    graph.operator(
        "WHILE",
        [initial[name] for name in final],
        list(final.values()),
        schema.WhileOptionsT(
            condSubgraphIndex=model.index_of(condition), bodySubgraphIndex=model.index_of(body)
        ),
    )
    if not plan.return_sequences:
        return step.narrow(graph, "output", final[names[0]])
    shape = (1, frames, plan.units)
    return reshape(graph, f"{plan.name}/output", final["sequence"], shape, plan.output)


def _increment(graph: GraphBuilder, name: str, value: int, step: np.ndarray) -> int:
    result = graph.tensor(f"next_{name}", step.shape, np.int32)
    amount = graph.constant(f"{name}_step", step)
    graph.operator("ADD", [value, amount], [result], schema.AddOptionsT())
    return result
