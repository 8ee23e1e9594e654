"""Outputs with channels that one integer scale would lose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.export import ExportReport, VerificationError, export
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

L = keras.layers
FEATURES = 6
X = np.random.default_rng(0).normal(size=(128, 12, FEATURES)).astype(np.float32)
HELD_OUT = np.random.default_rng(1).normal(size=(48, 12, FEATURES)).astype(np.float32)


def functional(head: Any, sequences: bool = False) -> keras.Model:
    """A small recurrent model, whose head makes outputs of a GRU's state."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((None, FEATURES))
    hidden = L.GRU(12, return_sequences=sequences, bias_initializer="normal", name="gru")(inputs)
    model = keras.Model(inputs, head(hidden))
    for variable in model.weights:
        if variable.ndim == 2:
            variable.assign(1.5 * variable.numpy())
    return model


def scaled(name: str, deviations: list[float], means: list[float]) -> Any:
    """A dense layer whose channels have these deviations, about, and means."""

    def call(hidden: Any) -> Any:
        layer = L.Dense(len(deviations), name=name)
        found = layer(hidden)
        kernel, _ = layer.get_weights()
        layer.set_weights([kernel * np.array(deviations), np.array(means)])
        return found

    return call


def channel_errors(report: ExportReport, model: keras.Model) -> dict[str, np.ndarray]:
    """Root mean square error over standard deviation, by hand, of the files' last axis."""
    expected = np.asarray(model.predict(HELD_OUT, verbose=0), np.float64)
    expected = expected.reshape(len(HELD_OUT), -1, expected.shape[-1])
    found = {}
    for form in report.forms:
        scores = np.asarray(Interpreter(form.path).predict(HELD_OUT)).reshape(expected.shape)
        squares = ((scores - expected) ** 2).mean(axis=(0, 1))
        found[form.name] = np.sqrt(squares) / expected.std(axis=(0, 1))
    return found


HEADS = {
    "pressure and temperature": scaled("weather", [500.0, 5.0], [101325.0, 20.0]),
    "the upper bands of a spectrum": lambda h: L.ReLU(name="bands")(
        scaled("spectrum", [1.0, 1e-2, 1e-3], [1.0, 1e-2, 1e-3])(h)
    ),
    "a mask": lambda h: L.Activation("sigmoid", name="mask")(
        scaled("gains", [1.0, 0.5, 0.3], [0.0, -6.0, -7.0])(h)
    ),
    "logits beside a distance": lambda h: L.Concatenate(name="both")(
        [scaled("word", [1.0] * 3, [0.1, 0.2, 0.3])(h), scaled("metres", [300.0], [1000.0])(h)]
    ),
    "scaled back inside the model": lambda h: L.Rescaling(
        np.array([500.0, 5.0]), np.array([101325.0, 20.0]), name="units"
    )(scaled("normal", [1.0, 1.0], [0.1, 0.2])(h)),
}


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("head", HEADS)
def test_no_channel_is_lost(target: Path, head: str, sequences: bool) -> None:
    model = functional(HEADS[head], sequences)
    report = export(model, target, calibration=X, verification=HELD_OUT)
    assert report.float_layers and set(report.float_layers) == set(report.overrides)
    for form, errors in channel_errors(report, model).items():
        assert errors.max() < 0.15, (form, errors)
    for form in report.forms:
        # What the report says is what was computed here.
        found = form.outputs[0].channel_errors
        np.testing.assert_allclose(found, channel_errors(report, model)[form.name], rtol=1e-5)
        assert form.channel_error == max(found) >= form.relative_error
    name = next(iter(report.float_layers))
    assert f"kept in float32: layer {name!r}" in str(report)
    card = json.loads(target.with_suffix(".card.json").read_text())
    assert card["outputs"][0]["scale"] is None
    assert card["quantization"]["overrides"][name] == "float32"


def test_channels_of_like_scale_stay_integers(target: Path) -> None:
    model = functional(scaled("alike", [2.0, 1.0, 0.5], [0.1, 0.2, -0.1]))
    report = export(model, target, calibration=X, verification=HELD_OUT)
    assert not report.float_layers and not report.overrides


def test_what_cannot_be_kept_is_named_with_what_would_help(target: Path) -> None:
    weather = functional(scaled("weather", [500.0, 5.0], [101325.0, 20.0]))
    options: dict[str, Any] = {"calibration": X, "verification": HELD_OUT, "io": "int8"}
    labels = ["pressure", "temperature"]
    with pytest.raises(VerificationError) as refused:
        export(weather, target, labels=None, **options)
    message = str(refused.value)
    assert "channel 1 (and 1 more) of output 'weather' deviates by" in message
    assert "int8 steps of" in message and "io='float32'" in message
    assert "more typical samples" not in message and not target.exists()
    # The user's own words for the mode of the last layer count.
    options["io"] = "float32"
    with pytest.raises(VerificationError, match="override it with 'float32'"):
        export(weather, target, overrides={"weather": "int8"}, **options)
    with pytest.raises(VerificationError, match=r"channel 1 \('temperature'\)"):
        export(weather, target, labels=labels, overrides={"weather": "int8"}, **options)
    # Each of the ways that it names.
    assert export(weather, target, overrides={"weather": "float32"}, **options).portable
    options["io"] = "int8"
    apart = functional(lambda h: [scaled("p", [50.0], [101.0])(h), scaled("t", [5.0], [20.0])(h)])
    assert export(apart, target, **options).portable
    alike = functional(scaled("weather", [1.0, 1.0], [0.1, 0.2]))
    assert export(alike, target, **options).portable


def test_a_softmax_over_many_classes_is_no_spectrum(target: Path) -> None:
    """Rare classes hardly move, and stay integers all the same."""
    model = functional(
        lambda h: L.Softmax(name="classes")(scaled("s", [4.0] * 20, [0.0] * 10 + [-7.0] * 10)(h))
    )
    report = export(model, target, calibration=X, verification=HELD_OUT, forms=("portable",))
    assert not report.float_layers and report.forms[0].agreement == 1.0
