"""Generated headers, compiled for this machine under sanitizers."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.microcontroller import IntegerModel

# The package `micro`; last, because its neighbours have short names.
sys.path.append(str(Path(__file__).resolve().parents[2] / "custom_ops" / "bench"))

from micro.boards import build_here, missing, run_here, write_sources  # noqa: E402

SANITIZE = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiler(*names: str) -> str:
    """Return the first of some compilers that is installed, or skip the test."""
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    return found


def need_boards() -> None:
    """Skip the test where there are no emulated boards."""
    lacking = missing()
    if lacking is not None:
        pytest.skip(lacking)


def said(model: IntegerModel, inputs: np.ndarray) -> list[int]:
    """Return the checksums of the compiled header."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sources(model, inputs, folder)
        return run_here(build_here(compiler("gcc", "cc"), folder, SANITIZE)).sums
