"""The kernels on emulated Arm processors: same bits, right choice, and nothing they lack."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
from machines import AARCH64, ARMHF, Machine, build, emulator, zig

pytestmark = pytest.mark.slow

# The variants that a processor can run, the one that it should choose last.
CPUS = {
    "cortex-a53": ["c", "neon", "neon_a53"],
    "cortex-a72": ["c", "neon_a53", "neon"],
    "neoverse-n1": ["c", "neon", "neon_a53", "neondot"],
    "max": ["c", "neon", "neon_a53", "neondot", "neoni8mm"],
}
NEEDS = {"neondot": ("cortex-a53", "cortex-a72"), "neoni8mm": ("cortex-a72", "neoverse-n1")}


LAYER_DRIVERS = (
    "fully_connected_driver",
    "fully_connected_u8_driver",
    "factored_driver",
    "embedding_driver",
    "builtin_lstm_driver",
)


def run(
    cpu: str, program: Path, *arguments: str, machine: Machine = AARCH64
) -> subprocess.CompletedProcess[str]:
    command = [emulator(machine), "-cpu", cpu, str(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("cpu", CPUS)
def test_every_kernel_has_the_bits_of_the_portable_one(arm64_build: Path, cpu: str) -> None:
    done = run(cpu, arm64_build / "kernel_test")
    assert done.returncode == 0, done.stdout + done.stderr
    results = dict(line.split(": ") for line in done.stdout.splitlines())
    assert {name for name, result in results.items() if result == "ok"} == set(CPUS[cpu])
    assert set(results) == set(CPUS["max"])


@pytest.mark.parametrize("cpu", CPUS)
def test_the_best_kernels_are_chosen(arm64_build: Path, cpu: str) -> None:
    assert run(cpu, arm64_build / "kernel_test", "--best").stdout.strip() == CPUS[cpu][-1]


@pytest.mark.parametrize("program", ["recurrent_driver", *LAYER_DRIVERS])
@pytest.mark.parametrize("cpu", CPUS)
def test_the_op_has_the_bits_of_the_portable_one(arm64_build: Path, cpu: str, program: str) -> None:
    done = run(cpu, arm64_build / program)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stdout + done.stderr


@pytest.mark.parametrize(("variant", "cpu"), [(v, c) for v, cpus in NEEDS.items() for c in cpus])
def test_kernels_of_another_processor_trap(arm64_build: Path, variant: str, cpu: str) -> None:
    # So the emulator would notice if dispatch ever chose them.
    done = run(cpu, arm64_build / "kernel_test", "--run", variant)
    assert done.returncode == -signal.SIGILL, done.stdout + done.stderr


def test_every_variant_can_be_run_by_name(arm64_build: Path) -> None:
    for variant in CPUS["max"]:
        done = run("max", arm64_build / "kernel_test", "--run", variant)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("cpu", ["cortex-a7", "cortex-a15", "cortex-a15,neon=off"])
def test_32_bit_kernels(armhf_build: Path, cpu: str) -> None:
    best = "c" if "neon=off" in cpu else "neonv7"
    kernels = armhf_build / "kernel_test"
    ops = [armhf_build / name for name in ("recurrent_driver", *LAYER_DRIVERS)]
    assert run(cpu, kernels, "--best", machine=ARMHF).stdout.strip() == best
    for program in (kernels, *ops):
        done = run(cpu, program, machine=ARMHF)
        assert done.returncode == 0, done.stdout + done.stderr
    forced = run(cpu, kernels, "--run", "neonv7", machine=ARMHF)
    assert forced.returncode == (-signal.SIGILL if best == "c" else 0)


def test_zig_builds_the_library(tmp_path: Path) -> None:
    compiler = zig(AARCH64, tmp_path)
    folder = build(AARCH64, compiler, tmp_path / "build", "tfpipeline_ops")
    data = (folder / "libtfpipeline_ops.so").read_bytes()
    assert (data[:4], data[18]) == (b"\x7fELF", 183), "not a library for AArch64"
    assert max(int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", data)) <= 27
