"""A Python for another processor, with the real wheels of a runtime, run by qemu.

Debian's packages and the wheels are unpacked, not installed, into `.cache-arm` beside the checkout
and kept there. A root of its own for each processor says in /proc/cpuinfo which one it is: the
runtimes choose their own kernels by that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from machines import Machine, emulator

CACHE = Path(__file__).resolve().parents[2] / ".cache-arm"
PYTHON = "python3.11"
PACKAGES = (
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libgcc-s1"),
    *("libstdc++6", "zlib1g", "libexpat1", "libffi8", "libbz2-1.0", "liblzma5", "libssl3"),
)


@dataclass(frozen=True)
class Runtime:
    """A runtime and what it needs, as wheels; `debian` names packages in place of wheels."""

    name: str
    wheels: tuple[str, ...]
    debian: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cpu:
    """A processor as qemu and as /proc/cpuinfo name it."""

    name: str
    part: str
    features: str

    def info(self) -> str:
        core = (
            f"Features\t: {self.features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            f"CPU variant\t: 0x0\nCPU part\t: {self.part}\nCPU revision\t: 4\n\n"
        )
        return "".join(f"processor\t: {i}\nBogoMIPS\t: 100.00\n{core}" for i in range(2))


def run(machine: Machine, runtime: Runtime, cpu: Cpu, *command: str, **environment: str) -> str:
    """Runs the guest's Python with arguments `command`; returns what it printed.

    `PYTHONPATH` in `environment` comes after the runtime. Without the packages and with no way to
    get them the test is skipped.
    """
    qemu = emulator(machine)
    root, site = _root(machine, runtime, cpu), _site(machine, runtime)
    path = [str(site), *filter(None, [environment.pop("PYTHONPATH", "")])]
    if runtime.debian:
        path.append("/usr/lib/python3/dist-packages")
    done = subprocess.run(
        [qemu, "-cpu", cpu.name, "-L", str(root), str(root / "usr" / "bin" / PYTHON), *command],
        env={**environment, "PYTHONPATH": ":".join(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _made(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, which `make` fills under another name first: a half-filled one is never seen."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n")
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            make(temporary)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _do(command: list[str], folder: Path, missing: str) -> None:
    """Runs a step of the set-up; skips the test when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{missing}: {(done.stderr or done.stdout).strip()[-200:]}")


def _root(machine: Machine, runtime: Runtime, cpu: Cpu) -> Path:
    """The files of Debian's packages, hard links of one copy, and what the kernel would say."""
    base = CACHE / machine.name
    names = (*PACKAGES, *runtime.debian)
    kind = "-".join(["root", *runtime.debian[:1]])
    files = _made(base / kind, lambda folder: _unpack(machine, names, folder))

    def link(folder: Path) -> None:
        shutil.copytree(files, folder, symlinks=True, copy_function=os.link, dirs_exist_ok=True)
        (folder / "proc").mkdir()
        (folder / "proc" / "cpuinfo").write_text(cpu.info())
        cores = folder / "sys" / "devices" / "system" / "cpu"
        cores.mkdir(parents=True)
        for name in ("possible", "present", "online"):
            (cores / name).write_text("0-1\n")

    return _made(base / f"{kind}-{cpu.name}", link)


def _unpack(machine: Machine, names: tuple[str, ...], folder: Path) -> None:
    """Fetches packages with apt, whose lists and state for this architecture are kept apart."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: Debian's packages cannot be had on this system")
    apt = folder / "apt"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    (apt / "status").touch()
    options = [
        *("-o", f"APT::Architecture={machine.debian}", "-o", "APT::Sandbox::User="),
        *("-o", f"APT::Architectures={machine.debian}", "-o", f"Dir::State={apt / 'state'}"),
        *("-o", "Acquire::Languages=none"),
        *("-o", f"Dir::Cache={apt / 'cache'}", "-o", f"Dir::State::status={apt / 'status'}"),
    ]
    missing = f"Debian's packages for {machine.debian} cannot be had"
    # An index that is missing today, as during a mirror's update, need not be one that matters.
    subprocess.run(["apt-get", *options, "update"], capture_output=True, check=False)
    _do(["apt-get", *options, "download", *names], apt, missing)
    for package in sorted(apt.glob("*.deb")):
        _do(["dpkg-deb", "-x", str(package), str(folder)], apt, missing)
    # These two lie where an installation would make links to them.
    for library in [
        *folder.glob("usr/lib/*/blas/lib*.so.3"),
        *folder.glob("usr/lib/*/lapack/lib*.so.3"),
    ]:
        (library.parents[1] / library.name).symlink_to(library.relative_to(library.parents[1]))
    shutil.rmtree(apt)


def _site(machine: Machine, runtime: Runtime) -> Path:
    """The unpacked wheels of a runtime."""
    platforms = [f"--platform={tag}" for tag in machine.wheel_platforms]
    install = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--python-version=3.11", "--only-binary=:all:", "--no-deps", *platforms),
    ]

    def fill(folder: Path) -> None:
        command = [*install, f"--target={folder}", *runtime.wheels]
        _do(command, folder, f"the wheels of {runtime.name} for {machine.name} cannot be had")

    return _made(CACHE / machine.name / f"site-{runtime.name}", fill)
