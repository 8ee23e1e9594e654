"""Quantizes one GRU layer, once, for both lowerings.

    a_x = V_x x,  a_h = V_h h                                  (only where a kernel is factored)
    z, r = sigmoid(U_x a_x + b_x + U_h a_h + b_h),  n = tanh(U_x a_x + b_x + r * (U_h a_h + b_h))
    h' = z * h + (1 - z) * n

which is keras.layers.GRU with reset_after=True. Weights are int8 per output channel, `x`, `a_x`,
`a_h` and `h` int8 per tensor; the fused op keeps everything else in float32, and the portable
graph stores the other values as int8 with the scales given here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.flatbuffer import Quantization
from tfpipeline.layers.export_protocol import RecurrentStep
from tfpipeline.numerics.gru import GruTaps, QuantizedMatrix, gru_sequence_float
from tfpipeline.numerics.quantize import channel_scales, quantize_channels

STATE_SCALE = 1.0 / 127.0
"""|h| <= 1 always (a convex mix of tanh values): the state never clips, however long the stream."""

GATES_RANGE = 8.0
"""The gates' pre-activations saturate here: sigmoid(8) is 0.9997."""
SIGMOID_OUTPUT = Quantization(1.0 / 256.0, -128)
TANH_OUTPUT = Quantization(1.0 / 128.0, 0)
"""Fixed by the int8 LOGISTIC and TANH kernels of TensorFlow Lite."""


def quantize_rows(matrix: np.ndarray) -> QuantizedMatrix:
    """Quantizes a matrix `(out, in)` to int8 with one scale an output row."""
    scales = channel_scales(matrix, axis=0)
    return QuantizedMatrix(quantize_channels(matrix, scales, axis=0), scales)


@dataclass(frozen=True)
class GruPlan:
    """A quantized GRU layer.

    Args:
        name: The Keras layer's name.
        units: State size `H`.
        features: Input size `D`.
        return_sequences: Whether the layer's output has a time axis.
        kernel: `(W,)` of shape `(3H, D)`, or `(V, U)` of shapes `(r, D)` and `(3H, r)`.
        recurrent_kernel: The same for the state, with `D = H`.
        bias: float32 `(2, 3H)`: input bias and recurrent bias; gate order z, r, n.
        kernel_scale: Scale of `a_x`, or None for a plain kernel.
        recurrent_scale: Scale of `a_h`, or None.
        inner: Quantization of the portable graph's other values, by name.
    """

    name: str
    units: int
    features: int
    return_sequences: bool
    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    bias: np.ndarray
    kernel_scale: float | None
    recurrent_scale: float | None
    inner: dict[str, Quantization]

    @property
    def state(self) -> Quantization:
        return Quantization(STATE_SCALE, 0)

    def gates_share_scales(self) -> bool:
        """Whether the gates of both last factors have the same scales: they can be joined."""
        rows = slice(0, 2 * self.units)
        a, b = self.kernel[-1].scales[rows], self.recurrent_kernel[-1].scales[rows]
        return bool(np.array_equal(a, b))

    def ranks(self) -> dict[str, int | None]:
        """Rank of each kernel, None where it is not factored."""
        return {"kernel": _rank(self.kernel), "recurrent_kernel": _rank(self.recurrent_kernel)}


def _rank(matrices: tuple[QuantizedMatrix, ...]) -> int | None:
    return matrices[0].values.shape[0] if len(matrices) == 2 else None


def float_output(step: RecurrentStep, x: np.ndarray) -> np.ndarray:
    """The layer's float output for `x` of shape `(batch, time, features)`."""
    sequence, last, _ = gru_sequence_float(
        x, 0.0, step.kernel, step.recurrent_kernel, step.bias, dtype=np.float32
    )
    return sequence if step.return_sequences else last


