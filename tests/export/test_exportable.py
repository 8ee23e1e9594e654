"""What export refuses before it does anything, and names that meet in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from small_model import FEATURES, walk

from tfpipeline.export import ExportError, convert_stock, export
from tfpipeline.runtime import Interpreter, Streamer

pytestmark = pytest.mark.slow


def sequential(*inner: Any) -> keras.Model:
    return keras.Sequential([keras.Input((None, FEATURES)), *inner])


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_layers_that_keras_quantized_are_named(mode: str, tmp_path: Path) -> None:
    model = sequential(layers.GRU(8), layers.Dense(16, name="wide"), layers.Dense(4, name="last"))
    model.quantize(mode)
    message = "2 layers were quantized by Keras .*: 'wide', 'last'; expected the float model"
    with pytest.raises(ExportError, match=message):
        export(model, tmp_path / "m.tflite", calibration=walk(4))
    with pytest.raises(ExportError, match=message):
        convert_stock(model, tmp_path / "m.tflite", 24)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 300 + ".tflite", "file name a{24}...a{17}.tflite has 307 bytes, .* take 255"),
        # With what the fused form adds to it.
        ("a" * 248 + ".tflite", "has 261 bytes"),
        ("é" * 130 + ".tflite", "has 267 bytes"),
        ("a\0b.tflite", "has a zero in it"),
    ],
)
def test_names_that_no_file_can_have(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=f"path: .*{message}"):
        export(sequential(layers.GRU(4)), tmp_path / name, calibration=walk(4))
    assert not list(tmp_path.iterdir())


def test_a_folder_below_a_long_name(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="path: no file can be written .*File name too long"):
        export(sequential(layers.GRU(4)), tmp_path / ("a" * 300) / "m.tflite", calibration=walk(4))


@pytest.mark.parametrize("state", ["explicit", "internal"])
def test_an_output_named_as_a_state(state: str, target: Path) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, FEATURES), name="gru_state_in")
    x = layers.GRU(6, return_sequences=True, name="gru")(inputs)
    outputs = {"gru_state_out": layers.Dense(3)(x), "gru_state_1_out": layers.Dense(4)(x)}
    model = keras.Model(inputs, outputs)
    names = [layer.name for layer in model.layers]
    samples, held_out = walk(16), walk(2, seed=1)
    report = export(model, target, calibration=samples, streaming="both", state=state)
    stream = Streamer(report.stream_portable)
    expected = Interpreter(report.portable).predict(held_out)
    frames = [stream.process(frame) for frame in held_out[0]]
    assert set(expected) == set(outputs)
    for name, values in expected.items():
        np.testing.assert_array_equal(np.stack([frame[name] for frame in frames]), values[0])
    (described,) = stream.card["states"]
    if state == "explicit":
        assert (described["input"], described["output"]) == ("gru_state_2_in", "gru_state_2_out")
    assert [layer.name for layer in model.layers] == names


class Sliced(layers.Layer):
    """Takes a slice of the time axis."""

    def __init__(self, part: Any, **options: Any) -> None:
        super().__init__(**options)
        self.part = part

    def call(self, inputs: Any) -> Any:
        return inputs[:, self.part]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (slice(None, None, -1), "layer 'part' runs backwards in time: the model cannot stream"),
        (0, "layer 'part' takes the first time step, which a stream has in its first call only"),
    ],
    ids=["backwards", "first"],
)
def test_slices_that_no_stream_has(part: Any, message: str, target: Path) -> None:
    inner = [layers.GRU(4, return_sequences=True), Sliced(part, name="part"), layers.Dense(3)]
    model = sequential(*inner)
    with pytest.raises(ExportError, match=message):
        export(model, target, calibration=walk(4), streaming=True)


def test_the_last_time_step_is_that_of_the_call(target: Path) -> None:
    keras.utils.set_random_seed(1)
    model = sequential(layers.GRU(4, return_sequences=True), Sliced(-1), layers.Dense(3))
    assert export(model, target, calibration=walk(8), streaming=True).stream_portable is not None
