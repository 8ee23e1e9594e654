"""What a measurement ran on: processor, its vector extensions, system and Python."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

# What decides how fast products of small integers are; those that have it have what stands before.
_X86_CLASSES = {"avx512_vnni": "avx512-vnni", "avx_vnni": "avx-vnni", "amx_int8": "amx"}
_ARM_CLASSES = {"i8mm": "neon-i8mm", "asimddp": "neon-dotprod", "asimd": "neon", "neon": "neon"}
# Only the extensions that decide which kernel runs.
_X86_FLAGS = (
    *("sse4_1", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni"),
    "amx_int8",
)
_ARM_FLAGS = ("neon", "asimd", "asimddp", "i8mm", "sve")


@dataclass(frozen=True)
class Machine:
    """The machine, in words: enough to tell whether two results can be compared."""

    processor: str
    architecture: str
    flags: tuple[str, ...]
    cores: int
    system: str
    python: str

    @property
    def cpu_class(self) -> str:
        """Which products of small integers the processor has; figures of two classes never mix.

        `avx2`, `avx512-vnni`, `avx-vnni`, `amx` or several of the last three with a plus between
        them; `neon`, `neon-dotprod` or `neon-i8mm`; else the architecture.
        """
        joined = "+".join(name for flag, name in _X86_CLASSES.items() if flag in self.flags)
        if joined or "avx2" in self.flags:
            return joined or "avx2"
        arm = next((name for flag, name in _ARM_CLASSES.items() if flag in self.flags), "")
        # 64-bit Arm always has NEON, and macOS names no flags there.
        always = {"aarch64": "neon", "arm64": "neon"}
        return arm or always.get(self.architecture, self.architecture)

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "flags": list(self.flags), "cpu_class": self.cpu_class}


def describe_machine() -> Machine:
    """Describe this machine; what the system does not tell is `"unknown"` or empty."""
    cpuinfo = _read("/proc/cpuinfo")
    return Machine(
        processor=_processor(cpuinfo),
        architecture=platform.machine(),
        flags=_flags(cpuinfo),
        cores=_usable_cores(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
    )


def _processor(cpuinfo: str) -> str:
    for key in ("model name", "Model", "Hardware"):
        match = re.search(rf"^{key}\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
        if match:
            return match.group(1).strip()
    return _sysctl("machdep.cpu.brand_string") or platform.processor() or "unknown"


def _flags(cpuinfo: str) -> tuple[str, ...]:
    match = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    listed = set(match.group(1).split()) if match else set()
    if not listed:
        listed = set(_sysctl("machdep.cpu.features machdep.cpu.leaf7_features").lower().split())
    return tuple(flag for flag in (*_X86_FLAGS, *_ARM_FLAGS) if flag in listed)


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity to ask for
        return os.cpu_count() or 1


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _sysctl(names: str) -> str:
    if platform.system() != "Darwin":
        return ""
    run = subprocess.run(
        ["sysctl", "-n", *names.split()], capture_output=True, text=True, check=False
    )
    return run.stdout.strip()
