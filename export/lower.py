"""Writes a marked float graph as an int8 model, portable or fused, whole or one step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.calibrate import Calibration
from tfpipeline.export.cells import CELLS
from tfpipeline.export.errors import ExportError
from tfpipeline.export.factored_fused import find_pairs, lower_pair
from tfpipeline.export.flatbuffer import FloatGraph, FloatOperator, ModelBuilder, Quantization
from tfpipeline.export.gate_arithmetic import FLOAT_GATES, INT16_GATES
from tfpipeline.export.mark import MARKER
from tfpipeline.export.recurrent_fused import lower_fused
from tfpipeline.export.recurrent_plan import RecurrentPlan, StatePlan
from tfpipeline.export.recurrent_portable import lower_sequence, lower_step
from tfpipeline.export.stock_ops import rule_of
from tfpipeline.runtime.model_card import CARD_METADATA

_DESCRIPTION = "tfpipeline"


@dataclass(frozen=True)
class Form:
    """Which file is written.

    Args:
        fused: Recurrent and factored layers as our custom ops; otherwise builtin ops only.
        streaming: One time step with explicit states; otherwise a whole sequence.
    """

    fused: bool
    streaming: bool

    @property
    def name(self) -> str:
        return ("stream " if self.streaming else "") + ("fused" if self.fused else "portable")


class Lowering:
    """Lowers one graph to one form.

    Args:
        source: The marked float graph, at the number of time steps to write.
        calibration: Scales, found on a graph with the same operators.
        form: What to write.
        io: "float32" or "int8", the type of the model's input and output.
    """

    def __init__(
        self, source: FloatGraph, calibration: Calibration, form: Form, io: str = "float32"
    ) -> None:
        self.source = source
        self.form = form
        self._calibration = calibration
        self._io = np.dtype(io)
        # Who asks for int8 inputs and outputs wants a graph of integers only.
        self._gates = INT16_GATES if io == "int8" else FLOAT_GATES
        self._model = ModelBuilder(_DESCRIPTION)
        self.graph = self._model.graph("main")
        self._defined: dict[int, int] = {}
        self._states: list[dict[str, Any]] = []
        self._state_inputs: dict[str, int] = {}
        self._state_outputs: dict[str, int] = {}

    def name(self, index: int) -> str:
        return self.source.tensors[index].name

    def quantization(self, index: int) -> Quantization:
        return self._calibration.quantization[index]

    def activation(self, index: int) -> int:
        """The int8 tensor that stands for an activation of the float graph."""
        return self._defined[index]

    def define(self, index: int, tensor: int) -> None:
        self._defined[index] = tensor

    def declare(self, index: int) -> int:
        """Declares the int8 tensor of an activation and returns it."""
        source = self.source.tensors[index]
        tensor = self.graph.tensor(source.name, source.shape, np.int8, self.quantization(index))
        self.define(index, tensor)
        return tensor

    def to_bytes(self, card: dict[str, Any]) -> bytes:
        """Lowers every op and packs the model with its card."""
        x, scores = self.source.inputs["x"], self.source.outputs["scores"]
        x_in = self._input(x)
        pairs = find_pairs(self.source) if self.form.fused else {}
        for position, op in enumerate(self.source.operators):
            if op.custom == MARKER:
                self._lower_marker(position, op)
            elif position in pairs:
                lower_pair(self, self.source.operators[pairs[position]], op)
            elif position not in pairs.values():
                rule = rule_of(self.source, op)
                rule.emit(self, op, rule)
        scores_out = self._output(scores)
        inputs = {"x": x_in, **self._state_inputs}
        outputs = {"scores": scores_out, **self._state_outputs}
        self.graph.finish(list(inputs.values()), list(outputs.values()))
        key = "step" if self.form.streaming else "serving_default"
        self._model.signature(key, self.graph, inputs, outputs)
        full_card = {
            **card,
            "form": "fused" if self.form.fused else "portable",
            "streaming": self.form.streaming,
            "inputs": [self._describe("x", x)],
            "outputs": [self._describe("scores", scores)],
            "states": self._states,
        }
        self._model.metadata(CARD_METADATA, json.dumps(full_card, sort_keys=True).encode())
        return self._model.to_bytes()

    def _describe(self, name: str, index: int) -> dict[str, Any]:
        q = self.quantization(index)
        return {
            "name": name,
            "shape": list(self.source.tensors[index].shape),
            "dtype": self._io.name,
            "scale": q.scales()[0],
            "zero_point": q.zero_point,
        }

    def _input(self, index: int) -> int:
        if self._io == np.int8:
            source = self.source.tensors[index]
            tensor = self.graph.tensor("x", source.shape, np.int8, self.quantization(index))
            self.define(index, tensor)
            return tensor
        x = self.graph.tensor("x", self.source.tensors[index].shape, np.float32)
        self.graph.operator("QUANTIZE", [x], [self.declare(index)], schema.QuantizeOptionsT())
        return x

    def _output(self, index: int) -> int:
        if self._io == np.int8:
            self.graph.rename(self.activation(index), "scores")
            return self.activation(index)
        scores = self.graph.tensor("scores", self.source.tensors[index].shape, np.float32)
        self.graph.operator(
            "DEQUANTIZE",
            [self.activation(index)],
            [scores],
            schema.DequantizeOptionsT(),
            version=2,
        )
        return scores

    def _lower_marker(self, position: int, op: FloatOperator) -> None:
        plan = self._calibration.plans[position]
        index = op.inputs[0]
        x, frames = self.activation(index), self.source.tensors[index].shape[1]
        cell = CELLS[plan.cell]
        step = cell.portable(plan, self.quantization(index), self._gates)
        if not self.form.streaming:
            if self.form.fused:
                output, _ = lower_fused(self.graph, plan, cell.options, x, frames, None)
            else:
                output = lower_sequence(self.graph, step, x, frames)
            self.define(op.outputs[0], output)
            return
        states = [self._state_input(plan, state) for state in plan.states]
        if self.form.fused:
            output, new = lower_fused(self.graph, plan, cell.options, x, frames, states)
        else:
            output, new = lower_step(self.graph, step, x, states)
        self.define(op.outputs[0], output)
        for state, tensor in zip(plan.states, new, strict=True):
            name = f"{plan.name}_{state.name}_out"
            self.graph.rename(tensor, name)
            self._state_outputs[name] = tensor

    def _state_input(self, plan: RecurrentPlan, state: StatePlan) -> int:
        """Declares a state of a streaming model; its output is named likewise."""
        before, after = f"{plan.name}_{state.name}_in", f"{plan.name}_{state.name}_out"
        gates = FLOAT_GATES if self.form.fused else self._gates
        q, shape = gates.state(state), (1, plan.units)
        tensor = self.graph.tensor(before, shape, gates.dtype, q)
        self._state_inputs[before] = tensor
        self._states.append(
            {
                "input": before,
                "output": after,
                "shape": list(shape),
                "dtype": np.dtype(gates.dtype).name,
                "scale": None if q is None else q.scales()[0],
            }
        )
        return tensor


def same_operators(whole: FloatGraph, step: FloatGraph) -> dict[int, int]:
    """Maps the tensors of the one-step graph to those of the whole-sequence graph.

    Both are conversions of one model, so they differ in the time axis only; where the converter
    simplified them differently the scales cannot be carried over, and that is an error.
    """
    codes = [[op.custom or op.code for op in graph.operators] for graph in (whole, step)]
    if codes[0] != codes[1]:
        raise ExportError(
            "streaming=True needs a model whose one-step graph has the ops of its whole-sequence "
            f"graph, received {codes[1]} against {codes[0]}: use layers that work frame by frame"
        )
    pairs = {step.inputs["x"]: whole.inputs["x"]}
    for a, b in zip(step.operators, whole.operators, strict=True):
        pairs.update(zip(a.outputs, b.outputs, strict=True))
    return pairs


def calibration_for_step(
    calibration: Calibration, whole: FloatGraph, step: FloatGraph
) -> Calibration:
    """The same table of scales, indexed by the one-step graph's tensors."""
    pairs = same_operators(whole, step)
    return Calibration(
        {index: calibration.quantization[other] for index, other in pairs.items()},
        calibration.plans,
        calibration.samples,
        calibration.sha256,
    )
