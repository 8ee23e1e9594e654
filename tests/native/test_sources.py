"""Habits of the C sources that a compiler does not check."""

from __future__ import annotations

import re
from pathlib import Path

import native_library as native
import pytest

SOURCES = Path(__file__).resolve().parents[2] / "custom_ops"
# The table of variants, the places of blocks, and what asks about the processor, are no kernels.
KERNELS = sorted(
    f
    for f in (SOURCES / "kernels").rglob("*.c")
    if f.stem not in {"tfp_variants", "tfp_packed_blocks"} and not f.stem.startswith("tfp_cpu")
)
# tfp_<operation>_<types>[_<layout>][_<isa>]
GRAMMAR = re.compile(
    r"tfp_(pack|gemm|requantize|gates|lstm|load_state|layer_norm|moments|normalize|activation|sigmoid|tanh|quantize|output|accumulate)"
    r"_(s8|s4|s2|s8s32|s8s8|s8f32|s8s4s32|s8s2s32|s32s8|s32u8|s32f32|f32s8|f32|s16)(_r\d+k\d+)?(_sparse)?(_offset128|_signed)?(_(c|avx2|avxvnni|avx512|avx512vnni|neon\w*))?"
)


def test_kernels_are_named_by_the_grammar() -> None:
    names = {f.stem for f in KERNELS}
    assert len(names) > 10
    assert not {n for n in names if not GRAMMAR.fullmatch(n)}
    header = (SOURCES / "kernels" / "tfp_kernels.h").read_text(encoding="utf-8")
    declared = re.findall(r"^TFP_DECLARE_\w+\((\w+)\);", header, re.MULTILINE)
    assert len(declared) > 15
    assert not {n for n in declared if not GRAMMAR.fullmatch(n)}


@pytest.mark.parametrize("path", KERNELS, ids=lambda p: p.stem)
def test_a_kernel_file_defines_what_it_is_named_after(path: Path) -> None:
    names = [path.stem]
    if path.stem.startswith("tfp_activation"):
        names = [path.stem.replace("activation", f) for f in ("sigmoid", "tanh")]
    if path.stem.startswith("tfp_layer_norm"):
        names = [path.stem.replace("layer_norm", f) for f in ("moments", "normalize")]
    text = with_inc_files(path)
    for name in names:
        assert re.search(rf"\b{name}[(\[ ]", text), f"{path.name} does not define {name}"


def with_inc_files(path: Path) -> str:
    """The text of a kernel and of what it shares with those of other instruction sets."""
    text = path.read_text(encoding="utf-8")
    if isa := re.search(r"tfp_(?:simd|words)_(\w+)\.h", text):
        for name in re.findall(r'#include "(.*\.inc)"', text):
            shared = (path.parent / name).read_text(encoding="utf-8")
            text += re.sub(r"TFP_(?:SIMD|WORDS)_NAME\((\w+)\)", rf"\1_{isa[1]}", shared)
    return text


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [
        ("kernels", {"kernels"}),
        ("ops", {"kernels", "ops"}),
        ("text", {"text"}),
        ("plugin", {"kernels", "ops", "text", "plugin"}),
    ],
)
def test_includes_point_one_way(folder: str, allowed: set[str]) -> None:
    system = {"stdbool.h", "stddef.h", "stdint.h", "float.h", "immintrin.h"}
    system |= {"cpuid.h", "intrin.h", "arm_neon.h"}
    if folder not in {"kernels", "text"}:
        system |= {"stdio.h", "stdlib.h", "string.h", "stdarg.h", "limits.h"}
    if folder == "plugin":
        system |= {"pthread.h", "sched.h", "stdatomic.h", "unistd.h"}  # the pool
    for path in (SOURCES / folder).rglob("*.[ch]"):
        text = path.read_text(encoding="utf-8")
        assert not set(re.findall(r"#include <(.*)>", text)) - system, path.name
        for name in re.findall(r'#include "(.*)"', text):
            found = (path.parent / name).resolve()
            assert found.is_file() and found.relative_to(SOURCES).parts[0] in allowed, (
                f"{path.name}: {name}"
            )


#: One way, by decision: the second factor of a table is a fully connected layer.
BUILT_ON = {("embedding",): ("fully_connected",)}


@pytest.mark.parametrize("part", ["kernels", "ops"])
def test_the_folders_of_a_part_share_only_what_is_common(part: str) -> None:
    files = [f for f in (SOURCES / part).rglob("*") if f.suffix in {".c", ".h", ".S", ".inc"}]
    includes = 0
    for path in files:
        own = path.relative_to(SOURCES / part).parts[:-1]
        for name in re.findall(r'#include "(.*)"', path.read_text(encoding="utf-8")):
            found = (path.parent / name).resolve().relative_to(SOURCES)
            if found.parts[0] == part and own:
                includes += 1
                # At the root of the kernels lie the headers that all may use.
                allowed = {own, ("common",), (), BUILT_ON.get(own, ())}
                assert found.parts[1:-1] in allowed, f"{path.name}: {name}"
    assert includes > 30


def test_kernels_and_text_neither_allocate_nor_print() -> None:
    files = [f for kind in ("*.[ch]", "*.inc") for f in (SOURCES / "kernels").rglob(kind)]
    files += (SOURCES / "text").rglob("*.[ch]")
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(malloc|calloc|realloc|free|printf|expf|tanhf)\s*\(", text)


def test_the_table_ends_and_begins_with_the_portable_kernels() -> None:
    assert next(iter(native.variants())) == "c"
    assert not native.load().tfpipeline_kernel_variant(len(native.variants()))
    assert native.variants()["c"].supported()


def test_source_files_are_short() -> None:
    for path in SOURCES.rglob("*.[ch]"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name
