"""Fixtures of the tests on emulated Arm processors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# Helper modules stand beside the tests; pytest's importlib mode adds no folder by itself.
sys.path[:0] = [str(HERE), str(HERE.parent / "native")]
# The package `arm` and the script `arm_kernels`; last, because its neighbours have short names.
sys.path.append(str(HERE.parents[1] / "custom_ops" / "bench"))

import machines  # noqa: E402


@pytest.fixture(scope="session")
def arm64_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the library and the test programs for 64-bit Arm."""
    machines.emulator(machines.AARCH64)
    compiler = machines.gcc(machines.AARCH64)
    return machines.build(machines.AARCH64, compiler, tmp_path_factory.mktemp("aarch64"), "all")


@pytest.fixture(scope="session")
def armhf_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the library and the test programs for 32-bit Arm."""
    machines.emulator(machines.ARMHF)
    compiler = machines.gcc(machines.ARMHF)
    return machines.build(machines.ARMHF, compiler, tmp_path_factory.mktemp("armhf"), "all")
