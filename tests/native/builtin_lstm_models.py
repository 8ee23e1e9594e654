"""Random layers of the builtin integer LSTM, and models of one, for tests of the native part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder, ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.builtin_lstm import BuiltinLstm

#: Scales and zero points of activations, where a test has no others.
LEVELS: Mapping[str, Any] = {
    "x_scale": 0.02,
    "x_zero_point": 3,
    "h_scale": 1 / 128,
    "h_zero_point": 0,
    "hidden_scale": 1 / 128,
    "hidden_zero_point": 0,
    "cell_scale": 2.0**-11,
}


@dataclass(frozen=True)
class LstmCase:
    """A quantized layer with inputs for some calls, from one to the next of which states go on.

    Args:
        layer: The layer.
        x: `(calls, batch, time, input_dim)` or, with `time_major`, `(calls, time, batch, ...)`.
        time_major: The order of `x`.
    """

    layer: BuiltinLstm
    x: np.ndarray
    time_major: bool = False

    @property
    def batch(self) -> int:
        return int(self.x.shape[2 if self.time_major else 1])

    @property
    def time(self) -> int:
        return int(self.x.shape[1 if self.time_major else 2])

    def zero_states(self) -> tuple[np.ndarray, np.ndarray]:
        """What a runtime begins with: the real number 0 in both."""
        h = np.full((self.batch, self.layer.outputs), self.layer.h_zero_point, np.int8)
        return h, np.zeros((self.batch, self.layer.cells), np.int16)

    def reference(self) -> list[tuple[np.ndarray, ...]]:
        """Output, output state and cell state after each call."""
        h, cell = self.zero_states()
        results = []
        for x in self.x:
            y, h, cell = self.layer.run(x, h, cell, time_major=self.time_major)
            results.append((y, h, cell))
        return results


def make_lstm(
    cells: int = 20,
    input_dim: int = 9,
    batch: int = 1,
    time: int = 5,
    calls: int = 2,
    coupled: bool = False,
    peephole: bool = False,
    projection: int = 0,
    projection_bias: bool = True,
    norm: bool = False,
    time_major: bool = False,
    seed: int = 0,
    **options: Any,
) -> LstmCase:
    """A layer whose gates reach both of their ends; `coupled` has no input gate.

    `options` are those of `BuiltinLstm`.
    """
    rng = np.random.default_rng(seed)
    outputs = projection or cells

    def levels(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape).astype(np.int8)

    def words(least: int, most: int) -> np.ndarray:
        return rng.integers(least, most, cells).astype(np.int16)

    constants: dict[int, np.ndarray] = {}
    scales: dict[int, float] = {}
    for gate in range(int(coupled), 4):
        constants[1 + gate] = levels(cells, input_dim)
        constants[5 + gate] = levels(cells, outputs)
        constants[12 + gate] = rng.integers(-9000, 9000, cells).astype(np.int32)
        scales[1 + gate] = float(rng.uniform(0.2, 3.0) / 127 / np.sqrt(input_dim))
        scales[5 + gate] = float(rng.uniform(0.2, 3.0) / 127 / np.sqrt(outputs) * 2)
        if norm:
            constants[20 + gate] = words(-32768, 32768)
            scales[20 + gate] = float(2.0 ** rng.uniform(-16, -13))
            constants[12 + gate] = rng.integers(-(10**6), 10**6, cells).astype(np.int32)
    for i in (9, 10, 11) if peephole else ():
        if i > 9 or not coupled:
            constants[i] = words(-32767, 32768)
            scales[i] = float(rng.uniform(0.1, 1.0) / 32768)
    if projection:
        constants[16] = levels(outputs, cells)
        scales[16] = float(rng.uniform(0.5, 2.0) / 127 / np.sqrt(cells))
        if projection_bias:
            constants[17] = rng.integers(-5000, 5000, outputs).astype(np.int32)
    norm_scales = tuple(float(v) for v in 2.0 ** rng.uniform(-13, -10, 4))
    shape = (calls, time, batch) if time_major else (calls, batch, time)
    x = rng.integers(-128, 128, (*shape, input_dim)).astype(np.int8)
    numbers = LEVELS | {"norm_scales": norm_scales} | options
    return LstmCase(BuiltinLstm(constants, scales, **numbers), x, time_major)


@dataclass
class LstmModel:
    """Edits that a test makes before the model is built; tensors go by input of the op."""

    dtypes: Mapping[int, type] = field(default_factory=dict)
    shapes: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    #: Inputs that are no constants, or no variables.
    loose: tuple[int, ...] = ()
    #: Inputs left out, and such that are other ones.
    dropped: tuple[int, ...] = ()
    same: Mapping[int, int] = field(default_factory=dict)
    scales: Mapping[int, float | tuple[float, ...]] = field(default_factory=dict)
    inputs: int = 24
    intermediates: int = 5


def lstm_model(case: LstmCase, edit: LstmModel | None = None) -> bytes:
    """The bytes of a model with one UNIDIRECTIONAL_SEQUENCE_LSTM, whose output is `y`."""
    edit = edit or LstmModel()
    model = ModelBuilder("one builtin LSTM")
    graph = model.graph("main")
    x, y = add_lstm(graph, case, edit)
    graph.finish([x], [y])
    return model.to_bytes()


def _add_tensor(
    graph: GraphBuilder, case: LstmCase, edit: LstmModel, i: int, shape: tuple[int, ...]
) -> int:
    """Add input `i` of the op."""
    data = case.layer.constants.get(i)
    dtype = {18: np.int8, 19: np.int16, 0: np.int8}.get(i, np.float32)
    dtype = edit.dtypes.get(i, dtype if data is None else data.dtype.type)
    known = {
        0: Quantization(case.layer.x_scale, case.layer.x_zero_point),
        18: Quantization(case.layer.h_scale, case.layer.h_zero_point),
        19: Quantization(case.layer.cell_scale),
    }
    if i in case.layer.scales:
        known[i] = Quantization(case.layer.scales[i])
    if i in edit.scales:
        known[i] = Quantization(edit.scales[i])
    shape = edit.shapes.get(i, shape)
    if data is not None and i not in edit.loose:
        data = np.resize(data, shape).astype(dtype)
        return graph.tensor(f"input {i}", shape, dtype, known.get(i), data)
    index = graph.tensor(f"input {i}", shape, dtype, known.get(i))
    graph.subgraph.tensors[index].isVariable = i in (18, 19) and i not in edit.loose
    return index


def add_lstm(
    graph: GraphBuilder, case: LstmCase, edit: LstmModel, x: int | None = None
) -> tuple[int, int]:
    """Add the op and return its x and its y; `x` is an int8 tensor that is there already."""
    layer = case.layer
    rows = (case.time, case.batch) if case.time_major else (case.batch, case.time)
    shapes = {i: data.shape for i, data in layer.constants.items()}
    shapes |= {0: (*rows, case.x.shape[-1])}
    shapes |= {18: (case.batch, layer.outputs), 19: (case.batch, layer.cells)}
    places = {i: _add_tensor(graph, case, edit, i, shape) for i, shape in shapes.items()}
    if x is not None:
        places[0] = x
    inputs = [-1 if i in edit.dropped else places.get(i, -1) for i in range(edit.inputs)]
    for i, other in edit.same.items():
        inputs[i] = inputs[other]
    levels = [Quantization(scale) for scale in layer.norm_scales]
    levels.append(Quantization(layer.hidden_scale, layer.hidden_zero_point))
    intermediates = [
        graph.tensor(f"intermediate {i}", (), np.int8 if i == 4 else np.int16, level)
        for i, level in enumerate(levels[: edit.intermediates])
    ]
    of_y = Quantization(layer.h_scale, layer.h_zero_point)
    y = graph.tensor("y", (*rows, layer.outputs), np.int8, of_y)
    options = schema.UnidirectionalSequenceLSTMOptionsT(
        fusedActivationFunction=4,  # tanh
        cellClip=layer.cell_clip,
        projClip=layer.proj_clip,
        timeMajor=case.time_major,
    )
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], options)
    graph.subgraph.operators[-1].intermediates = np.asarray(intermediates, np.int32)
    return places[0], y


def stacked_model(*cases: LstmCase) -> bytes:
    """The bytes of a model with a layer on top of another one."""
    model = ModelBuilder("builtin LSTMs")
    graph = model.graph("main")
    inputs, y = [], None
    for case in cases:
        x, y = add_lstm(graph, case, LstmModel(), y)
        inputs.append(x)
    assert y is not None
    graph.finish(inputs[:1], [y])
    return model.to_bytes()
