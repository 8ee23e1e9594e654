"""Environments of their own for runtimes whose wheels cannot live beside TensorFlow."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class SeparateEnvironment:
    """A runtime's own environment, made at its first use and kept beside the checkout.

    Args:
        variable: Environment variable that names the Python of one that is there already.
        folder: Where to make it, in the checkout.
        packages: What to install.
        python: The version of Python that the wheels are for; None for the one that runs the tests.
    """

    variable: str
    folder: str
    packages: tuple[str, ...]
    python: tuple[int, int] | None = None

    def executable(self) -> str:
        """Its Python; where none can be had, the test is skipped and says why."""
        if named := os.environ.get(self.variable):
            return named
        found, problem = _make(self)
        if problem:
            pytest.skip(f"no environment for {self.packages[0]}, set {self.variable}: {problem}")
        return str(found)


@functools.cache
def _make(environment: SeparateEnvironment) -> tuple[Path, str]:
    """Its Python, and why it cannot be used: an installation that failed is not tried again."""
    home = _ROOT / environment.folder
    python, ready = home / "bin" / "python", home / "ready"
    if ready.exists():
        return python, ""
    wanted = ".".join(map(str, environment.python or sys.version_info[:2]))
    base = sys.executable if environment.python is None else shutil.which(f"python{wanted}")
    if environment.python == sys.version_info[:2]:
        base = sys.executable
    if sys.platform != "linux" or base is None:
        return python, f"it needs Linux and CPython {wanted}"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    with _alone(home.with_name(home.name + ".lock")):
        if ready.exists():
            return python, ""
        create = [base, "-m", "venv", "--clear", str(home)]
        for command in (create, [*install, *environment.packages]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return python, done.stderr.strip()[-200:]
        ready.touch()
    return python, ""


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Tests run in several processes, and one of them makes the environment."""
    import fcntl

    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


TFLITE_RUNTIME = SeparateEnvironment(
    "TFPIPELINE_TFLITE_RUNTIME_PYTHON",
    ".venv-tflite-runtime",
    ("tflite-runtime==2.14.0", "numpy==1.26.4"),
    (3, 11),
)
# The release that tfpipeline/inspection/operators.tsv is about.
TFLITE_MICRO = SeparateEnvironment(
    "TFPIPELINE_TFLITE_MICRO_PYTHON",
    ".venv-tflite-micro",
    ("tflite-micro==0.dev20261023182759", "numpy==2.4.6"),
)
# The consumer of wake words; it brings its own build of TensorFlow Lite 2.17.1.
PYMICRO_WAKEWORD = SeparateEnvironment(
    "TFPIPELINE_PYMICRO_WAKEWORD_PYTHON",
    ".venv-pymicro-wakeword",
    ("pymicro-wakeword==2.5.0", "numpy==2.4.6"),
)
