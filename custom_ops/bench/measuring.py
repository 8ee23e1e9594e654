"""What the benchmarks share: interleaved timing, the machine in words, and the table on disk."""

from __future__ import annotations

import csv
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from tfpipeline.extras import missing_extra
from tfpipeline.runtime.native import best_isa

MIB = 1 << 20
#: More than the last-level cache of the machines that this runs on.
OUT_OF_CACHE_BYTES = 96 * MIB
#: By the name in /proc/cpuinfo.
_EXTENSIONS = {
    "avx2": "AVX2",
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "asimd": "NEON",
    "neon": "NEON",
    "asimddp": "dot products",
    "i8mm": "int8 matrix products",
}


def measure(
    calls: Sequence[Sequence[Callable[[], object]]], rounds: int, repeats: int
) -> list[list[float]]:
    """Return the seconds of each call; a contender has a list of calls that it makes in turn."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds):
        for taken, ways in zip(times, calls, strict=True):
            count = max(repeats, len(ways))
            for i in range(count):
                call = ways[(turn * count + i) % len(ways)]
                start = time.perf_counter()
                call()
                taken.append(time.perf_counter() - start)
    return times


def cpu_class() -> str:
    """Return the extensions of the processor that our kernels have variants for."""
    cpuinfo, names = Path("/proc/cpuinfo"), []
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        line = next((x for x in lines if x.startswith(("flags", "Features"))), "")
        flags = set(line.partition(":")[2].split())
        names = [name for flag, name in _EXTENSIONS.items() if flag in flags]
    return f"{' + '.join(names) or 'unknown'} (kernels {best_isa()})"


def machine() -> str:
    """Return the processor, cores and versions."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), name)
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}; kernels {best_isa()}; "
        f"ai-edge-litert {version('ai-edge-litert')}, tfpipeline {version('tfpipeline')}, "
        f"Python {platform.python_version()}"
    )


def write_csv(path: Path, rows: list[dict[str, object]], notes: list[str]) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {note}\n" for note in notes)
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(temporary, path)


def plot_if_possible(plot: Callable[..., None], path: Path, *arguments: object) -> None:
    """Draw what `write_csv` has kept already; without Matplotlib say so in one line."""
    try:
        plot(path, *arguments)
    except ImportError as error:
        reason = missing_extra(error) or error
        print(f"no plot {path.name}: {reason}", file=sys.stderr)
