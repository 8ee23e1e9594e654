"""C programs of the tests, linked with all of the plug-in, which is compiled once a mode."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tfpipeline.runtime.native import host_architecture

SOURCES = Path(__file__).resolve().parents[2] / "custom_ops"
FLAGS = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-g"]
FLAGS += ["-DTFP_ASSERTIONS"]
COUNTED = ["malloc", "calloc", "realloc"]
MODES = {
    # Compiling takes most of the time of these tests, and optimizing most of compiling.
    "allocations": (
        ["-O0", "-DTFP_COUNT_ALLOCATIONS"],
        [f"-Wl,--wrap={name}" for name in COUNTED],
    ),
    "sanitizers": (["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],) * 2,
    "races": (["-O0", "-fsanitize=thread"],) * 2,
}


def compiler() -> str:
    """A C compiler, or the test is skipped."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        pytest.skip("no C compiler")
    return found


@dataclass
class Programs:
    """Builds programs in one mode, in `folder`.

    `shared` keeps the objects, which processes that test side by side compile once.
    """

    mode: str
    folder: Path
    shared: Path
    _objects: list[Path] = field(default_factory=list)

    def build(self, *sources: str) -> Path:
        """The program made of `sources` (under custom_ops/tests) and all of the plug-in."""
        if not self._objects:
            kinds = "*.[cS]" if host_architecture() == "aarch64" else "*.c"
            names = ("kernels", "ops", "text", "plugin")
            files = [f for name in names for f in sorted((SOURCES / name).rglob(kinds))]
            self._objects = self._compile(files)
        own = self._compile([SOURCES / "tests" / name for name in sources])
        program = self.folder / Path(sources[0]).stem
        self._call([*MODES[self.mode][1], "-pthread", *map(str, [*self._objects, *own])], program)
        return program

    def _compile(self, files: list[Path]) -> list[Path]:
        def compile_one(file: Path) -> Path:
            target = self.shared / f"{file.parent.name}-{file.name}.o"
            if not target.is_file():
                self._call([*FLAGS, *MODES[self.mode][0], "-pthread", "-c", str(file)], target)
            return target

        with _alone(self.shared), ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(compile_one, files))

    @staticmethod
    def _call(arguments: list[str], target: Path) -> None:
        command = [compiler(), *arguments, "-o", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 and "cannot find" in done.stderr:
            pytest.skip(f"this compiler has no sanitizers: {done.stderr.strip()[-200:]}")
        assert done.returncode == 0, done.stderr[-4000:]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other processes out of a folder meanwhile."""
    import fcntl

    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(program: Path, *arguments: str | Path, prefix: tuple[str, ...] = ()) -> str:
    """What the program prints; the test fails unless it ends well."""
    # A preloaded library would have to come after the sanitizer's own.
    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    done = subprocess.run(
        [*prefix, str(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=environment,
    )
    ended = f"exit status {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    assert done.returncode == 0 and not done.stderr, ended
    return done.stdout
