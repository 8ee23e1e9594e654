"""The number format in which a portable graph computes a recurrent layer's products.

It follows the layer's mode: int8 or int16 operands, or float32 ones with weights of any format.
The format of gates and states is apart; see `gate_format.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.products_of_weights import fully_connected
from tfpipeline.export.emit.reshape import reshape
from tfpipeline.export.errors import ExportError
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.modes import FLOAT32, INT8, INT16, Mode
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.numerics.recurrent import QuantizedMatrix

UNIT_INT8 = Quantization(1.0 / 127.0, 0)
"""Of pre-activations, as a part of what each of them must reach."""
_LARGEST_SUM = 2e5
"""Beyond, a step of an int8 input is worth a hundred gates: whatever was meant, it is lost."""
_LARGEST_MULTIPLIER = 200.0
"""Steps of a product's output that one step of its accumulator makes: XNNPACK refuses 256."""


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
        return {FLOAT32: None, INT8: plan.output, INT16: plan.states[0].int16}[
            self.mode.activations
        ]

    def pre_activation(
        self, plan: RecurrentPlan, gates: Quantization | None
    ) -> Quantization | None:
        """Quantization of a pre-activation: in int8 of a part of its reach.

        Args:
            plan: The layer.
            gates: Quantization of pre-activations in the format of gates.

        Raises:
            ExportError: gates would be sums of values beyond all reason.
        """
        if not self.is_float and plan.largest_sum > _LARGEST_SUM:
            raise ExportError(
                f"layer {plan.name!r} sums values up to {plan.largest_sum:.0e} for gates that hear "
                "what is within 16: expected inputs and weights of usual size; normalize the "
                "model's inputs, and look for outliers in the calibration samples"
            )
        return {FLOAT32: None, INT8: UNIT_INT8, INT16: gates}[self.mode.activations]

    def reaches(
        self, plan: RecurrentPlan, a_x: Quantization | None, a_h: Quantization | None
    ) -> dict[str, np.ndarray]:
        """How far pre-activations reach, which is what 127 stands for in each row of an int8 one.

        Args:
            plan: The layer.
            a_x: Quantization of the operand of the kernel's last factor.
            a_h: Of the recurrent kernel's.
        """
        if self.mode.activations != INT8:
            return plan.reach
        assert a_x is not None and a_h is not None
        found = {}
        for part, operand, matrices in (
            ("x", a_x, plan.kernel),
            ("h", a_h, plan.recurrent_kernel),
            ("sum", a_x, plan.kernel),
        ):
            if not matrices or part not in plan.reach:
                continue
            matrix = matrices[-1]
            reach = plan.reach[part]
            scales = matrix.scales.reshape(matrix.planes, -1).max(axis=0)[: len(reach)]
            accumulator = np.float32(operand.scales()[0]) * scales
            least = accumulator * np.float32(127.0 / _LARGEST_MULTIPLIER)
            found[part] = np.maximum(reach, least).astype(np.float32)
        return found

    def joins(
        self, plan: RecurrentPlan, a_x: Quantization | None, a_h: Quantization | None
    ) -> bool:
        """Return whether both last products become one, which saves roundings of integers."""
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
        reach: np.ndarray | None = None,
    ) -> int:
        """`x` `(frames, in)` times weights `(out, in)`; int8 rows in units of their `reach`.

        Planes are multiplied one by one and added.
        """
        if quantized.planes > 1:
            total = -1
            for number, plane in enumerate(quantized.split()):
                part = self.product(
                    graph,
                    f"{name}/plane_{number}",
                    x,
                    x_quantization,
                    plan,
                    plane.real(),
                    plane,
                    bias if number == 0 else None,
                    frames,
                    output,
                    reach,
                )
                total = part if number == 0 else self._add(graph, name, total, part, output)
            return total
        if reach is not None and self.mode.activations == INT8:
            values = values / reach[:, None]
            quantized = replace(quantized, scales=quantized.scales / reach)
            bias = None if bias is None else bias / reach
        return fully_connected(
            graph,
            name,
            x,
            None if x_quantization is None else x_quantization.scales()[0],
            values,
            quantized,
            quantized.bits,
            self.mode,
            bias,
            (frames, len(quantized.scales)),
            output,
        )

    def _add(self, graph: GraphBuilder, name: str, a: int, b: int, q: Quantization | None) -> int:
        """Add two tensors of one quantization, which integers do without rounding."""
        result = graph.tensor(name, graph.subgraph.tensors[a].shape, self.dtype, q)
        options = schema.AddOptionsT(potScaleInt16=False)
        graph.operator("ADD", [a, b], [result], options, self._version(1, 2, 3))
        return result

    def concatenate(
        self,
        graph: GraphBuilder,
        name: str,
        parts: Sequence[int],
        shape: Sequence[int],
        q: Quantization | None,
    ) -> int:
        """Join vectors of one quantization along the last axis."""
        result = graph.tensor(name, shape, self.dtype, q)
        options = schema.ConcatenationOptionsT(axis=len(shape) - 1)
        graph.operator("CONCATENATION", parts, [result], options, self._version(1, 2, 3))
        return result

    def zeros(
        self, graph: GraphBuilder, name: str, shape: Sequence[int], q: Quantization | None
    ) -> int:
        """Return values that are stored as zeros, made when the graph runs.

        A constant would be as large as the sequence is long.
        """
        result = graph.tensor(name, shape, self.dtype, q)
        sizes = graph.constant(f"{name}/shape", np.array(shape, np.int32))
        zero = graph.constant(f"{name}/zero", np.zeros((), self.dtype), q)
        options = schema.FillOptionsT()
        graph.operator("FILL", [sizes, zero], [result], options, self._version(1, 3, 3))
        return result

    def slice_version(self) -> int:
        return self._version(1, 2, 4)

    def gather_version(self) -> int:
        return self._version(1, 2, 4)

    def reshape(
        self, graph: GraphBuilder, name: str, x: int, shape: Sequence[int], q: Quantization | None
    ) -> int:
        """Add a RESHAPE."""
        return reshape(graph, name, x, shape, self.dtype, q)

    def _version(self, float32: int, int8: int, int16: int) -> int:
        return {FLOAT32: float32, INT8: int8, INT16: int16}[self.mode.activations]
