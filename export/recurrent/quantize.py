"""Quantizes any recurrent layer, once, for both lowerings.

    a_x = V_x x,  a_h = V_h h                                  (only where a kernel is factored)

Weights are int8 per output channel, `x`, `a_x`, `a_h` and `h` int8 per tensor; the fused op keeps
everything else in float32, and the portable graph stores pre-activations as int8, each row in units
of the reach given here. What belongs to a cell comes from its descriptor, `numerics.cells`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfpipeline.export.quantize.quantization import UNIT_INT16, Quantization
from tfpipeline.export.recurrent.gate_names import is_bounded
from tfpipeline.export.recurrent.gate_reach import (
    heard_by,
    row_reaches,
    unheard_reach,
    unheard_reaches,
)
from tfpipeline.export.recurrent.observe import (
    ObservedLayer,
    functions_of,
    parameters_of,
    window_of,
)
from tfpipeline.export.recurrent.quantize_kernels import quantize_kernels
from tfpipeline.numerics.cells import CELLS, Cell
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.protocol import LayerNorm, RecurrentStep

_OUTPUT_HEADROOM = 2.0
STATE_HEADROOM = 2.0
"""A state without a bound of its own reaches at least twice as far in int16 as on the calibration
data, beyond which the tanh of an LSTM's c is flat in most layers. float32 needs no scale."""


@dataclass(frozen=True)
class StatePlan:
    """A vector that is carried from step to step.

    Args:
        name: What it is called in the names of a stream's inputs and outputs.
        int16: Its quantization in a graph of integers; elsewhere it is float32.
    """

    name: str
    int16: Quantization


@dataclass(frozen=True)
class RecurrentPlan:
    """A quantized recurrent layer.

    Args:
        cell: What is quantized.
        name: The Keras layer's name.
        units: State size `H`.
        features: Input size `D`.
        window: Time steps that the kernel reads, of a cell without a recurrent kernel.
        return_sequences: Whether the layer's output has a time axis.
        go_backwards: Whether it starts at the last time step.
        kernel: `(W,)` of shape `(gates * H, window * D)`, or `(V, U)` of shapes `(r, window * D)`
            and `(gates * H, r)`. W may be a sum of planes.
        recurrent_kernel: The same for the state, with `D = H`; `()` where it is not multiplied.
        float_kernel: `kernel` before rounding.
        float_recurrent_kernel: `recurrent_kernel` before rounding.
        bias: float32 `(stored rows, gates * H)`: input bias, recurrent bias if it is apart, and the
            numbers of the units.
        kernel_scale: Scale of `a_x`, or None for a plain kernel.
        recurrent_scale: Scale of `a_h`, or None.
        output_scale: Scale of the int8 copy of h.
        states: What is carried from step to step, h first.
        reach: How far the rows of the portable graph's pre-activations reach; see
            `gate_reach.row_reaches`.
        largest_sum: Magnitude of the largest pre-activation of the input.
        parameters: Values of the cell's parameters.
        activation: Of what the gates let through, a key of `numerics.activations.FUNCTIONS`.
        recurrent_activation: Of the gates.
        layer_norm: How products are normalized before their biases, or None.
    """

    cell: Cell
    name: str
    units: int
    features: int
    window: int
    return_sequences: bool
    go_backwards: bool
    kernel: tuple[QuantizedMatrix, ...]
    recurrent_kernel: tuple[QuantizedMatrix, ...]
    float_kernel: tuple[np.ndarray, ...]
    float_recurrent_kernel: tuple[np.ndarray, ...]
    bias: np.ndarray
    kernel_scale: float | None
    recurrent_scale: float | None
    output_scale: float
    states: tuple[StatePlan, ...]
    reach: dict[str, np.ndarray]
    largest_sum: float
    parameters: tuple[float, ...]
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    layer_norm: LayerNorm | None = None

    @property
    def product_bias(self) -> np.ndarray:
        """The rows of the bias that are added to products, `(1 or 2, gates * H)`."""
        return self.bias[: self.cell.bias_rows]

    def numbers(self) -> dict[str, float | np.ndarray]:
        """Return the cell's own numbers by name: scalars, and those of the units `(H,)`."""
        scalars = dict(zip(self.cell.parameters, self.parameters, strict=True))
        return {**scalars, **self.cell.numbers_of_units(self.bias)}

    @property
    def output(self) -> Quantization:
        """Quantization of the layer's output, the int8 copy of h."""
        return Quantization(self.output_scale, 0)

    @property
    def summed_rows(self) -> int:
        """The first rows of the last factors, whose products are only ever added."""
        return self.cell.summed_rows(self.units)

    def sums_share_scales(self) -> bool:
        """Whether the summed rows of both last factors can be joined: they have one scale."""
        if not self.recurrent_kernel or self.layer_norm is not None or max(self.planes()) > 1:
            return False
        x, h, rows = self.kernel[-1], self.recurrent_kernel[-1], slice(0, self.summed_rows)
        return x.bits == h.bits and bool(np.array_equal(x.scales[rows], h.scales[rows]))

    def planes(self) -> tuple[int, int]:
        """Return of how many binary planes the kernel and the recurrent kernel are the sum."""
        x, h = (
            1 if not matrices else matrices[0].planes
            for matrices in (self.kernel, self.recurrent_kernel)
        )
        return x, h

    def ranks(self) -> dict[str, int | None]:
        """Rank of each kernel, None where it is not factored."""
        return {"kernel": _rank(self.kernel), "recurrent_kernel": _rank(self.recurrent_kernel)}


