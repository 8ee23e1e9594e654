"""A graph of the wake word runtime's operators: the others are written with these.

Everything that writes a graph does so through `GraphBuilder.operator`, so that no layer and no cell
needs to know of this runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.flatbuffer.tensor_types import DTYPES
from tfpipeline.export.quantize.quantization import UNIT_INT16, Quantization

_FUSED = schema.ActivationFunctionType
_DOUBLE_INT16 = Quantization(2.0 * UNIT_INT16.scales()[0])
_ONE, _MINUS_ONE = 16384, -32768
"""In steps of `_DOUBLE_INT16` and of `UNIT_INT16`."""


class FewOperators(GraphBuilder):
    """Writes int16 operators that the runtime lacks with those that it has.

        a - b        = a + (-1) b
        tanh(x)      = 2 sigmoid(2 x) - 1
        relu(x)      = 1 x, with the activation that a product may end with
        slices       = STRIDED_SLICE
        clips        = two QUANTIZE, of which the first saturates
        int8 to int16 = a product of the int16 number 1 with weights that are the int8 values

    The last is needed because TFLite-Micro turns int8 into int16 by QUANTIZE and TensorFlow Lite
    does not; both multiply int16 inputs with int8 weights.

    What it does not know is written as it is, for the check of the finished file to refuse.
    Constants of one name and value are declared once: steps of a sequence are written out.

    Args:
        model: Where the graph is in.
        name: Of the graph.
    """

    def __init__(self, model: ModelBuilder, name: str) -> None:
        super().__init__(model, name)
        self._constants: dict[tuple[object, ...], int] = {}
        self._values: dict[int, np.ndarray] = {}
        self._clipped: dict[int, tuple[int, float]] = {}
        self._rewrites: dict[str, Callable[[Sequence[int], Sequence[int], Any], bool]] = {
            "SUB": self._subtract,
            "TANH": self._tanh,
            "SPLIT": self._split,
            "SLICE": self._slice,
            "SQUEEZE": self._reshape,
            "EXPAND_DIMS": self._reshape,
            "RELU": lambda x, y, _: self._activation(x, y, _FUSED.RELU),
            "RELU6": lambda x, y, _: self._activation(x, y, _FUSED.RELU6),
            "MINIMUM": self._clip_above,
            "MAXIMUM": self._clip_below,
        }

    @classmethod
    def main(cls, model: ModelBuilder) -> FewOperators:
        """Add the first graph of a model that makes such graphs."""
        graph = model.graph("main")
        assert isinstance(graph, cls)
        return graph

    def constant(
        self, name: str, data: np.ndarray, quantization: Quantization | None = None
    ) -> int:
        key = (name, data.dtype.str, data.shape, data.tobytes(), quantization)
        if key not in self._constants:
            self._constants[key] = super().constant(name, data, quantization)
            self._values[self._constants[key]] = data
        return self._constants[key]

    def operator(
        self,
        code: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        version: int = 1,
    ) -> None:
        rewrite = self._rewrites.get(code)
        if rewrite is None or not rewrite(inputs, outputs, options):
            super().operator(code, inputs, outputs, options, version)

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        """Declare inputs and outputs; of the others nobody on the device reads the names.

        Tensors that differ in nothing else are then stored once.
        """
        for index, tensor in enumerate(self.subgraph.tensors):
            if index not in (*inputs, *outputs):
                tensor.name = b""
        super().finish(inputs, outputs)

    def widen(self, x: int, output: int) -> None:
        """Write an int8 tensor as an int16 one of the same number of values."""
        name, count = self._name(x), int(np.prod(self._shape(x)))
        weights = self.tensor(f"{name}/column", (count, 1), np.int8, self._quantization(x))
        self._reshaped(x, weights)
        one = self._number("one", _ONE, _DOUBLE_INT16)
        row = output
        if self._shape(output) != (1, count):
            row = self.tensor(f"{name}/wide", (1, count), np.int16, self._quantization(output))
        options = schema.FullyConnectedOptionsT()
        super().operator("FULLY_CONNECTED", [one, weights, -1], [row], options, version=7)
        if row != output:
            self._reshaped(row, output)

    def _subtract(self, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> bool:
        first, second = inputs
        q = self._quantization(second)
        if self._dtype(second) != np.int16 or q is None:
            return False
        minus = self.tensor(f"{self._name(second)}/minus", self._shape(second), np.int16, q)
        self._multiply(second, self._number("minus_one", _MINUS_ONE, UNIT_INT16), minus)
        self._add(first, minus, outputs[0], options.fusedActivationFunction)
        return True

    def _tanh(self, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> bool:
        (x,), (y,) = inputs, outputs
        q, shape, name = self._quantization(x), self._shape(x), self._name(y)
        if self._dtype(x) != np.int16 or q is None:
            return False
        # The same integers, in steps twice as large.
        double = self.tensor(f"{name}/double", shape, np.int16, Quantization(2.0 * q.scales()[0]))
        self._add(x, x, double)
        gate = self.tensor(f"{name}/sigmoid", shape, np.int16, UNIT_INT16)
        self.operator("LOGISTIC", [double], [gate], None, version=3)
        twice = self.tensor(f"{name}/twice", shape, np.int16, _DOUBLE_INT16)
        self._add(gate, gate, twice)
        self._add(twice, self._number("minus_one", _MINUS_ONE, UNIT_INT16), y)
        return True

    def _split(self, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> bool:
        axis, x = inputs
        where, begin = int(self._values[axis]), 0
        for output in outputs:
            size = self._shape(output)
            starts = [0] * len(size)
            starts[where] = begin
            self.cut(x, starts, size, output)
            begin += size[where]
        return True

    def _slice(self, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> bool:
        x, begin, _ = inputs
        if begin not in self._values:
            return False
        self.cut(x, self._values[begin].tolist(), self._shape(outputs[0]), outputs[0])
        return True

    def _reshape(self, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> bool:
        self._reshaped(inputs[0], outputs[0])
        return True

    def _activation(self, inputs: Sequence[int], outputs: Sequence[int], fused: int) -> bool:
        if self._dtype(inputs[0]) != np.int16:
            return False
        one = self._number("one", _ONE, _DOUBLE_INT16)
        self._multiply(inputs[0], one, outputs[0], fused)
        return True

    def _clip_above(self, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> bool:
        """Keep `min(x, b)` for the `max(., -b)` that follows: together they are a saturation."""
        x, bound = inputs
        q = self._quantization(x)
        if self._dtype(x) != np.int16 or q is None or self._values.get(bound) is None:
            return False
        limit = float(self._values[bound].reshape(-1)[0]) * q.scales()[0]
        if self._values[bound].size != 1 or limit <= 0.0:
            return False
        self._clipped[outputs[0]] = (x, limit)
        return True

    def _clip_below(self, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> bool:
        before, bound = inputs
        found, values = self._clipped.get(before), self._values.get(bound)
        q = self._quantization(before)
        if found is None or values is None or q is None:
            return False
        x, limit = found
        if float(values.reshape(-1)[0]) * q.scales()[0] != -limit:
            return False
        within = self.tensor(
            f"{self._name(before)}/saturated",
            self._shape(x),
            np.int16,
            Quantization(limit / np.iinfo(np.int16).max),
        )
        for source, result in ((x, within), (within, outputs[0])):
            self.operator("QUANTIZE", [source], [result], schema.QuantizeOptionsT(), version=2)
        return True

    def _number(self, name: str, stored: int, quantization: Quantization) -> int:
        return self.constant(name, np.array([[stored]], np.int16), quantization)

    def _add(self, first: int, second: int, output: int, fused: int = _FUSED.NONE) -> None:
        options = schema.AddOptionsT(fusedActivationFunction=fused, potScaleInt16=False)
        self.operator("ADD", [first, second], [output], options, version=3)

    def _multiply(self, first: int, second: int, output: int, fused: int = _FUSED.NONE) -> None:
        options = schema.MulOptionsT(fusedActivationFunction=fused)
        self.operator("MUL", [first, second], [output], options, version=4)

    def cut(self, x: int, begin: Sequence[int], size: Sequence[int], output: int) -> None:
        """Write a part of a tensor."""
        first = np.array(begin, np.int32)
        end = first + np.array(size, np.int32)
        ends = [
            self.constant(f"slice/{'_'.join(map(str, values))}", values)
            for values in (first, end, np.ones_like(first))
        ]
        options = schema.StridedSliceOptionsT()
        version = 4 if self._dtype(x) == np.int16 else 1
        self.operator("STRIDED_SLICE", [x, *ends], [output], options, version)

    def _reshaped(self, x: int, output: int) -> None:
        shape = np.array(self._shape(output), np.int32)
        target = self.constant(f"shape/{'_'.join(map(str, shape))}", shape)
        self.operator("RESHAPE", [x, target], [output], schema.ReshapeOptionsT(newShape=shape))

    def _name(self, index: int) -> str:
        name: bytes = self.subgraph.tensors[index].name
        return name.decode()

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(size) for size in self.subgraph.tensors[index].shape)

    def _dtype(self, index: int) -> np.dtype[Any]:
        return DTYPES[self.subgraph.tensors[index].type]

    def _quantization(self, index: int) -> Quantization | None:
        found = self.subgraph.tensors[index].quantization
        if found is None or len(found.scale) != 1:
            return None
        return Quantization(float(found.scale[0]), int(found.zeroPoint[0]))
