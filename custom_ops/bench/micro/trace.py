"""Which instructions a board executes between two marks: one at a time, with their addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from micro.boards import Board, BoardError, Run, output, run_on

_LINE = re.compile(r"^\s*([0-9a-f]+):\t([0-9a-f]{4}(?: [0-9a-f]{4})?)\s*\t(\S+)(?:\t(.*))?$")
_SYMBOL = re.compile(r"^([0-9a-f]+) \S (\w+)$", re.MULTILINE)
_EXECUTED = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")


@dataclass(frozen=True)
class Instruction:
    """An instruction of a program.

    Args:
        address: where it lies.
        size: 2 or 4 bytes.
        name: its mnemonic, without a width.
        operands: as the disassembler writes them.
    """

    address: int
    size: int
    name: str
    operands: str


@dataclass(frozen=True)
class Executed:
    """An instruction that was executed, and whether the next one is another than that behind it."""

    instruction: Instruction
    jumped: bool


def disassemble(program: Path) -> dict[int, Instruction]:
    """Return the instructions of a program by address."""
    found = {}
    for line in output(["arm-none-eabi-objdump", "-d", "-z", str(program)]).splitlines():
        match = _LINE.match(line)
        if match:
            address, code, name, operands = match.groups()
            size = 4 if " " in code else 2
            plain = name.removesuffix(".n").removesuffix(".w")
            place = int(address, 16)
            found[place] = Instruction(place, size, plain, (operands or "").split(";")[0].strip())
    return found


def symbols(program: Path) -> dict[str, int]:
    """Return the addresses of a program's names."""
    text = output(["arm-none-eabi-nm", str(program)])
    return {name: int(address, 16) & ~1 for address, name in _SYMBOL.findall(text)}


def trace(
    board: Board, program: Path, marks: tuple[str, ...]
) -> tuple[Run, dict[str, list[Executed]]]:
    """Run a program and return, by mark, what it executes from there to `board_end`.

    Args:
        board: what it runs on.
        program: of `build_for`.
        marks: functions that are called in front of what is looked at.

    Raises:
        BoardError: a mark was never reached.
    """
    log = program.with_suffix(".trace")
    run = run_on(board, program, "-singlestep", "-d", "exec,nochain", "-D", str(log))
    places, listing = symbols(program), disassemble(program)
    starts = {places[mark]: mark for mark in marks if mark in places}
    with log.open(encoding="ascii", errors="replace") as lines:
        found = _between(_addresses(lines), starts, places["board_end"], listing)
    log.unlink()
    missing = [mark for mark in starts.values() if mark not in found]
    if missing:
        raise BoardError(f"the program never came to {', '.join(missing)}")
    return run, found


def _addresses(lines: Iterator[str]) -> Iterator[int]:
    for line in lines:
        match = _EXECUTED.match(line)
        if match:
            yield int(match.group(1), 16)


def _between(
    addresses: Iterator[int],
    starts: Mapping[int, str],
    end: int,
    listing: Mapping[int, Instruction],
) -> dict[str, list[Executed]]:
    """Return what lies between the return of each mark and the call of `board_end`."""
    found: dict[str, list[Executed]] = {}
    mark: str | None = None
    behind, current = False, listing[end]
    for address in addresses:
        if address in starts:
            mark, behind, current = starts[address], False, listing[address]
            found[mark] = []
        elif mark is not None and address == end:
            mark = None
        elif mark is not None:
            if behind:
                jumped = address != current.address + current.size
                found[mark].append(Executed(current, jumped))
            # The mark itself ends with a jump back.
            behind = behind or current.name == "bx"
            current = listing[address]
    return found
