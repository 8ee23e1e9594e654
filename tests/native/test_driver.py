"""Compiles each C driver with all sources and runs it: plainly, and under the sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tfpipeline.runtime.native import host_architecture

SOURCES = Path(__file__).resolve().parents[2] / "custom_ops"
FLAGS = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-g"]
COUNTED = ["malloc", "calloc", "realloc"]
MODES = {
    "allocations": [
        "-O1",
        "-DTFP_COUNT_ALLOCATIONS",
        *(f"-Wl,--wrap={name}" for name in COUNTED),
    ],
    "sanitizers": ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}


@pytest.mark.skipif(sys.platform != "linux", reason="uses the linker's --wrap and libasan")
@pytest.mark.parametrize(
    "program",
    ["recurrent_driver", "fully_connected_driver", "fully_connected_u8_driver", "factored_driver"],
)
@pytest.mark.parametrize("mode", MODES)
def test_driver(mode: str, program: str, tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    kinds = "*.[cS]" if host_architecture() == "aarch64" else "*.c"
    folders = ("kernels", "ops", "plugin")
    files = [str(f) for name in folders for f in sorted((SOURCES / name).glob(kinds))]
    files.append(str(SOURCES / "tests" / f"{program}.c"))
    executable = tmp_path / program
    command = [compiler, *FLAGS, *MODES[mode], "-pthread", *files, "-o", str(executable)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode != 0 and "cannot find" in built.stderr:
        pytest.skip(f"this compiler has no sanitizers: {built.stderr.strip()[-200:]}")
    assert built.returncode == 0, built.stderr[-4000:]
    # A preloaded library would have to come after the sanitizer's own.
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    done = subprocess.run(
        [str(executable)], capture_output=True, text=True, check=False, env=environment
    )
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stdout + done.stderr[-4000:]
