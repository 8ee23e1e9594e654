"""Portable int8 where pre-activations are loud, or differ between units: near the fused form."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tfpipeline.export import Tolerances, export
from tfpipeline.layers import FactoredGRU, FactoredLSTM

pytestmark = pytest.mark.slow

FRAMES, FEATURES, UNITS = 20, 24, 16
ANYTHING = Tolerances(agreement=0.0, relative_error=10.0, drift=1e9)
LAYERS = {
    "gru": keras.layers.GRU,
    "lstm": keras.layers.LSTM,
    "factored_gru": FactoredGRU,
    "factored_lstm": FactoredLSTM,
}


def magnitudes(samples: int, seed: int) -> np.ndarray:
    """Magnitudes of a spectrum: loud and quiet frames, columns of very different scale."""
    rng = np.random.default_rng(seed)
    loudness = np.exp(rng.normal(size=(samples, FRAMES, 1)))
    tilt = np.exp(np.linspace(0.0, -5.0, FEATURES))
    x = 30.0 * loudness * tilt * np.exp(0.7 * rng.normal(size=(samples, FRAMES, FEATURES)))
    return np.minimum(x, 250.0).astype(np.float32)


def one_layer(kind: str, kernel: float, recurrent: float, spread: float = 0.0) -> keras.Model:
    """A recurrent layer, whose units may have kernels of different size, below a dense one."""
    rng = np.random.default_rng(7)
    options = {"rank": 6} if "factored" in kind else {}
    layer = LAYERS[kind](UNITS, return_sequences=True, name="layer", **options)
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), layer, keras.layers.Dense(5, name="last")]
    )
    for variable in model.variables:
        values = rng.normal(size=variable.shape)
        if "bias" not in variable.path:
            values /= np.sqrt(variable.shape[0])
            if "recurrent" in variable.path and "left" not in variable.path:
                values *= recurrent * np.exp(rng.uniform(-spread, spread, variable.shape[-1]))
            elif "last" not in variable.path and "left" not in variable.path:
                values *= kernel
        else:
            values *= 0.3
        variable.assign(values)
    return model


@pytest.mark.parametrize("kind", LAYERS)
def test_a_loud_input_costs_no_more_than_in_the_fused_form(target: Path, kind: str) -> None:
    model = one_layer(kind, kernel=6.0, recurrent=1.0)
    report = export(
        model,
        target,
        calibration=magnitudes(24, 0),
        verification=magnitudes(16, 1),
        streaming="both",
        tolerances=ANYTHING,
    )
    errors = {form.name: form.channel_error for form in report.forms}
    assert errors["portable"] < 1.1 * errors["fused"] + 0.003
    assert all(form.equals_whole in (None, True) for form in report.forms)


@pytest.mark.parametrize("io", ["float32", "int8"])
@pytest.mark.parametrize(
    ("kind", "recurrent", "spread", "seed"), [("gru", 2.0, 2.0, 2), ("lstm", 3.0, 1.5, 0)]
)
def test_units_of_different_size_do_not_share_their_steps(
    target: Path, kind: str, recurrent: float, spread: float, seed: int, io: str
) -> None:
    steps = np.random.default_rng(seed).normal(size=(80, FRAMES, FEATURES))
    x = 0.3 * np.cumsum(steps, axis=1).astype(np.float32)
    model = one_layer(kind, kernel=0.5, recurrent=recurrent, spread=spread)

    def errors(**options: object) -> dict[str, float]:
        report = export(
            model, target, calibration=x[:48], verification=x[48:], tolerances=ANYTHING, **options
        )
        return {form.name: form.channel_error for form in report.forms}

    found = errors()
    if io == "int8":
        found |= errors(io="int8", forms=("portable",))
    # It was more than 1.5 times with one range for all rows and a rounded sum.
    assert found["portable"] < 1.4 * found["fused"]


def test_int16_parts_reach_beyond_sixteen_where_they_cancel(target: Path) -> None:
    model = one_layer("gru", kernel=1.0, recurrent=1.0)
    kernel, recurrent, bias = model.get_layer("layer").get_weights()
    bias[0, :UNITS] += 30.0
    bias[1, :UNITS] -= 30.0
    model.get_layer("layer").set_weights([kernel, recurrent, bias])
    rng = np.random.default_rng(2)
    x = 0.3 * np.cumsum(rng.normal(size=(12, FRAMES, FEATURES)), axis=1).astype(np.float32)
    report = export(model, target, quantize="int16x8", calibration=x, tolerances=ANYTHING)
    # Cut at 16, the update gates would be constants.
    assert report.forms[0].channel_error < 0.03