def _rank(matrices: tuple[QuantizedMatrix, ...]) -> int | None:
    return matrices[0].values.shape[0] if len(matrices) == 2 else None


def quantize(
    name: str,
    step: RecurrentStep,
    seen: ObservedLayer,
    per_channel: bool = True,
    integers: bool = True,
) -> RecurrentPlan:
    """Choose every scale of a layer from what calibration saw inside of it.

    Args:
        name: Of the layer.
        step: Its weights and options.
        seen: By calibration.
        per_channel: Whether each row of weights has a scale of its own.
        integers: Whether activations are integers in portable files, where products of both kernels
            become one if they can.
    """
    cell, units, window = CELLS[step.cell], step.units, window_of(step)
    summed = cell.summed_rows(units)
    quantized = quantize_kernels(
        seen.kernel,
        seen.recurrent_kernel,
        seen.a_x,
        seen.a_h,
        summed,
        seen.bits,
        per_channel,
        integers,
    )
    functions = functions_of(step)
    activation, gate = functions["activation"], functions["recurrent_activation"]
    bounded = cell.bounded and is_bounded(activation) and is_bounded(gate)
    bias = np.asarray(step.bias, np.float32)
    shift = float(np.abs(bias[cell.bias_rows :]).max(initial=0.0))
    in_place_of = {"tanh": activation, "sigmoid": gate}
    heard = heard_by(cell.gates, seen.highest, units, in_place_of, shift)
    holding = np.repeat([gate.holds for gate in cell.gates if gate.summed], units)
    if seen.raw_x is not None and seen.raw_h is not None:
        reach, largest = unheard_reaches(seen.raw_x, seen.raw_h, summed), seen.raw_x
    else:
        reach = row_reaches(seen.p_x, seen.p_h, seen.sums, heard, summed, holding)
        for part, plane in (("x", seen.plane_x), ("h", seen.plane_h)):
            if plane is not None:
                # Planes are rounded apart, in units that their sum has too.
                reach[part] = np.maximum(reach[part], unheard_reach(plane, summed))
        largest = seen.p_x
    return RecurrentPlan(
        cell=cell,
        name=name,
        units=units,
        features=seen.kernel[0].shape[0] // window,
        window=window,
        return_sequences=step.return_sequences,
        go_backwards=step.go_backwards,
        kernel=quantized.kernel,
        recurrent_kernel=quantized.recurrent_kernel,
        float_kernel=quantized.float_kernel,
        float_recurrent_kernel=quantized.float_recurrent_kernel,
        bias=bias,
        kernel_scale=quantized.kernel_scale,
        recurrent_scale=quantized.recurrent_scale,
        output_scale=output_scale(seen.states[0], bounded),
        states=_states(cell, seen.states, bounded),
        reach=reach,
        largest_sum=float(largest.max()),
        parameters=parameters_of(step),
        layer_norm=step.layer_norm,
        **functions,
    )


def output_scale(largest: float, bounded: bool = True) -> float:
    """Return the scale of the int8 copy of a state, of which calibration saw `largest`.

    At 1/127 a bounded h (|h| <= 1: a convex mix of tanh values, or a gate times one) never clips,
    however long the stream. A layer whose states stay small gets finer steps, powers of two of
    that, as long as twice what calibration saw still fits; without a bound, also coarser ones.
    """
    reach = _OUTPUT_HEADROOM * largest
    halvings = int(np.floor(-np.log2(max(reach, 2.0**-10))))
    return 2.0 ** -min(max(halvings, 0) if bounded else halvings, 8) / 127.0


def unbounded_int16(largest: float) -> Quantization:
    """Return a power of two, which the int16 kernels of old runtimes want, with headroom."""
    reach = max(STATE_HEADROOM * largest, 1.0)
    return Quantization(2.0 ** (math.ceil(math.log2(reach)) - 15), 0)


def _states(cell: Cell, largest: Sequence[float], bounded: bool) -> tuple[StatePlan, ...]:
    return tuple(
        StatePlan(name, UNIT_INT16 if i == 0 and bounded else unbounded_int16(magnitude))
        for i, (name, magnitude) in enumerate(zip(cell.states, largest, strict=True))
    )
