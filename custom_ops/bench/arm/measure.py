"""Runs one subject under qemu and turns what was executed into numbers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from arm import mca
from arm.a53 import a53_cycles
from arm.disassembly import CLASSES, class_of
from arm.tools import ArmBenchError, Tools, output
from tfpipeline.numerics.cells import CELLS

LINE = 64
# Windows are long, because each begins with an empty pipeline, which costs about 15 cycles.
_WINDOWS = 14
_WINDOW = 4000
# A recurrent op multiplies by batches of one and more: twice as many windows, and others for gates.
_WINDOWS_OF_STEPS = 28
_GOLDEN = (5**0.5 - 1) / 2
_FLOATS = re.compile(r"f(add|sub|mul|div|max|min)")


@dataclass(frozen=True)
class Subject:
    """What to run, as `custom_ops/bench/arm/guest.c` names it.

    `"gemm"` (int8 weights, sums in int32), `"float"` (int8 weights, vectors and results in float32)
    `"sparse"` (as `"gemm"`, without the 8x4 tiles of zeros, which are 70 % of the weights), and
    `"int8"`, `"int4"` and `"int2"` (weights of so many bits, vectors and results in int8) have
    sizes (rows, columns, batch), a recurrent cell such as `"gru"` has (inputs, units, steps) and
    random weights of 8 bits; with `ternary_bits` they are ternary, and have so many.
    """

    kind: str
    variant: str
    sizes: tuple[int, int, int]
    processors: tuple[str, ...] = mca.PROCESSORS
    ternary_bits: int = 0

    @property
    def is_recurrent(self) -> bool:
        return self.kind in CELLS

    @property
    def weight_bits(self) -> int:
        return self.ternary_bits or {"int4": 4, "int2": 2}.get(self.kind, 8)

    @property
    def macs(self) -> int:
        """Useful multiply-accumulates of a call."""
        a, b, c = self.sizes
        return CELLS[self.kind].rows(b) * (a + b) * c if self.is_recurrent else a * b * c


@dataclass(frozen=True)
class Measurement:
    """One call of a subject.

    Args:
        instructions: executed in it.
        classes: instructions by class; their sum is `instructions`.
        a53: cycles by the issue rule for the Cortex-A53.
        cycles: processor -> cycles by llvm-mca, from windows; caches always hit there.
        memory: loads, stores and lines of 64 bytes, by the model of the caches.
        weights: bytes of packed weights.
        checksum: of the result; the same for every variant.
    """

    subject: Subject
    instructions: int
    classes: dict[str, int]
    a53: float
    memory: dict[str, int]
    weights: int
    checksum: str
    cycles: dict[str, float] = field(default_factory=dict)

    @property
    def dram(self) -> dict[str, int]:
        """Bytes loaded, allocated for stores, and written back, between caches and DRAM."""
        return {
            name: self.memory[f"lines_{name}"] * LINE for name in ("loaded", "allocated", "written")
        }


def measure(
    subject: Subject,
    tools: Tools,
    plugin: Path,
    guest: Path,
    listing: dict[int, str],
    folder: Path,
    l2_bytes: int = 512 << 10,
) -> Measurement:
    """Run `subject` and count; exact and the same every time, apart from what is modelled.

    Args:
        plugin: the library of `Tools.build_plugin`.
        guest: the program of `Tools.build_guest`.
        listing: that program, from `disassemble`.
        folder: for what the plug-in writes.
        l2_bytes: size of the second-level cache.

    Raises:
        ArmBenchError: the program failed, or its result is wrong.
    """
    # The guest's stack begins below its arguments and environment: both stay the same.
    kind = subject.kind + (f":{subject.ternary_bits}" if subject.ternary_bits else "")
    arguments = [kind, subject.variant, *(str(size) for size in subject.sizes)]
    plug = f"{plugin.resolve()},out={folder.resolve() / 'region'},l2={l2_bytes}"
    said = output(
        [tools.qemu, "-cpu", "max", "-plugin", plug, f"./{guest.name}", *arguments],
        folder=guest.parent,
        environment={},
    ).split()
    trace, blocks = _read_trace(folder / "region")
    counts = _count(trace, blocks, listing)
    classes = dict.fromkeys(CLASSES, 0)
    for text, count in counts.items():
        classes[class_of(text)] += count
    cycles: dict[str, float] = {}
    instructions = sum(counts.values())
    if tools.mca:
        parts = _parts(trace, blocks, listing) if subject.is_recurrent else [trace]
        count = _WINDOWS_OF_STEPS if subject.is_recurrent else _WINDOWS
        windows = [_windows(part, count, blocks, listing) for part in parts]
        for processor in subject.processors:
            cycles[processor] = sum(
                mca.predict(tools.mca, processor, some) * int(blocks[part, 1].sum())
                for part, some in zip(parts, windows, strict=True)
            )
    memory = (folder / "region.memory").read_text().split()
    return Measurement(
        subject=subject,
        instructions=instructions,
        classes=classes,
        a53=a53_cycles(counts),
        memory=dict(zip(memory[::2], map(int, memory[1::2]), strict=True)),
        weights=int(said[1]),
        checksum=said[3],
        cycles=cycles,
    )


def _read_trace(prefix: Path) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of executed blocks, and `(blocks, 2)`: address and length of each."""
    try:
        trace = np.fromfile(prefix.with_suffix(".trace"), dtype=np.uint32)
        lines = prefix.with_suffix(".blocks").read_text().splitlines()
    except OSError as error:
        raise ArmBenchError(f"The program never left the counted region: {error}.") from error
    pairs = [line.split() for line in lines]
    blocks = np.array([(int(address, 16), int(count)) for address, count in pairs], dtype=np.int64)
    return trace, blocks


