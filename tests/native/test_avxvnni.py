"""The AVX-VNNI kernels, built with the encoding that processors with AVX512-VNNI understand.

The same source with the same instruction in another encoding: its bits are checked on many more
machines than have AVX-VNNI itself.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import native_library as native
import pytest

from tfpipeline.runtime.native import LIBRARY_VARIABLE

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1] / "custom_ops"
TESTS = ["test_kernels.py", "test_fully_connected_kernels.py", "test_fully_connected.py"]


def test_bits_of_avxvnni(tmp_path: Path) -> None:
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("compiles for x86-64 Linux")
    if "avx512vnni" not in native.supported():
        pytest.skip("this processor does not run avx512vnni")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    library = tmp_path / "libtfpipeline_ops.so"
    files = [
        str(f) for d in ("kernels", "ops", "text", "plugin") for f in (SOURCES / d).rglob("*.c")
    ]
    flags = ["-std=c11", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-pthread"]
    flags += ["-DTFP_AVXVNNI_AS_EVEX", "-DTFP_ASSERTIONS"]
    command = [compiler, *flags, *files, "-o", str(library)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-4000:]
    pytest_arguments = ["-q", "-p", "no:cacheprovider", "-k", "avxvnni and not avxvnni.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *pytest_arguments, *[str(HERE / t) for t in TESTS]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, LIBRARY_VARIABLE: str(library)},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) > 60, done.stdout[-2000:]
