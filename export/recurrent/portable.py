"""The products and sums of one recurrent step in builtin ops.

What does not depend on the state is computed before the loop, for all time steps at once. What the
gates do with the sum of both products is a cell's own: see `cells/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.gate_format import GateArithmetic
from tfpipeline.export.recurrent.gate_functions import emit
from tfpipeline.export.recurrent.layer_norm import normalize_parts
from tfpipeline.export.recurrent.product_format import LinearArithmetic
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.export.recurrent.windows import side_by_side
from tfpipeline.numerics.recurrent import QuantizedMatrix


@dataclass(frozen=True)
class Value:
    """Something computed for all time steps before the loop: `(frames, width)`."""

    name: str
    tensor: int
    width: int
    quantization: Quantization | None


_Part = tuple[str, int, slice]
"""A key of the reaches, a tensor, and which rows are its columns."""


class PortableStep(ABC):
    """Emits the ops of one layer into any graph: what precedes the loop, and one step.

    Where the operands of the input's and the state's last product have one scale (both kernels
    factored, or the input is another recurrent layer's output), the two are concatenated, so that
    the rows that are only summed come out of a single product with a single rounding. Otherwise
    both products are rounded and then added in the format of gates. In int8 each row is rounded in
    units of its own (`gate_reach.py`), which that format multiplies with.

    Args:
        plan: The quantized layer.
        x: Quantization of the layer's input; None for float32.
        linear: Number format of products.
        gates: Number format of gates and states.
    """

    def __init__(
        self,
        plan: RecurrentPlan,
        x: Quantization | None,
        linear: LinearArithmetic,
        gates: GateArithmetic,
    ) -> None:
        self.plan = plan
        self.linear = linear
        self.gates = gates
        self.output = linear.state(plan)
        self._x = x
        self._a_x = linear.operand(plan.kernel_scale, x)
        self._a_h = linear.operand(plan.recurrent_scale, self.output)
        self._joined = linear.joins(plan, self._a_x, self._a_h)
        self._gates = len(plan.cell.gates)
        self._summed = plan.summed_rows // plan.units
        self._reach = linear.reaches(plan, self._a_x, self._a_h)
        self.wide = gates.reaching(max(float(rows.max()) for rows in self._reach.values()))
        self._product = linear.pre_activation(plan, self.wide)
        self.level = gates.state(plan.states[0])
        """Quantization of h."""
        self.double = None if self.level is None else Quantization(2.0 * self.level.scales()[0], 0)
        """Quantization of differences of two values of h's range."""

    @abstractmethod
    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        """Return the new states from the old ones and a pre-activation `(1, H)` for each gate.

        Args:
            graph: Where to.
            sums: Of the summed rows.
            x_apart: The input's part of the others.
            h_apart: The state's.
            states: The old states.
        """

    def before(self, graph: GraphBuilder, x: int, frames: int) -> list[Value]:
        """Return what does not depend on the state, for all frames at once."""
        plan, rows = self.plan, self._rows_apart()
        width = plan.features
        # Of another batch or length the loop would read a part only, so such an input is refused
        # when memory is planned: it does not fit this shape.
        if plan.window > 1:
            x, width = (
                side_by_side(graph, self.linear, plan, x, self._x, frames),
                plan.window * width,
            )
        x = a_x = self.linear.reshape(graph, f"{plan.name}/x", x, (frames, width), self._x)
        if plan.kernel_scale is not None:
            width = plan.kernel[0].values.shape[0]
            factors = (plan.float_kernel[0], plan.kernel[0])
            a_x = self._first_factor(graph, "a_x", x, self._x, factors, frames, self._a_x)
        values = [Value("a_x", a_x, width, self._a_x)] if self._joined else []
        if rows.start < rows.stop:
            factors, bias = (plan.float_kernel[-1], plan.kernel[-1]), self._bias(0, rows)
            x_gates = self._last_factor(graph, "x", a_x, self._a_x, factors, rows, bias, frames)
            values.append(Value("x_gates", x_gates, rows.stop - rows.start, self._product))
        return values

    def step(self, graph: GraphBuilder, values: Sequence[int], states: Sequence[int]) -> list[int]:
        """Return the new states `(1, H)` from one frame of `before`'s values and the old states."""
        plan, rows = self.plan, self._rows_apart()
        if not plan.cell.recurrent:
            cut = self._in_gates_format(graph, [("x", values[-1], rows)], plan.units)
            return self.mix(graph, cut, [], [], states)
        a_h = h8 = self.narrow(graph, "h8", states[0])
        if plan.recurrent_scale is not None:
            factors = (plan.float_recurrent_kernel[0], plan.recurrent_kernel[0])
            a_h = self._first_factor(graph, "a_h", h8, self.output, factors, 1, self._a_h)
        parts = []
        if self._joined:
            parts.append(("sum", self._joined_sum(graph, values[0], a_h), slice(0, rows.start)))
        if rows.start < rows.stop:
            factors = (plan.float_recurrent_kernel[-1], plan.recurrent_kernel[-1])
            bias = self._bias(1, rows)
            h_gates = self._last_factor(graph, "h", a_h, self._a_h, factors, rows, bias, 1)
            parts += [("x", values[-1], rows), ("h", h_gates, rows)]
        if not self._joined and self._summed == self._gates:
            return self.mix(graph, self._added_at_once(graph, parts), [], [], states)
        cut = self._in_gates_format(graph, parts, plan.units)
        sums = [] if not self._joined else cut[: self._summed]
        apart = len(cut[len(sums) :]) // 2
        x, h = cut[len(sums) : len(sums) + apart], cut[len(sums) + apart :]
        if not self._joined:
            sums = [
                self._add(graph, f"sum_{i}", [x[i], h[i]], plan.units) for i in range(self._summed)
            ]
            x, h = x[self._summed :], h[self._summed :]
        return self.mix(graph, sums, x, h, states)

    def _rows_apart(self) -> slice:
        """Return the rows of which the input's and the state's products are apart."""
        return slice(self.plan.summed_rows if self._joined else 0, self._gates * self.plan.units)

    def _bias(self, row: int, rows: slice) -> np.ndarray | None:
        """Return what is added to a product at once; a normalized one gets it later."""
        plan = self.plan
        if plan.layer_norm is not None or row >= plan.cell.bias_rows:
            return None
        return plan.bias[row, rows]

    def _add(self, graph: GraphBuilder, name: str, pair: Sequence[int], width: int) -> int:
        name = f"{self.plan.name}/{name}"
        return self.gates.apply(graph, "ADD", name, pair, width, self.gates.wide)

    def _added_at_once(self, graph: GraphBuilder, parts: Sequence[_Part]) -> list[int]:
        """Return the sums of all gates, where all rows are summed."""
        units, width = self.plan.units, self._gates * self.plan.units
        total = self._add(graph, "sum", self._in_gates_format(graph, parts, width), width)
        names = [f"{self.plan.name}/sum_{i}" for i in range(self._gates)]
        return self.gates.split(graph, total, names, units, self.gates.wide)

    def _in_gates_format(
        self, graph: GraphBuilder, parts: Sequence[_Part], width: int
    ) -> list[int]:
        """Pre-activations in the format of gates, cut into tensors `(1, width)`."""
        plan, gates = self.plan, self.gates
        name = f"{plan.name}/pre_activations"
        tensors = [(tensor, rows.stop - rows.start) for _, tensor, rows in parts]
        if self.linear.dtype != gates.dtype:
            # All have one scale, so that one conversion does.
            tensor, total = tensors[0][0], sum(columns for _, columns in tensors)
            if len(parts) > 1:
                joined = [tensor for tensor, _ in tensors]
                tensor = self.linear.concatenate(graph, name, joined, (1, total), self._product)
            reach = np.concatenate([self._reach[part][rows] for part, _, rows in parts])
            tensors = [(gates.widen(graph, f"{name}/wide", tensor, reach, self.wide), total)]
        result = []
        for tensor, columns in tensors:
            if columns == width:
                result.append(tensor)
                continue
            names = [f"{name}_{len(result) + i}" for i in range(columns // width)]
            result += gates.split(graph, tensor, names, width, self.wide)
        if plan.layer_norm is not None:
            result = normalize_parts(graph, plan, result, [part for part, _, _ in parts])
        return result

    def _first_factor(
        self,
        graph: GraphBuilder,
        name: str,
        x: int,
        x_quantization: Quantization | None,
        factors: tuple[np.ndarray, QuantizedMatrix],
        frames: int,
        output: Quantization | None,
    ) -> int:
        full_name = f"{self.plan.name}/{name}"
        return self.linear.product(
            graph, full_name, x, x_quantization, self.plan, *factors, None, frames, output
        )

    def _last_factor(
        self,
        graph: GraphBuilder,
        part: str,
        a: int,
        a_quantization: Quantization | None,
        factors: tuple[np.ndarray, QuantizedMatrix],
        rows: slice,
        bias: np.ndarray | None,
        frames: int,
    ) -> int:
        values, quantized = factors
        matrix = quantized.rows(rows)
        return self.linear.product(
            graph,
            f"{self.plan.name}/{part}_gates",
            a,
            a_quantization,
            self.plan,
            values[rows],
            matrix,
            bias,
            frames,
            self._product,
            self._reach[part][rows],
        )

    def _joined_sum(self, graph: GraphBuilder, a_x: int, a_h: int) -> int:
        plan, rows = self.plan, slice(0, self.plan.summed_rows)
        halves = [kernel[-1].values[rows] for kernel in (plan.kernel, plan.recurrent_kernel)]
        floats = (plan.float_kernel[-1][rows], plan.float_recurrent_kernel[-1][rows])
        last = plan.kernel[-1]
        matrix = QuantizedMatrix(np.concatenate(halves, axis=1), last.scales[rows], last.bits)
        name, shape = f"{plan.name}/a", (1, matrix.values.shape[1])
        both = self.linear.concatenate(graph, name, [a_x, a_h], shape, self._a_x)
        return self.linear.product(
            graph,
            f"{plan.name}/gates",
            both,
            self._a_x,
            plan,
            np.concatenate(floats, axis=1),
            matrix,
            plan.product_bias[:, rows].sum(axis=0),
            1,
            self._product,
            self._reach["sum"],
        )

    def constant(self, graph: GraphBuilder, name: str, values: Any) -> int:
        """Return numbers of the cell, one or one a unit, in the format of gates."""
        row = np.atleast_2d(np.asarray(values, np.float32))
        return self.gates.constant(graph, f"{self.plan.name}/{name}", row)

    def gate(self, graph: GraphBuilder, name: str, x: int) -> int:
        """Return the layer's `recurrent_activation` of a sum `(1, H)`."""
        return self._function(graph, self.plan.recurrent_activation, name, x)

    def candidate(self, graph: GraphBuilder, name: str, x: int) -> int:
        """Return the layer's `activation` of a value `(1, H)`."""
        return self._function(graph, self.plan.activation, name, x)

    def _function(self, graph: GraphBuilder, function: str, name: str, x: int) -> int:
        plan, gates = self.plan, self.gates
        return emit(gates, graph, function, f"{plan.name}/{name}", x, plan.units, self.wide)

    def narrow(self, graph: GraphBuilder, name: str, h: int) -> int:
        """Return h in the format of products: what they take, and what the layer puts out."""
        plan = self.plan
        full_name = f"{plan.name}/{name}"
        return self.gates.narrow(graph, full_name, h, plan.units, self.linear.dtype, self.output)
