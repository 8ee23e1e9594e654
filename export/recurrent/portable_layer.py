"""Lowers a recurrent layer to builtin ops: one step, a WHILE over steps, or steps written out.

All use the same step, so streaming and whole sequences agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.recurrent.portable import PortableStep


def lower_step(
    graph: GraphBuilder, step: PortableStep, x: int, states: Sequence[int]
) -> tuple[int, list[int]]:
    """One time step: returns the layer's output tensor and the new states."""
    plan = step.plan
    new = step.step(graph, [value.tensor for value in step.before(graph, x, 1)], states)
    output = step.narrow(graph, "output", new[0])
    if plan.return_sequences:
        shape = (1, 1, plan.units)
        name = f"{plan.name}/sequence"
        output = step.linear.reshape(graph, name, output, shape, step.output)
    return output, new


def lower_sequence(
    graph: GraphBuilder,
    step: PortableStep,
    x: int,
    frames: int,
    states: Sequence[int] | None = None,
    length: int | None = None,
) -> tuple[int, list[int]]:
    """Add a WHILE over some time steps; return the layer's output tensor and the last states.

    Args:
        graph: The graph to add to.
        step: The layer.
        x: Its input `(1, frames, features)`.
        frames: Number of time steps.
        states: Where to start from; None starts from zeros.
        length: int32 tensor `(1,)` of the steps that count, at most `frames`; None: all.
    """
    plan, gates, linear = step.plan, step.gates, step.linear
    values = step.before(graph, x, frames)
    model = graph.model
    condition = model.graph(f"{plan.name}/condition")
    body = model.graph(f"{plan.name}/body")

    def variables(target: GraphBuilder) -> dict[str, int]:
        result = {"t": target.tensor("t", (1,), np.int32)}
        if length is not None:
            result["length"] = target.tensor("length", (1,), np.int32)
        for state in plan.states:
            shape, q = (1, plan.units), gates.state(state)
            result[state.name] = target.tensor(state.name, shape, gates.dtype, q)
        for value in values:
            shape = (frames, value.width)
            result[value.name] = target.tensor(value.name, shape, linear.dtype, value.quantization)
        if plan.return_sequences:
            shape = (frames, plan.units)
            result["start"] = target.tensor("start", (2,), np.int32)
            result["sequence"] = target.tensor("sequence", shape, linear.dtype, step.output)
        return result

    inputs = variables(condition)
    more = condition.tensor("more", (1,), np.bool_)
    limit = inputs.get("length")
    if limit is None:
        limit = condition.constant("frames", np.array([frames], np.int32))
    condition.operator("LESS", [inputs["t"], limit], [more], schema.LessOptionsT())
    condition.finish(list(inputs.values()), [more])

    inputs = variables(body)
    time = _reversed(body, inputs["t"], frames) if plan.go_backwards else inputs["t"]
    now = []
    for value in values:
        name, shape = f"{value.name}_t", (1, value.width)
        row = body.tensor(name, shape, linear.dtype, value.quantization)
        source = [inputs[value.name], time]
        options = schema.GatherOptionsT(axis=0)
        body.operator("GATHER", source, [row], options, linear.gather_version())
        now.append(row)
    names = [state.name for state in plan.states]
    new = step.step(body, now, [inputs[name] for name in names])
    outputs = dict(inputs)
    outputs.update(zip(names, new, strict=True))
    outputs["t"] = _increment(body, "t", inputs["t"], np.array([1], np.int32))
    if plan.return_sequences:
        outputs["start"] = _increment(body, "start", inputs["start"], np.array([1, 0], np.int32))
        shape = (frames, plan.units)
        outputs["sequence"] = body.tensor("new_sequence", shape, linear.dtype, step.output)
        body.operator(
            "DYNAMIC_UPDATE_SLICE",
            [inputs["sequence"], step.narrow(body, "row", new[0]), inputs["start"]],
            [outputs["sequence"]],
            version=1 if linear.dtype != np.int16 else 2,
        )
    body.finish(list(inputs.values()), list(outputs.values()))

    if states is None:
        states = [gates.zero(graph, state, plan.units) for state in plan.states]
    initial = {"t": graph.constant("first", np.zeros(1, np.int32))}
    if length is not None:
        initial["length"] = length
    initial.update(zip(names, states, strict=True))
    for value in values:
        initial[value.name] = value.tensor
    if plan.return_sequences:
        initial["start"] = graph.constant("zero_start", np.zeros(2, np.int32))
        initial["sequence"] = linear.zeros(
            graph, f"{plan.name}/empty_sequence", (frames, plan.units), step.output
        )
    final = variables(graph)
    graph.operator(
        "WHILE",
        [initial[name] for name in final],
        list(final.values()),
        schema.WhileOptionsT(
            condSubgraphIndex=model.index_of(condition), bodySubgraphIndex=model.index_of(body)
        ),
    )
    last = [final[name] for name in names]
    if not plan.return_sequences:
        return step.narrow(graph, "output", last[0]), last
    name, whole = f"{plan.name}/output", (1, frames, plan.units)
    return linear.reshape(graph, name, final["sequence"], whole, step.output), last


def lower_unrolled(
    graph: GraphBuilder, step: PortableStep, x: int, frames: int, states: Sequence[int]
) -> tuple[int, list[int]]:
    """Write the steps of some frames out, for runtimes without loops.

    Returns:
        The layer's output tensor and the last states.
    """
    plan, linear, states = step.plan, step.linear, list(states)
    values, rows = step.before(graph, x, frames), []
    for t in range(frames):
        now = []
        for value in values:
            one = (1, value.width)
            row = graph.tensor(f"{value.name}_{t}", one, linear.dtype, value.quantization)
            begin = graph.constant(f"{plan.name}/begin_{t}", np.array([t, 0], np.int32))
            size = graph.constant(f"{value.name}/size", np.array(one, np.int32))
            version = linear.slice_version()
            source = [value.tensor, begin, size]
            graph.operator("SLICE", source, [row], schema.SliceOptionsT(), version)
            now.append(row)
        states = step.step(graph, now, states)
        if plan.return_sequences:
            rows.append(step.narrow(graph, "row", states[0]))
    if not plan.return_sequences:
        return step.narrow(graph, "output", states[0]), states
    name, width = f"{plan.name}/output", frames * plan.units
    whole = linear.concatenate(graph, name, rows, (1, width), step.output)
    shape = (1, frames, plan.units)
    return linear.reshape(graph, f"{name}/sequence", whole, shape, step.output), states


def _reversed(graph: GraphBuilder, t: int, frames: int) -> int:
    """Return the time step that a layer which runs backwards reads as its t-th."""
    last = graph.constant("last", np.array([frames - 1], np.int32))
    result = graph.tensor("t_reversed", (1,), np.int32)
    graph.operator("SUB", [last, t], [result], schema.SubOptionsT())
    return result


def _increment(graph: GraphBuilder, name: str, value: int, step: np.ndarray) -> int:
    result = graph.tensor(f"next_{name}", step.shape, np.int32)
    amount = graph.constant(f"{name}_step", step)
    graph.operator("ADD", [value, amount], [result], schema.AddOptionsT())
    return result