def _texts(address: int, count: int, listing: dict[int, str]) -> list[str]:
    try:
        return [listing[address + 4 * i] for i in range(count)]
    except KeyError as error:
        raise ArmBenchError(
            f"No instruction is listed at {error}; is the program static?"
        ) from None


def _count(trace: np.ndarray, blocks: np.ndarray, listing: dict[int, str]) -> Counter[str]:
    """How many times each instruction (text) was executed."""
    counts: Counter[str] = Counter()
    executions = np.bincount(trace, minlength=len(blocks))
    for (address, length), times in zip(blocks.tolist(), executions.tolist(), strict=True):
        if times:
            for text in _texts(address, length, listing):
                counts[text] += times
    return counts


def _parts(trace: np.ndarray, blocks: np.ndarray, listing: dict[int, str]) -> list[np.ndarray]:
    """Products and gates of a recurrent op, each without the other.

    Gates are few instructions that take many cycles: how many windows fell on them would be chance.
    What is short enough to be replayed as it was stays in one.
    """
    if blocks[trace, 1].sum() <= _WINDOWS_OF_STEPS * _WINDOW:
        return [trace]
    floats = [
        any(_FLOATS.match(text) for text in _texts(address, length, listing))
        for address, length in blocks.tolist()
    ]
    is_gate = np.array(floats)[trace]
    return [part for part in (trace[~is_gate], trace[is_gate]) if len(part)]


def _windows(
    trace: np.ndarray, count: int, blocks: np.ndarray, listing: dict[int, str]
) -> list[list[str]]:
    """Stretches of executed instructions, one in each part of it; all of them where there are few.

    They do not lie evenly: a program that repeats itself would show the same part in all of them.
    """
    ends = np.cumsum(blocks[trace, 1])
    total = int(ends[-1])
    if total <= count * _WINDOW:
        starts, size = np.array([0]), total
    else:
        part = np.arange(count)
        within = (part + 1) * _GOLDEN % 1.0
        starts = np.searchsorted(ends, (total - _WINDOW) * (part + within) / count)
        size = _WINDOW
    windows = []
    for start in starts.tolist():
        window: list[str] = []
        for number in trace[start:]:
            address, length = blocks[number].tolist()
            window += _texts(address, length, listing)
            if len(window) >= size:
                break
        windows.append(window)
    return windows
