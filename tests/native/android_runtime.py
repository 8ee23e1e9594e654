"""Android's TensorFlow Lite on a Linux desktop: the x86-64 library of its package, on glibc.

The library asks for Android's libc.so by symbol versions that glibc does not have. In a copy the
versions are left out, and custom_ops/tests/android/bionic.c stands in for what is Android's own.
"""

from __future__ import annotations

import struct
import subprocess
import zipfile
from pathlib import Path

import c_programs

LIBRARY = "libtensorflowlite_jni.so"
_DYNAMIC = 2
_DEBUG = 21  # a tag that loaders overlook in a library
_VERSIONS = {0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF}


def without_versions(library: bytes) -> bytes:
    """A 64-bit ELF library without symbol versions."""
    out = bytearray(library)
    (headers,) = struct.unpack_from("<Q", out, 32)
    (count,) = struct.unpack_from("<H", out, 56)
    for header in range(headers, headers + 56 * count, 56):
        (kind,) = struct.unpack_from("<I", out, header)
        if kind != _DYNAMIC:
            continue
        (first,) = struct.unpack_from("<Q", out, header + 8)
        (size,) = struct.unpack_from("<Q", out, header + 32)
        for entry in range(first, first + size, 16):
            if struct.unpack_from("<Q", out, entry)[0] in _VERSIONS:
                struct.pack_into("<QQ", out, entry, _DEBUG, 0)
    return bytes(out)


def unpack(package: Path, folder: Path) -> Path:
    """Puts the runtime of the AAR `package`, and what it needs, into `folder`.

    Programs that load it must run with `LD_LIBRARY_PATH` naming that folder.
    """
    with zipfile.ZipFile(package) as archive:
        library = archive.read(f"jni/x86_64/{LIBRARY}")
    (folder / LIBRARY).write_bytes(without_versions(library))
    empty = folder / "empty.c"
    empty.write_text("typedef int empty;\n", encoding="utf-8")
    bionic = c_programs.SOURCES / "tests" / "android" / "bionic.c"
    for name, source in (("c", bionic), ("m", empty), ("dl", empty), ("log", empty)):
        command = [c_programs.compiler(), "-shared", "-fPIC", str(source), "-o"]
        command += [str(folder / f"lib{name}.so"), f"-Wl,-soname,lib{name}.so"]
        # The stand-in brings in all of glibc, in whatever library a symbol is there.
        command += ["-Wl,--no-as-needed", "-lm", "-ldl", "-lpthread"] if name == "c" else []
        subprocess.run(command, check=True)
    return folder / LIBRARY
