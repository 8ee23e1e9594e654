"""The same files and the same plug-in in every stock runtime."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from separate_environment import TFLITE_RUNTIME
from small_model import Exported, walk

from tfpipeline.runtime import Interpreter, RuntimeUnavailableError, Streamer, load_delegate
from tfpipeline.runtime.native import library_path

_ROOT = Path(__file__).parents[2]


def _pair(exported: Exported, fused: bool) -> tuple[Path, Path]:
    report = exported.report
    if fused:
        return report.fused, report.stream_fused
    return report.portable, report.stream_portable


def _run(exported: Exported, fused: bool, runtime: str) -> tuple[np.ndarray, np.ndarray]:
    whole, stream = _pair(exported, fused)
    streamer = Streamer(stream, runtime=runtime)
    last = []
    for sample in exported.held_out:
        streamer.reset()
        last.append([streamer.process(frame) for frame in sample][-1])
    return Interpreter(whole, runtime=runtime).predict(exported.held_out), np.stack(last)


@pytest.mark.parametrize("fused", [False, True], ids=["portable", "fused"])
def test_tensorflow_runs_the_same_files(exported: Exported, fused: bool) -> None:
    whole, stream = _run(exported, fused, "tf")
    np.testing.assert_array_equal(whole, stream)
    reference, _ = _run(exported, fused, "litert")
    np.testing.assert_array_equal(whole, reference)


@pytest.mark.slow
@pytest.mark.parametrize("fused", [False, True], ids=["portable", "fused"])
def test_tflite_runtime_2_14_runs_the_same_files(
    exported: Exported, fused: bool, tmp_path: Path
) -> None:
    whole_file, stream_file = _pair(exported, fused)
    inputs, outputs = tmp_path / "inputs.npy", tmp_path / "outputs.npz"
    np.save(inputs, exported.held_out)
    script = _ROOT / "tests" / "support" / "run_model.py"
    # The library is named: an installed package does not exist in that environment.
    environment = {
        **os.environ,
        "PYTHONPATH": str(_ROOT),
        "TFPIPELINE_LIBRARY": str(library_path()),
    }
    files = [str(path) for path in (whole_file, stream_file, inputs, outputs)]
    command = [TFLITE_RUNTIME.executable(), str(script), *files]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = np.load(outputs)
    assert str(found["runtime"]) == "tflite_runtime 2.14.0"
    np.testing.assert_array_equal(found["stream"], found["whole"])
    reference, _ = _run(exported, fused, "litert")
    # Our op gives the same bits here (tests/native). The Dense layers around it are the runtime's
    # own, whose builtin kernels round differently from XNNPACK's: by a step of the scores' scale.
    step = Interpreter(whole_file).card["outputs"][0]["scale"]
    assert np.abs(found["whole"] - reference).max() <= (1.01 if fused else 8.01) * step


def test_a_graph_of_integers_runs_in_every_runtime(exported: Exported, tmp_path: Path) -> None:
    from tfpipeline.export import export

    path = tmp_path / "kws.tflite"
    options = {"io": "int8", "forms": ("portable",), "streaming": "both"}
    report = export(exported.model, path, calibration=walk(40), **options)
    reference = Interpreter(report.portable).predict(exported.held_out)
    inputs, outputs = tmp_path / "inputs.npy", tmp_path / "outputs.npz"
    np.save(inputs, exported.held_out)
    script = _ROOT / "tests" / "support" / "run_model.py"
    files = [str(report.portable), str(report.stream_portable), str(inputs), str(outputs)]
    step = Interpreter(report.portable).card["outputs"][0]["scale"]
    runtimes = [Interpreter(report.portable, runtime="tf").predict(exported.held_out)]
    subprocess.run(
        [TFLITE_RUNTIME.executable(), str(script), *files],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        check=True,
    )
    found = np.load(outputs)
    np.testing.assert_array_equal(found["stream"], found["whole"])
    for scores in (*runtimes, found["whole"]):
        assert np.abs(scores - reference).max() <= 4.01 * step


def test_an_unknown_runtime_is_named(exported: Exported) -> None:
    with pytest.raises(RuntimeUnavailableError, match="one of litert, tflite_runtime, tf, rece"):
        Interpreter(exported.report.portable, runtime="onnx")


def test_an_unknown_option_of_the_plugin_is_named() -> None:
    with pytest.raises(RuntimeUnavailableError, match="refused to load with options .*speed"):
        load_delegate(speed="high")


def test_a_forced_instruction_set_gives_the_same_bits(exported: Exported) -> None:
    reference = Interpreter(exported.report.fused).predict(exported.held_out)
    portable_c = Interpreter(exported.report.fused, delegate_options={"isa": "c"})
    np.testing.assert_array_equal(portable_c.predict(exported.held_out), reference)
