"""Random GRUs and one-node models of `tfpipeline.gru`, for the tests of the native part."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.numerics.gru import QuantizedMatrix, gru_sequence_float, gru_sequence_int8
from tfpipeline.numerics.gru_options import OP_NAME, GruOptions
from tfpipeline.numerics.quantize import channel_scales, quantize_channels


@dataclass(frozen=True)
class GruCase:
    """A quantized GRU with inputs that fit it."""

    options: GruOptions
    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    bias: np.ndarray
    x: np.ndarray
    h0: np.ndarray
    x_scale: float
    x_zero_point: int

    def reference(self) -> tuple[np.ndarray, np.ndarray]:
        """The outputs by the executable spec."""
        return gru_sequence_int8(
            self.x,
            self.h0,
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            x_scale=self.x_scale,
            x_zero_point=self.x_zero_point,
            options=self.options,
        )


def quantized(weights: np.ndarray) -> QuantizedMatrix:
    """Rows of `weights` in int8."""
    scales = channel_scales(weights)
    return QuantizedMatrix(quantize_channels(weights, scales), scales)


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
) -> GruCase:
    """A GRU with weights of a usual size, and inner scales from its own inner values."""
    rng = np.random.default_rng(seed)

    def weights(rows: int, columns: int) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) * 1.6 / np.sqrt(columns)).astype(np.float32)

    def factors(depth: int, rank: int) -> tuple[np.ndarray, ...]:
        if rank:
            return weights(rank, depth), weights(3 * units, rank)
        return (weights(3 * units, depth),)

    kernel, recurrent = factors(input_dim, rank_x), factors(units, rank_h)
    bias = (rng.standard_normal((2, 3 * units)) * 0.3).astype(np.float32)
    x_scale = 0.037
    x = rng.integers(-128, 128, (batch, time, input_dim)).astype(np.int8)
    h0 = (rng.standard_normal((batch, units)) * 0.4).astype(np.float32)
    _, _, taps = gru_sequence_float(
        (x.astype(np.float64) - zero_point) * x_scale,
        h0,
        tuple(k.T for k in kernel),
        tuple(k.T for k in recurrent),
        bias,
        taps=True,
    )

    def inner_scale(values: np.ndarray | None) -> float:
        return 1.0 if values is None else float(np.float32(np.abs(values).max() / 127 + 1e-6))

    options = GruOptions(
        units=units,
        input_dim=input_dim,
        rank_x=rank_x,
        rank_h=rank_h,
        scale_a_x=inner_scale(taps.a_x),
        scale_a_h=inner_scale(taps.a_h),
        scale_h=float(np.float32(1 / 127)),
        return_sequences=return_sequences,
        go_backwards=go_backwards,
    )
    return GruCase(
        options,
        tuple(quantized(k) for k in kernel),
        tuple(quantized(k) for k in recurrent),
        bias,
        x,
        h0,
        x_scale,
        zero_point,
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


@dataclass
class ModelSpec:
    """A model with one custom op: tensors, and which of them the op reads and writes."""

    tensors: list[TensorSpec]
    inputs: list[int]
    outputs: list[int]
    custom_options: bytes
    model_inputs: list[int] = field(default_factory=list)
    op_name: str = OP_NAME

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
        builder = flatbuffers.Builder(1024)
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
        return tensor


# Places of the op's tensors in the list of `gru_model`.
X, H0, W1, W2, U1, U2, BIAS, Y, LAST = range(9)


def gru_model(case: GruCase) -> ModelSpec:
    """The one-node model of `case`; tensors stand at X, H0, W1 and so on."""
    o = case.options
    batch, time, _ = case.x.shape

    def matrix(name: str, m: QuantizedMatrix) -> TensorSpec:
        zeros = (0,) * len(m.scales)
        return TensorSpec(
            name,
            m.values.shape,
            schema.TensorType.INT8,
            m.values.tobytes(),
            tuple(float(s) for s in m.scales),
            zeros,
        )

    unused = TensorSpec("unused", (1,), schema.TensorType.INT8)
    y_shape = (batch, time, o.units) if o.return_sequences else (batch, o.units)
    tensors = [
        TensorSpec(
            "x",
            case.x.shape,
            schema.TensorType.INT8,
            None,
            (case.x_scale,),
            (case.x_zero_point,),
        ),
        TensorSpec("h0", (batch, o.units), schema.TensorType.FLOAT32),
        matrix("W1", case.kernel[0]),
        matrix("W2", case.kernel[1]) if o.rank_x else unused,
        matrix("U1", case.recurrent_kernel[0]),
        matrix("U2", case.recurrent_kernel[1]) if o.rank_h else replace(unused, name="unused2"),
        TensorSpec("bias", case.bias.shape, schema.TensorType.FLOAT32, case.bias.tobytes()),
        TensorSpec("y", y_shape, schema.TensorType.INT8, None, (o.scale_h,), (0,)),
        TensorSpec("h", (batch, o.units), schema.TensorType.FLOAT32),
    ]
    inputs = [X, H0, W1, W2 if o.rank_x else -1, U1, U2 if o.rank_h else -1, BIAS, -1]
    return ModelSpec(tensors, inputs, [Y, LAST], o.pack(), [X, H0])
