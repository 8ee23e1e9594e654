"""One library, one model file, three runtimes: all return the bits of the spec."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import native_library as native
import numpy as np
import pytest
from gru_models import gru_model, make_case
from tflite_runtime_environment import python_with_tflite_runtime

from tfpipeline.runtime.native import library_path

SCRIPT = Path(__file__).with_name("run_in_runtime.py")


@pytest.mark.parametrize("runtime", ["litert", "tf", "tflite_runtime"])
def test_same_bits_in_every_runtime(runtime: str, tmp_path: Path) -> None:
    python = sys.executable
    if runtime == "tflite_runtime":
        python = python_with_tflite_runtime()
    elif runtime == "tf" and importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    case = make_case(units=40, input_dim=13, rank_x=6, rank_h=20, batch=2, time=9)
    model = tmp_path / "gru.tflite"
    model.write_bytes(gru_model(case).build())
    isas = native.supported()
    np.savez(tmp_path / "in.npz", x=case.x, h0=case.h0, isas=np.array(isas))
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
    y, last = case.reference()
    for isa in isas:
        np.testing.assert_array_equal(results[f"{isa}_y"], y)
        np.testing.assert_array_equal(results[f"{isa}_h"].view(np.int32), last.view(np.int32))
