"""A rule of thumb for the cycles of a Cortex-A53.

It issues two instructions a cycle in order, but has one vector pipe of 128 bits and reads 64 bits a
cycle. After ncnn's developer guide ("arm-a53-a55-dual-issue"):

    cycles = vector + memory + max(0, other - vector) / 2

`vector` counts SIMD arithmetic, one cycle each. `memory` counts loads of vector registers, two
cycles for 128 bits and one for 64, during which nothing else issues, and stores, one cycle each.
`other` is all that goes along with a vector instruction for free: scalar arithmetic, branches,
prefetches, loads of general registers and INS from one. What is left of it issues in pairs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from arm.disassembly import class_of, is_vector, mnemonic


@dataclass(frozen=True)
class Slots:
    """Issue slots that one instruction takes."""

    vector: int = 0
    memory: int = 0
    other: int = 0


def slots_of(text: str) -> Slots:
    """Return the slots of an instruction, such as `"ldr q0, [x1]"`."""
    kind = class_of(text)
    if kind == "store":
        return Slots(memory=1)
    if kind == "load":
        if not is_vector(text):
            return Slots(other=_registers(text))
        return Slots(memory=_registers(text) * (2 if _is_128_bits(text) else 1))
    if kind in ("mac", "simd") and not _is_insertion(text):
        return Slots(vector=1)
    return Slots(other=1)


def a53_cycles(counts: Mapping[str, int]) -> float:
    """Return the cycles of a program in which each instruction (text) is executed so many times.

    Example:
        `a53_cycles({"ldr q0, [x0]": 1, "smull v1.8h, v0.8b, v2.8b": 1})` is 3.0
    """
    vector = memory = other = 0
    for text, count in counts.items():
        slots = slots_of(text)
        vector += slots.vector * count
        memory += slots.memory * count
        other += slots.other * count
    return vector + memory + max(0, other - vector) / 2


def _registers(text: str) -> int:
    """How many registers a load fills: a list or a range in braces, a pair, or one."""
    listed = re.search(r"\{(.*?)\}", text)
    if not listed:
        return 2 if mnemonic(text) in ("ldp", "ldnp", "ldpsw", "ldxp", "ldaxp") else 1
    numbers = [int(number) for number in re.findall(r"v(\d+)", listed[1])]
    if "-" in listed[1]:
        return (numbers[1] - numbers[0]) % 32 + 1
    return len(numbers)


def _is_128_bits(text: str) -> bool:
    if "{" not in text:
        return " q" in text.split(",")[0]
    lane = re.search(r"\}\s*\[", text)
    # A load of one lane, or of one value for all lanes, moves 64 bits at most.
    return not lane and not mnemonic(text).endswith("r") and bool(re.search(r"16b|8h|4s|2d", text))


def _is_insertion(text: str) -> bool:
    """`ins v0.d[1], x1`, which is also written as `mov`."""
    return bool(re.match(r"(ins|mov) v\d+\.\w\[\d+\], [xw]", text))
