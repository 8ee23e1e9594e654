"""Writes a marked float graph as a model, portable or fused, in any mix of modes.

Every activation of the float graph may exist in several formats. An op asks for its inputs in the
format of its layer's mode, and a conversion is added where that is not the one at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.calibrate import Calibration
from tfpipeline.export.cells import CELLS
from tfpipeline.export.delays import Delay
from tfpipeline.export.errors import ExportError
from tfpipeline.export.factored_fused import find_pairs, lower_pair
from tfpipeline.export.flatbuffer import FloatGraph, FloatOperator, GraphBuilder, Quantization
from tfpipeline.export.gate_arithmetic import FLOAT_GATES, INT16_GATES, GateArithmetic
from tfpipeline.export.linear_arithmetic import LinearArithmetic
from tfpipeline.export.mark import clean_name, layer_of_op
from tfpipeline.export.modes import FLOAT32, INT8, INT16, Mode, ModeTable
from tfpipeline.export.products import emit_product
from tfpipeline.export.quantization_table import QuantizationTable
from tfpipeline.export.recurrent_fused import lower_fused
from tfpipeline.export.recurrent_plan import RecurrentPlan
from tfpipeline.export.recurrent_portable import lower_sequence, lower_step
from tfpipeline.export.states import States
from tfpipeline.export.stock_ops import OpRule, has_kernel, rule_of
from tfpipeline.numerics.quantize import quantize_affine
from tfpipeline.numerics.recurrent import QuantizedMatrix

_DEQUANTIZE_VERSIONS = {INT8: 2, INT16: 3}
_PLAIN = "plain"
"""The format of whatever is not a real number."""


@dataclass(frozen=True)
class Form:
    """Which file is written.

    Args:
        fused: Recurrent and factored layers as our custom ops; otherwise builtin ops only.
        streaming: A few time steps with explicit states; otherwise a whole sequence.
    """

    fused: bool
    streaming: bool

    @property
    def name(self) -> str:
        return ("stream " if self.streaming else "") + ("fused" if self.fused else "portable")


@dataclass(frozen=True)
class KeptFloat:
    """An op that has no integer kernel and stays in float32."""

    layer: str | None
    code: str


class Lowering:
    """Lowers one graph to one form.

    Args:
        source: The marked float graph, at the number of time steps to write.
        calibration: Ranges and plans, for the tensors of `source`.
        graph: Where to write.
        form: What to write.
        modes: The mode of each layer.
        layer_of: The layer of an op, from the name of its output.
        states: Where states come from and go to, in a streaming form.
        integers_only: Refuse to compute anything in float32.
        correct_bias: Subtract from biases the mean error that rounded weights make.
        bounded: Recurrent layers stop at the length that a further input gives.
    """

    def __init__(
        self,
        source: FloatGraph,
        calibration: Calibration,
        graph: GraphBuilder,
        form: Form,
        modes: ModeTable,
        layer_of: Callable[[str], str | None],
        states: States | None = None,
        integers_only: bool = False,
        correct_bias: bool = False,
        bounded: bool = False,
    ) -> None:
        self.bounded = bounded
        self.source = source
        self.graph = graph
        self.kept_float: list[KeptFloat] = []
        self.marked_outputs: dict[int, str] = {}
        self._form = form
        self._calibration = calibration
        self._table = QuantizationTable(source, calibration.ranges, calibration.plans)
        self._modes = modes
        self._layer_of = layer_of
        self._states = states
        self._integers_only = integers_only
        self._correct_bias = correct_bias
        self._defined: dict[int, dict[str, int]] = {}
        self._float_layers = self._layers_in_float()
        self._length: int | None = None

    def declare_length(self, name: str, frames: int) -> int:
        """Declares the input that says how many of `frames` time steps count."""
        given = self.graph.tensor(name, (1,), np.int32)
        most = self.graph.constant(f"{name}/most", np.array([frames], np.int32))
        # A loop that ran further would read outside of its input.
        self._length = self.graph.tensor(f"{name}/clamped", (1,), np.int32)
        options = schema.MaximumMinimumOptionsT()
        self.graph.operator("MINIMUM", [given, most], [self._length], options)
        return given

    def run(self) -> None:
        """Lowers every op; inputs must be defined before."""
        operators = self.source.operators
        pairs = find_pairs(self.source) if self._form.fused else {}
        pairs = {
            last: first
            for last, first in pairs.items()
            if self._can_pair(operators[first], operators[last])
        }
        for position, op in enumerate(operators):
            plan = self._calibration.plans.get(position)
            if isinstance(plan, RecurrentPlan):
                self._recurrent(plan, op)
            elif isinstance(plan, Delay):
                self._delay(plan, op)
            elif position in pairs:
                lower_pair(self, operators[pairs[position]], op, self._mode(op))
            elif position not in pairs.values():
                self._stock(op)

    def _can_pair(self, first: FloatOperator, last: FloatOperator) -> bool:
        modes = {self._modes.of(self._layer(op)) for op in (first, last)}
        return len(modes) == 1 and all(mode.fusable for mode in modes)

    # Tensors

    def name(self, index: int) -> str:
        """A tensor's name in the file."""
        name = self.source.tensors[index].name
        layer = self._layer_of(name)
        position = self.source.producer(index)
        if layer is None and position is not None:
            # The converter names what the model puts out after nothing at all.
            op = self.source.operators[position]
            layer = self._layer(op)
            return name if layer is None else f"{layer}/{op.code.lower()}"
        return clean_name(name, layer)

    def quantization(self, index: int, kind: str) -> Quantization:
        """The quantization of an activation as "int8" or "int16"."""
        return self._table.of(index, kind)

    def output_quantization(self, index: int, mode: Mode) -> Quantization | None:
        return None if mode.activations == FLOAT32 else self.quantization(index, mode.activations)

    def define(self, index: int, tensor: int, kind: str) -> None:
        """Says that `tensor` is an activation of the float graph in a format."""
        self._defined.setdefault(index, {})[kind] = tensor

    def declare(self, index: int, kind: str) -> int:
        """Declares the tensor of an activation in a format and returns it."""
        source = self.source.tensors[index]
        if kind == _PLAIN or source.dtype != np.float32:
            kind = _PLAIN
            tensor = self.graph.tensor(self.name(index), source.shape, source.dtype)
        else:
            q = None if kind == FLOAT32 else self.quantization(index, kind)
            tensor = self.graph.tensor(self.name(index), source.shape, np.dtype(kind), q)
        self.define(index, tensor, kind)
        return tensor

    def read(self, index: int, kind: str = FLOAT32, like: Quantization | None = None) -> int:
        """An activation or constant in a format, converted where it exists in another one only.

        Args:
            index: In the float graph; -1 is an absent input.
            kind: "float32", "int8" or "int16"; ignored for what is not a real number.
            like: A quantization that the value must have, where it is not its own.
        """
        if index < 0:
            return index
        source = self.source.tensors[index]
        if source.data is not None:
            return self._constant(index, kind, like)
        known = self._defined[index]
        if source.dtype != np.float32:
            return known[_PLAIN]
        if kind not in known:
            self.define(index, self._convert(index, known, kind), kind)
        tensor = self._defined[index][kind]
        if like is not None and kind != FLOAT32 and like != self.quantization(index, kind):
            result = self.graph.tensor(
                f"{self.name(index)}/requantized", source.shape, np.dtype(kind), like
            )
            version = 1 if kind == INT8 else 2
            self.graph.operator("QUANTIZE", [tensor], [result], schema.QuantizeOptionsT(), version)
            return result
        return tensor

    def _constant(self, index: int, kind: str, like: Quantization | None) -> int:
        source = self.source.tensors[index]
        data = source.data
        assert data is not None
        if data.dtype != np.float32 or kind == FLOAT32:
            return self.graph.constant(self.name(index), data)
        q = like or self.quantization(index, kind)
        values = quantize_affine(data, q.scales()[0], q.zero_point, np.dtype(kind))
        return self.graph.constant(self.name(index), values, q)

    def _convert(self, index: int, known: dict[str, int], kind: str) -> int:
        source, name = self.source.tensors[index], self.name(index)
        if kind == FLOAT32:
            if self._integers_only:
                raise ExportError(
                    f"{name!r} is needed in float32, but io='{self._modes.default.activations}' "
                    "asks for a graph of integers: export with io='float32'"
                )
            have = INT8 if INT8 in known else INT16
            result = self.graph.tensor(f"{name}/float", source.shape, np.float32)
            options, version = schema.DequantizeOptionsT(), _DEQUANTIZE_VERSIONS[have]
            self.graph.operator("DEQUANTIZE", [known[have]], [result], options, version)
            return result
        if FLOAT32 not in known:
            known[FLOAT32] = self._convert(index, known, FLOAT32)
        q = self.quantization(index, kind)
        result = self.graph.tensor(f"{name}/{kind}", source.shape, np.dtype(kind), q)
        version = 1 if kind == INT8 else 2
        self.graph.operator(
            "QUANTIZE", [known[FLOAT32]], [result], schema.QuantizeOptionsT(), version
        )
        return result

    def places(self) -> dict[int, int]:
        """The tensor in the file of each activation of the float graph, in its own format."""
        found = {}
        for index, known in self._defined.items():
            for kind in (INT8, INT16, FLOAT32):
                if kind in known and self._is_real(index):
                    found[index] = known[kind]
                    break
        return found

    # Stock ops

    def _layers_in_float(self) -> set[str]:
        """Layers with an op that has no kernel for their mode: converting around it alone would
        cost more precision than it saves."""
        found = set()
        for op in self.source.operators:
            layer = self._layer(op)
            mode = self._modes.of(layer)
            if op.custom is None and mode.activations != FLOAT32 and layer is not None:
                real = self.source.tensors[op.outputs[0]].dtype == np.float32
                if real and op.code != "CAST" and not has_kernel(op, mode.activations):
                    found.add(layer)
        return found

    def _layer(self, op: FloatOperator) -> str | None:
        return layer_of_op(self.source, op, self._layer_of)

    def _mode(self, op: FloatOperator) -> Mode:
        layer = self._layer(op)
        mode = self._modes.of(layer)
        if mode.activations == FLOAT32:
            return mode
        if layer in self._float_layers or not has_kernel(op, mode.activations):
            if self._integers_only:
                raise ExportError(
                    f"op {op.code} of layer {layer!r} has no {mode.activations} kernel, but "
                    f"io='{mode.activations}' asks for a graph of integers: export with "
                    "io='float32', which keeps it in float32"
                )
            self.kept_float.append(KeptFloat(layer, op.code))
            return Mode(FLOAT32, mode.weights)
        return mode

    def _stock(self, op: FloatOperator) -> None:
        real = [i for i in (*op.inputs, *op.outputs) if i >= 0 and self._is_real(i)]
        if not real or op.code == "CAST":
            self._plain(op)
            return
        mode = self._mode(op)
        if emit_product(self, op, mode):
            return
        kind, rule = mode.activations, rule_of(op)
        like = None
        if kind != FLOAT32 and rule is not None and rule.inputs_like_output:
            like = self.quantization(op.outputs[0], kind)
        inputs = [self.read(index, kind, like) for index in op.inputs]
        outputs = [self.declare(index, kind) for index in op.outputs]
        self.graph.operator(op.code, inputs, outputs, *self._options(op, kind, rule))

    def _options(self, op: FloatOperator, kind: str, rule: OpRule | None) -> tuple[Any, int]:
        options = op.options
        if op.code == "RESHAPE":
            shape = self.source.tensors[op.inputs[1]].data
            options = schema.ReshapeOptionsT(newShape=shape)
        if kind == FLOAT32 or rule is None:
            return options, op.version
        if kind == INT16 and op.code in ("ADD", "SUB"):
            # Without this the int16 kernels take scales of powers of two only.
            options.potScaleInt16 = False
        return options, rule.versions[kind]

    def _plain(self, op: FloatOperator) -> None:
        """An op on integers, such as indices, or one that turns them into real numbers."""
        inputs = [self.read(index) for index in op.inputs]
        outputs = [self.declare(index, FLOAT32) for index in op.outputs]
        self.graph.operator(op.code, inputs, outputs, op.options, op.version)

    def _is_real(self, index: int) -> bool:
        return self.source.tensors[index].dtype == np.float32

    def corrected_bias(
        self,
        op: FloatOperator,
        values: np.ndarray,
        quantized: QuantizedMatrix,
        mode: Mode,
        bias: np.ndarray | None,
    ) -> np.ndarray | None:
        """The bias less the mean error that rounded weights make on the calibration data."""
        mean = self._calibration.means.get(op.inputs[0])
        if not self._correct_bias or mode.activations == FLOAT32 or mean is None:
            return bias
        if mean.shape[0] != values.shape[1]:
            return bias
        error = (quantized.values * quantized.scales[:, None] - values) @ mean
        start = np.zeros(len(error)) if bias is None else bias
        return np.asarray(start - error, np.float32)

    # Markers

    def _gates(self, mode: Mode) -> GateArithmetic:
        # Who asks for integer inputs and outputs wants a graph of integers only.
        return INT16_GATES if self._integers_only or mode.activations == INT16 else FLOAT_GATES

    def _recurrent(self, plan: RecurrentPlan, op: FloatOperator) -> None:
        mode, index, output = self._modes.of(plan.name), op.inputs[0], op.outputs[0]
        frames, cell = self.source.tensors[index].shape[1], CELLS[plan.cell]
        if self._states is not None and plan.go_backwards:
            raise ExportError(
                f"layer {plan.name!r} runs backwards in time, which a stream cannot: export with "
                "streaming=False"
            )
        if self.bounded and plan.go_backwards:
            raise ExportError(
                f"layer {plan.name!r} runs backwards in time, from the padding at the end: export "
                "with length='fixed'"
            )
        if self._form.fused and mode.fusable:
            x, old = self.read(index, INT8), self._old_states(plan, FLOAT_GATES)
            result, new = lower_fused(self.graph, plan, cell.options, x, frames, old, self._length)
            self._define_recurrent(plan, output, result, new, INT8)
            return
        kind, gates = mode.activations, self._gates(mode)
        q = None if kind == FLOAT32 else self.quantization(index, kind)
        step = cell.portable(plan, q, LinearArithmetic(mode), gates)
        x, old = self.read(index, kind), self._old_states(plan, gates)
        if frames == 1:
            zeros = [gates.zero(self.graph, state, plan.units) for state in plan.states]
            result, new = lower_step(self.graph, step, x, zeros if old is None else old)
        else:
            result, new = lower_sequence(self.graph, step, x, frames, old, self._length)
        self._define_recurrent(plan, output, result, new, kind)

    def _old_states(self, plan: RecurrentPlan, gates: GateArithmetic) -> list[int] | None:
        if self._states is None:
            return None
        return [
            self._states.read(
                plan.name, state.name, (1, plan.units), gates.dtype, gates.state(state)
            )
            for state in plan.states
        ]

    def _define_recurrent(
        self, plan: RecurrentPlan, output: int, result: int, new: Sequence[int], kind: str
    ) -> None:
        self.define(output, result, kind)
        self.marked_outputs[output] = plan.name
        if self._states is not None:
            for state, tensor in zip(plan.states, new, strict=True):
                self._states.write(plan.name, state.name, tensor)

    def _delay(self, delay: Delay, op: FloatOperator) -> None:
        """The past in front of the input: zeros in a whole sequence, a state in a stream."""
        graph, source = self.graph, self.source
        mode = self._modes.of(delay.name)
        kind = FLOAT32 if delay.name in self._float_layers else mode.activations
        index, output = op.inputs[0], op.outputs[0]
        x, name = self.read(index, kind), self.name(output)
        shape = source.tensors[index].shape
        version = {FLOAT32: 1, INT8: 2, INT16: 3}[kind]
        if self._states is None:
            amounts = np.zeros((len(shape), 2), np.int32)
            amounts[1, 0] = delay.frames
            result = self.declare(output, kind)
            paddings = graph.constant(f"{delay.name}/paddings", amounts)
            graph.operator("PAD", [x, paddings], [result], schema.PadOptionsT(), version)
            return
        q = None if kind == FLOAT32 else self.quantization(index, kind)
        past_shape = (1, delay.frames, *shape[2:])
        past = self._states.read(delay.name, "past", past_shape, np.dtype(kind), q)
        result = self.declare(output, kind)
        options = schema.ConcatenationOptionsT(axis=1)
        graph.operator("CONCATENATION", [past, x], [result], options, version)
        begin = np.array([0, shape[1]] + [0] * (len(shape) - 2), np.int32)
        kept = graph.tensor(f"{name}/last", past_shape, np.dtype(kind), q)
        inputs = [
            result,
            graph.constant(f"{delay.name}/begin", begin),
            graph.constant(f"{delay.name}/size", np.array(past_shape, np.int32)),
        ]
        slice_version = {FLOAT32: 1, INT8: 2, INT16: 4}[kind]
        graph.operator("SLICE", inputs, [kept], schema.SliceOptionsT(), slice_version)
        self._states.write(delay.name, "past", kept)
