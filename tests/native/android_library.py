"""libtfpipeline_ops with the functions that Java calls, on a desktop's Java."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import c_programs
import pytest


def jdk() -> Path:
    """A Java compiler's folder, or the test is skipped."""
    javac = shutil.which("javac")
    if javac is None:
        pytest.skip("no Java compiler: apt-get install default-jdk-headless")
    home = Path(javac).resolve().parents[1]
    if not (home / "include" / "jni.h").is_file():
        pytest.skip(f"no jni.h in {home}")
    return home


def build_library(home: Path, folder: Path) -> Path:
    """The library with the JNI functions, built by CMake as for Android."""
    cmake = shutil.which("cmake", path=str(Path(sys.executable).parent)) or shutil.which("cmake")
    if cmake is None:
        pytest.skip("cmake is missing: pip install cmake")
    include = home / "include"
    flags = f"-isystem {include} -isystem {include / 'linux'}"
    configure = [cmake, "-S", str(c_programs.SOURCES), "-B", str(folder)]
    # Without optimization, for the time that it takes; other tests run what is shipped.
    configure += ["-DTFPIPELINE_JNI=ON", "-DTFPIPELINE_WERROR=ON", "-DCMAKE_BUILD_TYPE=Debug"]
    for command in (
        [*configure, f"-DCMAKE_C_FLAGS={flags}"],
        [cmake, "--build", str(folder), "-j4"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder / "libtfpipeline_ops.so"
