"""Every recurrent cell, ours and Keras' own, through export in every kind of number format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, settle, walk

from tfpipeline import layers as own
from tfpipeline.export import export, kept_conversions
from tfpipeline.export.recurrent.observe import float_output
from tfpipeline.export.trace.recurrent_layers import recurrent_step
from tfpipeline.numerics.cells import CELLS
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.runtime.tflite_file import TFLiteFile

pytestmark = pytest.mark.slow

# Twice the error seen, that of the simple cell: what is rounded of it no gate holds back.
BOUNDS = {"float16": 2e-3, "dynamic": 0.08, "int8": 0.1, "int16x8": 0.035, "int4": 0.66}
FUSED = ("dynamic", "int8", "int4")


# With the beta that it starts from, 0.95, a FastRNN of random weights adds up so many steps that
# weights of 4 bits are refused, rightly: their error grows over a stream.
OPTIONS = {"fast_rnn": {"alpha_init": -1.0, "beta_init": 1.0}, "qrnn_fo": {"pooling": "fo"}}
LAYERS = {
    kind.CELL.KIND: kind
    # A normalized layer has the same step as the plain one, with weights of few values.
    for kind in (getattr(own, name) for name in own.__all__ if not name.startswith("Normalized"))
    if "CELL" in vars(kind)
}
LAYERS["qrnn_fo"] = LAYERS["qrnn"]


@pytest.fixture(scope="module", params=CELLS)
def model(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """A cell's name; a model of our layer, a plain one, Keras' own where it has one, and Dense."""
    kind = LAYERS[request.param]
    own_options = OPTIONS.get(request.param, {})
    options = {"return_sequences": True, "name": "second", **own_options}
    layers = [
        keras.Input((None, FEATURES)),
        kind(24, rank=8, return_sequences=True, name="first", **own_options),
        kind.PLAIN(17, **options) if hasattr(kind, "PLAIN") else kind(17, rank=None, **options),
        keras.layers.Dense(3),
    ]
    with kept_conversions():
        yield request.param, settle(keras.Sequential(layers), seed=3)


@pytest.mark.parametrize("mode", BOUNDS)
def test_every_form_agrees_with_keras(model: tuple[str, Any], target: Path, mode: str) -> None:
    cell, layers = model
    report = export(layers, target, quantize=mode, calibration=walk(30), streaming="both")
    assert len(report.forms) == (4 if mode in FUSED else 2)
    for form in report.forms:
        assert form.channel_error < BOUNDS[mode], form.name
        assert form.equals_whole == (True if "stream" in form.name else None)
    assert TFLiteFile(report.portable).custom_ops() == ()
    x = walk(1, seed=9)
    for whole, stream in (
        (report.portable, report.stream_portable),
        (report.fused, report.stream_fused),
    ):
        if whole is None:
            continue
        streamer = Streamer(stream)
        steps = np.stack([streamer.process(frame) for frame in x[0]])
        np.testing.assert_array_equal(steps, Interpreter(whole).predict(x)[0])
        kind = CELLS[cell]
        carried = kind.states if kind.recurrent else ("past", *kind.states)
        states = [f"{name}_{s}_in" for name in ("first", "second") for s in carried]
        assert [state["input"] for state in streamer.card["states"]] == states
    if mode in FUSED:
        assert TFLiteFile(report.fused).custom_ops() == (CELLS[cell].op_name,)
        ranks = Streamer(report.stream_fused).card["ranks"]
        assert [ranks[name]["kernel"] for name in ("first", "second")] == [8, None]


def test_a_graph_of_integers_only(model: tuple[str, Any], target: Path) -> None:
    cell, layers = model
    report = export(
        layers, target, calibration=walk(30), io="int8", forms=("portable",), streaming="both"
    )
    assert all(form.channel_error < BOUNDS["int8"] for form in report.forms)
    states = Streamer(report.stream_portable).card["states"]
    # The past that a window reads is kept as the input is.
    past = set() if CELLS[cell].recurrent else {"int8"}
    assert {state["dtype"] for state in states} == {"int16"} | past


def test_the_float_output_is_that_of_keras(model: tuple[str, Any]) -> None:
    _, layers = model
    x = walk(4)
    for layer in layers.layers[:2]:
        step, expected = recurrent_step(layer), np.asarray(layer(x))
        assert step is not None
        # float32 against float32 in another order of additions
        np.testing.assert_allclose(float_output(step, x), expected, atol=2e-5)
        x = expected
