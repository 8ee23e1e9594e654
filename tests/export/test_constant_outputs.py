"""Outputs that are the same on all samples, of which no standard deviation says how far is far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, walk

from tfpipeline.export import Tolerances, VerificationError, export
from tfpipeline.export.forms import Form
from tfpipeline.export.spread import spread
from tfpipeline.export.verify import _check, _compare

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
    with pytest.raises(VerificationError, match=r"cannot be judged, .* \('flat' is 1\): expected"):
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
    assert flat.constant and flat.agreement is None and flat.relative_error < 0.01
    assert not varies.constant and varies.agreement is not None


def test_a_constant_that_is_off_is_named(target: Path) -> None:
    target.write_bytes(b"")
    expected = {"flat": np.ones((4, 3)), "varies": np.arange(4.0)[:, None]}
    found = {**expected, "flat": np.full((4, 3), 1.5)}
    report = _compare(Form(fused=False, streaming=False), target, found, expected)
    with pytest.raises(VerificationError, match=r"0.5000 > 0.15 \(output 'flat' of Keras is const"):
        _check(report, Tolerances(), exact_streams=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1.0, 3.0]), 1.0),
        (np.array([-4.0, -4.0]), 4.0),
        (np.float32([4.0, 4.0000005]), 4.0),
        (np.zeros(3), 1.0),
        (np.array([1e-9, 3e-9]), 1e-9),
    ],
)
def test_what_errors_are_relative_to(values: np.ndarray, expected: float) -> None:
    assert spread(values) == pytest.approx(expected)
