"""gemmlowp as a contender: Debian's headers, compiled when the benchmark starts."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).resolve().with_name("gemmlowp.cc")
#: Ahead of -march=native, which would choose its AVX2 path only where this is defined too.
FLAGS = ["-O3", "-march=native", "-DGEMMLOWP_ENABLE_AVX2", "-w", "-shared", "-fPIC", "-pthread"]


class Gemmlowp:
    """uint8 products by gemmlowp.

    Raises:
        RuntimeError: there is no C++ compiler, or the headers are missing; says what to install.
    """

    def __init__(self) -> None:
        compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            raise RuntimeError("gemmlowp needs a C++ compiler: apt-get install g++")
        with tempfile.TemporaryDirectory(prefix="tfpipeline-gemmlowp-") as folder:
            library = Path(folder) / "gemmlowp.so"
            command = [compiler, *FLAGS, str(SOURCE), "-o", str(library)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0 and "gemmlowp.h" in done.stderr:
                raise RuntimeError(
                    "gemmlowp's headers are missing: apt-get install libgemmlowp-dev"
                )
            if done.returncode != 0:
                raise RuntimeError(f"gemmlowp did not compile: {done.stderr.strip()[-300:]}")
            self._library = ctypes.CDLL(str(library))

    def call(self, rows: int, depth: int, batch: int, threads: int) -> Callable[[], None]:
        """Return a function that multiplies once, random weights times random vectors."""
        rng = np.random.default_rng(0)
        weights = rng.integers(0, 256, (rows, depth), dtype=np.uint8)
        x = rng.integers(0, 256, (batch, depth), dtype=np.uint8)
        y = np.empty((batch, rows), np.uint8)
        arguments = [ctypes.c_void_p(a.ctypes.data) for a in (weights, x, y)]
        sizes = [ctypes.c_int(n) for n in (rows, depth, batch, threads)]
        function = self._library.bench_gemmlowp

        def run(kept: object = (weights, x, y)) -> None:
            function(*arguments, *sizes)

        return run


def try_gemmlowp() -> Gemmlowp | str:
    """Return gemmlowp, or why there is none."""
    try:
        return Gemmlowp()
    except RuntimeError as error:
        return str(error)