def _fewest(kernel: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Multiplies a factored kernel out where the product is no larger than its factors."""
    if len(kernel) == 2:
        left, right = kernel
        if left.size + right.size >= left.shape[0] * right.shape[1]:
            return (left @ right,)
    return kernel


def plan_gru(name: str, step: RecurrentStep, x: np.ndarray) -> GruPlan:
    """Chooses every scale of the layer from its float input `x` on the calibration data."""
    kernel, recurrent = _fewest(step.kernel), _fewest(step.recurrent_kernel)
    _, _, taps = gru_sequence_float(
        x, 0.0, kernel, recurrent, step.bias, taps=True, dtype=np.float32
    )
    assert taps is not None  # for the type checker: taps=True gives them
    kernel, kernel_scale = _equalize(kernel, taps.a_x)
    recurrent, recurrent_scale = _equalize(recurrent, taps.a_h)
    quantized = _share_gate_scales(
        [quantize_rows(matrix.T) for matrix in kernel],
        [quantize_rows(matrix.T) for matrix in recurrent],
        (kernel[-1].T, recurrent[-1].T),
        2 * step.units,
    )
    return GruPlan(
        name=name,
        units=step.units,
        features=x.shape[-1],
        return_sequences=step.return_sequences,
        kernel=quantized[0],
        recurrent_kernel=quantized[1],
        bias=np.asarray(step.bias, np.float32),
        kernel_scale=kernel_scale,
        recurrent_scale=recurrent_scale,
        inner=_inner_scales(step.units, taps),
    )


def _share_gate_scales(
    kernel: list[QuantizedMatrix],
    recurrent: list[QuantizedMatrix],
    last: tuple[np.ndarray, np.ndarray],
    gates: int,
) -> tuple[tuple[QuantizedMatrix, ...], tuple[QuantizedMatrix, ...]]:
    """Gives each gate's row one scale in both last factors, the larger of the two.

    The update and reset gates are sums of both products, so what counts is the error of the sum;
    and rows with one scale can be joined into one product.
    """
    shared = np.maximum(kernel[-1].scales, recurrent[-1].scales)
    for matrices, values in zip((kernel, recurrent), last, strict=True):
        scales = matrices[-1].scales.copy()
        scales[:gates] = shared[:gates]
        matrices[-1] = QuantizedMatrix(quantize_channels(values, scales, axis=0), scales)
    return tuple(kernel), tuple(recurrent)


def _equalize(
    factors: tuple[np.ndarray, ...], intermediate: np.ndarray | None
) -> tuple[tuple[np.ndarray, ...], float | None]:
    """Gives every component of the intermediate the range [-1, 1], without changing the product.

    The intermediate has one scale for all its components, whose ranges differ as the singular
    values do; dividing each by its own range, and multiplying the next factor by it, spends the
    eight bits evenly.
    """
    if len(factors) == 1 or intermediate is None:
        return factors, None
    left, right = factors
    reach = np.abs(intermediate.reshape(-1, intermediate.shape[-1])).max(axis=0)
    reach = np.maximum(reach, 1e-6 * max(float(reach.max()), 1e-6)).astype(np.float32)
    return (left / reach, right * reach[:, None]), 1.0 / 127.0


def _inner_scales(units: int, taps: GruTaps) -> dict[str, Quantization]:
    gates, candidate = slice(0, 2 * units), slice(2 * units, 3 * units)
    return {
        "x_gates": affine(taps.p_x[..., gates]),
        "h_gates": affine(taps.p_h[..., gates]),
        "gates": Quantization(GATES_RANGE / 128.0, 0),
        "x_candidate": affine(taps.p_x[..., candidate]),
        "h_candidate": affine(taps.p_h[..., candidate]),
    }


def affine(values: np.ndarray) -> Quantization:
    """Asymmetric int8 quantization that covers `values` and represents 0 exactly."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = max((high - low) / 255.0, 1e-9)
    return Quantization(scale, int(np.clip(round(-128.0 - low / scale), -128, 127)))
