"""A quantized recurrent layer, as both lowerings read it, and how its scales are chosen.

    a_x = V_x x,  a_h = V_h h                                  (only where a kernel is factored)

Weights are int8 per output channel, `x`, `a_x`, `a_h` and `h` int8 per tensor; the fused op keeps
everything else in float32, and the portable graph stores pre-activations as int8 with the scales
given here. Which pre-activations there are is a cell's own: see `gru_plan.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.flatbuffer import Quantization
from tfpipeline.layers.export_protocol import RecurrentStep
from tfpipeline.numerics.quantize import channel_scales, quantize_channels
from tfpipeline.numerics.recurrent import QuantizedMatrix

OUTPUT_SCALE = 1.0 / 127.0
"""|h| <= 1 always (a convex mix of tanh values, or a gate times one): h never clips, however long
the stream."""

GATES_RANGE = 8.0
"""The gates' pre-activations saturate here: sigmoid(8) is 0.9997."""
SIGMOID_OUTPUT = Quantization(1.0 / 256.0, -128)
TANH_OUTPUT = Quantization(1.0 / 128.0, 0)
"""Fixed by the int8 LOGISTIC and TANH kernels of TensorFlow Lite."""
UNIT_INT16 = Quantization(2.0**-15, 0)
"""Values within [-1, 1] in a graph of integers."""


@dataclass(frozen=True)
class StatePlan:
    """A vector that is carried from step to step.

    Args:
        name: What it is called in the names of a stream's inputs and outputs.
        int16: Its quantization in a graph of integers; elsewhere it is float32.
    """

    name: str
    int16: Quantization


OUTPUT_STATE = StatePlan("state", UNIT_INT16)
"""h, the first state of every cell."""


@dataclass(frozen=True)
class RecurrentPlan:
    """A quantized recurrent layer.

    Args:
        cell: Key of `cells.CELLS`.
        name: The Keras layer's name.
        units: State size `H`.
        features: Input size `D`.
        return_sequences: Whether the layer's output has a time axis.
        kernel: `(W,)` of shape `(gates * H, D)`, or `(V, U)` of shapes `(r, D)` and
            `(gates * H, r)`.
        recurrent_kernel: The same for the state, with `D = H`.
        bias: float32 `(bias rows, gates * H)`: input bias, and recurrent bias if it is apart.
        kernel_scale: Scale of `a_x`, or None for a plain kernel.
        recurrent_scale: Scale of `a_h`, or None.
        summed_rows: The first rows of the last factors, whose products are only ever added.
        states: What is carried from step to step, h first.
        inner: Quantization of the portable graph's pre-activations, by name.
    """

    cell: str
    name: str
    units: int
    features: int
    return_sequences: bool
    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    bias: np.ndarray
    kernel_scale: float | None
    recurrent_scale: float | None
    summed_rows: int
    states: tuple[StatePlan, ...]
    inner: dict[str, Quantization]

    @property
    def output(self) -> Quantization:
        """Quantization of the layer's output, the int8 copy of h."""
        return Quantization(OUTPUT_SCALE, 0)

    def sums_share_scales(self) -> bool:
        """Whether the summed rows of both last factors have one scale: they can be joined."""
        rows = slice(0, self.summed_rows)
        a, b = self.kernel[-1].scales[rows], self.recurrent_kernel[-1].scales[rows]
        return bool(np.array_equal(a, b))

    def ranks(self) -> dict[str, int | None]:
        """Rank of each kernel, None where it is not factored."""
        return {"kernel": _rank(self.kernel), "recurrent_kernel": _rank(self.recurrent_kernel)}


def _rank(matrices: tuple[QuantizedMatrix, ...]) -> int | None:
    return matrices[0].values.shape[0] if len(matrices) == 2 else None


@dataclass(frozen=True)
class QuantizedKernels:
    """Both kernels of a layer in int8, and the scales of the vectors between their factors."""

    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    kernel_scale: float | None
    recurrent_scale: float | None


def quantize_kernels(
    kernel: tuple[np.ndarray, ...],
    recurrent: tuple[np.ndarray, ...],
    a_x: np.ndarray | None,
    a_h: np.ndarray | None,
    summed_rows: int,
) -> QuantizedKernels:
    """Quantizes kernels in Keras' orientation; `a_x` and `a_h` are their inner values, if any."""
    kernel, kernel_scale = equalize(kernel, a_x)
    recurrent, recurrent_scale = equalize(recurrent, a_h)
    quantized = _share_scales(
        [quantize_rows(matrix.T) for matrix in kernel],
        [quantize_rows(matrix.T) for matrix in recurrent],
        (kernel[-1].T, recurrent[-1].T),
        summed_rows,
    )
    return QuantizedKernels(*quantized, kernel_scale, recurrent_scale)


def quantize_rows(matrix: np.ndarray) -> QuantizedMatrix:
    """Quantizes a matrix `(out, in)` to int8 with one scale an output row."""
    scales = channel_scales(matrix, axis=0)
    return QuantizedMatrix(quantize_channels(matrix, scales, axis=0), scales)


def fewest_weights(step: RecurrentStep) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Both kernels of a layer, multiplied out where the product is no larger than its factors."""
    return _fewest(step.kernel), _fewest(step.recurrent_kernel)


def _fewest(kernel: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    if len(kernel) == 2:
        left, right = kernel
        if left.size + right.size >= left.shape[0] * right.shape[1]:
            return (left @ right,)
    return kernel


def _share_scales(
    kernel: list[QuantizedMatrix],
    recurrent: list[QuantizedMatrix],
    last: tuple[np.ndarray, np.ndarray],
    summed_rows: int,
) -> tuple[tuple[QuantizedMatrix, ...], tuple[QuantizedMatrix, ...]]:
    """Gives each summed row one scale in both last factors, the larger of the two.

    What counts is the error of the sum of both products; and rows with one scale can be joined
    into one product.
    """
    shared = np.maximum(kernel[-1].scales, recurrent[-1].scales)
    for matrices, values in zip((kernel, recurrent), last, strict=True):
        scales = matrices[-1].scales.copy()
        scales[:summed_rows] = shared[:summed_rows]
        matrices[-1] = QuantizedMatrix(quantize_channels(values, scales, axis=0), scales)
    return tuple(kernel), tuple(recurrent)


def equalize(
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


def affine(values: np.ndarray) -> Quantization:
    """Asymmetric int8 quantization that covers `values` and represents 0 exactly."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = max((high - low) / 255.0, 1e-9)
    return Quantization(scale, int(np.clip(round(-128.0 - low / scale), -128, 127)))
