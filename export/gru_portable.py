"""Lowers a GRU layer to builtin ops: one step, or a WHILE over a sequence of steps.

Both use the same step, so streaming and whole sequences agree bit for bit. What does not depend on
the state is computed before the loop, for all time steps at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.export.gate_arithmetic import GateArithmetic
from tfpipeline.export.gru_plan import GruPlan
from tfpipeline.numerics.gru import QuantizedMatrix

_INT8 = np.int8


def fully_connected(
    graph: GraphBuilder,
    name: str,
    x: int,
    input_scale: float,
    matrix: QuantizedMatrix,
    bias: np.ndarray | None,
    shape: Sequence[int],
    output: Quantization,
    options: schema.FullyConnectedOptionsT | None = None,
) -> int:
    """Adds an int8 FULLY_CONNECTED with per-channel weights and an int32 bias."""
    scales = (np.float32(input_scale) * matrix.scales).astype(np.float32)
    inputs = [
        x,
        graph.constant(f"{name}/weights", matrix.values, Quantization.per_channel(matrix.scales)),
    ]
    values = np.zeros(matrix.values.shape[0]) if bias is None else bias / scales.astype(np.float64)
    limit = np.iinfo(np.int32)
    stored = np.clip(np.rint(values), limit.min, limit.max).astype(np.int32)
    inputs.append(graph.constant(f"{name}/bias", stored, Quantization.per_channel(scales)))
    result = graph.tensor(name, shape, _INT8, output)
    graph.operator(
        "FULLY_CONNECTED", inputs, [result], options or schema.FullyConnectedOptionsT(), version=5
    )
    return result


@dataclass(frozen=True)
class Value:
    """Something computed for all time steps before the loop: `(frames, width)`."""

    name: str
    tensor: int
    width: int
    quantization: Quantization


class GruStep:
    """Emits the ops of one layer into any graph: what precedes the loop, and one step.

    Where the operands of the input's and the state's last product have one scale (both kernels
    factored, or the input is another GRU's output), the two are concatenated, so that the update
    and reset gates come out of a single product with a single rounding. Otherwise both products
    are rounded to int8 and then added.

    Args:
        plan: The quantized layer.
        x: Quantization of the layer's input.
        gates: Number format of gates and state.
    """

    def __init__(self, plan: GruPlan, x: Quantization, gates: GateArithmetic) -> None:
        self.plan = plan
        self.gates = gates
        self._x = x
        self._a_x = x if plan.kernel_scale is None else Quantization(plan.kernel_scale, 0)
        self._a_h = (
            plan.state if plan.recurrent_scale is None else Quantization(plan.recurrent_scale, 0)
        )
        self._joined = self._a_x == self._a_h and plan.gates_share_scales()

    def before(self, graph: GraphBuilder, x: int, frames: int) -> list[Value]:
        """The part of the layer that does not depend on the state, for all frames at once."""
        plan = self.plan
        a_x, width = x, plan.features
        if plan.kernel_scale is not None:
            width = plan.kernel[0].values.shape[0]
            a_x = self._first_factor(graph, "a_x", x, self._x, plan.kernel[0], frames, self._a_x)
        elif self._joined:
            a_x = reshape(graph, f"{plan.name}/x", x, (frames, width), self._x)
        candidate = self._last_factor(graph, "x_candidate", a_x, self._a_x, plan.kernel, 0, frames)
        if self._joined:
            first = Value("a_x", a_x, width, self._a_x)
        else:
            gates = self._last_factor(graph, "x_gates", a_x, self._a_x, plan.kernel, 0, frames)
            first = Value("x_gates", gates, 2 * plan.units, plan.inner["x_gates"])
        return [first, Value("x_candidate", candidate, plan.units, plan.inner["x_candidate"])]

    def step(self, graph: GraphBuilder, values: Sequence[int], h: int) -> int:
        """The new state `(1, H)` from one frame of `before`'s values and the old state."""
        plan = self.plan
        x_part, x_candidate = values
        a_h = h8 = self.narrow(graph, "h8", h)
        if plan.recurrent_scale is not None:
            first = plan.recurrent_kernel[0]
            a_h = self._first_factor(graph, "a_h", h8, plan.state, first, 1, self._a_h)
        if self._joined:
            total = self._joined_gates(graph, x_part, a_h)
        else:
            h_gates = self._last_factor(
                graph, "h_gates", a_h, self._a_h, plan.recurrent_kernel, 1, 1
            )
            q = plan.inner["gates"]
            total = graph.tensor(f"{plan.name}/gates", (1, 2 * plan.units), _INT8, q)
            graph.operator("ADD", [x_part, h_gates], [total], schema.AddOptionsT(), version=2)
        h_candidate = self._last_factor(
            graph, "h_candidate", a_h, self._a_h, plan.recurrent_kernel, 1, 1
        )
        return self._mix(graph, total, x_candidate, h_candidate, h)

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
        bias: int,
        frames: int,
    ) -> int:
        """The rows of a kernel's last factor that `part` names: gates or candidate."""
        units = self.plan.units
        rows = slice(0, 2 * units) if part.endswith("gates") else slice(2 * units, None)
        matrix = QuantizedMatrix(matrices[-1].values[rows], matrices[-1].scales[rows])
        return fully_connected(
            graph,
            f"{self.plan.name}/{part}",
            a,
            a_quantization.scales()[0],
            matrix,
            self.plan.bias[bias, rows],
            (frames, matrix.values.shape[0]),
            self.plan.inner[part],
        )

    def _joined_gates(self, graph: GraphBuilder, a_x: int, a_h: int) -> int:
        plan, rows = self.plan, slice(0, 2 * self.plan.units)
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
            plan.bias[0, rows] + plan.bias[1, rows],
            (1, matrix.values.shape[0]),
            plan.inner["gates"],
        )

    def _mix(
        self, graph: GraphBuilder, total: int, x_candidate: int, h_candidate: int, h: int
    ) -> int:
        """The new state from the int8 pre-activations and the old state."""
        units, gates = self.plan.units, self.gates

        def named(name: str) -> str:
            return f"{self.plan.name}/{name}"

        def apply(
            code: str, name: str, a: int, b: int, output: Quantization | None = gates.unit
        ) -> int:
            return gates.apply(graph, code, named(name), [a, b], units, output)

        wide = gates.widen(graph, named("gates_wide"), total, (1, 2 * units))
        both = gates.apply(graph, "LOGISTIC", named("zr"), [wide], 2 * units, gates.unit)
        update, reset = gates.split(graph, both, [named("z"), named("r")], units)
        x_wide = gates.widen(graph, named("x_candidate_wide"), x_candidate, (1, units))
        h_wide = gates.widen(graph, named("h_candidate_wide"), h_candidate, (1, units))
        gated = apply("MUL", "gated", reset, h_wide, gates.wide)
        candidate = apply("ADD", "candidate", x_wide, gated, gates.wide)
        new = gates.apply(graph, "TANH", named("n"), [candidate], units, gates.unit)
        # z h + (1 - z) n = n + z (h - n): one product less, and no rounding of 1 - z.
        change = apply("SUB", "change", h, new, gates.double)
        kept = apply("MUL", "kept", update, change, gates.double)
        return apply("ADD", "h", new, kept)

    def narrow(self, graph: GraphBuilder, name: str, state: int) -> int:
        """The state as int8: what products take, and what the layer puts out."""
        plan = self.plan
        return self.gates.narrow(graph, f"{plan.name}/{name}", state, plan.units, plan.state)


