"""Lowers a GRU layer to builtin int8 ops: one step, or a WHILE over a sequence of steps.

Both use the same step, so streaming and whole sequences agree bit for bit. The input's part of the
gates is computed before the loop, for all time steps at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.export.gru_plan import SIGMOID_OUTPUT, TANH_OUTPUT, GruPlan
from tfpipeline.numerics.gru import QuantizedMatrix

_INT8 = np.int8
ONE = np.full((1, 1), 127, np.int8)
"""With a scale of its own: in SIGMOID_OUTPUT's scale the number 1 is one more than int8 holds."""
ONE_QUANTIZATION = Quantization(1.0 / 127.0, 0)


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


class GruStep:
    """Emits the ops of one layer's step into any graph."""

    def __init__(self, plan: GruPlan) -> None:
        self.plan = plan

    def input_rank(self, graph: GraphBuilder, x: int, x_scale: float, frames: int) -> int:
        """`a_x` of shape `(frames, r)` from `x`; `x` itself for a plain kernel."""
        plan = self.plan
        if plan.kernel_scale is None:
            return x
        return fully_connected(
            graph,
            f"{plan.name}/a_x",
            x,
            x_scale,
            plan.kernel[0],
            None,
            (frames, plan.kernel[0].values.shape[0]),
            Quantization(plan.kernel_scale, 0),
        )

    def input_part(
        self, graph: GraphBuilder, a_x: int, scale: float, frames: int
    ) -> tuple[int, int]:
        """The gates' and the candidate's input part, `(frames, 2H)` and `(frames, H)`."""
        return self._parts(graph, "x", a_x, scale, self.plan.kernel[-1], self.plan.bias[0], frames)

    def _parts(
        self,
        graph: GraphBuilder,
        source: str,
        a: int,
        scale: float,
        matrix: QuantizedMatrix,
        bias: np.ndarray,
        frames: int,
    ) -> tuple[int, int]:
        units = self.plan.units
        results = []
        for part, rows in (("gates", slice(0, 2 * units)), ("candidate", slice(2 * units, None))):
            block = QuantizedMatrix(matrix.values[rows], matrix.scales[rows])
            results.append(
                fully_connected(
                    graph,
                    f"{self.plan.name}/{source}_{part}",
                    a,
                    scale,
                    block,
                    bias[rows],
                    (frames, block.values.shape[0]),
                    self.plan.inner[f"{source}_{part}"],
                )
            )
        return results[0], results[1]

    def recurrence(self, graph: GraphBuilder, x_gates: int, x_candidate: int, h: int) -> int:
        """The new state `(1, H)` from the input's parts and the old state."""
        plan = self.plan
        h_scale = float(plan.state.scales()[0])
        a_h, a_scale = h, h_scale
        if plan.recurrent_scale is not None:
            a_scale = plan.recurrent_scale
            a_h = fully_connected(
                graph,
                f"{plan.name}/a_h",
                h,
                h_scale,
                plan.recurrent_kernel[0],
                None,
                (1, plan.recurrent_kernel[0].values.shape[0]),
                Quantization(a_scale, 0),
            )
        h_gates, h_candidate = self._parts(
            graph, "h", a_h, a_scale, plan.recurrent_kernel[-1], plan.bias[1], 1
        )
        units, inner = plan.units, plan.inner
        total = self._binary(graph, "ADD", "gates", x_gates, h_gates, 2 * units, inner["gates"])
        gates = self._unary(graph, "LOGISTIC", "zr", total, 2 * units, SIGMOID_OUTPUT)
        update, reset = (
            graph.tensor(f"{plan.name}/{gate}", (1, units), _INT8, SIGMOID_OUTPUT) for gate in "zr"
        )
        axis = graph.constant("split_axis", np.array(1, np.int32))
        graph.operator(
            "SPLIT", [axis, gates], [update, reset], schema.SplitOptionsT(numSplits=2), version=2
        )
        gated = self._binary(graph, "MUL", "gated", reset, h_candidate, units, inner["gated"])
        total = self._binary(
            graph, "ADD", "candidate", x_candidate, gated, units, inner["candidate"]
        )
        new = self._unary(graph, "TANH", "n", total, units, TANH_OUTPUT)
        one = graph.constant("one", ONE, ONE_QUANTIZATION)
        rest = self._binary(graph, "SUB", "one_minus_z", one, update, units, SIGMOID_OUTPUT)
        kept = self._binary(graph, "MUL", "kept", update, h, units, inner["kept"])
        added = self._binary(graph, "MUL", "added", rest, new, units, inner["added"])
        return self._binary(graph, "ADD", "h", kept, added, units, plan.state)

    def _binary(
        self, graph: GraphBuilder, code: str, name: str, a: int, b: int, size: int, q: Quantization
    ) -> int:
        options = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT}
        result = graph.tensor(f"{self.plan.name}/{name}", (1, size), _INT8, q)
        version = 3 if code == "SUB" else 2
        graph.operator(code, [a, b], [result], options[code](), version=version)
        return result

    def _unary(
        self, graph: GraphBuilder, code: str, name: str, x: int, size: int, q: Quantization
    ) -> int:
        result = graph.tensor(f"{self.plan.name}/{name}", (1, size), _INT8, q)
        graph.operator(code, [x], [result], version=2)
        return result


