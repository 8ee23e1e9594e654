"""tflite-runtime 2.14 in an environment of its own: it needs CPython 3.11 and numpy 1."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Names the Python of an environment that has tflite-runtime 2.14 already.
VARIABLE = "TFPIPELINE_TFLITE_RUNTIME_PYTHON"
_HOME = Path(__file__).resolve().parents[2] / ".venv-tflite-runtime"
_PACKAGES = ("tflite-runtime==2.14.0", "numpy==1.26.4")


@functools.cache
def python_with_tflite_runtime() -> str:
    """Its Python; made at the first call, kept beside the checkout, or the test is skipped."""
    if named := os.environ.get(VARIABLE):
        return named
    python, ready = _HOME / "bin" / "python", _HOME / "ready"
    if ready.exists():
        return str(python)
    base = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if sys.platform != "linux" or base is None:
        pytest.skip(
            f"tflite-runtime 2.14 has wheels for CPython 3.11 on Linux only; set {VARIABLE}"
        )
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([base, "-m", "venv", "--clear", str(_HOME)], [*install, *_PACKAGES]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no environment for tflite-runtime 2.14: {done.stderr.strip()[-200:]}")
    ready.touch()
    return str(python)
