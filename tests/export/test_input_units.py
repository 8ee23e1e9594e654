"""Inputs whose features have different units, such as pascals beside shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tfpipeline.export import ExportError, VerificationError, export
from tfpipeline.export.choose.input_units import layers_that_lose_units
from tfpipeline.export.modes import ModeTable
from tfpipeline.export.trace.signature import signature_of
from tfpipeline.layers import FactoredGRU

pytestmark = pytest.mark.slow

UNITS = np.array([1, 1, 1, 1, 1000, 0.01], np.float32)
PLAIN = np.random.default_rng(0).normal(size=(64, 12, 6)).astype(np.float32)
MIXED = PLAIN * UNITS
REASON = "its features have different units: number 4 reaches 3.[0-9]+e.03, number 5 0.03[0-9]*"


def weighing_alike(kernel: Any, units: np.ndarray = UNITS, axis: int = 0) -> None:
    """Divides a kernel's rows by the units of what it reads."""
    values = np.asarray(kernel)
    shape = [1] * values.ndim
    shape[axis] = len(units)
    kernel.assign(1.5 * values / units.reshape(shape))


def gru_model() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((None, 6)), layers.GRU(8, name="gru"), layers.Dense(3, name="scores")]
    )
    model.get_layer("gru").cell.bias.assign(np.linspace(-0.5, 0.5, 48).reshape(2, 24))
    weighing_alike(model.get_layer("gru").cell.kernel)
    return model


def joined_model() -> keras.Model:
    """Each feature is an input of its own, with a scale of its own, until they are joined."""
    inputs = [keras.Input((None, 1), name=f"in{i}") for i in range(6)]
    layer = layers.LSTM(5, name="lstm")
    scores = layers.Dense(3)(layer(layers.Concatenate(name="join")(inputs)))
    weighing_alike(layer.cell.kernel)
    return keras.Model(inputs, scores)


def lost(
    model: keras.Model, samples: Any = MIXED, mode: str = "int8", **overrides: str
) -> set[str]:
    signature = signature_of(model, samples)
    names = [layer.name for layer in model._flatten_layers(include_self=False)]
    checked = signature.check("calibration", samples)
    return set(layers_that_lose_units(model, signature, checked, ModeTable(mode, overrides, names)))


def test_the_layer_that_reads_them_stays_in_float(tmp_path: Path) -> None:
    report = export(gru_model(), tmp_path / "m.tflite", calibration=MIXED)
    # In int8 the portable file had weights that XNNPACK does not load, the fused one an error of 1.
    assert [form.name for form in report.forms] == ["portable"]
    assert report.forms[0].channel_error < 0.05
    assert report.overrides == {"gru": "float32"}
    assert list(report.float_layers) == ["gru"] and not report.kept_float
    assert "kept in float32: layer 'gru': its features have different units" in str(report)


def test_joined_inputs_of_different_units(tmp_path: Path) -> None:
    samples = [MIXED[:, :, i : i + 1] for i in range(6)]
    report = export(joined_model(), tmp_path / "m.tflite", calibration=samples)
    assert report.overrides == {"join": "float32", "lstm": "float32"}
    assert all(form.channel_error < 0.05 for form in report.forms)


def test_integers_at_the_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=f"'gru' cannot read its input .*: {REASON}.* divide each"
    ):
        export(gru_model(), tmp_path / "m.tflite", calibration=MIXED, io="int8")


class Subclassed(keras.Model):
    """Of this one no graph is known before it is traced."""

    def __init__(self, inner: keras.Model) -> None:
        super().__init__()
        self.inner_layers = inner.layers

    def call(self, inputs: Any) -> Any:
        for layer in self.inner_layers:
            inputs = layer(inputs)
        return inputs


def test_units_that_no_layer_shows_come_with_advice(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=f"of input 'x', {REASON}: divide each by"):
        export(Subclassed(gru_model()), tmp_path / "m.tflite", calibration=MIXED)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(mode, {"gru"}) for mode in ("int8", "int16x8", "dynamic", "int8x4", "int4")]
    + [("float32", set()), ("float16", set())],
)
def test_modes(mode: str, expected: set[str]) -> None:
    assert lost(gru_model(), mode=mode) == expected


def test_what_the_user_chose_is_not_asked_again() -> None:
    assert lost(gru_model(), gru="float32") == set()


def test_layers_of_every_kind() -> None:
    keras.utils.set_random_seed(2)

    def first(layer: Any, *others: Any) -> keras.Model:
        return keras.Sequential([keras.Input((None, 6)), layer, *others])

    dense = layers.Dense(4, name="dense")
    spread = first(layers.TimeDistributed(dense, name="each"))
    weighing_alike(dense.kernel)
    both = first(layers.Bidirectional(layers.LSTM(4), name="both"))
    weighing_alike(both.layers[0].forward_layer.cell.kernel)
    convolved = first(layers.Conv1D(4, 3, name="conv"))
    weighing_alike(convolved.layers[0].kernel, axis=1)
    flat = keras.Sequential([keras.Input((12, 6)), layers.Flatten(), layers.Dense(3, name="dense")])
    weighing_alike(flat.layers[1].kernel, np.tile(UNITS, 12))
    normalized = first(layers.Normalization(name="norm"), layers.GRU(4))
    normalized.layers[0].adapt(MIXED)
    nested = first(keras.Sequential([keras.Input((None, 6)), *gru_model().layers]))
    factored = first(FactoredGRU(6, rank=5, name="low"))
    weighing_alike(next(w for w in factored.weights if w.name == "kernel_left"))
    found = [lost(m) for m in (spread, both, convolved, flat, normalized, nested, factored)]
    expected = ({"each"}, {"both"}, {"conv"}, {"flatten", "dense"}, {"norm"}, {"gru"}, {"low"})
    assert [{n.removesuffix("_1") for n in names} for names in found] == list(expected)


def test_an_offset_beside_which_the_rest_is_nothing() -> None:
    # Air pressure: 100 000 Pa, of which some hundred vary.
    offset = PLAIN * 100.0 + np.array([1e5, 0, 0, 0, 0, 0], np.float32)
    model = gru_model()
    weighing_alike(model.get_layer("gru").cell.kernel, 100.0 / UNITS)
    assert lost(model, offset) == {"gru"}


def test_ordinary_features_stay_as_they_are() -> None:
    model = gru_model()
    weighing_alike(model.get_layer("gru").cell.kernel, 1.0 / UNITS)
    assert lost(model, PLAIN) == set()
    # Bands of a spectrum: what is small counts little, as it does in the model.
    assert lost(model, np.abs(PLAIN) * np.float32([100, 30, 10, 3, 1, 0.3])) == set()
    # A sparse input, and one without a variation.
    assert lost(model, (np.arange(PLAIN.size).reshape(PLAIN.shape) % 97 == 0) * PLAIN) == set()
    assert lost(model, np.ones_like(PLAIN)) == set()
