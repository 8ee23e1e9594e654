"""Random recurrent layers and models of one op, for the tests of the native part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from cell_twins import EXAMPLES

from tfpipeline.export.flatbuffer.packing import SharingBuilder
from tfpipeline.export.flatbuffer.sparsity import block_sparsity
from tfpipeline.numerics.block_sparse import BlockSparse, encode_blocks, pad_scales
from tfpipeline.numerics.cells import CELLS, Cell
from tfpipeline.numerics.fully_connected import pack_rows
from tfpipeline.numerics.quantize import channel_scales, quantize_channels
from tfpipeline.numerics.recurrent import QuantizedMatrix, sequence_int8
from tfpipeline.numerics.recurrent_float import sequence_float
from tfpipeline.numerics.recurrent_options import RecurrentOptions


def state_names(cell: Cell) -> list[str]:
    """Names of the states as specs and kernels call them: h, and the letter of what follows."""
    return ["h", *(state[0] for state in cell.states[1:])]


def example_parameters(cell: Cell) -> tuple[float, ...]:
    """Values of a cell's parameters for tests."""
    return tuple(EXAMPLES[name] for name in cell.parameters)


@dataclass(frozen=True)
class Case:
    """A quantized recurrent layer with inputs that fit it."""

    options: RecurrentOptions
    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    bias: np.ndarray
    x: np.ndarray
    first: tuple[np.ndarray, ...]
    x_scale: float
    x_zero_point: int
    lengths: np.ndarray | None = None
    gains: np.ndarray | None = None
    #: Which of the matrices a model holds without their blocks of zeros.
    sparse: tuple[str, ...] = ()

    @property
    def cell(self) -> Cell:
        return self.options.recurrent_cell

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences and time steps."""
        return len(self.x), self.x.shape[1] - self.options.window + 1

    def frames(self, start: int, stop: int) -> np.ndarray:
        """What of `x` the steps from `start` to `stop` read."""
        return self.x[:, start : stop + self.options.window - 1]

    def reference(self) -> tuple[np.ndarray, ...]:
        """`y` and the last states by the executable spec."""
        y, states = sequence_int8(
            self.x,
            self.first,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            x_scale=self.x_scale,
            x_zero_point=self.x_zero_point,
            options=self.options,
            lengths=self.lengths,
            gains=self.gains,
        )
        return y, *states

    def empty_outputs(self, value: int = 99) -> list[np.ndarray]:
        """Arrays for `y` and the last states."""
        o = self.options
        batch, time = self.shape
        shape = (batch, time, o.units) if o.return_sequences else (batch, o.units)
        states = [np.full((batch, o.units), value, np.float32) for _ in self.first]
        return [np.full(shape, value, np.int8), *states]


def assert_same_bits(got: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    """Compares `y` and the last states."""
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_array_equal(a.view(f"i{a.itemsize}"), b.view(f"i{b.itemsize}"))


def quantized(weights: np.ndarray, bits: int = 8) -> QuantizedMatrix:
    """Rows of `weights` in integers of `bits` bits."""
    scales = channel_scales(weights, bits=bits)
    return QuantizedMatrix(quantize_channels(weights, scales, bits=bits), scales)


def real(matrices: Sequence[QuantizedMatrix]) -> tuple[np.ndarray, ...]:
    """What quantized matrices stand for, as Keras keeps them."""
    return tuple((m.values * m.scales[:, None].astype(np.float64)).T for m in matrices)


def make_case(
    units: int = 24,
    input_dim: int = 10,
    rank_x: int = 0,
    rank_h: int = 0,
    batch: int = 1,
    time: int = 7,
    return_sequences: bool = True,
    go_backwards: bool = False,
    zero_point: int = 5,
    seed: int = 0,
    cell: str = "gru",
    lengths: bool = False,
    weight_bits: tuple[int, int, int, int] = (8, 8, 8, 8),
    size: float = 1.6,
    parameters: tuple[float, ...] | None = None,
    window: int | None = None,
    **options: object,
) -> Case:
    """A layer with weights of `size` over the root of their depth, and scales of inner values.

    With `lengths`, sequences of any length, also below 0 and beyond their end. A cell without a
    recurrent kernel has no `rank_h`, and reads three steps at once where it may.
    """
    kind = CELLS[cell]
    rows = kind.rows(units)
    rank_h = rank_h if kind.recurrent else 0
    if window is None:
        window = 1 if kind.recurrent or go_backwards else 3
    numbers = example_parameters(kind) if parameters is None else parameters
    rng = np.random.default_rng(seed)

    def weights(rows: int, columns: int) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) * size / np.sqrt(columns)).astype(np.float32)

    def factors(depth: int, rank: int) -> tuple[np.ndarray, ...]:
        if rank:
            return weights(rank, depth), weights(rows, rank)
        return (weights(rows, depth),)

    kernel = factors(window * input_dim, rank_x)
    recurrent = factors(units, rank_h) if kind.recurrent else ()
    bias = (rng.standard_normal((kind.stored_rows, rows)) * 0.3).astype(np.float32)
    x_scale = 0.037
    x = rng.integers(-128, 128, (batch, time + window - 1, input_dim)).astype(np.int8)
    first = tuple(
        (rng.standard_normal((batch, units)) * 0.4).astype(np.float32) for _ in kind.states
    )
    _, _, taps = sequence_float(
        kind,
        (x.astype(np.float64) - zero_point) * x_scale,
        first,
        tuple(k.T for k in kernel),
        tuple(k.T for k in recurrent),
        bias,
        parameters=numbers,
        taps=True,
    )
    assert taps is not None

    def inner_scale(values: np.ndarray | None) -> float:
        return 1.0 if values is None else float(np.float32(np.abs(values).max() / 127 + 1e-6))

    chosen = RecurrentOptions(
        cell=cell,
        units=units,
        input_dim=input_dim,
        rank_x=rank_x,
        rank_h=rank_h,
        scale_a_x=inner_scale(taps.a_x),
        scale_a_h=inner_scale(taps.a_h),
        scale_h=float(np.float32(1 / 127)),
        return_sequences=return_sequences,
        go_backwards=go_backwards,
        weight_bits=weight_bits,
        parameters=numbers,
        window=window,
        **options,
    )
    return Case(
        chosen,
        tuple(quantized(k, b) for k, b in zip(kernel, weight_bits[:2], strict=False)),
        tuple(quantized(k, b) for k, b in zip(recurrent, weight_bits[2:], strict=False)),
        bias,
        x,
        first,
        x_scale,
        zero_point,
        rng.integers(-1, time + 2, batch).astype(np.int32) if lengths else None,
        rng.uniform(-0.5, 2.0, (2, rows)).astype(np.float32) if chosen.layer_norm else None,
    )


@dataclass
class TensorSpec:
    """One tensor of a model, to be edited by a test before it is written."""

    name: str
    shape: tuple[int, ...]
    type: int
    data: bytes | None = None
    scales: tuple[float, ...] | None = None
    zero_points: tuple[int, ...] | None = None
    dimension: int = 0
    sparsity: BlockSparse | None = None


@dataclass
class ModelSpec:
    """A model with one custom op: tensors, and which of them the op reads and writes."""

    tensors: list[TensorSpec]
    inputs: list[int]
    outputs: list[int]
    custom_options: bytes
    op_name: str
    model_inputs: list[int] = field(default_factory=list)

    def index(self, name: str) -> int:
        """The tensor called `name`."""
        return next(i for i, tensor in enumerate(self.tensors) if tensor.name == name)

    def build(self) -> bytes:
        """The bytes of the .tflite file."""
        model = schema.ModelT()
        model.version = 3
        model.description = "one custom op"
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = self.op_name
        code.version = 1
        model.operatorCodes = [code]
        model.buffers = [schema.BufferT()]
        graph = schema.SubGraphT()
        graph.name = "main"
        graph.tensors = [self._tensor(model, spec) for spec in self.tensors]
        op = schema.OperatorT()
        op.opcodeIndex = 0
        op.inputs, op.outputs = self.inputs, self.outputs
        op.customOptions = np.frombuffer(self.custom_options, np.uint8)
        graph.operators = [op]
        graph.inputs = self.model_inputs
        graph.outputs = self.outputs
        model.subgraphs = [graph]
        builder = SharingBuilder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @staticmethod
    def _tensor(model: schema.ModelT, spec: TensorSpec) -> schema.TensorT:
        tensor = schema.TensorT()
        tensor.name, tensor.type = spec.name, spec.type
        tensor.shape = np.array(spec.shape, np.int32)
        tensor.buffer = 0
        if spec.data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(spec.data, np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        if spec.scales is not None:
            q = schema.QuantizationParametersT()
            q.scale = np.array(spec.scales, np.float32)
            q.zeroPoint = np.array(spec.zero_points, np.int64)
            q.quantizedDimension = spec.dimension
            tensor.quantization = q
        if spec.sparsity is not None:
            tensor.sparsity = block_sparsity(spec.sparsity)
        return tensor


def input_names(cell: Cell) -> list[str]:
    """The op's inputs in their order."""
    states = [f"{name}0" for name in state_names(cell)]
    return ["x", *states, "W1", "W2", "U1", "U2", "bias", "lengths"]


