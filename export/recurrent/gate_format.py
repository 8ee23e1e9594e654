"""The number format in which a portable graph computes gates and keeps its state.

Never int8: an int8 sigmoid has steps of 1/256, too coarse for `1 - z` in units that remember for
long. On a trained keyword model it alone was seven tenths of the error.

* `FLOAT_GATES`: float32, the default. On phones and PCs these ops cost what int8 ones do, a tenth
  of int16 ones (XNNPACK has no int16), and nothing is lost between steps.
* `INT16_GATES`: for targets without floating point; the whole graph is integer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import UNIT_INT16, Quantization
from tfpipeline.export.recurrent.quantize import StatePlan
from tfpipeline.numerics.quantize import quantize_affine


@dataclass(frozen=True)
class GateArithmetic:
    """Emits elementwise ops on `(frames, width)` tensors of one number format.

    Args:
        dtype: NumPy type of the tensors.
        unit: Quantization of values within [-1, 1]: gates, candidate, state.
        wide: Quantization of sums that go into a gate.
        double: Quantization of differences of two values within [-1, 1].
        versions: Version of each op for this type.
    """

    dtype: type
    unit: Quantization | None
    wide: Quantization | None
    double: Quantization | None
    versions: dict[str, int]

    def widen(
        self, graph: GraphBuilder, name: str, x: int, reach: np.ndarray, output: Quantization | None
    ) -> int:
        """Return a pre-activation `(1, width)` in this format, from int8 in units of `reach`.

        Args:
            graph: Where to.
            name: Of the result.
            x: The int8 tensor, of zero point 0.
            reach: What 127 stands for, by column.
            output: Quantization of the result; None for float32.
        """
        source = graph.subgraph.tensors[x].quantization
        step = Quantization(float(source.scale[0]))
        if self.dtype is np.float32:
            level = graph.tensor(f"{name}_scaled", (1, len(reach)), self.dtype)
            graph.operator("DEQUANTIZE", [x], [level], schema.DequantizeOptionsT(), version=2)
            units, q = reach[None], None
        else:
            # Runtimes before LiteRT 2 have no QUANTIZE from int8 to int16, but a cast.
            level = graph.tensor(f"{name}_scaled", (1, len(reach)), self.dtype, step)
            types = {"inDataType": schema.TensorType.INT8, "outDataType": schema.TensorType.INT16}
            graph.operator("CAST", [x], [level], schema.CastOptionsT(**types))
            q = Quantization(float(reach.max()) / 32767.0)
            units = quantize_affine(reach[None], q.scales()[0], dtype=np.int16)
        reaches = graph.constant(f"{name}_reach", units.astype(self.dtype), q)
        return self.apply(graph, "MUL", name, [level, reaches], len(reach), output)

    def reaching(self, reach: float) -> Quantization | None:
        """Return the quantization of pre-activations up to `reach`, no finer than their sums'."""
        if self.wide is None:
            return None
        doublings = max(0, math.ceil(math.log2(reach / (32768.0 * self.wide.scales()[0]))))
        return Quantization(self.wide.scales()[0] * 2.0**doublings, 0)

    def narrow(
        self,
        graph: GraphBuilder,
        name: str,
        x: int,
        width: int,
        dtype: Any,
        output: Quantization | None,
    ) -> int:
        """Return a `(1, width)` value in the format of products."""
        if dtype == self.dtype:
            return x
        result = graph.tensor(name, (1, width), dtype, output)
        version = 1 if self.dtype is np.float32 else 2
        graph.operator("QUANTIZE", [x], [result], schema.QuantizeOptionsT(), version=version)
        return result

    def apply(
        self,
        graph: GraphBuilder,
        code: str,
        name: str,
        inputs: Sequence[int],
        width: int,
        output: Quantization | None,
        fused: int = schema.ActivationFunctionType.NONE,
    ) -> int:
        """Add an elementwise op on `(1, width)` tensors, or on one of them and a constant."""
        result = graph.tensor(name, (1, width), self.dtype, output)
        options = self._options(code)
        if options is not None:
            options.fusedActivationFunction = fused
        graph.operator(code, inputs, [result], options, self.versions[code])
        return result

    def constant(self, graph: GraphBuilder, name: str, values: np.ndarray) -> int:
        """Return a constant `(1, width)` or `(1, 1)` in this format, of any range."""
        if self.dtype is np.float32:
            return graph.constant(name, values.astype(np.float32))
        q = Quantization(max(float(np.abs(values).max()), 2.0**-15) / 32767.0)
        return graph.constant(name, quantize_affine(values, q.scales()[0], dtype=np.int16), q)

    def scaled(
        self,
        graph: GraphBuilder,
        name: str,
        x: int,
        factor: float,
        width: int,
        output: Quantization | None,
        fused: int = schema.ActivationFunctionType.NONE,
    ) -> int:
        """Return `x` `(1, width)` times a number, in the range of `fused`."""
        number = self.constant(graph, f"{name}_factor", np.full((1, 1), factor, np.float32))
        return self.apply(graph, "MUL", name, [x, number], width, output, fused)

    def within(
        self,
        graph: GraphBuilder,
        name: str,
        x: int,
        limit: float,
        width: int,
        q: Quantization | None,
    ) -> int:
        """Return `x` `(1, width)` clipped to `limit` in magnitude."""
        for code, bound in (("MINIMUM", limit), ("MAXIMUM", -limit)):
            values: np.ndarray = np.full((1, 1), bound, np.float32)
            if q is not None:
                values = quantize_affine(values, q.scales()[0], dtype=np.int16)
            end = graph.constant(f"{name}_{code.lower()}", values, q)
            result = graph.tensor(f"{name}_{code[:3].lower()}", (1, width), self.dtype, q)
            options = schema.MaximumMinimumOptionsT()
            graph.operator(code, [x, end], [result], options, self.versions[code])
            x = result
        return x

    def split(
        self,
        graph: GraphBuilder,
        x: int,
        names: Sequence[str],
        width: int,
        quantization: Quantization | None,
    ) -> list[int]:
        """Return the equal parts of a `(1, len(names) * width)` tensor of `quantization`."""
        parts = [graph.tensor(name, (1, width), self.dtype, quantization) for name in names]
        axis = graph.constant("split_axis", np.array(1, np.int32))
        options = schema.SplitOptionsT(numSplits=len(parts))
        graph.operator("SPLIT", [axis, x], parts, options, self.versions["SPLIT"])
        return parts

    def state(self, plan: StatePlan) -> Quantization | None:
        """Return the quantization of a state in this format."""
        return None if self.dtype is np.float32 else plan.int16

    def zero(self, graph: GraphBuilder, plan: StatePlan, width: int) -> int:
        """Return a constant state of zeros."""
        data: np.ndarray = np.zeros((1, width), self.dtype)
        return graph.constant(f"zero_{plan.name}", data, self.state(plan))

    def _options(self, code: str) -> Any:
        # Without the flag the int16 kernels accept powers of two only, and only some of them.
        pot = self.dtype is np.float32
        return {
            "ADD": lambda: schema.AddOptionsT(potScaleInt16=pot),
            "SUB": lambda: schema.SubOptionsT(potScaleInt16=pot),
            "MUL": schema.MulOptionsT,
        }.get(code, lambda: None)()


FLOAT_GATES = GateArithmetic(
    dtype=np.float32,
    unit=None,
    wide=None,
    double=None,
    versions=dict.fromkeys(
        ("ADD", "SUB", "MUL", "LOGISTIC", "TANH", "SPLIT", "MINIMUM", "MAXIMUM"), 1
    ),
)
INT16_GATES = GateArithmetic(
    dtype=np.int16,
    # The int16 LOGISTIC and TANH kernels put out 2^-15 steps.
    unit=UNIT_INT16,
    # [-16, 16): at 8, where 2^-12 would end, a sigmoid still lacks 11 of those steps, and units
    # that should remember for thousands of time steps would forget.
    wide=Quantization(2.0**-11, 0),
    double=Quantization(2.0**-14, 0),
    versions={
        "ADD": 3,
        "SUB": 5,
        "MUL": 4,
        "LOGISTIC": 3,
        "TANH": 3,
        "SPLIT": 4,
        "MINIMUM": 4,
        "MAXIMUM": 4,
    },
)
