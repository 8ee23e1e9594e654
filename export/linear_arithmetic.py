"""The number format in which a portable graph computes a recurrent layer's products.

It follows the layer's mode: int8 or int16 operands, or float32 ones with weights of any format.
The format of gates and states is apart; see `gate_arithmetic.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.export.gate_arithmetic import INT16_GATES
from tfpipeline.export.modes import FLOAT32, INT8, INT16, Mode
from tfpipeline.export.recurrent_plan import UNIT_INT16, RecurrentPlan
from tfpipeline.export.weights import fully_connected
from tfpipeline.numerics.recurrent import QuantizedMatrix

_LARGEST_SUM = 2e5
"""Beyond, a step of int8 is worth a hundred gates, XNNPACK refuses the file for its ratios of
scales, and TensorFlow Lite's ADD ends the process."""


@dataclass(frozen=True)
class LinearArithmetic:
    """Emits the products of one layer.

    Args:
        mode: Formats of operands and weights.
    """

    mode: Mode

    @property
    def dtype(self) -> Any:
        return np.dtype(self.mode.activations)

    @property
    def is_float(self) -> bool:
        return self.mode.activations == FLOAT32

    def operand(self, scale: float | None, x: Quantization | None) -> Quantization | None:
        """Quantization of a last factor's input: of scale `scale` in int8, or `x` as it comes."""
        if self.is_float:
            return None
        if scale is None:
            return x
        # The same range of real numbers, in as many steps as the format has.
        return Quantization(scale if self.mode.activations == INT8 else scale * 127.0 / 32767.0, 0)

    def state(self, plan: RecurrentPlan) -> Quantization | None:
        """Quantization of h as an operand, and as the layer's output."""
        return {FLOAT32: None, INT8: plan.output, INT16: UNIT_INT16}[self.mode.activations]

    def inner(self, plan: RecurrentPlan, part: str) -> Quantization | None:
        """Quantization of a pre-activation.

        Raises:
            ExportError: gates would be sums of values beyond all reason.
        """
        reach = 128.0 * plan.inner["x_gates"].scales()[0]
        if not self.is_float and reach > _LARGEST_SUM:
            raise ExportError(
                f"layer {plan.name!r} sums values up to {reach:.0e} for gates that hear what is "
                "within 16: expected inputs and weights of usual size; normalize the model's "
                "inputs, and look for outliers in the calibration samples"
            )
        inner = {FLOAT32: None, INT8: plan.inner[part], INT16: INT16_GATES.wide}
        return inner[self.mode.activations]

    def joins(
        self, plan: RecurrentPlan, a_x: Quantization | None, a_h: Quantization | None
    ) -> bool:
        """Whether both last products become one, which saves roundings; floats round nothing."""
        return not self.is_float and a_x == a_h and plan.sums_share_scales()

    def product(
        self,
        graph: GraphBuilder,
        name: str,
        x: int,
        x_quantization: Quantization | None,
        plan: RecurrentPlan,
        values: np.ndarray,
        quantized: QuantizedMatrix,
        bias: np.ndarray | None,
        frames: int,
        output: Quantization | None,
    ) -> int:
        """`x` `(frames, in)` times weights `(out, in)`."""
        return fully_connected(
            graph,
            name,
            x,
            None if x_quantization is None else x_quantization.scales()[0],
            values,
            quantized,
            plan.bits,
            self.mode,
            bias,
            (frames, len(quantized.scales)),
            output,
        )

    def concatenate(
        self,
        graph: GraphBuilder,
        name: str,
        parts: Sequence[int],
        shape: Sequence[int],
        q: Quantization | None,
    ) -> int:
        """Joins vectors of one quantization along the last axis."""
        result = graph.tensor(name, shape, self.dtype, q)
        options = schema.ConcatenationOptionsT(axis=len(shape) - 1)
        graph.operator("CONCATENATION", parts, [result], options, self._version(1, 2, 3))
        return result

    def add(
        self,
        graph: GraphBuilder,
        name: str,
        a: int,
        b: int,
        shape: Sequence[int],
        q: Quantization | None,
    ) -> int:
        """The sum of two pre-activations."""
        result = graph.tensor(name, shape, self.dtype, q)
        # Without the flag the int16 kernel takes powers of two only.
        options = schema.AddOptionsT(potScaleInt16=self.mode.activations != INT16)
        graph.operator("ADD", [a, b], [result], options, self._version(1, 2, 3))
        return result

    def zeros(
        self, graph: GraphBuilder, name: str, shape: Sequence[int], q: Quantization | None
    ) -> int:
        """Values that are stored as zeros, made when the graph runs: a constant would be as large
        as the sequence is long."""
        result = graph.tensor(name, shape, self.dtype, q)
        sizes = graph.constant(f"{name}/shape", np.array(shape, np.int32))
        zero = graph.constant(f"{name}/zero", np.zeros((), self.dtype), q)
        options = schema.FillOptionsT()
        graph.operator("FILL", [sizes, zero], [result], options, self._version(1, 3, 3))
        return result

    def gather_version(self) -> int:
        return self._version(1, 2, 4)

    def reshape(
        self, graph: GraphBuilder, name: str, x: int, shape: Sequence[int], q: Quantization | None
    ) -> int:
        """Adds a RESHAPE."""
        return reshape(graph, name, x, shape, self.dtype, q)

    def _version(self, float32: int, int8: int, int16: int) -> int:
        return {FLOAT32: float32, INT8: int8, INT16: int16}[self.mode.activations]


def reshape(
    graph: GraphBuilder,
    name: str,
    x: int,
    shape: Sequence[int],
    dtype: Any,
    q: Quantization | None,
) -> int:
    """Adds a RESHAPE."""
    target = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    result = graph.tensor(name, shape, dtype, q)
    options = schema.ReshapeOptionsT(newShape=np.array(shape, np.int32))
    graph.operator("RESHAPE", [x, target], [result], options)
    return result
