"""Models of builtin integer LSTMs on top of each other, with weights at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import UNIT_INT16, Quantization

_UNIT = Quantization(1.0 / 128.0)


@dataclass(frozen=True)
class Stack:
    """`layers` LSTMs of `units`, the first one over `features` numbers in `steps` time steps."""

    layers: int
    units: int
    features: int
    steps: int

    @property
    def name(self) -> str:
        return f"{self.layers}x{self.units}, {self.features} inputs, {self.steps} steps"

    def model(self) -> bytes:
        """Return the model file, whose input and output are int8."""
        builder = ModelBuilder("builtin LSTMs")
        graph = builder.graph("main")
        x = y = graph.tensor("x", (1, self.steps, self.features), np.int8, _UNIT)
        for number in range(self.layers):
            depth = self.units if number else self.features
            y = self._add_layer(graph, np.random.default_rng(number), f"lstm_{number}", y, depth)
        graph.finish([x], [y])
        return builder.to_bytes()

    def _add_layer(
        self, graph: GraphBuilder, rng: np.random.Generator, name: str, x: int, depth: int
    ) -> int:
        def matrices(part: str, columns: int) -> list[int]:
            step = Quantization(2.0 / 127.0 / float(np.sqrt(columns)))
            values = rng.integers(-127, 128, (4, self.units, columns)).astype(np.int8)
            return [graph.constant(f"{name}/{part}_{i}", v, step) for i, v in enumerate(values)]

        def variable(part: str, dtype: type, levels: Quantization) -> int:
            index = graph.tensor(f"{name}/{part}", (1, self.units), dtype, levels)
            graph.subgraph.tensors[index].isVariable = True
            return index

        weights = [*matrices("kernel", depth), *matrices("recurrent", self.units)]
        biases = [
            graph.constant(f"{name}/bias_{i}", values)
            for i, values in enumerate(rng.integers(-2000, 2000, (4, self.units)).astype(np.int32))
        ]
        states = [
            variable("h", np.int8, _UNIT),
            variable("c", np.int16, Quantization(2.0**-11)),
        ]
        intermediates = [
            graph.tensor(f"{name}/between_{i}", (), np.int16, UNIT_INT16) for i in range(4)
        ]
        intermediates.append(graph.tensor(f"{name}/hidden", (), np.int8, _UNIT))
        y = graph.tensor(f"{name}/y", (1, self.steps, self.units), np.int8, _UNIT)
        left_out = [-1] * 3, [-1] * 2, [-1] * 4  # peephole, projection, normalization
        inputs = [x, *weights, *left_out[0], *biases, *left_out[1], *states, *left_out[2]]
        options = schema.UnidirectionalSequenceLSTMOptionsT(fusedActivationFunction=4)
        graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], options)
        graph.subgraph.operators[-1].intermediates = np.asarray(intermediates, np.int32)
        return y
