"""How fast a buffer can be read: unrolled loads in C, compiled when the benchmark starts."""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).resolve().with_name("read_limit.c")
#: Wider registers read more a clock, where a compiler would prefer narrower ones.
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-w", "-shared", "-fPIC"]
_MIB = 1 << 20
_STEP, _LINE = 512, 64


@dataclass(frozen=True)
class ReadLimit:
    """Bytes a second: of the fastest and of the typical read of a buffer."""

    best: float
    median: float


def read_limit(size: int, seconds: float = 0.2) -> ReadLimit:
    """Measure reading a buffer again and again; without a C compiler, searching it in vain.

    Args:
        size: Of the buffer, in bytes.
        seconds: How long to measure.
    """
    size = max(_STEP, size // _STEP * _STEP)
    # Not zeros, which the system would keep as one page for all.
    buffer = np.full(size + _LINE, 2, np.uint8)
    start = -buffer.ctypes.data % _LINE
    data = buffer[start : start + size]
    read = _reader()
    # Reads of a small buffer share a call, whose own cost would count.
    times = max(1, min(256, _MIB // size)) if read else 1
    call = _search(data) if read is None else _read(read, data, times)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < 8 or time.perf_counter() < end:
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) / times)
    return ReadLimit(size / min(taken), size / statistics.median(taken))


def _read(read: Callable[..., int], data: np.ndarray, times: int) -> Callable[[], object]:
    arguments = (ctypes.c_void_p(data.ctypes.data), ctypes.c_size_t(data.size))
    return lambda: read(*arguments, ctypes.c_int(times))


def _search(data: np.ndarray) -> Callable[[], object]:
    held = data.tobytes()
    return lambda: held.find(1)


@lru_cache(maxsize=1)
def _reader() -> Callable[..., int] | None:
    """Return the compiled function; without one say why, once, and return None."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    reason = "there is no C compiler"
    if compiler is not None:
        with tempfile.TemporaryDirectory(prefix="tfpipeline-read-limit-") as folder:
            library = Path(folder) / "read_limit.so"
            for flags in (FLAGS, [flag for flag in FLAGS if not flag.startswith("-mprefer")]):
                command = [compiler, *flags, str(SOURCE), "-o", str(library)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    function = ctypes.CDLL(str(library)).bench_read
                    function.restype = ctypes.c_uint64
                    return function
            reason = f"it did not compile: {done.stderr.strip()[-300:]}"
    print(f"read bandwidth: by a search, which is no limit, as {reason}", file=sys.stderr)
    return None
