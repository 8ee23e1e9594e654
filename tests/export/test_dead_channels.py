"""Channels of weights next to nothing but with a bias, as batch normalization leaves some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.export import Tolerances, export
from tfpipeline.layers import FactoredDense

pytestmark = pytest.mark.slow

layers = keras.layers
CASES = [
    (lambda: layers.Dense(3), "int8"),
    (lambda: layers.Dense(3), "int16x8"),
    # Kernels for 4 bits multiply the bias by 16 on top.
    (lambda: layers.Dense(3), "int8x4"),
    (lambda: layers.Conv1D(3, 2), "int8"),
    (lambda: FactoredDense(3, rank=1), "int8"),
]


@pytest.mark.parametrize("weight", [0.0, 3e-8])
@pytest.mark.parametrize(("layer", "mode"), CASES)
def test_a_dead_channel_keeps_its_bias(
    target: Path, layer: Callable[[], Any], mode: str, weight: float
) -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2, 6)), layer()])
    values = model.get_weights()
    values[-2][..., 1] = weight
    values[-1][:] = (0.3, 2.0, -0.1)
    model.set_weights(values)
    x = np.random.default_rng(0).normal(size=(16, 2, 6)).astype(np.float32)
    accepted = Tolerances(agreement=0.0)
    report = export(model, target, quantize=mode, calibration=x, tolerances=accepted)
    # Without room for it the bias of 2 became 0.
    assert all(form.max_error < 0.5 for form in report.forms)


@pytest.mark.parametrize("layer", [layers.GRU, layers.LSTM])
@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_so_does_a_dead_unit(target: Path, layer: Callable[[int], Any], mode: str) -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((None, 6)), layer(4)])
    kernel, recurrent, bias = model.get_weights()
    kernel[:, 1::4], recurrent[:, 1::4], bias[..., 1::4] = 0.0, 0.0, 0.7
    model.set_weights([kernel, recurrent, bias])
    x = np.random.default_rng(0).normal(size=(8, 12, 6)).astype(np.float32)
    accepted = Tolerances(agreement=0.0)
    report = export(model, target, quantize=mode, calibration=x, tolerances=accepted)
    # Without room for it the unit stayed at 0, where Keras has 0.5 and more.
    assert all(form.max_error < 0.1 for form in report.forms)
