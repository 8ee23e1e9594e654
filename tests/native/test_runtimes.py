"""One library, one model file, three runtimes: all return the bits of the spec."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import native_library as native
import numpy as np
import pytest
from recurrent_models import assert_same_bits, feeds, make_case, op_model

from tfpipeline.runtime.native import library_path

#: Python of an environment with tflite-runtime 2.14 (CPython 3.11 at most, numpy below 2).
TFLITE_RUNTIME_PYTHON = "TFPIPELINE_TFLITE_RUNTIME_PYTHON"
ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-tflite-runtime"
SCRIPT = Path(__file__).with_name("run_in_runtime.py")


def tflite_runtime_python() -> str:
    """The Python to use, making its environment on the first call; skips where that fails."""
    if named := os.environ.get(TFLITE_RUNTIME_PYTHON):
        return named
    python = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = ENVIRONMENT / "ready"
    if ready.exists():
        return str(python)
    if sys.version_info[:2] > (3, 11):
        pytest.skip(
            f"tflite-runtime 2.14 has no wheel for this Python; set {TFLITE_RUNTIME_PYTHON}"
        )
    packages = ["tflite-runtime==2.14.0", "numpy<2"]
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [str(python), "-m", "pip", "install", "--quiet", *packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no environment for tflite-runtime 2.14: {done.stderr.strip()[-200:]}")
    ready.touch()
    return str(python)


@pytest.mark.parametrize("runtime", ["litert", "tf", "tflite_runtime"])
def test_same_bits_in_every_runtime(cell: str, runtime: str, tmp_path: Path) -> None:
    python = sys.executable
    if runtime == "tflite_runtime":
        python = tflite_runtime_python()
    elif runtime == "tf" and importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    shape = {"units": 40, "input_dim": 13, "rank_x": 6, "rank_h": 20, "batch": 2, "time": 9}
    case = make_case(**shape, cell=cell)
    model = tmp_path / "op.tflite"
    model.write_bytes(op_model(case).build())
    isas = native.supported()
    np.savez(tmp_path / "in.npz", isas=np.array(isas), **feeds(case))
    arguments = [str(tmp_path / "in.npz"), str(tmp_path / "out.npz")]
    done = subprocess.run(
        [python, str(SCRIPT), runtime, str(library_path()), str(model), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = np.load(tmp_path / "out.npz")
    for isa in isas:
        got = [results[f"{isa}_{name}"] for name in ("y", *case.cell.states)]
        assert_same_bits(got, case.reference())
