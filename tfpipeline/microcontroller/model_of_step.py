"""From a trained recurrent layer to its integers, with the fractions that its data need."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tfpipeline.microcontroller.input_scaling import InputScaling, fraction_bits
from tfpipeline.microcontroller.integer_model import IntegerModel
from tfpipeline.microcontroller.weights_of_step import Classifier, gate_name, weights_of_step
from tfpipeline.numerics.byte_cells import IntegerCell, quantize_bytes
from tfpipeline.numerics.byte_cells.fixed_point import INT16_MAX, UNIT_BITS
from tfpipeline.protocol import RecurrentStep

#: States drift on streams, so they are looked at on ten times the length of a sample.
STREAM = 10
#: Of so many samples in all.
_SAMPLES = 320
#: Names and defaults of what keeps a state within bounds, as in `tfpipeline.numerics.cells`.
_DRIFT = {"state_gain": 1.0, "state_offset": 0.0, "state_limit": 32768.0}


def integer_model(
    step: RecurrentStep,
    samples: np.ndarray,
    classifier: Classifier | None = None,
    normalization: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    lengths: int = STREAM,
) -> IntegerModel:
    """Return a layer in integers.

    x gets the most bits of fraction with which the largest sample fits and no sum can overflow;
    states get 14, or fewer where they exceed 2.

    Args:
        step: a FastRNN or FastGRNN with piecewise-linear functions.
        samples: `(batch, time, features)`, what the model reads.
        classifier: what follows its last output.
        normalization: mean and deviation that the features are brought to 0 and 1 with, each
            `(features,)`.
        lengths: how many samples long the streams are on which states are looked at.

    Raises:
        ValueError: the cell or a function of it has no integer form, or sums do not fit into 32
            bits.
    """
    weights = quantize_bytes(weights_of_step(step, classifier))
    gain, offset, limit = (
        float(str(step.attributes.get(name, default))) for name, default in _DRIFT.items()
    )
    values, scaling = samples, None
    if normalization is not None:
        mean, deviation = normalization
        values = (samples - mean) / deviation
    x_bits = min(UNIT_BITS, fraction_bits(float(np.abs(values).max())))

    def cell_of(x_bits: int, state_bits: int) -> IntegerCell:
        return IntegerCell(
            weights,
            x_bits=min(x_bits, state_bits),
            state_bits=state_bits,
            recurrent_activation=gate_name(step) or "quant_sigmoid",
            h_clip=limit if limit < _DRIFT["state_limit"] else None,
            gain=gain,
            offset=offset,
        )

    cell = _fitting(cell_of, x_bits, _streams(values, lengths))
    if normalization is not None:
        scaling = InputScaling.of(*normalization, cell.x_bits, float(np.abs(samples).max()))
    return IntegerModel(cell, scaling)


def _streams(values: np.ndarray, lengths: int) -> np.ndarray:
    """Return some streams, each of several samples one after another."""
    count = max(1, min(_SAMPLES // lengths, len(values)))
    chosen = np.arange(count * lengths) * len(values) // (count * lengths)
    return values[chosen].reshape(count, -1, values.shape[-1])


def _fitting(
    cell_of: Callable[[int, int], IntegerCell], x_bits: int, values: np.ndarray
) -> IntegerCell:
    """Return the cell with the most bits that hold inputs, sums and states."""
    if x_bits < 0:
        raise ValueError(
            "inputs beyond 32767 have no int16 fixed point; normalize the features, with a "
            "Normalization layer in front or before the model."
        )
    for state_bits in range(UNIT_BITS, -1, -1):
        cell = _most_x_bits(cell_of, x_bits, state_bits)
        # A state that `h_clip` cuts is as the model wants it.
        if cell.limit < INT16_MAX or _holds(cell, cell.to_input(values)):
            return cell
    return cell


def _holds(cell: IntegerCell, x: np.ndarray) -> bool:
    state = np.zeros((len(x), cell.weights.units), np.int16)
    for t in range(x.shape[1]):
        state = cell.step(x[:, t], state)
        if int(np.abs(state).max()) >= INT16_MAX:
            return False
    return True


def _most_x_bits(
    cell_of: Callable[[int, int], IntegerCell], x_bits: int, state_bits: int
) -> IntegerCell:
    for bits in range(min(x_bits, state_bits), 0, -1):
        try:
            return cell_of(bits, state_bits)
        except ValueError as error:
            if "do not fit into 32 bits" not in str(error):
                raise
    return cell_of(0, state_bits)
