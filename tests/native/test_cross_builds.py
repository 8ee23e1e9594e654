"""Builds for systems that nothing here can run: iOS, macOS, Android and Windows, by zig.

All sources compile without a warning, export what the header declares and need nothing but a few
functions of the C library. Android's C library stands behind a stub, with the headers of musl."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import c_programs
import pytest

pytestmark = pytest.mark.slow

SOURCES = c_programs.SOURCES
FLAGS = ["-std=c11", "-O0", "-fno-sanitize=undefined", "-ffp-contract=off", "-fvisibility=hidden"]
FLAGS += [
    "-fno-stack-protector",
    "-D_FORTIFY_SOURCE=0",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Werror",
]
#: What the plug-in may ask a C library for; no mathematics, whose bits differ between systems.
_STANDARD = """
calloc fprintf free getauxval getpid malloc memcmp memcpy memmove memset sched_yield snprintf stderr
strcmp strlen strtol sysctlbyname vsnprintf pthread_cond_broadcast pthread_cond_destroy
pthread_cond_init pthread_cond_wait pthread_create pthread_join pthread_mutex_destroy
pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock
"""
STANDARD = set(_STANDARD.split())
MACOS = {"_" + name for name in STANDARD} | {"___stderrp", "_bzero"}


#: Of the compiler itself, for processors with and without instructions for them.
ATOMICS = {"__aarch64_swp1_acq", "__aarch64_swp1_acq_rel", "__aarch64_ldadd8_rel"}


def exports() -> set[str]:
    """What the headers declare, and what LiteRT looks for."""
    headers = sorted((SOURCES / "plugin").glob("tfpipeline_*.h"))
    text = "".join(header.read_text(encoding="utf-8") for header in headers)
    declared = re.findall(r"^TFPIPELINE_EXPORT [\w\s*]+?(\w+)\(", text, re.MULTILINE)
    assert len(declared) > 10
    return {*declared, "LiteRtAcceleratorImpl"}


def zig() -> tuple[list[str], Path]:
    """The compiler's command and the folder of the C libraries' headers, or a skip."""
    if (found := importlib.util.find_spec("ziglang")) is None or found.origin is None:
        pytest.skip("zig is missing: pip install ziglang")
    folder = Path(found.origin).parent
    return [str(folder / "zig"), "cc"], folder / "lib"


def headers(library: Path, *names: str) -> list[str]:
    """Options that name zig's own copies of system headers, and nothing else."""
    folders = [library / "include", *(library / "libc" / "include" / name for name in names)]
    assert all(folder.is_dir() for folder in folders), folders
    return ["-nostdinc", *(word for folder in folders for word in ("-isystem", str(folder)))]


def files(processor: str, *kinds: str) -> list[str]:
    """All sources; those in assembly where they are for the processor."""
    patterns = ("*.c", "*.S") if processor == "aarch64" else ("*.c",)
    folders = [SOURCES / name for name in ("kernels", "ops", "text", "plugin", *kinds)]
    return [str(f) for folder in folders for p in patterns for f in sorted(folder.rglob(p))]


