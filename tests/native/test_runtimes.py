"""One library, one model file, three runtimes: all return the bits of the spec."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import native_library as native
import numpy as np
import pytest
from recurrent_models import assert_same_bits, feeds, make_case, op_model
from separate_environment import TFLITE_RUNTIME

from tfpipeline.runtime.native import library_path

SCRIPT = Path(__file__).with_name("run_in_runtime.py")


@pytest.mark.parametrize("runtime", ["litert", "tf", "tflite_runtime"])
def test_same_bits_in_every_runtime(cell: str, runtime: str, tmp_path: Path) -> None:
    python = sys.executable
    if runtime == "tflite_runtime":
        python = TFLITE_RUNTIME.executable()
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
