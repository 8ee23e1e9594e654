"""Models with stock layers, several inputs and outputs, integer inputs, and other classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import FEATURES, walk

from tfpipeline.export import ExportError, Tolerances, export
from tfpipeline.runtime import Interpreter, Streamer

pytestmark = pytest.mark.slow

L = keras.layers


def ids(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 50, (samples, 24))


def images(samples: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(samples, 16, 16, 1)).astype(np.float32)


def text_model() -> keras.Model:
    inputs = keras.Input((None,), dtype="int32")
    return keras.Sequential([inputs, L.Embedding(50, 16), L.GRU(12), L.Dense(5)])


def image_model() -> keras.Model:
    layers = [
        L.Conv2D(8, 3, padding="same", activation="relu6"),
        L.BatchNormalization(),
        L.DepthwiseConv2D(3, activation="relu"),
        L.MaxPooling2D(),
        L.AveragePooling2D(2),
        L.Flatten(),
        L.Dense(3, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((16, 16, 1)), *layers])


def bidirectional() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            L.Bidirectional(L.GRU(12, return_sequences=True)),
            L.Bidirectional(L.LSTM(8), merge_mode="sum"),
            L.Dense(5),
        ]
    )


def backwards() -> keras.Model:
    first = L.GRU(9, go_backwards=True, return_sequences=True)
    return keras.Sequential(
        [keras.Input((None, FEATURES)), first, L.LSTM(7, go_backwards=True), L.Dense(3)]
    )


@pytest.mark.parametrize("mode", ["float32", "dynamic", "int8", "int16x8"])
@pytest.mark.parametrize(
    ("model", "samples"),
    [(text_model, ids), (image_model, images), (bidirectional, walk), (backwards, walk)],
)
def test_stock_layers_in_every_activation_format(
    target: Path, model: Any, samples: Any, mode: str
) -> None:
    keras.utils.set_random_seed(4)
    report = export(model(), target, quantize=mode, calibration=samples(16))
    for form in report.forms:
        assert max(output.relative_error for output in form.outputs) < 0.06, form.name
    recurrent = model is not image_model
    assert any(form.name == "fused" for form in report.forms) == (
        recurrent and mode in ("dynamic", "int8")
    )


def test_several_inputs_and_outputs_keep_their_names(target: Path) -> None:
    keras.utils.set_random_seed(4)
    mel, speaker = keras.Input((None, FEATURES), name="mel"), keras.Input((5,), name="speaker")
    x = L.Concatenate()([L.GRU(12)(mel), L.Dense(4)(speaker)])
    model = keras.Model([mel, speaker], {"word": L.Dense(3)(x), "age": L.Dense(1)(x)})
    samples = {"mel": walk(12), "speaker": walk(12)[:, 0, :5]}
    report = export(model, target, calibration=samples, streaming="both")
    assert [output.name for output in report.forms[0].outputs] == ["age", "word"]
    found = Interpreter(report.fused).predict(samples)
    assert found["word"].shape == (12, 3) and found["age"].shape == (12, 1)
    stream = Streamer(report.stream_portable)
    for frame in samples["mel"][0]:
        last = stream.process({"mel": frame, "speaker": samples["speaker"][0]})
    whole = Interpreter(report.portable).predict(samples)
    np.testing.assert_array_equal(last["word"], whole["word"][0])
    with pytest.raises(ExportError, match=r"calibration has keys \['mel'\], expected"):
        export(model, target, calibration={"mel": walk(2)})
    with pytest.raises(ValueError, match=r"x must be a dict with an array for each of \['mel'"):
        Interpreter(report.fused).predict(walk(2))


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """A model without Input."""

    def __init__(self) -> None:
        super().__init__()
        self.first = L.GRU(10, return_sequences=True)
        self.second = L.Dense(4)

    def call(self, inputs: Any) -> Any:
        return self.second(self.first(inputs) + 1.0)


def test_a_subclassed_model_is_read_from_its_data(target: Path) -> None:
    keras.utils.set_random_seed(4)
    model = Subclassed()
    model(walk(1))
    report = export(
        model, target, calibration=walk(8), streaming="both", tolerances=Tolerances(0.8)
    )
    assert all(
        form.channel_error < 0.05 and form.equals_whole in (None, True) for form in report.forms
    )


def test_a_model_of_mixed_precision_exports_its_float32_weights(target: Path) -> None:
    keras.utils.set_random_seed(4)
    policy = keras.DTypePolicy("mixed_float16")
    layers = [L.GRU(8, dtype=policy), L.Dense(3, dtype=policy)]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers])
    report = export(model, target, quantize="float32", calibration=walk(8), tolerances=None)
    # Keras computes in float16 here: three digits.
    assert report.forms[0].channel_error < 5e-3
    assert all(layer.compute_dtype == "float16" for layer in model.layers)


def test_concatenated_values_of_different_ranges(target: Path) -> None:
    keras.utils.set_random_seed(4)
    inputs = keras.Input((None, FEATURES))
    small, large = L.Dense(4)(inputs) * 0.01, L.Dense(4)(inputs) * 10.0
    x = L.GRU(6)(L.Concatenate()([small, large]))
    report = export(keras.Model(inputs, L.Dense(2)(x)), target, calibration=walk(16))
    graph = schema.ModelT.InitFromPackedBuf(report.portable.read_bytes()).subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    assert any(name.endswith("/requantized") for name in names)
