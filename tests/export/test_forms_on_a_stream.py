"""The forms for microcontrollers, side by side on a stream of ten times the training length."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from small_model import FEATURES, FRAMES, LABELS, settle, walk

from tfpipeline.export import export, write_c_header
from tfpipeline.export.trace.header_layers import header_layers
from tfpipeline.layers import FastGRNN
from tfpipeline.microcontroller import integer_model
from tfpipeline.runtime import Streamer

pytestmark = pytest.mark.slow

#: Of what the scores deviate. Measured 0.040 of the file of int8, 0.024 of int16x8, and 0.037 of
#: the header, whose weights share one scale; docs/microcontrollers.md says this bound.
CLOSE = 0.08


@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
def test_a_file_and_a_header_stay_close_to_keras(quantize: str, tmp_path: Path) -> None:
    functions = {"activation": "quant_tanh", "recurrent_activation": "quant_sigmoid"}
    inputs = keras.Input((None, FEATURES))
    states = FastGRNN(16, rank=8, h_clip=1.0, return_sequences=True, **functions)(inputs)
    model = settle(keras.Model(inputs, keras.layers.Dense(len(LABELS))(states)), seed=6)
    calibration, io = walk(80), "int8" if quantize == "int8" else "int16"
    files = export(
        model,
        tmp_path / "kws.tflite",
        quantize=quantize,
        calibration=calibration,
        streaming=True,
        forms=("portable",),
        io=io,
    )
    write_c_header(model, tmp_path / "kws.h", calibration=calibration, streaming=True)
    stream = walk(10, seed=7)
    stream[1::2] = stream[1::2, ::-1]
    long = stream.reshape(1, 10 * FRAMES, FEATURES)
    expected = np.asarray(model(long))[0]
    layers = header_layers(model)
    integers = integer_model(layers.step, calibration, layers.classifier)
    streamer = Streamer(files.stream_portable)
    found = {
        "header": integers.outputs(integers.states(long))[0],
        "file": np.stack([np.asarray(streamer.process(frame)) for frame in long[0]]),
    }
    for form, scores in found.items():
        late = slice(-FRAMES, None)
        error = np.sqrt(((scores[late] - expected[late]) ** 2).mean()) / expected.std()
        assert error < CLOSE, form
        margin = np.sort(expected[late], axis=1)
        clear = margin[:, -1] - margin[:, -2] > 4 * CLOSE * expected.std()
        assert clear.sum() > 5
        agree = scores[late].argmax(axis=1) == expected[late].argmax(axis=1)
        assert agree[clear].all(), form
