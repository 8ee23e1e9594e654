"""The processors of the tests, and what runs and compiles for them on this machine."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from arm.tools import first_number

_OLDEST_QEMU = (7, 2)
SOURCES = Path(__file__).resolve().parents[2] / "custom_ops"


@dataclass(frozen=True)
class Machine:
    """One architecture.

    Args:
        name: what CMake calls it.
        debian: what Debian calls it.
        emulator: qemu's program for it.
        compiler: gcc's program for it.
        package: the Debian package of that program.
        zig: zig's target for a library that runs on glibc 2.27 and newer.
        wheel_platforms: tags of wheels that run on it.
    """

    name: str
    debian: str
    emulator: str
    compiler: str
    package: str
    zig: str
    wheel_platforms: tuple[str, ...]


AARCH64 = Machine(
    name="aarch64",
    debian="arm64",
    emulator="qemu-aarch64",
    compiler="aarch64-linux-gnu-gcc",
    package="gcc-aarch64-linux-gnu",
    zig="aarch64-linux-gnu.2.27",
    wheel_platforms=("manylinux_2_34_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
)
ARMHF = Machine(
    name="armv7l",
    debian="armhf",
    emulator="qemu-arm",
    compiler="arm-linux-gnueabihf-gcc",
    package="gcc-arm-linux-gnueabihf",
    zig="arm-linux-gnueabihf.2.27",
    wheel_platforms=("manylinux_2_34_armv7l",),
)


def emulator(machine: Machine) -> str:
    """The path of a qemu that knows the processors of the tests, or the test is skipped."""
    for name in (machine.emulator, f"{machine.emulator}-static"):
        if found := shutil.which(name):
            said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
            if first_number(said.stdout) < _OLDEST_QEMU:
                pytest.skip(f"{found} is too old: expected version 7.2 or later")
            return found
    pytest.skip(f"{machine.emulator} is missing: apt-get install qemu-user")


def gcc(machine: Machine) -> str:
    """The path of the cross compiler, or the test is skipped."""
    found = shutil.which(machine.compiler)
    if found is None:
        pytest.skip(f"{machine.compiler} is missing: apt-get install {machine.package}")
    return found


def zig(machine: Machine, folder: Path) -> str:
    """A compiler command in `folder` that calls zig, or the test is skipped."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("zig is missing: pip install ziglang")
    command = folder / f"zig-cc-{machine.name}"
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m ziglang cc -target {machine.zig} "$@"\n'
    )
    command.chmod(0o755)
    return str(command)


def _tool(name: str) -> str | None:
    """A program of this Python's environment, else of the system."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def build(machine: Machine, compiler: str, folder: Path, *targets: str) -> Path:
    """Builds `targets` of custom_ops with CMake, warnings being errors, and returns `folder`."""
    cmake, ninja = _tool("cmake"), _tool("ninja")
    if cmake is None:
        pytest.skip("cmake is missing: pip install cmake ninja")
    configure = [
        *(cmake, "-S", str(SOURCES), "-B", str(folder), "-DTFPIPELINE_WERROR=ON"),
        *("-DTFPIPELINE_ASSERTIONS=ON", "-DTFPIPELINE_TESTS=ON"),
        f"-DCMAKE_C_COMPILER={compiler}",
        *("-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={machine.name}"),
        *(("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}") if ninja else ()),
    ]
    for command in (configure, [cmake, "--build", str(folder), "--target", *targets]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder
