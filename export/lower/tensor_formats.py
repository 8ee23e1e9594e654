"""Every activation of a float graph in every format that an op of the new graph asks for.

An op asks for its inputs in the format of its layer's mode, and a conversion is added where that is
not the one at hand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.errors import ExportError, FloatNeededError
from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.graph.float_graph import FloatGraph
from tfpipeline.export.graph.markers import clean_name
from tfpipeline.export.graph.op_layers import layer_of_op
from tfpipeline.export.lower.scales import QuantizationTable
from tfpipeline.export.modes import FLOAT32, INT8, INT16, Mode
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.quantize import quantize_affine

_DEQUANTIZE_VERSIONS = {INT8: 2, INT16: 3}
PLAIN = "plain"
"""The format of whatever is not a real number."""


class Activations:
    """Where the activations and constants of a float graph are in the graph being written.

    Args:
        source: The marked float graph.
        graph: Where to write.
        table: Quantization of the activations.
        layer_of: The layer of an op, from the name of its output.
        integers_only: The activations of a graph without any in float32, "int8" or "int16"; None
            where it may have some.
    """

    def __init__(
        self,
        source: FloatGraph,
        graph: GraphBuilder,
        table: QuantizationTable,
        layer_of: Callable[[str], str | None],
        integers_only: str | None = None,
    ) -> None:
        self.source = source
        self.graph = graph
        self._table = table
        self._layer_of = layer_of
        self._integers_only = integers_only
        self._defined: dict[int, dict[str, int]] = {}

    @property
    def integers_only(self) -> bool:
        """Whether nothing may be computed in float32."""
        return self._integers_only is not None

    def name(self, index: int) -> str:
        """Return a tensor's name in the file."""
        name = self.source.tensors[index].name
        layer = self._layer_of(name)
        position = self.source.producer(index)
        if layer is None and position is not None:
            # The converter names what the model puts out after nothing at all.
            op = self.source.operators[position]
            layer = layer_of_op(self.source, op, self._layer_of)
            return name if layer is None else f"{layer}/{op.code.lower()}"
        return clean_name(name, layer)

    def quantization(self, index: int, kind: str) -> Quantization:
        """Return the quantization of an activation as "int8" or "int16".

        Raises:
            ExportError: it was infinite, or no number, on the calibration data.
        """
        try:
            return self._table.of(index, kind)
        except (ValueError, OverflowError) as error:
            raise ExportError(
                f"{self.name(index)!r} has values that are infinite or no numbers on the "
                f"calibration samples, which {kind} cannot hold: bound what the layer gets, or "
                "keep it in float32 with overrides"
            ) from error

    def output_quantization(self, index: int, mode: Mode) -> Quantization | None:
        return None if mode.activations == FLOAT32 else self.quantization(index, mode.activations)

    def define(self, index: int, tensor: int, kind: str) -> None:
        """Say that `tensor` is an activation of the float graph in a format."""
        self._defined.setdefault(index, {})[kind] = tensor

    def holds(self, index: int, kind: str) -> bool:
        """Return whether an activation is at hand in a format."""
        return kind in self._defined.get(index, {})

    def declare(self, index: int, kind: str) -> int:
        """Declare the tensor of an activation in a format and return it."""
        source = self.source.tensors[index]
        if kind == PLAIN or source.dtype != np.float32:
            kind = PLAIN
            tensor = self.graph.tensor(self.name(index), source.shape, source.dtype)
        else:
            q = None if kind == FLOAT32 else self.quantization(index, kind)
            tensor = self.graph.tensor(self.name(index), source.shape, np.dtype(kind), q)
        self.define(index, tensor, kind)
        return tensor

    def read(self, index: int, kind: str = FLOAT32, like: Quantization | None = None) -> int:
        """Return an activation or constant in a format, converted where it exists in another only.

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
            return known[PLAIN]
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
            if self._integers_only is not None:
                raise FloatNeededError(
                    f"{name!r} is needed in float32",
                    f"but io='{self._integers_only}' "
                    "asks for a graph of integers: export with io='float32'",
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

    def tensor_indices(self) -> dict[int, int]:
        """Return the index in the file of each activation of the float graph, in its own format."""
        found = {}
        for index, known in self._defined.items():
            for kind in (INT8, INT16, FLOAT32):
                if kind in known and self.is_real(index):
                    found[index] = known[kind]
                    break
        return found

    def is_real(self, index: int) -> bool:
        """Return whether an activation or constant holds real numbers."""
        return self.source.tensors[index].dtype == np.float32
