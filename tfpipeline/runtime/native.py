"""Finds the native library and says in one sentence why it cannot be used.

The library is a plain C file, `libtfpipeline_ops`. It comes from the package, or from a path that
the caller or the environment variable `TFPIPELINE_LIBRARY` names; nowhere else is searched.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from pathlib import Path

from tfpipeline.errors import TfpipelineError

#: The ABI of the library that this version of the package works with.
ABI_VERSION = 1
#: Environment variable that names another library file.
LIBRARY_VARIABLE = "TFPIPELINE_LIBRARY"

_BUILD_HINT = "run `pip install -e .` in the source tree, or install a wheel for this platform"
_NAMES = {"win32": "libtfpipeline_ops.dll", "darwin": "libtfpipeline_ops.dylib"}
_FORMATS = {"win32": "PE", "darwin": "Mach-O"}
_HEADER_BYTES = 4096
_ELF_MACHINES = {3: "x86", 40: "arm", 62: "x86-64", 183: "aarch64", 243: "riscv"}
_MACHO_MACHINES = {7: "x86", 12: "arm", 0x01000007: "x86-64", 0x0100000C: "aarch64"}
_PE_MACHINES = {0x14C: "x86", 0x1C4: "arm", 0x8664: "x86-64", 0xAA64: "aarch64"}
_HOST_MACHINES = {
    "x86_64": "x86-64",
    "amd64": "x86-64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
    "i386": "x86",
    "i686": "x86",
}
_NARROW = {"x86-64": "x86", "aarch64": "arm"}


class NativeLibraryError(TfpipelineError):
    """The native library is missing, or is not one that this process can load."""


def default_library_path() -> Path:
    """Return where the package keeps its library, whether or not the file is there."""
    folder = Path(__file__).resolve().parent.parent / "_native"
    return folder / _NAMES.get(sys.platform, "libtfpipeline_ops.so")


def library_path(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a library that this process can load.

    Args:
        path: the file; by default what `TFPIPELINE_LIBRARY` names, else the package's own.

    Raises:
        NativeLibraryError: the file is missing, was built for another system or processor, is
            not our library, or has another ABI version.

    Example:
        >>> library_path().name.startswith("libtfpipeline_ops")
        True
    """
    named = path if path is not None else os.environ.get(LIBRARY_VARIABLE) or None
    found = Path(named) if named is not None else default_library_path()
    if not found.is_file():
        if named is None:
            raise NativeLibraryError(
                f"The native library was not built ({found.name} is missing): {_BUILD_HINT}."
            )
        where = f"{LIBRARY_VARIABLE} names" if path is None else "the path names"
        raise NativeLibraryError(f"There is no native library at {found}, which {where}.")
    found = found.resolve()
    _check_architecture(found)
    _check_abi(found)
    return found


def best_isa(path: str | os.PathLike[str] | None = None) -> str:
    """Return the name of the kernels that `isa=auto` chooses on this machine."""
    library = ctypes.CDLL(str(library_path(path)))
    library.tfpipeline_best_isa.restype = ctypes.c_char_p
    return library.tfpipeline_best_isa().decode()


def host_architecture() -> str:
    """Return the processor that this Python is built for, as `describe_binary` names it."""
    name = platform.machine().lower()
    machine = _HOST_MACHINES.get(name, "arm" if name.startswith("arm") else name)
    if name.startswith("riscv"):
        machine = "riscv"
    # A 32-bit Python on a 64-bit kernel loads 32-bit libraries.
    return _NARROW.get(machine, machine) if struct.calcsize("P") == 4 else machine


def describe_binary(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the format and the processors of a library from its first bytes.

    The format is `ELF`, `Mach-O`, `PE` or `unknown`; a Mach-O file may serve several processors.
    """
    try:
        if data[:4] == b"\x7fELF":
            order = ">" if data[5] == 2 else "<"
            (machine,) = struct.unpack_from(order + "H", data, 18)
            return "ELF", (_ELF_MACHINES.get(machine, f"ELF machine {machine}"),)
        if data[:4] in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"):
            (machine,) = struct.unpack_from("<I", data, 4)
            return "Mach-O", (_MACHO_MACHINES.get(machine, f"Mach-O machine {machine}"),)
        if data[:4] == b"\xca\xfe\xba\xbe":
            (count,) = struct.unpack_from(">I", data, 4)
            machines = [struct.unpack_from(">I", data, 8 + 20 * i)[0] for i in range(min(count, 8))]
            return "Mach-O", tuple(_MACHO_MACHINES.get(m, f"Mach-O machine {m}") for m in machines)
        if data[:2] == b"MZ":
            (offset,) = struct.unpack_from("<I", data, 0x3C)
            if data[offset : offset + 4] == b"PE\0\0":
                (machine,) = struct.unpack_from("<H", data, offset + 4)
                return "PE", (_PE_MACHINES.get(machine, f"PE machine {machine}"),)
    except (struct.error, IndexError):
        pass
    return "unknown", ()


def _elf_bytes(data: bytes) -> int:
    """Return how long an ELF file must be: its section headers stand at its end."""
    order, wide = (">" if data[5] == 2 else "<"), data[4] == 2
    try:
        (start,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)
        size, count = struct.unpack_from(order + "HH", data, 58 if wide else 46)
    except struct.error:
        return _HEADER_BYTES
    return start + size * count


def _check_architecture(path: Path) -> None:
    # Read here, before dlopen: its own message names neither what came nor what was expected.
    with path.open("rb") as file:
        data = file.read(_HEADER_BYTES)
    kind, machines = describe_binary(data)
    expected_kind, expected = _FORMATS.get(sys.platform, "ELF"), host_architecture()
    if kind == "unknown":
        raise NativeLibraryError(
            f"{path} is not a shared library: expected {expected_kind} for {expected}."
        )
    if kind != expected_kind or expected not in machines:
        raise NativeLibraryError(
            f"The native library {path} was built for {kind} {' and '.join(machines)}, but this "
            f"Python needs {expected_kind} {expected}: {_BUILD_HINT}."
        )
    # A file cut short would not fail in dlopen, but end the process.
    if kind == "ELF" and path.stat().st_size < _elf_bytes(data):
        raise NativeLibraryError(f"The native library {path} is cut short: {_BUILD_HINT}.")


def _check_abi(path: Path) -> None:
    try:
        library = ctypes.CDLL(str(path))
        version = library.tfpipeline_abi_version
    except OSError as error:
        raise NativeLibraryError(
            f"The native library {path} could not be loaded: {error}."
        ) from error
    except AttributeError as error:
        raise NativeLibraryError(
            f"{path} is a shared library, but not tfpipeline's: it has no tfpipeline_abi_version."
        ) from error
    version.restype = ctypes.c_int
    if (got := version()) != ABI_VERSION:
        raise NativeLibraryError(
            f"The native library {path} has ABI version {got}, this tfpipeline needs "
            f"{ABI_VERSION}: {_BUILD_HINT}."
        )
