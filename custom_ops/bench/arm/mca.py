"""Cycles that LLVM's models of processors predict for windows of what was executed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from arm.disassembly import mnemonic
from arm.tools import ArmBenchError, output

PROCESSORS = ("cortex-a53", "cortex-a72", "neoverse-n1")

_ONLY_TIMED_AS_NOP = re.compile(
    r"(hint|svc|mrs|msr|dmb|dsb|isb|udf|dc|ic|at|tlbi|ret|br|yield|paciasp|autiasp|bti)$"
    r"|(ldadd|ldset|ldclr|swp|cas|stlr|stlx|stxr|ldax|ldxr)"
)
_LABEL = ".Lwindow"


def predict(mca: str, processor: str, windows: Sequence[Sequence[str]]) -> float:
    """Return the cycles an instruction, over all windows of executed instructions.

    Each window is replayed once from an empty pipeline. Caches always hit in these models.
    """
    lines = [f"{_LABEL}:"]
    for number, window in enumerate(windows):
        lines.append(f"# LLVM-MCA-BEGIN {number}")
        lines.extend(replayable(text) for text in window)
        lines.append(f"# LLVM-MCA-END {number}")
    options = ["-mtriple=aarch64", f"-mcpu={processor}", "-mattr=+lse,+dotprod,+i8mm"]
    quiet = ["-iterations=1", "-instruction-info=0", "-resource-pressure=0"]
    report = output([mca, *options, *quiet], text="\n".join(lines) + "\n")
    cycles = [int(found) for found in re.findall(r"Total Cycles:\s+(\d+)", report)]
    if len(cycles) != len(windows):
        raise ArmBenchError(f"llvm-mca answered for {len(cycles)} of {len(windows)} windows.")
    return sum(cycles) / sum(len(window) for window in windows)


def replayable(text: str) -> str:
    """Return an instruction as llvm-mca takes it: jumps to one label, nops for the system's own."""
    name = mnemonic(text)
    if name == "blr" or _ONLY_TIMED_AS_NOP.match(name):
        return "nop"
    if name in ("b", "bl") or name.startswith("b."):
        return f"{'b' if name == 'bl' else name} {_LABEL}"
    if name in ("cbz", "cbnz", "tbz", "tbnz"):
        return f"{text.rsplit(',', 1)[0]}, {_LABEL}"
    if name in ("adr", "adrp"):
        return f"mov {text.split()[1].rstrip(',')}, #0"
    return text
