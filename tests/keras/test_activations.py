"""The piecewise-linear activations: their values, their names, and where the names work."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from recurrent_kinds import KIND, array

from tfpipeline import activations, load_model
from tfpipeline.layers import FactoredDense, FastGRNN

POINTS = np.array([-3.0, -2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0, 3.0], "float32")
VALUES = {
    "quant_tanh": [-1, -1, -1, -0.5, 0, 0.25, 1, 1, 1],
    "quant_sigmoid": [0, 0, 0, 0.25, 0.5, 0.625, 1, 1, 1],
    "quant_sigmoid4": [0, 0, 0.25, 0.375, 0.5, 0.5625, 0.75, 1, 1],
}
NAME = pytest.mark.parametrize("name", VALUES)


@NAME
def test_values(name):
    function = getattr(activations, name)
    # Halves and quarters: every result is exact.
    np.testing.assert_array_equal(array(function(POINTS)), np.float32(VALUES[name]))
    narrow = function(keras.ops.convert_to_tensor(POINTS, dtype="bfloat16"))
    assert keras.backend.standardize_dtype(narrow.dtype) == "bfloat16"


def test_they_are_not_the_hard_sigmoid_of_keras():
    for name in ("quant_sigmoid", "quant_sigmoid4"):
        ours = array(getattr(activations, name)(POINTS))
        assert np.abs(ours - array(keras.activations.hard_sigmoid(POINTS))).max() > 0.05


@NAME
def test_keras_finds_them_again(name):
    function = getattr(activations, name)
    config = keras.activations.serialize(function)
    assert config["config"] == f"tfpipeline>{name}"
    assert keras.activations.get(config) is activations.get(config) is function
    assert activations.get(name) is function


def test_other_identifiers_are_those_of_keras():
    assert activations.get("relu") is keras.activations.relu
    assert activations.get(None) is keras.activations.linear
    assert activations.get(np.tanh) is np.tanh
    with pytest.raises(ValueError, match="Could not interpret activation .* quant_relu"):
        activations.get("quant_relu")


@KIND
def test_plain_names_work_in_our_layers(sequences, kind):
    options = {"activation": "quant_tanh", "recurrent_activation": "quant_sigmoid"}
    layer = kind.layer(**options, name="quant_tanh")
    functions = {name: activations.get(value) for name, value in options.items()}
    expected = array(kind.twin(**functions)(sequences))
    np.testing.assert_allclose(array(layer(sequences)), expected, atol=2e-6)
    step = layer.export_step()
    assert (step.activation, layer.name) == ("tfpipeline>quant_tanh", "quant_tanh")
    assert step.recurrent_activation in (None, "tfpipeline>quant_sigmoid")
    by_position = kind.cell(3, "quant_tanh")
    assert by_position.activation is activations.quant_tanh
    again = kind.factored.from_config(layer.get_config())
    assert again.activation is activations.quant_tanh


def test_a_saved_model_has_them(tmp_path, sequences):
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            FastGRNN(4, "quant_tanh", "quant_sigmoid4"),
            FactoredDense(3, "quant_sigmoid"),
        ]
    )
    expected = array(model(sequences))
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), expected)
    assert loaded.layers[0].recurrent_activation is activations.quant_sigmoid4
