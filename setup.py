"""The native part of the build: CMake builds `tfpipeline/_native/libtfpipeline_ops`.

All else stands in setup.cfg. Wheels are tagged `py3-none-<platform>`, because the library is
opened with ctypes and does not depend on the version of Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools < 70.1
    from wheel.bdist_wheel import bdist_wheel

ROOT = Path(__file__).resolve().parent
NATIVE = Path("tfpipeline") / "_native"
LIBRARY = {"win32": "libtfpipeline_ops.dll", "darwin": "libtfpipeline_ops.dylib"}.get(
    sys.platform, "libtfpipeline_ops.so"
)
NO_CMAKE = "building tfpipeline needs CMake 3.18 or newer, and none was found: pip install cmake."
NO_COMPILER = (
    "building tfpipeline needs a C compiler, and none was found: install one (Debian or Ubuntu: "
    "apt-get install gcc libc6-dev; macOS: xcode-select --install; Windows: the Visual Studio "
    "Build Tools) and run the command again."
)


def run_cmake(arguments: list[str], log: list[str]) -> bool:
    """Run CMake, add what it prints to `log`, and say whether it succeeded."""
    done = subprocess.run(
        ["cmake", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    log.append(done.stdout)
    return done.returncode == 0


def build_native(target: Path, version: str) -> None:
    """Build the library and put it into the folder `target`, in place of an older one.

    Raises:
        CompileError: CMake or a C compiler is missing, or the compilation failed.
    """
    if shutil.which("cmake") is None:
        raise CompileError(NO_CMAKE)
    log: list[str] = []
    # A fresh folder every time: a kept CMake cache would name the tools of an isolated build
    # environment that pip has removed since.
    with tempfile.TemporaryDirectory(prefix="tfpipeline-native-") as folder:
        configure = ["-S", str(ROOT / "custom_ops"), "-B", folder, "-DCMAKE_BUILD_TYPE=Release"]
        configure.append(f"-DTFPIPELINE_VERSION={version}")
        if shutil.which("ninja") is not None and sys.platform != "win32":
            configure += ["-G", "Ninja"]
        if not run_cmake(configure, log):
            text = "".join(log)
            missing = "CMAKE_C_COMPILER" in text or "C compiler identification is unknown" in text
            raise CompileError(NO_COMPILER if missing else f"CMake failed:\n{text}")
        installed = Path(folder) / "installed"
        steps = (
            ["--build", folder, "--config", "Release", "--parallel"],
            ["--install", folder, "--config", "Release", "--prefix", str(installed)],
        )
        for step in steps:
            if not run_cmake(step, log):
                raise CompileError("the native library did not compile:\n" + "".join(log))
        target.mkdir(parents=True, exist_ok=True)
        temporary = target / f"{LIBRARY}.{os.getpid()}.tmp"
        shutil.copy(installed / LIBRARY, temporary)
        # Processes that have the old file open keep it; no reader sees half a library.
        os.replace(temporary, target / LIBRARY)


class BuildPy(build_py):
    """Builds the library beside the Python files: in the source tree for editable installs."""

    def run(self) -> None:
        super().run()
        base = ROOT if self.editable_mode else Path(self.build_lib)
        try:
            build_native(base / NATIVE, self.distribution.get_version())
        except CompileError as error:
            if self.editable_mode:
                # For editable installs setuptools makes a warning of any Exception, and pip would
                # say that it succeeded, with the library of an earlier build in place.
                raise SystemExit(str(error)) from error
            raise

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs = list(super().get_outputs(include_bytecode))
        return [*outputs, str(Path(self.build_lib) / NATIVE / LIBRARY)]


class BdistWheel(bdist_wheel):
    """A wheel for one platform and every Python 3."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class NativeDistribution(Distribution):
    """Tells setuptools that the files depend on the platform."""

    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildPy, "bdist_wheel": BdistWheel}, distclass=NativeDistribution)
