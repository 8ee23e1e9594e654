"""Quantizes one GRU layer, once, for both lowerings.

    z, r = sigmoid(U_x a_x + b_x + U_h a_h + b_h),  n = tanh(U_x a_x + b_x + r * (U_h a_h + b_h))
    h' = z * h + (1 - z) * n

which is keras.layers.GRU with reset_after=True.
"""

from __future__ import annotations

import numpy as np

from tfpipeline.export.quantize.few_bits import written_kernels
from tfpipeline.export.recurrent.gate_reach import (
    SATURATION,
    TANH_SATURATION,
    holding_reach,
    row_reaches,
)
from tfpipeline.export.recurrent.quantize import (
    OUTPUT_STATE,
    RecurrentPlan,
    in_order,
    output_scale,
    quantize_kernels,
)
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent_float import Taps, sequence_float
from tfpipeline.protocol import RecurrentStep


def gru_float_output(step: RecurrentStep, x: np.ndarray) -> np.ndarray:
    """The layer's float output for `x` of shape `(batch, time, features)`."""
    sequence, states, _ = sequence_float(
        CELLS["gru"],
        in_order(step, x),
        None,
        step.kernel,
        step.recurrent_kernel,
        step.bias,
        dtype=np.float32,
    )
    return sequence if step.return_sequences else states[0]


def plan_gru(
    name: str, step: RecurrentStep, x: np.ndarray, bits: int = 8
) -> tuple[RecurrentPlan, np.ndarray]:
    """Chooses every scale of the layer from its float input `x` on the calibration data.

    `bits` are those of the mode: only weights that are ternary get 2.

    Returns the float output too, which came of it.
    """
    kernel, recurrent, bits = written_kernels(step, bits)
    sequence, states, taps = sequence_float(
        CELLS["gru"],
        in_order(step, x),
        None,
        kernel,
        recurrent,
        step.bias,
        taps=True,
        dtype=np.float32,
    )
    assert taps is not None  # for the type checker: taps=True gives them
    summed = 2 * step.units
    quantized = quantize_kernels(kernel, recurrent, taps.a_x, taps.a_h, summed, bits)
    plan = RecurrentPlan(
        cell=step.cell,
        name=name,
        units=step.units,
        features=x.shape[-1],
        return_sequences=step.return_sequences,
        go_backwards=step.go_backwards,
        bits=bits,
        kernel=quantized.kernel,
        recurrent_kernel=quantized.recurrent_kernel,
        float_kernel=quantized.float_kernel,
        float_recurrent_kernel=quantized.float_recurrent_kernel,
        bias=np.asarray(step.bias, np.float32),
        kernel_scale=quantized.kernel_scale,
        recurrent_scale=quantized.recurrent_scale,
        summed_rows=summed,
        output_scale=output_scale(taps.states[0]),
        states=(OUTPUT_STATE,),
        reach=row_reaches(
            taps.p_x, taps.p_h, _heard(step.units, taps), summed, slice(0, step.units)
        ),
        largest_sum=float(np.abs(taps.p_x).max()),
    )
    return plan, sequence if step.return_sequences else states[0]


def _heard(units: int, taps: Taps) -> np.ndarray:
    update = (taps.p_x + taps.p_h)[..., :units]
    return np.repeat([holding_reach(update), SATURATION, TANH_SATURATION], units)
