"""Keras' predictions: how often a model is traced for them, and that they stay right."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, settle, walk

from tfpipeline.export.trace.predictions import predict, traced_once
from tfpipeline.export.trace.signature import signature_of


class Counting(keras.layers.Layer):
    """Counts how often it is traced."""

    traces = 0

    def call(self, inputs: Any) -> Any:
        self.traces += 1
        return inputs


def counted(*layers: Any) -> tuple[Any, Counting]:
    counting = Counting()
    model = keras.Sequential([keras.Input((None, FEATURES)), counting, *layers])
    settle(model)
    counting.traces = 0
    return model, counting


def expected_of(model: Any, x: np.ndarray) -> np.ndarray:
    signature = signature_of(model, x)
    (values,) = predict(model, signature, {signature.inputs[0].name: x}).values()
    return values


def test_samples_of_one_shape_trace_a_model_once() -> None:
    model, counting = counted(keras.layers.GRU(5, unroll=True), keras.layers.Dense(3))
    with traced_once():
        first = expected_of(model, walk(12))
        traces = counting.traces
        # Other samples, another number of them, other weights.
        np.testing.assert_array_equal(expected_of(model, walk(12)), first)
        expected_of(model, walk(300, seed=1))
        model.layers[-1].bias.assign_add([1.0, 0.0, 0.0])
        moved = expected_of(model, walk(12))
        assert counting.traces <= traces + 1  # Of a batch that is not full.
        np.testing.assert_allclose(moved - first, np.eye(3)[[0] * 12], atol=1e-6)
        # An unrolled layer cannot be in a graph for any length.
        assert expected_of(model, walk(12, frames=7)).shape == (12, 3)
        assert expected_of(model, walk(12, frames=9)).shape == (12, 3)


def test_outside_a_model_is_traced_at_every_call_and_keeps_no_function() -> None:
    model, counting = counted(keras.layers.Dense(3))
    expected_of(model, walk(12))
    once = counting.traces
    expected_of(model, walk(12))
    assert counting.traces == 2 * once and model.predict_function is None
    with traced_once():
        expected_of(model, walk(12))
    assert model.predict_function is None


@pytest.mark.parametrize("inner", [keras.layers.Dense(4), keras.layers.LayerNormalization()])
def test_several_lengths_of_a_time_distributed_layer(inner: Any) -> None:
    model, _ = counted(keras.layers.TimeDistributed(inner))
    with traced_once():
        for frames in (7, 7, 9):
            x = walk(3, frames=frames)
            np.testing.assert_allclose(expected_of(model, x), np.asarray(inner(x)), atol=1e-6)