def lower_step(graph: GraphBuilder, step: GruStep, x: int, h: int) -> tuple[int, int]:
    """One time step: returns the layer's output tensor and the new state."""
    plan = step.plan
    new = step.step(graph, [value.tensor for value in step.before(graph, x, 1)], h)
    output = step.narrow(graph, "output", new)
    if plan.return_sequences:
        shape = (1, 1, plan.units)
        output = reshape(graph, f"{plan.name}/sequence", output, shape, plan.state)
    return output, new


def reshape(graph: GraphBuilder, name: str, x: int, shape: Sequence[int], q: Quantization) -> int:
    """Adds a RESHAPE."""
    target = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    result = graph.tensor(name, shape, _INT8, q)
    options = schema.ReshapeOptionsT(newShape=np.array(shape, np.int32))
    graph.operator("RESHAPE", [x, target], [result], options)
    return result


def lower_sequence(graph: GraphBuilder, step: GruStep, x: int, frames: int) -> int:
    """All time steps from a zero state, in a WHILE; returns the layer's output tensor."""
    plan, gates = step.plan, step.gates
    values = step.before(graph, x, frames)
    model = graph.model
    condition = model.graph(f"{plan.name}/condition")
    body = model.graph(f"{plan.name}/body")

    def variables(target: GraphBuilder) -> dict[str, int]:
        result = {
            "t": target.tensor("t", (1,), np.int32),
            "state": target.tensor("state", (1, plan.units), gates.dtype, gates.unit),
        }
        for value in values:
            shape = (frames, value.width)
            result[value.name] = target.tensor(value.name, shape, _INT8, value.quantization)
        if plan.return_sequences:
            result["start"] = target.tensor("start", (2,), np.int32)
            result["sequence"] = target.tensor("sequence", (frames, plan.units), _INT8, plan.state)
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
    new = step.step(body, now, inputs["state"])
    outputs = dict(inputs)
    outputs["state"] = new
    outputs["t"] = _increment(body, "t", inputs["t"], np.array([1], np.int32))
    if plan.return_sequences:
        outputs["start"] = _increment(body, "start", inputs["start"], np.array([1, 0], np.int32))
        outputs["sequence"] = body.tensor("new_sequence", (frames, plan.units), _INT8, plan.state)
        body.operator(
            "DYNAMIC_UPDATE_SLICE",
            [inputs["sequence"], step.narrow(body, "row", new), inputs["start"]],
            [outputs["sequence"]],
        )
    body.finish(list(inputs.values()), list(outputs.values()))

    initial = {
        "t": graph.constant("first", np.zeros(1, np.int32)),
        "state": gates.zero(graph, "zero_state", plan.units),
    }
    for value in values:
        initial[value.name] = value.tensor
    if plan.return_sequences:
        initial["start"] = graph.constant("zero_start", np.zeros(2, np.int32))
        empty = np.zeros((frames, plan.units), _INT8)
        initial["sequence"] = graph.constant("empty_sequence", empty, plan.state)
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
        return step.narrow(graph, "output", final["state"])
    shape = (1, frames, plan.units)
    return reshape(graph, f"{plan.name}/output", final["sequence"], shape, plan.state)


def _increment(graph: GraphBuilder, name: str, value: int, step: np.ndarray) -> int:
    result = graph.tensor(f"next_{name}", step.shape, np.int32)
    amount = graph.constant(f"{name}_step", step)
    graph.operator("ADD", [value, amount], [result], schema.AddOptionsT())
    return result
