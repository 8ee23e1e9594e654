"""How far the statistics of each time step are from those that all steps share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.callbacks.spectral.layer_inputs import inputs_of
from tfpipeline.callbacks.spectral.recurrent_trace import RecurrentTrace
from tfpipeline.data.dataset import Samples
from tfpipeline.studies.low_bit.models import LAYER

_SEQUENCES = 256


def batch_mismatch(model: keras.Model, split: Samples) -> dict[str, Any]:
    """Return what sharing moving averages among time steps costs a trained model.

    Args:
        model: with a recurrent layer normalized by `"batch_shared"`. It is changed: its averages
            move.
        split: on which it is measured.

    Returns:
        `shift`: by time step, how far the mean of the state's products is from the shared one, in
        shared deviations, the mean over units. `ratio`: their variance by the shared one, the
        median over units. `input_shift` and `input_ratio`: of the products with the inputs. `own`:
        accuracy with the statistics of each time step, taken over the split.
    """
    layer = model.get_layer(LAYER)
    x = split.x[:_SEQUENCES]
    ((sequences, mask, initial),) = inputs_of(model, x, [layer])
    trace = RecurrentTrace(layer, sequences, mask, initial)
    kernel = np.asarray(keras.ops.convert_to_numpy(layer.cell.kernel), np.float64)
    inputs, state = layer.cell.averages_of()[:2]
    found: dict[str, Any] = {}
    for prefix, normal, products in (
        # The first state is 0 in all sequences.
        ("", state, trace.states[0][1:-1] @ trace.product.matrix),
        ("input_", inputs, sequences.transpose(1, 0, 2) @ kernel),
    ):
        mean, variance = (
            np.asarray(keras.ops.convert_to_numpy(average), np.float64)
            for average in (normal.moving_mean, normal.moving_variance)
        )
        variance = variance + normal.epsilon
        shift = np.abs(products.mean(axis=1) - mean) / np.sqrt(variance)
        ratio = products.var(axis=1) / variance
        found[f"{prefix}shift"] = _short(shift.mean(axis=-1))
        found[f"{prefix}ratio"] = _short(np.median(ratio, axis=-1))
    # In training every step is normalized with its own statistics.
    scores = keras.ops.convert_to_numpy(model(split.x, training=True))
    return {**found, "own": float(np.mean(scores.argmax(axis=-1) == split.y))}


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
