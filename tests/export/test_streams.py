"""Streams: chunks, convolutions that keep their past, states inside, and what cannot stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import FEATURES, walk

from tfpipeline.export import ExportError, Tolerances, export
from tfpipeline.runtime import Interpreter, Streamer

pytestmark = pytest.mark.slow

L = keras.layers


def convolutional() -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, FEATURES), name="mel")
    x = L.Conv1D(16, 3, padding="causal", activation="relu", name="front")(inputs)
    x = L.BatchNormalization()(x)
    x = L.ZeroPadding1D((4, 0), name="past")(x)
    x = L.SeparableConv1D(16, 3, dilation_rate=2)(x)
    y = L.GRU(16, return_sequences=True, name="recurrent")(x)
    x = L.Add()([x, y])
    return keras.Model(inputs, L.Dense(1, activation="sigmoid", name="probability")(x))


def strided() -> keras.Model:
    keras.utils.set_random_seed(3)
    layers = [
        L.Conv1D(16, 3, strides=2, padding="causal"),
        L.MaxPooling1D(2),
        L.LSTM(12, return_sequences=True),
        L.Dense(5),
    ]
    return keras.Sequential([keras.Input((None, FEATURES)), *layers])


@pytest.mark.parametrize("chunk", [1, 3, 4])
@pytest.mark.parametrize("state", ["explicit", "internal"])
def test_a_stream_has_the_bits_of_the_whole_sequence(target: Path, chunk: int, state: str) -> None:
    report = export(
        convolutional(), target, calibration=walk(16), streaming="both", chunk=chunk, state=state
    )
    assert [form.equals_whole for form in report.forms] == [None, None, True, True]
    stream = Streamer(report.stream_fused)
    assert stream.chunk == chunk
    names = {"front_past", "past_past", "recurrent_state"}
    if state == "explicit":
        assert {entry["input"] for entry in stream.card["states"]} == {f"{n}_in" for n in names}
    else:
        assert {entry["variable"] for entry in stream.card["states"]} == names
    assert stream.card["inputs"][0]["name"] == "mel"
    assert stream.card["outputs"][0]["name"] == "probability"


def test_states_inside_are_cleared_by_reset(target: Path) -> None:
    report = export(convolutional(), target, calibration=walk(8), streaming=True, state="internal")
    stream, frames = Streamer(report.stream_portable), walk(1)[0, :8]
    first = [stream.process(frame) for frame in frames]
    assert not np.array_equal([stream.process(frame) for frame in frames], first)
    stream.reset()
    np.testing.assert_array_equal([stream.process(frame) for frame in frames], first)


def test_strides_divide_the_chunk(target: Path) -> None:
    with pytest.raises(ExportError, match="layer 'conv1d.*' puts out 0.5 time steps; use a chunk"):
        export(strided(), target, calibration=walk(8), streaming=True)
    report = export(strided(), target, calibration=walk(8), streaming="both", chunk=8)
    assert all(form.equals_whole for form in report.forms if form.name.startswith("stream"))
    # 24 frames are 3 chunks of 8, each of which gives 2 outputs.
    stream = Streamer(report.stream_portable)
    assert stream.process(walk(1)[0, :8]).shape == (2, 5)
    assert Interpreter(report.portable).predict(walk(1)).shape == (1, 6, 5)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (L.Conv1D(4, 3, padding="same"), "looks at frames to come .* use padding='causal'"),
        (L.Conv1D(4, 3), "needs 3 frames and has no past to take them from"),
        (L.GlobalAveragePooling1D(keepdims=True), "combines all time steps"),
        (L.ZeroPadding1D((1, 1)), "pads the time axis on both sides"),
        (L.Bidirectional(L.GRU(4, return_sequences=True)), "runs backwards in time"),
    ],
)
def test_layers_that_cannot_stream_are_named(
    target: Path, layer: keras.layers.Layer, message: str
) -> None:
    model = keras.Sequential([keras.Input((None, FEATURES)), layer, L.GRU(4), L.Dense(3)])
    with pytest.raises(ExportError, match=message):
        export(model, target, calibration=walk(4), streaming=True)
    # A whole sequence is another matter.
    export(model, target, calibration=walk(4), tolerances=Tolerances(0, 1.0))


@pytest.mark.parametrize(
    "inner",
    [
        lambda: L.Dense(6),
        lambda: L.Conv1D(3, 3, padding="causal"),
        lambda: keras.Sequential([L.Flatten(), L.Dense(4)]),
    ],
)
def test_time_distributed_layers_stream(
    target: Path, inner: Callable[[], keras.layers.Layer]
) -> None:
    keras.utils.set_random_seed(4)
    layers = [L.Reshape((-1, 8, 5)), L.TimeDistributed(inner()), L.TimeDistributed(L.Flatten())]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers, L.GRU(4), L.Dense(3)])
    options = {"streaming": "both", "chunk": 2, "tolerances": Tolerances(0.8, 0.1)}
    report = export(model, target, calibration=walk(8), **options)
    assert all(form.equals_whole for form in report.forms if form.name.startswith("stream"))
    # Keras' own graph has the inner layer once for each of the 24 time steps.
    graph = schema.ModelT.InitFromPackedBuf(report.portable.read_bytes()).subgraphs[0]
    assert len(graph.operators) < 24


def test_time_distributed_layers_may_end_early(target: Path) -> None:
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), L.TimeDistributed(L.Dense(6)), L.GRU(4), L.Dense(3)]
    )
    report = export(model, target, calibration=walk(8), length="bounded")
    assert set(report.lengths) == {"portable", "fused"}


def test_a_recurrent_layer_in_a_time_distributed_one_is_named(target: Path) -> None:
    layers = [L.Reshape((-1, 8, 5)), L.TimeDistributed(L.GRU(3), name="outer")]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers, L.GRU(4), L.Dense(3)])
    message = "layer 'outer' becomes other ops at another length, so that it can neither stream"
    with pytest.raises(ExportError, match=message):
        export(model, target, calibration=walk(4), streaming=True)
    export(model, target, calibration=walk(4), tolerances=Tolerances(0, 1.0))


def test_a_layer_that_is_used_twice_cannot_stream(target: Path) -> None:
    shared = L.GRU(6, return_sequences=True, name="shared")
    inputs = keras.Input((None, 6))
    model = keras.Model(inputs, shared(shared(inputs)))
    with pytest.raises(ExportError, match="layer 'shared' is used twice"):
        export(model, target, calibration=walk(4)[..., :6], streaming=True)


def test_two_layers_of_one_name_cannot_stream(target: Path) -> None:
    inner = keras.Sequential([keras.Input((None, 6)), L.GRU(6, return_sequences=True, name="gru")])
    model = keras.Sequential([keras.Input((None, 6)), inner, L.GRU(4, name="gru")])
    with pytest.raises(ExportError, match="'gru' is used twice .*, or is one of two of that name"):
        export(model, target, calibration=walk(4)[..., :6], streaming=True)


def test_drift_is_measured_over_ten_lengths(target: Path) -> None:
    report = export(convolutional(), target, calibration=walk(8), streaming=True)
    assert set(report.drift) == {"stream portable", "stream fused"}
    for drift in report.drift.values():
        assert (drift.frames, drift.window) == (240, 24)
        assert drift.state_last is not None and drift.growth < 3