def call(command: Iterable[str], folder: Path) -> None:
    done = subprocess.run(
        [*command], cwd=folder, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


def mach_symbols(data: bytes) -> tuple[set[str], set[str]]:
    """Names that a 64-bit Mach-O object exports, and those that it needs."""
    magic, _, _, kind, commands = struct.unpack_from("<IIIII", data)
    assert (magic, kind) == (0xFEEDFACF, 1)
    exported, needed, at = set(), set(), 32
    for _ in range(commands):
        command, size = struct.unpack_from("<II", data, at)
        if command == 2:  # LC_SYMTAB
            table, count, strings = struct.unpack_from("<III", data, at + 8)
            for i in range(count):
                name_at, flags, section = struct.unpack_from("<IBB", data, table + 16 * i)
                begin = strings + name_at
                name = data[begin : data.index(b"\0", begin)].decode()
                if flags & 0xE0 or not flags & 1:  # of a debugger, or local
                    continue
                if section == 0:
                    needed.add(name)
                elif not flags & 0x10:  # hidden
                    exported.add(name)
        at += size
    return exported, needed


@pytest.mark.parametrize("target", ["aarch64-ios", "aarch64-macos"])
def test_apple(target: str, tmp_path: Path) -> None:
    command, library = zig()
    command += ["-target", target, *headers(library, "any-darwin-any"), *FLAGS]
    call([*command, "-r", "-o", "all.o", *files("aarch64")], tmp_path)
    exported, needed = mach_symbols((tmp_path / "all.o").read_bytes())
    assert exported == {f"_{name}" for name in exports()}
    assert needed <= MACOS, needed - MACOS


def test_the_ios_header_is_all_that_an_app_needs(tmp_path: Path) -> None:
    command, library = zig()
    (tmp_path / "app.m").write_text(
        '#import "TfpipelineOps.h"\n'
        "int works(void);\n"
        "int works(void) {\n"
        '  const char *keys[] = {"num_threads"}, *values[] = {"2"};\n'
        "  TfLiteDelegate *delegate = tfpipeline_delegate_create(keys, values, 1);\n"
        "  tfpipeline_delegate_destroy(delegate);\n"
        "  TfLiteRegistration *op = tfpipeline_register(tfpipeline_op_name(0));\n"
        "  return delegate != 0 && op != 0 && tfpipeline_op_count() > 0;\n"
        "}\n",
        encoding="utf-8",
    )
    folders = [f"-I{SOURCES / name}" for name in ("ios", "plugin")]
    command += ["-target", "aarch64-ios", *headers(library, "any-darwin-any"), *FLAGS]
    call([*command, *folders, "-c", "app.m", "-o", "app.o"], tmp_path)
    _, needed = mach_symbols((tmp_path / "app.o").read_bytes())
    called = ("delegate_create", "delegate_destroy", "register", "op_name", "op_count")
    assert needed == {f"_tfpipeline_{name}" for name in called}


def test_android(tmp_path: Path) -> None:
    command, library = zig()
    command += ["-target", "aarch64-linux-android", "-shared", "-nostdlib"]
    stub = "".join(f"void {name}(void) {{}}\n" for name in sorted(STANDARD | ATOMICS))
    (tmp_path / "libc.c").write_text(stub, encoding="utf-8")
    call([*command, "-w", "-Wl,-soname,libc.so", "-o", "libc.so", "libc.c"], tmp_path)
    musl = ("aarch64-linux-musl", "generic-musl", "aarch64-linux-any", "any-linux-any")
    link = ["-Wl,-z,defs", "-Wl,-z,max-page-size=16384", "-o", "all.so", "libc.so"]
    call([*command, *headers(library, *musl), *FLAGS, "-fPIC", *link, *files("aarch64")], tmp_path)
    data = (tmp_path / "all.so").read_bytes()
    (first,) = struct.unpack_from("<Q", data, 32)
    (count,) = struct.unpack_from("<H", data, 56)
    segments = [struct.unpack_from("<II6Q", data, first + 56 * i) for i in range(count)]
    # Devices with pages of 16 KiB load a library only if its segments lie on such pages.
    assert {s[-1] for s in segments if s[0] == 1} == {16384}
    if nm := shutil.which("nm"):
        listed = subprocess.run(
            [nm, "-D", "--defined-only", "all.so"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert {line.split()[-1] for line in listed.stdout.splitlines()} == exports()


def test_windows(tmp_path: Path) -> None:
    command, _ = zig()
    command += ["-target", "x86_64-windows-gnu", *FLAGS, "-c"]

    def compile_one(source: str) -> bytes:
        target = tmp_path / f"{Path(source).stem}.obj"
        call([*command, source, "-o", str(target)], tmp_path)
        return target.read_bytes()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = b"".join(pool.map(compile_one, files("x86_64")))
    exported = set(re.findall(rb"-export:\"?(\w+)", objects))
    assert {name.decode() for name in exported} == exports()
