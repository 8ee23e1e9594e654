"""tflite-runtime 2.14 in an environment of its own: it needs CPython 3.11 and numpy 1."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_HOME = Path(__file__).parents[2] / ".venv-tflite-runtime"
_PACKAGES = ("tflite-runtime==2.14.0", "numpy==1.26.4")


@pytest.fixture(scope="session")
def tflite_runtime_python() -> Path:
    """A Python with tflite-runtime 2.14; kept beside the checkout for the next run."""
    python, done = _HOME / "bin" / "python", _HOME / "installed"
    if done.exists():
        return python
    base = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if sys.platform != "linux" or base is None:
        pytest.skip("tflite-runtime 2.14 has wheels for CPython 3.11 on Linux only")
    subprocess.run([base, "-m", "venv", "--clear", str(_HOME)], check=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *_PACKAGES], check=True)
    done.touch()
    return python