def op_model(case: Case) -> ModelSpec:
    """The one-node model of `case`; its outputs are `y` and the states by their names."""
    o = case.options
    int8, float32 = schema.TensorType.INT8, schema.TensorType.FLOAT32

    def matrix(name: str, matrices: tuple[QuantizedMatrix, ...], place: int) -> TensorSpec:
        if place >= len(matrices):
            return TensorSpec(name, (1,), int8)
        m = matrices[place]
        if name in case.sparse:
            parts = len(case.cell.gates) if m is matrices[-1] else 1
            blocks = encode_blocks(m.values, parts)
            scales = tuple(float(s) for s in pad_scales(m.scales, parts))
            stored = (int8, blocks.blocks.tobytes(), scales, (0,) * len(scales), 0, blocks)
            return TensorSpec(name, blocks.shape, *stored)
        data = pack_rows(m.values, o.weight_bits[["W1", "W2", "U1", "U2"].index(name)])
        scales = tuple(float(s) for s in m.scales)
        zeros = (0,) * len(scales)
        return TensorSpec(name, data.shape, int8, data.tobytes(), scales, zeros)

    y, *last = case.empty_outputs()
    tensors = [
        TensorSpec("x", case.x.shape, int8, None, (case.x_scale,), (case.x_zero_point,)),
        *(
            TensorSpec(f"{name}0", state.shape, float32)
            for name, state in zip(state_names(case.cell), case.first, strict=True)
        ),
        matrix("W1", case.kernel, 0),
        matrix("W2", case.kernel, 1),
        matrix("U1", case.recurrent_kernel, 0),
        matrix("U2", case.recurrent_kernel, 1),
        TensorSpec("bias", case.bias.shape, float32, case.bias.tobytes()),
        TensorSpec("lengths", case.x.shape[:1], schema.TensorType.INT32),
        *(
            [TensorSpec("gains", case.gains.shape, float32, case.gains.tobytes())]
            if case.gains is not None
            else []
        ),
        TensorSpec("y", y.shape, int8, None, (o.scale_h,), (0,)),
        *(
            TensorSpec(name, state.shape, float32)
            for name, state in zip(state_names(case.cell), last, strict=True)
        ),
    ]
    absent = {*([] if o.rank_x else ["W2"]), *([] if o.rank_h else ["U2"])}
    if not case.cell.recurrent:
        absent.add("U1")
    if case.lengths is None:
        absent.add("lengths")
    names = input_names(case.cell) + (["gains"] if case.gains is not None else [])
    inputs = [-1 if name in absent else names.index(name) for name in names]
    outputs = list(range(len(names), len(tensors)))
    fed = list(range(1 + len(case.first)))
    if case.lengths is not None:
        fed.append(names.index("lengths"))
    return ModelSpec(tensors, inputs, outputs, o.pack(), case.cell.op_name, fed)


def feeds(case: Case) -> dict[str, np.ndarray]:
    """The values of the model's inputs by name."""
    states = {f"{n}0": s for n, s in zip(state_names(case.cell), case.first, strict=True)}
    lengths = {} if case.lengths is None else {"lengths": case.lengths}
    return {"x": case.x, **states, **lengths}