def lower_step(
    graph: GraphBuilder, plan: GruPlan, x: int, x_scale: float, h: int
) -> tuple[int, int]:
    """One time step: returns the layer's output tensor and the new state."""
    step = GruStep(plan)
    a_x = step.input_rank(graph, x, x_scale, 1)
    gates, candidate = step.input_part(graph, a_x, plan.kernel_scale or x_scale, 1)
    new = step.recurrence(graph, gates, candidate, h)
    if not plan.return_sequences:
        return new, new
    return reshape(graph, f"{plan.name}/output", new, (1, 1, plan.units), plan.state), new


def reshape(graph: GraphBuilder, name: str, x: int, shape: Sequence[int], q: Quantization) -> int:
    """Adds a RESHAPE."""
    target = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    result = graph.tensor(name, shape, _INT8, q)
    options = schema.ReshapeOptionsT(newShape=np.array(shape, np.int32))
    graph.operator("RESHAPE", [x, target], [result], options)
    return result


def lower_sequence(graph: GraphBuilder, plan: GruPlan, x: int, x_scale: float, frames: int) -> int:
    """All time steps from a zero state, in a WHILE; returns the layer's output tensor."""
    step = GruStep(plan)
    a_x = step.input_rank(graph, x, x_scale, frames)
    gates, candidate = step.input_part(graph, a_x, plan.kernel_scale or x_scale, frames)
    parts = (("x_gates", gates, 2 * plan.units), ("x_candidate", candidate, plan.units))
    model = graph.model
    condition = model.graph(f"{plan.name}/condition")
    body = model.graph(f"{plan.name}/body")

    def variables(target: GraphBuilder) -> dict[str, int]:
        result = {
            "t": target.tensor("t", (1,), np.int32),
            "state": target.tensor("state", (1, plan.units), _INT8, plan.state),
        }
        for name, _, width in parts:
            result[name] = target.tensor(name, (frames, width), _INT8, plan.inner[name])
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
    for name, _, width in parts:
        row = body.tensor(f"{name}_t", (1, width), _INT8, plan.inner[name])
        body.operator(
            "GATHER", [inputs[name], inputs["t"]], [row], schema.GatherOptionsT(axis=0), version=2
        )
        now.append(row)
    new = step.recurrence(body, now[0], now[1], inputs["state"])
    outputs = dict(inputs)
    outputs["state"] = new
    outputs["t"] = _increment(body, "t", inputs["t"], np.array([1], np.int32))
    if plan.return_sequences:
        outputs["start"] = _increment(body, "start", inputs["start"], np.array([1, 0], np.int32))
        outputs["sequence"] = body.tensor("new_sequence", (frames, plan.units), _INT8, plan.state)
        body.operator(
            "DYNAMIC_UPDATE_SLICE",
            [inputs["sequence"], new, inputs["start"]],
            [outputs["sequence"]],
        )
    body.finish(list(inputs.values()), list(outputs.values()))

    initial = {
        "t": graph.constant("first", np.zeros(1, np.int32)),
        "state": graph.constant("zero_state", np.zeros((1, plan.units), _INT8), plan.state),
    }
    for name, index, _ in parts:
        initial[name] = index
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
        return final["state"]
    shape = (1, frames, plan.units)
    return reshape(graph, f"{plan.name}/output", final["sequence"], shape, plan.state)


def _increment(graph: GraphBuilder, name: str, value: int, step: np.ndarray) -> int:
    result = graph.tensor(f"next_{name}", step.shape, np.int32)
    amount = graph.constant(f"{name}_step", step)
    graph.operator("ADD", [value, amount], [result], schema.AddOptionsT())
    return result
