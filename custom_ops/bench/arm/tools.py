"""The programs that the counts need, and what is built with them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tfpipeline.errors import TfpipelineError

_TIMEOUT = 300
_MCA_NAME = re.compile(r"llvm-mca(-\d+(\.\d+)?)?")
_OLDEST_MCA = 19
"""The recorded results are its; 15 and earlier have no model of the Neoverse N1."""


class ArmBenchError(TfpipelineError):
    """Something that the counts need is missing, or one of its programs failed."""


@dataclass(frozen=True)
class Tools:
    """Paths of programs.

    Args:
        qemu: the emulator.
        compiler: the C compiler for AArch64.
        objdump: the disassembler for AArch64.
        host_compiler: the C compiler for this machine.
        mca: llvm-mca of version 19 or later; None without one.
        mca_missing: why there is none, and what to install; None where there is one.
    """

    qemu: str
    compiler: str
    objdump: str
    host_compiler: str
    mca: str | None
    mca_missing: str | None = None

    @classmethod
    def find(cls) -> Tools:
        """Look for all of them on the path.

        Raises:
            ArmBenchError: one is missing; the message names its Debian package.
        """
        mca, mca_missing = find_mca()
        tools = cls(
            qemu=_need("qemu-aarch64", "qemu-user"),
            compiler=_need("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
            objdump=_need("aarch64-linux-gnu-objdump", "binutils-aarch64-linux-gnu"),
            host_compiler=_need("cc", "gcc"),
            mca=mca,
            mca_missing=mca_missing,
        )
        version = first_number(output([tools.qemu, "--version"]))
        if not (7, 2) <= version < (9, 0):
            raise ArmBenchError(
                f"qemu-aarch64: expected version 7.2 to 8.2, whose plug-in interface is 1, got "
                f"{version[0]}.{version[1]}; install Debian 12's qemu-user."
            )
        return tools

    def versions(self) -> dict[str, str]:
        """Return the first line in which each program says its version."""
        programs = {"qemu": self.qemu, "gcc": self.compiler, "objdump": self.objdump}
        lines = {name: _version(path) for name, path in programs.items()}
        lines["llvm-mca"] = _version(self.mca, "LLVM version") if self.mca else "none"
        return lines

    def build_plugin(self, sources: Path, folder: Path) -> Path:
        """Compile the counting plug-in of `custom_ops/bench/arm` into `folder`."""
        library = folder / "count.so"
        source = sources / "bench" / "arm" / "count.c"
        if not source.is_file():
            raise ArmBenchError(
                f"sources: expected the folder custom_ops of a checkout, but {source} is missing; "
                f"run `make bench-arm` there."
            )
        flags = ["-std=c11", "-D_DEFAULT_SOURCE", "-O2", "-fPIC", "-shared"]
        output([self.host_compiler, *flags, str(source), "-o", str(library)])
        return library

    def build_guest(self, sources: Path, folder: Path) -> Path:
        """Build the program to count with CMake, with the flags of the library."""
        cmake, ninja = _python_tool("cmake"), _python_tool("ninja")
        if cmake is None:
            raise ArmBenchError("cmake is missing: pip install cmake ninja.")
        configure = [
            *(cmake, "-S", str(sources), "-B", str(folder), "-DTFPIPELINE_TESTS=ON"),
            *("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"),
            f"-DCMAKE_C_COMPILER={self.compiler}",
            *(("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}") if ninja else ()),
        ]
        output(configure)
        output([cmake, "--build", str(folder), "--target", "guest"])
        return folder / "guest"


def output(
    command: Sequence[str],
    *,
    text: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return what a program printed; an ArmBenchError with its last words where it failed."""
    done = subprocess.run(
        list(command),
        input=text,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-400:]
        raise ArmBenchError(f"{Path(command[0]).name} failed ({done.returncode}): {words}")
    return done.stdout


def first_number(text: str) -> tuple[int, int]:
    """Return the first version in a text, as (major, minor); (0, 0) where there is none."""
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _version(program: str, mark: str = "") -> str:
    lines = output([program, "--version"]).splitlines()
    return next((line.strip() for line in lines if mark in line), "unknown")


def _python_tool(name: str) -> str | None:
    """Return a program of this Python's environment, else of the system."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _need(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ArmBenchError(f"{program} is missing: apt-get install {package}.")
    return found


def find_mca() -> tuple[str | None, str | None]:
    """Return the newest llvm-mca of version 19 or later on the path, or None and why there is none.

    Distributions install it as `llvm-mca` and as `llvm-mca-19`; what counts is what it says itself.
    """
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    names = {path.name for folder in folders for path in folder.glob("llvm-mca*")}
    versions = {}
    for name in sorted(names):
        found = shutil.which(name) if _MCA_NAME.fullmatch(name) else None
        if found is not None:
            # A program that does not even say its version is no use.
            with contextlib.suppress(ArmBenchError, OSError, subprocess.TimeoutExpired):
                versions[found] = first_number(_version(found, "LLVM version"))
    best = max(versions, key=versions.__getitem__, default=None)
    if best is not None and versions[best][0] >= _OLDEST_MCA:
        return best, None
    newest = "none was found"
    if best is not None:
        newest = f"{best} is version {'.'.join(map(str, versions[best]))}"
    return None, (
        f"llvm-mca {_OLDEST_MCA} or later is missing ({newest}): apt-get install llvm-{_OLDEST_MCA}"
    )
