"""Instructions of an AArch64 program as text, and what kind each one is."""

from __future__ import annotations

import re
from pathlib import Path

from arm.tools import output

CLASSES = ("mac", "simd", "load", "store", "scalar", "prefetch")

# Multiply-accumulates of integers: what the kernels are there for.
_MAC = re.compile(r"[su]?m(ul|ull|lal|la)2?$|[su]{1,2}(dot|mmla)$|[su]adalp$|sqdml[as]l2?$")
_VECTOR = re.compile(r"\bv\d+\.|\b[qdshb]\d+\b")
# Their operands are addresses, which may look like registers ("b4").
_NO_VECTOR = re.compile(r"b$|b\.|bl|br|cb|tb|ret|adr")


def disassemble(objdump: str, program: Path) -> dict[int, str]:
    """Return instructions by address, such as `"ldr q0, [x1], #16"`, without comments."""
    found: dict[int, str] = {}
    listing = output([objdump, "-d", "--no-show-raw-insn", str(program)])
    for line in listing.splitlines():
        match = re.match(r"\s*([0-9a-f]+):\s+(.*)", line)
        if match:
            found[int(match[1], 16)] = normal(match[2])
    return found


def normal(text: str) -> str:
    """Return an instruction with single spaces, without comments and names of symbols."""
    return " ".join(re.sub(r"//.*|<.*", "", text).split())


def mnemonic(text: str) -> str:
    return text.split(" ", 1)[0]


def is_vector(text: str) -> bool:
    """Return whether a register of the SIMD and floating-point unit takes part."""
    return not _NO_VECTOR.match(text) and bool(_VECTOR.search(text))


def class_of(text: str) -> str:
    """Return one of `CLASSES`; loads and stores are those of any register."""
    name = mnemonic(text)
    if name.startswith("prf"):
        return "prefetch"
    if name.startswith("ld"):
        return "load"
    if name.startswith("st"):
        return "store"
    if not is_vector(text):
        return "scalar"
    return "mac" if _MAC.match(name) and "v" in text else "simd"
