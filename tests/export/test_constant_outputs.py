"""Outputs that are the same on all samples, of which no standard deviation says how far is far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from small_model import FEATURES, walk

from tfpipeline.export import Tolerances, VerificationError, export
from tfpipeline.recipes.verifier import verify_files

pytestmark = pytest.mark.slow

layers = keras.layers


def model(*, also_varies: bool) -> keras.Model:
    """An output that is 1 but for rounding, alone or beside one that says something."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((FEATURES,))
    hidden = layers.Dense(4, activation="tanh")(inputs)
    tiny = keras.initializers.Constant(3e-8)
    outputs = [layers.Dense(3, kernel_initializer=tiny, bias_initializer="ones", name="flat")]
    if also_varies:
        outputs.append(layers.Dense(3, name="varies"))
    return keras.Model(inputs, [layer(hidden) for layer in outputs])


def test_samples_on_which_nothing_varies_are_named(target: Path) -> None:
    options: dict[str, Any] = {"verification": walk(8)[:, -1], "quantize": "float32"}
    with pytest.raises(VerificationError, match=r"cannot be judged, .* \('flat' is .*\): expected"):
        export(model(also_varies=False), target, **options)
    assert not target.exists()
    # Who asks for no proof needs no samples for one.
    loose = Tolerances(relative_error=1.0)
    report = export(model(also_varies=False), target, tolerances=loose, **options)
    assert report.forms[0].outputs[0].constant


def test_a_constant_output_among_others_is_judged_by_its_value(target: Path) -> None:
    x = walk(8)[:, -1]
    report = export(model(also_varies=True), target, verification=x, quantize="float32")
    flat, varies = report.forms[0].outputs
    assert flat.constant and flat.agreement is None
    assert flat.relative_error <= flat.channel_error < 0.01
    assert not varies.constant and varies.agreement is not None


def test_a_constant_that_is_off_is_named(target: Path) -> None:
    """Beside an output that is right, so that the error is that of the constant one."""
    inputs = keras.Input((FEATURES,))
    tiny = keras.initializers.Constant(3e-8)
    flat = layers.Dense(3, kernel_initializer=tiny, bias_initializer="ones", name="flat")
    sound = keras.Model(inputs, [flat(inputs), layers.Dense(3, name="varies")(inputs)])
    x = walk(8)[:, -1]
    export(sound, target, verification=x, quantize="float32")
    flat.bias.assign([1.0, 1.0, 1.5])
    message = r"0\.3\d+ > 0.002 \(output 'flat' of Keras is const.* in channel 2 of output 'flat'"
    with pytest.raises(VerificationError, match=message):
        verify_files(sound, [target], x)
