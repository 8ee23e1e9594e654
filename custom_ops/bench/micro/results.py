"""What a step of a subject takes on a Cortex-M0+: counted, read from the program, or modelled."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from micro.boards import BOARDS, BoardError, build_for, output, sums_of, write_sources
from micro.cycles import Cycles, cycles_of
from micro.subjects import Subject
from micro.trace import trace
from tfpipeline.microcontroller.header import flash_bytes

MEGAHERTZ = 48
_PROCESSOR = "cortex-m0plus"
_STEP, _SCORES, _DETECTOR = "board_begin_step", "board_begin_scores", "board_begin_detector"
#: Which step is looked at: states have filled by then.
_STEPS = 5
_SIZE = re.compile(
    r"^(\w+)\S*\s*\|[0-9a-f]+\|\s+\w\s+\|\s+(FUNC|OBJECT)\|([0-9a-f]+)\|", re.MULTILINE
)
_FUNCTIONS = ("one_step", "decide", "find")
_OF_GCC = ("__udivsi3", "__aeabi_uidiv", "__aeabi_uidivmod", "__aeabi_idiv0")


def measure(subject: Subject, optimize: str, folder: Path) -> dict[str, object]:
    """Return the row of a subject.

    Raises:
        BoardError: the board's bits are others than Python's, or a program is missing.
    """
    model, inputs, board = subject.model(), subject.inputs(_STEPS), BOARDS[_PROCESSOR]
    write_sources(model, inputs, folder)
    program = build_for(board, folder, optimize)
    run, executed = trace(board, program, (_STEP, _SCORES, _DETECTOR))
    if run.sums != sums_of(model, inputs):
        raise BoardError(f"{subject.name}: the board computed other bits than Python")
    step, scores, detector = (cycles_of(executed[mark]) for mark in (_STEP, _SCORES, _DETECTOR))
    code, tables, state = _sizes(program)
    if (tables, state) != (flash_bytes(model), model.state_bytes):
        raise BoardError(
            f"{subject.name}: tables of {tables} bytes and states of {state}; the header says "
            f"{flash_bytes(model)} and {model.state_bytes}"
        )
    return {
        "model": subject.name,
        "gcc": optimize,
        **{
            f"{name} of a step [counted]": getattr(step, name)
            for name in ("instructions", "multiplies", "loads", "stores", "jumps")
        },
        "instructions of the scores [counted]": scores.instructions,
        "instructions of the detector [counted]": detector.instructions,
        "cycles of a step [modelled]": step.cycles,
        "ms of an utterance [modelled]": _utterance(subject, step, scores, "cycles"),
        "with waiting flash [modelled bound]": _utterance(subject, step, scores, "waiting_flash"),
        "with a multiplier of 32 cycles [modelled]": _utterance(
            subject, step, scores, "slow_multiplier"
        ),
        "flash of tables [linked]": tables,
        "flash of code [linked]": code,
        "RAM of states [linked]": state,
        "stack of the program [counted]": run.stack,
    }


def _utterance(subject: Subject, step: Cycles, scores: Cycles, kind: str) -> str:
    """Return the ms of all steps, and of the scores behind the last one."""
    cycles = subject.steps * getattr(step, kind) + getattr(scores, kind)
    return f"{cycles / (1000 * MEGAHERTZ):.1f}"


def _sizes(program: Path) -> tuple[int, int, int]:
    """Return the bytes of the header's code, of its tables, and of the states in a program."""
    code = tables = state = 0
    listing = output(["arm-none-eabi-nm", "-f", "sysv", "-S", str(program)])
    for name, kind, size in _SIZE.findall(listing):
        ours = name.startswith("m_")
        if kind == "FUNC" and (ours or name in (*_FUNCTIONS, *_OF_GCC)):
            code += int(size, 16)
        elif kind == "OBJECT" and ours:
            tables += int(size, 16)
        elif kind == "OBJECT" and name in ("state", "detector"):
            state += int(size, 16)
    return code, tables, state


def versions() -> list[str]:
    """Return the first line in which each program says its version."""
    programs = ("arm-none-eabi-gcc", "qemu-system-arm")
    return [f"{name}: {output([name, '--version']).splitlines()[0]}" for name in programs]


def write_csv(path: Path, notes: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write a table under comment lines, whole or not at all."""
    text = io.StringIO()
    text.writelines(f"# {note}\n" for note in notes)
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text.getvalue(), encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
