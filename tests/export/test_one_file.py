"""Whole sequences and streams as two signatures of one file."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as Stock
from separate_environment import TFLITE_RUNTIME
from small_model import LABELS, Exported, walk

from tfpipeline.export import ExportError, ExportReport, export
from tfpipeline.inspection import inspect_model
from tfpipeline.recipes.verifier import verify_files
from tfpipeline.runtime import Interpreter, ModelFileError, Streamer
from tfpipeline.runtime.native import library_path

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[2]
_CHUNK = 4


@pytest.fixture(scope="module", params=["explicit", "internal"])
def state(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def report(model: Any, state: str, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return export(
        model,
        tmp_path_factory.mktemp("one") / "kws.tflite",
        calibration=walk(40),
        verification=walk(6, seed=1),
        streaming="both",
        chunk=_CHUNK,
        state=state,
        one_file=True,
        labels=LABELS,
    )


def test_two_files_hold_four_forms(report: ExportReport, state: str) -> None:
    folder = report.portable.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "kws.card.json",
        "kws.fused.card.json",
        "kws.fused.tflite",
        "kws.report.json",
        "kws.tflite",
    ]
    names = ["portable", "fused", "stream portable", "stream fused"]
    assert [form.name for form in report.forms] == names
    assert [form.equals_whole for form in report.forms] == [None, None, True, True]
    assert report.portable == report.stream_portable and report.fused == report.stream_fused
    assert set(report.drift) == {"stream portable", "stream fused"}
    expected = {"serving_default", "step"} | ({"reset"} if state == "internal" else set())
    assert set(Stock(str(report.portable)).get_signature_list()) == expected
    assert set(inspect_model(report.fused).signatures) == expected


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_the_stream_has_the_bits_of_the_whole(report: ExportReport, form: str) -> None:
    path, samples = getattr(report, form), walk(5, seed=7)
    streamer, last = Streamer(path), []
    for sample in samples:
        streamer.reset()
        for start in range(0, len(sample), _CHUNK):
            scores = streamer.process(sample[start : start + _CHUNK])
        last.append(scores)
    np.testing.assert_array_equal(np.stack(last), Interpreter(path).predict(samples))


def test_the_weights_are_in_the_file_once(
    report: ExportReport, model: Any, state: str, tmp_path: Path
) -> None:
    options = {"streaming": "both", "chunk": _CHUNK, "state": state, "labels": LABELS}
    two = export(model, tmp_path / "kws.tflite", calibration=walk(40), **options)
    weights = sum(layer["weight_bytes"] for layer in two.layers)
    assert weights > 2500
    for form in ("portable", "fused"):
        apart = two.form(form).bytes + two.form(f"stream {form}").bytes
        assert report.form(form).bytes < apart - weights


def test_the_card_describes_both(report: ExportReport, state: str) -> None:
    card = json.loads(report.fused.with_suffix(".card.json").read_text())
    whole, stream = Interpreter(report.fused), Streamer(report.fused)
    assert whole.card == card
    assert not card["streaming"] and card["chunk"] is None and card["states"] == []
    assert card["inputs"][0]["shape"] == [1, 24, 40]
    step = card["signatures"]["step"]
    assert set(step) == {"streaming", "chunk", "inputs", "outputs", "states", "length"}
    assert step["streaming"] and step["chunk"] == stream.chunk == _CHUNK
    assert step["inputs"][0]["shape"] == [1, _CHUNK, 40]
    assert len(step["states"]) == 2
    assert ("variable" in step["states"][0]) == (state == "internal")
    assert stream.card == {k: v for k, v in card.items() if k != "signatures"} | step


def test_states_are_cleared_and_read(report: ExportReport, state: str) -> None:
    stream, frames = Streamer(report.fused), walk(1)[0, :_CHUNK]
    first = stream.process(frames)
    assert not np.array_equal(stream.process(frames), first)
    assert bool(stream.states()) == (state == "explicit")
    stream.reset()
    np.testing.assert_array_equal(stream.process(frames), first)


def test_verify_checks_both_signatures(report: ExportReport, model: Any) -> None:
    found = verify_files(model, [report.fused], walk(4, seed=2))
    assert [(form.name, form.equals_whole) for form in found] == [
        ("fused", None),
        ("stream fused", True),
    ]


def test_it_takes_both(model: Any, exported: Exported, target: Path) -> None:
    for streaming in (False, True):
        with pytest.raises(ExportError, match="one_file=True is for streaming='both', received"):
            export(model, target, calibration=walk(4), streaming=streaming, one_file=True)
    with pytest.raises(ModelFileError, match="is a whole-sequence model"):
        Streamer(exported.report.portable)


@pytest.mark.parametrize("form", ["portable", "fused"])
def test_tensorflow_and_tflite_runtime_2_14_run_both_signatures(
    model: Any, form: str, tmp_path: Path
) -> None:
    # Everything at once that asks something of a runtime.
    options = {"streaming": "both", "one_file": True, "state": "internal", "length": "bounded"}
    report = export(model, tmp_path / "kws.tflite", calibration=walk(40), **options)
    assert all(other.error is None for other in report.runtimes[form])
    path, samples = getattr(report, form), walk(5, seed=7)
    streamer = Streamer(path, runtime="tf")
    for frame in samples[0]:
        scores = streamer.process(frame)
    np.testing.assert_array_equal(scores, Interpreter(path, runtime="tf").predict(samples)[0])

    inputs, outputs = tmp_path / "inputs.npy", tmp_path / "outputs.npz"
    np.save(inputs, samples)
    script = _ROOT / "tests" / "support" / "run_model.py"
    paths = {"PYTHONPATH": str(_ROOT), "TFPIPELINE_LIBRARY": str(library_path())}
    files = [str(file) for file in (path, path, inputs, outputs)]
    command = [TFLITE_RUNTIME.executable(), str(script), *files]
    done = subprocess.run(command, env={**os.environ, **paths}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.load(outputs)
    assert str(found["runtime"]) == "tflite_runtime 2.14.0"
    np.testing.assert_array_equal(found["stream"], found["whole"])
