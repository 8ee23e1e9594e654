"""`export` end to end: what it writes, what it proves, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import FEATURES, LABELS, Exported, walk

from tfpipeline.export import ExportError, Tolerances, VerificationError, export
from tfpipeline.export.work_folder import work_folder
from tfpipeline.layers import FactoredGRU
from tfpipeline.runtime import Interpreter, ModelFileError, Streamer
from tfpipeline.runtime.tflite_file import TFLiteFile


def read_model(path: Path) -> schema.ModelT:
    return schema.ModelT.InitFromPackedBuf(path.read_bytes())


FORMS = ("portable", "fused", "stream portable", "stream fused")


def test_writes_four_files_and_a_report(exported: Exported) -> None:
    report = exported.report
    assert [form.name for form in report.forms] == list(FORMS)
    assert report.portable is not None
    folder = report.portable.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "kws.card.json",
        "kws.fused.card.json",
        "kws.fused.tflite",
        "kws.report.json",
        "kws.stream.card.json",
        "kws.stream.fused.card.json",
        "kws.stream.fused.tflite",
        "kws.stream.tflite",
        "kws.tflite",
    ]
    assert json.loads(Path(report.report_path).read_text()) == json.loads(report.to_json())


@pytest.mark.parametrize("name", FORMS)
def test_every_form_agrees_with_keras(exported: Exported, name: str) -> None:
    form = exported.report.form(name)
    assert form is not None
    # int8 activations give about two decimal digits; twice the error seen is the bound.
    assert form.channel_error < 0.12
    assert form.agreement is not None and form.agreement >= 11 / 12


@pytest.mark.parametrize("fused", [False, True])
def test_streaming_equals_the_whole_sequence_bit_for_bit(exported: Exported, fused: bool) -> None:
    report = exported.report
    whole = Interpreter(report.fused if fused else report.portable)
    stream = Streamer(report.stream_fused if fused else report.stream_portable)
    expected = whole.predict(exported.held_out)
    for sample, scores in zip(exported.held_out, expected, strict=True):
        stream.reset()
        last = [stream.process(frame) for frame in sample][-1]
        np.testing.assert_array_equal(last, scores)


def test_reset_forgets_the_past(exported: Exported) -> None:
    stream = Streamer(exported.report.stream_fused)
    first = stream.process(exported.held_out[0, 0])
    second = stream.process(exported.held_out[0, 0])
    assert not np.array_equal(first, second)
    stream.reset()
    np.testing.assert_array_equal(stream.process(exported.held_out[0, 0]), first)


def test_only_the_fused_form_calls_our_op(exported: Exported) -> None:
    assert TFLiteFile(exported.report.portable).custom_ops() == ()
    assert TFLiteFile(exported.report.stream_portable).custom_ops() == ()
    assert TFLiteFile(exported.report.fused).custom_ops() == ("tfpipeline.gru",)


def test_a_streamer_takes_audio_through_the_frontend_of_the_card(exported: Exported) -> None:
    stream = Streamer(exported.report.stream_fused)
    tone = 0.1 * np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000)
    audio = tone.astype(np.float32)
    whole = stream.process_audio(audio)
    assert whole.shape == (98, len(LABELS))
    stream.reset()
    pieces = [stream.process_audio(part) for part in np.array_split(audio, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_export_leaves_the_model_as_it_was(exported: Exported) -> None:
    assert all("call" not in layer.__dict__ for layer in exported.model.layers)
    result = exported.model.predict(exported.held_out[:2], verbose=0)
    assert result.shape == (2, len(LABELS)) and np.abs(result).max() > 0


def test_int8_inputs_and_outputs_make_a_graph_of_integers_only(
    exported: Exported, target: Path
) -> None:
    report = export(
        exported.model,
        target,
        calibration=walk(40),
        verification=exported.held_out,
        io="int8",
        forms=("portable",),
        streaming="both",
    )
    whole, stream = Interpreter(report.portable), Streamer(report.stream_portable)
    assert whole.card["inputs"][0]["dtype"] == "int8"
    assert [state["dtype"] for state in stream.card["states"]] == ["int16", "int16"]
    tensors = read_model(report.portable).subgraphs[0].tensors
    assert not [t.name for t in tensors if t.type == schema.TensorType.FLOAT32]
    scores = whole.predict(exported.held_out)
    last = [stream.process(frame) for frame in exported.held_out[0]][-1]
    np.testing.assert_array_equal(last, scores[0])
    # The same weights and scales: only the gates' arithmetic differs, by less than a few steps.
    float_gates = Interpreter(exported.report.portable).predict(exported.held_out)
    step = whole.card["outputs"][0]["scale"]
    assert np.abs(scores - float_gates).max() <= 4 * step


def test_a_model_that_returns_sequences(target: Path) -> None:
    keras.utils.set_random_seed(5)
    layers = [keras.Input((None, FEATURES)), FactoredGRU(16, rank=6, return_sequences=True)]
    model = keras.Sequential([*layers, keras.layers.Dense(4)])
    report = export(model, target, calibration=walk(20), streaming="both")
    scores = Interpreter(report.fused).predict(walk(3))
    assert scores.shape == (3, 24, 4)
    assert all(form.equals_whole for form in report.forms if form.name.startswith("stream"))


def test_disagreement_is_an_error_and_writes_nothing(model: keras.Model, target: Path) -> None:
    strict = Tolerances(relative_error=1e-6)
    with pytest.raises(VerificationError, match="portable form disagrees .* relative error"):
        export(model, target, calibration=walk(8), tolerances=strict)
    assert list(target.parent.iterdir()) == []


def test_wrong_kind_of_runner_is_named(exported: Exported) -> None:
    with pytest.raises(ModelFileError, match="whole-sequence model: use tfpipeline.Interpreter"):
        Streamer(exported.report.portable)
    with pytest.raises(ModelFileError, match="streaming model .* use tfpipeline.Streamer"):
        Interpreter(exported.report.stream_portable)


def test_wrong_shapes_are_named(exported: Exported) -> None:
    model = Interpreter(exported.report.portable)
    with pytest.raises(ValueError, match=r"the shape \(1, 24, 40\), received \(9, 40\)"):
        model.predict(np.zeros((1, 9, 40), np.float32))
    with pytest.raises(ValueError, match=r"shape \(batch, 24, 40\), received \(24, 40\)"):
        model.predict(np.zeros((24, 40), np.float32))
    with pytest.raises(ValueError, match=r"frame must have the shape \(40,\), received \(41,\)"):
        Streamer(exported.report.stream_portable).process(np.zeros(41))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int3"}, "quantize must be one of 'float32', .* received 'int3'"),
        ({"io": "uint8"}, "io must be one of 'float32', 'int8' with quantize='int8', rec"),
        ({"streaming": "yes"}, "streaming must be one of False, True, 'both', received 'yes'"),
        ({"forms": ("fast",)}, "forms must hold 'portable', 'fused' or both"),
        ({"forms": ()}, "forms must hold 'portable', 'fused' or both"),
        ({"forms": 5}, "forms must hold 'portable', 'fused' or both, received 5"),
        ({"quantize": ["int8"]}, r"quantize must be one of 'float32', .* received \['int8'\]"),
        ({"labels": ["a"]}, "labels has 1 names, expected 3"),
        ({"tolerances": 0.1}, r"tolerances must be Tolerances\(...\), received 0.1"),
        ({"labels": "abc"}, "labels must be a list of names, received 'abc'"),
        ({"metrics": [1]}, r"metrics must map names to finite numbers, .* received \[1\]"),
        ({"calibration": (walk(3), np.zeros(3))}, "of several shapes for one input: .* labels out"),
        ({"calibration": np.full((3, 5, 40), "a")}, "calibration must hold numbers, received"),
        ({"calibration": walk(2) * 1e8}, "sums values up to .e.*; normalize the model's inputs"),
        ({"calibration": np.zeros((3, 40))}, r"calibration must have the shape .* \(3, 40\)"),
        ({"calibration": np.zeros((0, 5, 40))}, r"calibration must have the shape"),
        ({"calibration": np.full((1, 5, 40), np.nan)}, "calibration contains NaN"),
        ({"verification": np.zeros((1, 9, 40))}, "verification has 9 time steps, expected 24"),
    ],
)
def test_bad_arguments_are_named(
    model: keras.Model, target: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        export(model, target, **{"calibration": walk(2), **options})  # type: ignore[arg-type]


def test_a_model_must_be_one(target: Path) -> None:
    with pytest.raises(ExportError, match="model must be a keras.Model, received str: load a file"):
        export("model.keras", target, calibration=walk(2))  # type: ignore[arg-type]


def test_a_target_that_cannot_be_written_is_named(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "kws.fused.tflite").mkdir()
    for path, message in (
        (tmp_path / "file" / "kws.tflite", r"folder .*file \(it is a file\): pass another path"),
        (tmp_path / "kws.tflite", "kws.fused.tflite is a folder, expected none of that name"),
        (None, "path must be the path of a .tflite file to write, received None"),
    ):
        with pytest.raises(ExportError, match=message):
            export(model, path, calibration=walk(2))  # type: ignore[arg-type]
    assert {entry.name for entry in tmp_path.iterdir()} == {"file", "kws.fused.tflite"}


def test_a_refused_export_leaves_no_folders(model: keras.Model, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for target in (tmp_path / "mine" / "kws.tflite", tmp_path / "a" / "b" / "kws.tflite"):
        with pytest.raises(ExportError, match="sums values up to"):
            export(model, target, calibration=walk(2) * 1e8)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_folders_in_which_something_lies_stay(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), work_folder(tmp_path / "a" / "b" / "c"):
        (tmp_path / "a" / "notes.txt").write_text("of somebody else")
        raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "notes.txt"]


def test_path_must_be_a_tflite_file(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"path must end in .tflite, received .*model.h5"):
        export(model, tmp_path / "model.h5", calibration=walk(2))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (keras.layers.RNN(keras.layers.GRUCell(4)), "is a RNN, which export does not support yet"),
        (keras.layers.LSTM(4, activation="gelu"), "has activation='gelu': export supports"),
        (keras.layers.GRU(4, reset_after=False), "has reset_after=False: export supports"),
        (keras.layers.GRU(4, activation="gelu"), "has activation='gelu': export supports"),
    ],
)
def test_unsupported_recurrent_layers_are_named(
    target: Path, layer: keras.layers.Layer, message: str
) -> None:
    model = keras.Sequential([keras.Input((None, FEATURES)), layer, keras.layers.Dense(3)])
    with pytest.raises(ExportError, match=message):
        export(model, target, calibration=walk(2))


def test_an_op_without_an_integer_kernel_stays_in_float32(target: Path) -> None:
    norm = keras.layers.LayerNormalization(name="norm")
    layers = [keras.layers.GRU(4, return_sequences=True), norm]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers, keras.layers.Dense(3)])
    report = export(model, target, calibration=walk(8), forms=("portable",))
    assert "RSQRT" in report.kept_float["norm"]
    with pytest.raises(ExportError, match="of layer 'norm' has no int8 kernel"):
        export(model, target, calibration=walk(8), io="int8")


def test_values_without_a_range_are_named(target: Path) -> None:
    inputs = keras.Input((FEATURES,))
    logarithm = keras.ops.log(keras.ops.relu(keras.layers.Dense(3, name="hidden")(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(2)(logarithm))
    with pytest.raises(ExportError, match="has values that are infinite .* which int8 cannot hold"):
        export(model, target, calibration=walk(8)[:, 0])


def test_an_op_that_the_runtime_does_not_have_is_named(target: Path) -> None:
    inputs = keras.Input((None, FEATURES))
    scores = keras.layers.Dense(3)(keras.layers.GRU(4)(inputs))
    best = keras.ops.argmax(scores, axis=-1)  # Keras writes it with TensorFlow's BitwiseAnd.
    message = "the model needs the op 'BitwiseAnd', which TensorFlow Lite does not have: leave out"
    with pytest.raises(ExportError, match=message):
        export(keras.Model(inputs, best), target, calibration=walk(2))


def test_masks_are_refused_by_name(target: Path) -> None:
    layers = [keras.layers.Masking(), keras.layers.GRU(4, name="masked")]
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers])
    with pytest.raises(ExportError, match="layer 'masked' is called with mask.*length='bounded'"):
        export(model, target, calibration=walk(2))


def test_streaming_needs_a_free_time_axis(target: Path) -> None:
    layers = [keras.layers.GRU(4, return_sequences=True), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((24, FEATURES)), *layers, keras.layers.Dense(3)])
    with pytest.raises(ExportError, match=r"streaming needs an input with a free time axis"):
        export(model, target, calibration=walk(2), streaming=True)
