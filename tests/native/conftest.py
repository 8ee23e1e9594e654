"""Fixtures of the native tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Helper modules stand beside the tests; pytest's importlib mode adds no folder by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import c_programs  # noqa: E402
import native_library  # noqa: E402

from tfpipeline.numerics.cells import CELLS  # noqa: E402


@pytest.fixture(params=sorted(native_library.variants()))
def isa(request: pytest.FixtureRequest) -> str:
    """Each set of kernels in the library that this processor can run."""
    name: str = request.param
    if name not in native_library.supported():
        pytest.skip(f"this processor does not run {name}")
    return name


@pytest.fixture(params=sorted(CELLS))
def cell(request: pytest.FixtureRequest) -> str:
    """Each recurrent op."""
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["guard-before", "guard-after"])
def at_end(request: pytest.FixtureRequest) -> bool:
    """Which end of each buffer touches a guard page."""
    return bool(request.param)


@pytest.fixture(scope="session")
def c_mode(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], c_programs.Programs]:
    """Programs by mode ("allocations", "sanitizers", "races"), each compiled once a session."""
    built: dict[str, c_programs.Programs] = {}
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent  # of all processes

    def of(mode: str) -> c_programs.Programs:
        if mode not in built:
            shared = session / f"objects-{mode}"
            shared.mkdir(exist_ok=True)
            folder = tmp_path_factory.mktemp(f"c-{mode}")
            built[mode] = c_programs.Programs(mode, folder, shared)
        return built[mode]

    return of
