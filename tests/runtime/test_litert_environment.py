"""Our ops in LiteRT's CompiledModel and in litert-benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_model import Exported

from tfpipeline.runtime import Interpreter
from tfpipeline.runtime.litert_environment import accelerator_folder, litert_environment

_COMPILED = """
import sys
import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from tfpipeline.runtime.litert_environment import litert_environment

samples = np.load(sys.argv[2])
with litert_environment() as environment:
    model = CompiledModel.from_file(sys.argv[1], environment=environment)
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    scores = []
    for sample in samples:
        inputs[0].write(sample[None])
        model.run_by_index(0, inputs, outputs)
        scores.append(outputs[0].read(3, np.float32))
    np.save(sys.argv[3], np.array(scores))
    del model, inputs, outputs
"""


def test_a_compiled_model_gives_the_interpreters_bits(exported: Exported, tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "inputs.npy", tmp_path / "outputs.npy"
    np.save(inputs, exported.held_out)
    # A process of its own: the first accelerator library that LiteRT loads stays loaded.
    command = [sys.executable, "-c", _COMPILED]
    files = [str(exported.report.fused), str(inputs), str(outputs)]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = Interpreter(exported.report.fused).predict(exported.held_out)
    np.testing.assert_array_equal(np.load(outputs), expected)


def test_litert_benchmark_runs_the_fused_file(exported: Exported, tmp_path: Path) -> None:
    folder, result = accelerator_folder(tmp_path / "runtime"), tmp_path / "result.json"
    command = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"]
    options = [f"--model={exported.report.fused}", f"--runtime_path={folder}", "--num_runs=3"]
    done = subprocess.run(
        [*command, *options, f"--result_json={result}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(result.read_text())


def test_without_the_environment_it_does_not_run(exported: Exported, tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "inputs.npy", tmp_path / "outputs.npy"
    np.save(inputs, exported.held_out)
    script = _COMPILED.replace("environment=environment", "")
    files = [str(exported.report.fused), str(inputs), str(outputs)]
    command = [sys.executable, "-c", script, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and not outputs.exists()


def test_the_environment_removes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with litert_environment():
        (folder,) = tmp_path.iterdir()
        assert [path.stem for path in folder.iterdir()] == ["libLiteRtGpuAccelerator"]
    assert list(tmp_path.iterdir()) == []
