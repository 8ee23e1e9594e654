"""The GRU as Kliegl et al. write it is Keras' with the update gate turned around."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tfpipeline.layers import FactoredGRU

pytestmark = pytest.mark.slow


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_equation_10(sequences):
    rng = np.random.default_rng(3)
    w, u = rng.normal(size=(3, 10, 7)) * 0.5, rng.normal(size=(3, 7, 7)) * 0.5
    b = rng.normal(size=(3, 7))
    h = np.zeros((6, 7))
    for time in range(sequences.shape[1]):
        x = sequences[:, time]
        z, r = (sigmoid(x @ w[g] + h @ u[g] + b[g]) for g in (0, 1))
        h = (1 - z) * h + z * np.tanh(x @ w[2] + r * (h @ u[2]) + b[2])

    signs = np.repeat([-1, 1, 1], 7)
    plain = keras.layers.GRU(7)
    plain.build(sequences.shape)
    kernel, recurrent, bias = (np.concatenate(list(part), axis=-1) * signs for part in (w, u, b))
    plain.set_weights([kernel, recurrent, np.stack([bias, np.zeros(21)])])
    for layer in (plain, FactoredGRU.from_keras(plain)):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(sequences)), h, atol=2e-6)
