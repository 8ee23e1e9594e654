"""A quantized recurrent layer, as both lowerings read it, and how its scales are chosen.

    a_x = V_x x,  a_h = V_h h                                  (only where a kernel is factored)

Weights are int8 per output channel, `x`, `a_x`, `a_h` and `h` int8 per tensor; the fused op keeps
everything else in float32, and the portable graph stores pre-activations as int8, each row in units
of the reach given here. What a cell's gates hear of them is its own: see `gru_plan.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.quantize.few_bits import held_exactly
from tfpipeline.export.quantize.quantization import UNIT_INT16, Quantization
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.numerics.quantize import quantize_channels
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.protocol import RecurrentStep

_OUTPUT_HEADROOM = 2.0


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
        go_backwards: Whether it starts at the last time step.
        bits: Of a weight.
        kernel: `(W,)` of shape `(gates * H, D)`, or `(V, U)` of shapes `(r, D)` and
            `(gates * H, r)`.
        recurrent_kernel: The same for the state, with `D = H`.
        float_kernel: `kernel` before rounding.
        float_recurrent_kernel: `recurrent_kernel` before rounding.
        bias: float32 `(bias rows, gates * H)`: input bias, and recurrent bias if it is apart.
        kernel_scale: Scale of `a_x`, or None for a plain kernel.
        recurrent_scale: Scale of `a_h`, or None.
        summed_rows: The first rows of the last factors, whose products are only ever added.
        output_scale: Scale of the int8 copy of h.
        states: What is carried from step to step, h first.
        reach: How far the rows of the portable graph's pre-activations reach; see
            `gate_reach.row_reaches`.
        largest_sum: Magnitude of the largest pre-activation of the input.
    """

    cell: str
    name: str
    units: int
    features: int
    return_sequences: bool
    go_backwards: bool
    bits: int
    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    float_kernel: tuple[np.ndarray, ...]
    float_recurrent_kernel: tuple[np.ndarray, ...]
    bias: np.ndarray
    kernel_scale: float | None
    recurrent_scale: float | None
    summed_rows: int
    output_scale: float
    states: tuple[StatePlan, ...]
    reach: dict[str, np.ndarray]
    largest_sum: float

    @property
    def output(self) -> Quantization:
        """Quantization of the layer's output, the int8 copy of h."""
        return Quantization(self.output_scale, 0)

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
    """Both kernels of a layer as integers, and the scales of the vectors between their factors."""

    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    float_kernel: tuple[np.ndarray, ...]
    float_recurrent_kernel: tuple[np.ndarray, ...]
    kernel_scale: float | None
    recurrent_scale: float | None


def quantize_kernels(
    kernel: tuple[np.ndarray, ...],
    recurrent: tuple[np.ndarray, ...],
    a_x: np.ndarray | None,
    a_h: np.ndarray | None,
    summed_rows: int,
    bits: int,
) -> QuantizedKernels:
    """Quantizes kernels in Keras' orientation; `a_x` and `a_h` are their inner values, if any."""
    exact = [held_exactly(matrices, bits) for matrices in (kernel, recurrent)]
    kernel, kernel_scale = equalize(kernel, a_x, exact[0])
    recurrent, recurrent_scale = equalize(recurrent, a_h, exact[1])
    floats = (tuple(m.T for m in kernel), tuple(m.T for m in recurrent))
    quantized = [[quantize_rows(matrix, bits) for matrix in matrices] for matrices in floats]
    if not any(exact):
        quantized = _share_scales(quantized, floats, summed_rows, bits)
    x, h = (tuple(matrices) for matrices in quantized)
    return QuantizedKernels(x, h, *floats, kernel_scale, recurrent_scale)


def in_order(step: RecurrentStep, x: np.ndarray) -> np.ndarray:
    """The input `(batch, time, features)` in the order in which the layer reads it."""
    return x[:, ::-1] if step.go_backwards else x


def _share_scales(
    quantized: list[list[QuantizedMatrix]],
    floats: tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]],
    summed_rows: int,
    bits: int,
) -> list[list[QuantizedMatrix]]:
    """Gives each summed row one scale in both last factors, the larger of the two.

    What counts is the error of the sum of both products; and rows with one scale can be joined
    into one product.
    """
    shared = np.maximum(*(matrices[-1].scales for matrices in quantized))
    result = []
    for matrices, values in zip(quantized, floats, strict=True):
        scales = matrices[-1].scales.copy()
        scales[:summed_rows] = shared[:summed_rows]
        last = QuantizedMatrix(quantize_channels(values[-1], scales, axis=0, bits=bits), scales)
        result.append([*matrices[:-1], last])
    return result


def equalize(
    factors: tuple[np.ndarray, ...], intermediate: np.ndarray | None, exact: bool = False
) -> tuple[tuple[np.ndarray, ...], float | None]:
    """Gives every component of the intermediate the range [-1, 1], without changing the product.

    The intermediate has one scale for all its components, whose ranges differ as the singular
    values do; dividing each by its own range, and multiplying the next factor by it, spends the
    eight bits evenly. `exact` factors stay as they are.
    """
    if len(factors) == 1 or intermediate is None:
        return factors, None
    left, right = factors
    reach = np.abs(intermediate.reshape(-1, intermediate.shape[-1])).max(axis=0)
    if exact:
        # Rows that integers hold exactly, such as ternary ones, must not be spread.
        return factors, max(float(reach.max()), 1e-6) / 127.0
    reach = np.maximum(reach, 1e-6 * max(float(reach.max()), 1e-6)).astype(np.float32)
    return (left / reach, right * reach[:, None]), 1.0 / 127.0


def output_scale(h: np.ndarray) -> float:
    """Scale of the int8 copy of a state that calibration saw as `h`.

    |h| <= 1 always (a convex mix of tanh values, or a gate times one), so that at 1/127 it never
    clips, however long the stream. A layer whose states stay small gets finer steps, powers of two
    of that, as long as twice what calibration saw still fits.
    """
    reach = _OUTPUT_HEADROOM * float(np.abs(h).max())
    finer = min(max(int(np.floor(-np.log2(max(reach, 2.0**-10)))), 0), 8)
    return 2.0**-finer / 127.0
