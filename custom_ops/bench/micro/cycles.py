"""Cycles of a Cortex-M0+ for executed instructions: a model, from Arm's table of timings.

Arm's Cortex-M0+ technical reference manual (DDI 0484) gives each instruction's cycles with a memory
that never waits. A flash that waits is bounded from above: each 32-bit word of code that is fetched
and each load waits, as if there were no cache and no prefetching.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from micro.boards import BoardError
from micro.trace import Executed, Instruction

_WORD = ~3
_LOADS = ("ldr", "ldrh", "ldrb", "ldrsh", "ldrsb")
_STORES = ("str", "strh", "strb")
_MANY = ("push", "stmia", "ldmia", "pop")
_PLAIN = (
    *("movs", "mov", "mvns", "adds", "add", "subs", "sub", "adcs", "sbcs", "negs", "rsbs", "cmp"),
    *("cmn", "tst", "lsls", "lsrs", "asrs", "ands", "orrs", "eors", "bics", "sxth", "sxtb", "uxth"),
    *("uxtb", "nop", "rors", "rev"),
)


@dataclass(frozen=True)
class Cycles:
    """What was executed, and what it takes.

    Args:
        instructions: all of them.
        multiplies, loads, stores, jumps: of these so many; a jump is a branch that is taken, a
            call or a return.
        cycles: with a multiplier of one cycle, and memory that never waits.
        fetches: 32-bit words of code, one after another.
    """

    instructions: int
    multiplies: int
    loads: int
    stores: int
    jumps: int
    cycles: int
    fetches: int

    @property
    def slow_multiplier(self) -> int:
        """Cycles with the other multiplier that a Cortex-M0+ may have, of 32 cycles."""
        return self.cycles + 31 * self.multiplies

    @property
    def waiting_flash(self) -> int:
        """Cycles with one wait state at every fetch and load: no flash is slower at 48 MHz."""
        return self.cycles + self.fetches + self.loads


def cycles_of(executed: Sequence[Executed]) -> Cycles:
    """Count and model a run of instructions.

    Raises:
        BoardError: one is not in the table.
    """
    counts: Counter[str] = Counter()
    total = fetches = 0
    word: int | None = None
    for one in executed:
        kind, cycles = _cost(one.instruction, one.jumped)
        counts[kind] += 1
        # A jump within a word fetches it again.
        here = one.instruction.address & _WORD
        fetches += here != word
        last = (one.instruction.address + one.instruction.size - 1) & _WORD
        fetches += last != here
        word = None if one.jumped else last
        total += cycles
    return Cycles(
        instructions=len(executed),
        multiplies=counts["multiply"],
        loads=counts["load"],
        stores=counts["store"],
        jumps=counts["jump"],
        cycles=total,
        fetches=fetches,
    )


def _cost(instruction: Instruction, jumped: bool) -> tuple[str, int]:
    """Return the kind of an instruction, and its cycles."""
    name = instruction.name
    if name == "muls":
        return "multiply", 1
    if name in _LOADS:
        return "load", 2
    if name in _STORES:
        return "store", 2
    if name in _MANY:
        count = _registers(instruction.operands)
        # A pop that returns takes two more.
        returns = 2 if jumped else 0
        return "jump" if jumped else "load" if name in (
            "pop",
            "ldmia",
        ) else "store", 1 + count + returns
    if name in ("bl", "blx", "bx"):
        return "jump", 3 if name == "bl" else 2
    if name.startswith("b") and name != "bics":
        return ("jump", 2) if jumped else ("branch", 1)
    if name in _PLAIN:
        return ("jump", 2) if jumped else ("plain", 1)
    raise BoardError(f"no cycles are known for {name} {instruction.operands}")


def _registers(operands: str) -> int:
    """Return how many registers a list such as `{r0, r4-r7, pc}` has."""
    total = 0
    for part in operands[operands.index("{") + 1 : operands.index("}")].split(","):
        first, _, last = part.strip().partition("-")
        total += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return total
