"""Whole sequences that may be shorter than those of the calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as Stock
from small_model import FEATURES, FRAMES, Exported, walk

from tfpipeline.export import ExportError, ExportReport, Tolerances, export
from tfpipeline.export.options import Form
from tfpipeline.export.trace.signature import signature_of
from tfpipeline.export.verify.score_kinds import scores_of_outputs
from tfpipeline.export.verify.short_sequences import problems_of_lengths, verify_lengths
from tfpipeline.runtime import Interpreter, ModelFileError

pytestmark = pytest.mark.slow

L = keras.layers


@pytest.fixture(scope="module")
def bounded(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return export(
        exported.model,
        tmp_path_factory.mktemp("bounded") / "kws.tflite",
        calibration=walk(40),
        verification=exported.held_out,
        length="bounded",
    )


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_short_sequences_are_as_close_to_keras_as_long_ones(
    bounded: ExportReport, exported: Exported, form: str
) -> None:
    interpreter = Interpreter(getattr(bounded, form))
    spread = np.asarray(exported.model(exported.held_out)).std()
    for frames in (1, 5, FRAMES - 1):
        cut = exported.held_out[:, :frames]
        error = interpreter.predict(cut) - np.asarray(exported.model(cut))
        assert np.sqrt((error**2).mean()) < 0.1 * spread
    # At the full length there is no difference to a file of that length only.
    fixed = Interpreter(getattr(exported.report, form)).predict(exported.held_out)
    np.testing.assert_array_equal(interpreter.predict(exported.held_out), fixed)


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_what_comes_after_the_end_changes_nothing(bounded: ExportReport, form: str) -> None:
    path, sample = getattr(bounded, form), walk(1, seed=3)[0]
    interpreter = Interpreter(path)
    interpreter.set_input(sample, length=9)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.output(), interpreter.predict(sample[None, :9])[0])
    assert not np.array_equal(interpreter.output(), interpreter.predict(sample[None])[0])
    report = bounded.lengths[form]
    assert report.lengths == (1, 6, 12, 23) and report.samples == 12
    assert report.ignores_padding and 0 < report.relative_error <= report.channel_error < 0.15


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_a_length_beyond_the_bound_is_the_bound(bounded: ExportReport, form: str) -> None:
    path, x = getattr(bounded, form), walk(1, seed=3)
    interpreter = Interpreter(path)
    scores = {length: _raw(interpreter, x, length) for length in (FRAMES, FRAMES + 1, 2**31 - 1)}
    for found in scores.values():
        np.testing.assert_array_equal(found, scores[FRAMES])
    np.testing.assert_array_equal(_raw(interpreter, x, -1), _raw(interpreter, x, 0))


def _raw(interpreter: Interpreter, x: np.ndarray, length: int) -> np.ndarray:
    """The scores where a program of its own writes the length."""
    interpreter.set_input(x)
    interpreter._session.set("length", np.array([length], np.int32))
    interpreter.invoke()
    return np.asarray(interpreter.output())


def test_the_card_and_the_signature_name_the_length(bounded: ExportReport) -> None:
    card = json.loads(bounded.portable.with_suffix(".card.json").read_text())
    assert card["length"] == {"input": "length", "max": FRAMES}
    assert [entry["name"] for entry in card["inputs"]] == ["x"]
    signatures = Stock(str(bounded.portable)).get_signature_list()
    assert sorted(signatures["serving_default"]["inputs"]) == ["length", "x"]


def test_a_card_that_names_another_input_is_refused(bounded: ExportReport, tmp_path: Path) -> None:
    edited = tmp_path / "edited.tflite"
    data = bounded.portable.read_bytes()
    assert data.count(b'"input":"length"') == 1
    edited.write_bytes(data.replace(b'"input":"length"', b'"input":"lenght"'))
    with pytest.raises(ModelFileError, match="has no input 'lenght', which its card names"):
        Interpreter(edited)


def test_the_interpreter_says_what_it_takes(bounded: ExportReport, exported: Exported) -> None:
    interpreter = Interpreter(bounded.portable)
    with pytest.raises(ValueError, match="must have 1 to 24 time steps, received 25: cut it"):
        interpreter.predict(walk(1, frames=25))
    with pytest.raises(ValueError, match="must have 1 to 24 time steps, received 0"):
        interpreter.set_input(walk(1), length=0)
    with pytest.raises(ValueError, match=r"must have the shape \(1, 24, 40\), received"):
        interpreter.predict(walk(1)[..., :7])
    with pytest.raises(ValueError, match="takes sequences of one length"):
        Interpreter(exported.report.portable).set_input(walk(1), length=3)


@pytest.mark.parametrize("options", [{}, {"quantize": "dynamic"}, {"quantize": "int16x8"}])
def test_causal_layers_and_outputs_with_time(target: Path, options: dict[str, Any]) -> None:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, FEATURES), name="mel")
    x = L.Conv1D(16, 3, padding="causal", activation="relu")(inputs)
    y = L.LSTM(12, return_sequences=True)(x)
    z = L.GRU(7)(y)
    model = keras.Model(inputs, {"frames": L.Dense(3)(y), "all": L.Dense(4)(z)})
    report = export(model, target, calibration=walk(16), length="bounded", **options)
    for file in (report.portable, report.fused):
        if file is None:
            continue
        found = Interpreter(file).predict(walk(2)[:, :10])
        assert found["frames"].shape == (2, 10, 3) and found["all"].shape == (2, 4)


def test_integers_only(target: Path) -> None:
    model = keras.Sequential([keras.Input((None, FEATURES)), L.GRU(9), L.Dense(3)])
    options = {"io": "int8", "length": "bounded", "forms": ("portable",)}
    report = export(model, target, calibration=walk(16), **options)
    assert report.lengths["portable"].ignores_padding
    assert Interpreter(report.portable).predict(walk(2)[:, :3]).shape == (2, 3)


def _attention() -> keras.Model:
    inputs = keras.Input((None, FEATURES))
    x = L.GRU(6, return_sequences=True)(inputs)
    return keras.Model(inputs, L.Attention(name="attention")([x, x]))


def _of(*layers: keras.layers.Layer) -> Callable[[], keras.Model]:
    return lambda: keras.Sequential([keras.Input((None, FEATURES)), *layers])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_of(L.Conv1D(4, 3, padding="same"), L.GRU(4)), "looks at frames to come"),
        (_of(L.Conv1D(4, 3), L.GRU(4)), "layer 'conv1d.*' needs 3 frames"),
        (_of(L.Conv1D(4, 2, 2, padding="causal"), L.GRU(4)), "puts out fewer time steps"),
        (
            _of(L.GRU(4, return_sequences=True), L.GlobalAveragePooling1D(name="mean"), L.Dense(2)),
            "layer 'mean' picks or combines time steps",
        ),
        (
            _of(
                L.GRU(4, return_sequences=True),
                L.Lambda(lambda x: x[:, -1], name="last"),
                L.Dense(2),
            ),
            "layer 'last' picks or combines time steps",
        ),
        (_of(L.Bidirectional(L.GRU(4, return_sequences=True))), "runs backwards in time"),
        (_of(L.GRU(4, go_backwards=True, name="back")), "layer 'back' runs backwards in time"),
        (_of(L.Conv1D(4, 3, padding="causal")), "is for models with recurrent layers"),
        (_attention, "layer 'attention' compares time steps with each other"),
    ],
)
def test_models_in_which_padding_would_leak_are_refused(
    target: Path, build: Callable[[], keras.Model], message: str
) -> None:
    with pytest.raises(ExportError, match=message):
        export(build(), target, calibration=walk(4), length="bounded")


def test_arguments_that_do_not_go_together(model: Any, target: Path) -> None:
    with pytest.raises(ExportError, match="length must be one of 'fixed', 'bounded', received"):
        export(model, target, calibration=walk(4), length="free")
    with pytest.raises(ExportError, match="length='bounded' is for whole sequences, received"):
        export(model, target, calibration=walk(4), length="bounded", streaming=True)
    with pytest.raises(ExportError, match="needs samples of several time steps"):
        export(model, target, calibration=walk(4, frames=1), length="bounded")
    fixed = keras.Sequential([keras.Input((FRAMES, FEATURES)), L.GRU(4)])
    with pytest.raises(ExportError, match="length='bounded' needs an input with a free time axis"):
        export(fixed, target, calibration=walk(4), length="bounded")
    named = keras.Input((None, FEATURES), name="length")
    with pytest.raises(ExportError, match="has an input 'length'.* rename it"):
        export(keras.Model(named, L.GRU(4)(named)), target, calibration=walk(4), length="bounded")


def test_short_sequences_count_in_verification(bounded: ExportReport, exported: Exported) -> None:
    files = {Form(fused=False, streaming=False): bounded.portable}
    samples = {"x": exported.held_out}
    signature = signature_of(exported.model, samples["x"])
    scores = scores_of_outputs(exported.model, signature)
    found = verify_lengths(files, signature, exported.model, samples, scores)
    assert found == {"portable": bounded.lengths["portable"]}
    assert not problems_of_lengths(found, Tolerances(), exact=True)
    measured = found["portable"]
    for worse, what in (
        (replace(measured, relative_error=0.16, channel_error=0.16), "0.1600 > 0.15 on samples"),
        (replace(measured, channel_error=0.5), "0.5000 > 0.3 of one channel on samples"),
        (replace(measured, channel_error=1.0), "1.0000 > 0.3 of one channel on samples"),
        (replace(measured, channel_error=math.nan), "nan > 0.3 of one channel on samples"),
    ):
        (problem,) = problems_of_lengths({"portable": worse}, Tolerances(), exact=True)
        assert what in problem.what and "cut to (1, 6, 12, 23) time" in problem.what
        bounds = Tolerances(**problem.acceptable)
        accepted = not problems_of_lengths({"portable": worse}, bounds, exact=True)
        assert accepted == math.isfinite(worse.channel_error)


def test_a_file_that_hears_the_padding_is_noticed(target: Path) -> None:
    """A causal convolution whose float input is quantized on the fly, over all time steps."""
    # Of fewer than 1,024 weights the convolution would run in float32.
    model = keras.Sequential(
        [keras.Input((None, FEATURES)), L.Conv1D(12, 3, padding="causal"), L.GRU(4)]
    )
    options = {"quantize": "dynamic", "forms": ("portable",), "length": "bounded"}
    report = export(model, target, calibration=walk(8), **options)
    assert not report.lengths["portable"].ignores_padding
    assert not problems_of_lengths(report.lengths, Tolerances(), exact=False)
    (problem,) = problems_of_lengths(report.lengths, Tolerances(), exact=True)
    assert "depends on what comes after the end" in problem.what and not problem.acceptable
