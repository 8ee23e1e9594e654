"""Every joint form of the factored recurrent layers, and what two_stage_fit returns, exported."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from recurrent_kinds import TWIN_KINDS
from small_model import FEATURES, walk

from tfpipeline.compress import two_stage_fit
from tfpipeline.export import ExportReport, Tolerances, export
from tfpipeline.layers import FactoredGRU
from tfpipeline.regularizers import TraceNorm
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.runtime.tflite_file import TFLiteFile

pytestmark = pytest.mark.slow


def check_forms(report: ExportReport, model: keras.Model, op: str) -> None:
    """All four files run, agree with Keras, and give the same bits step by step."""
    assert {form.name for form in report.forms} == {
        "portable",
        "fused",
        "stream portable",
        "stream fused",
    }
    for form in report.forms:
        # The bound that export itself holds every form to is 0.15.
        assert form.channel_error < 0.1, form
        assert form.equals_whole in (None, True)
    assert TFLiteFile(report.portable).custom_ops() == ()
    assert TFLiteFile(report.fused).custom_ops() == (op,)
    assert TFLiteFile(report.stream_fused).custom_ops() == (op,)
    x = walk(3, seed=9)
    expected = keras.ops.convert_to_numpy(model(x))
    found = Interpreter(report.fused).predict(x)
    assert found.shape == expected.shape
    # On average: a walk of its own may leave the range that calibration saw.
    assert np.mean(np.square(found - expected)) < 0.1**2 * np.mean(np.square(expected))
    stream = Streamer(report.stream_fused)
    steps = np.stack([stream.process(frame) for frame in x[0]])
    np.testing.assert_array_equal(steps, found[0])


@pytest.mark.parametrize("joint", ["partial", "split", "all", "prabhavalkar"])
@pytest.mark.parametrize("kind", TWIN_KINDS)
def test_joint_forms(target: Path, kind: str, joint: str) -> None:
    keras.utils.set_random_seed(5)
    # joint="all" needs as many features as units.
    layer = TWIN_KINDS[kind].factored(FEATURES, rank=8, joint=joint, return_sequences=True)
    model = keras.Sequential([keras.Input((None, FEATURES)), layer])
    # The largest of 40 states that nobody trained is a close call.
    accepted = Tolerances(agreement=0.9)
    report = export(model, target, calibration=walk(30), streaming="both", tolerances=accepted)
    check_forms(report, model, f"tfpipeline.{kind}")


def test_the_result_of_two_stage_fit(target: Path) -> None:
    keras.utils.set_random_seed(6)
    x = walk(64)
    # Whether the features have risen or fallen so far: something to learn in a few steps.
    y = (x.mean(axis=-1, keepdims=True) > 0).astype("float32")
    strength = TraceNorm(1e-3)
    model = keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            FactoredGRU(
                24,
                kernel_regularizer=strength,
                recurrent_regularizer=strength,
                return_sequences=True,
            ),
            keras.layers.Dense(1),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    criterion = {"explained_variance": 0.8}
    result = two_stage_fit(model, x, y, epochs=4, transition=2, criterion=criterion, verbose=0)
    report = export(result.model, target, calibration=x, streaming="both")
    check_forms(report, result.model, "tfpipeline.gru")
    full = export(model, target.with_name("full.tflite"), calibration=x)
    assert report.fused.stat().st_size < full.fused.stat().st_size
