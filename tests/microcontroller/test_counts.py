"""What is counted of a board's instructions, against what is known of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiled import need_boards
from integer_models import random_inputs, random_integer_model
from micro.boards import BOARDS, BoardError, build_for, sums_of, write_sources
from micro.cycles import Cycles, cycles_of
from micro.trace import Executed, Instruction, trace

pytestmark = pytest.mark.slow
MARKS = ("board_begin_step", "board_begin_scores")


def counts(tmp_path: Path, kept: float) -> dict[str, Cycles]:
    need_boards()
    model = random_integer_model("fast_grnn", 8, 20, (4, 6), classes=3, kept=kept)
    inputs = random_inputs(model, 3)
    write_sources(model, inputs, tmp_path)
    board = BOARDS["cortex-m0plus"]
    run, executed = trace(board, build_for(board, tmp_path), MARKS)
    assert run.sums == sums_of(model, inputs)
    return {mark: cycles_of(one) for mark, one in executed.items()}


def test_each_weight_is_multiplied_once(tmp_path: Path) -> None:
    found = counts(tmp_path, 1.0)
    matrices = 8 * 4 + 4 * 20 + 20 * 6 + 6 * 20
    # Of each unit: two to reach one, zeta, g n and z h. gcc may make some of shifts and additions.
    step = found["board_begin_step"]
    assert matrices + 3 * 20 <= step.multiplies <= matrices + 7 * 20
    assert found["board_begin_scores"].multiplies == 20 * 3
    assert step.loads > matrices
    assert step.instructions < step.cycles < step.slow_multiplier
    assert step.waiting_flash == step.cycles + step.fetches + step.loads
    # Two instructions a word, and a jump fetches one more.
    assert step.instructions / 2 <= step.fetches <= step.instructions


def test_a_sparse_matrix_takes_fewer_cycles(tmp_path: Path) -> None:
    dense, sparse = (counts(tmp_path, kept)["board_begin_step"] for kept in (1.0, 0.2))
    assert sparse.cycles < 0.8 * dense.cycles and sparse.multiplies < 0.6 * dense.multiplies


def run_of(*lines: tuple[str, str, bool]) -> list[Executed]:
    return [
        Executed(Instruction(2 * i, 2, name, operands), jumped)
        for i, (name, operands, jumped) in enumerate(lines)
    ]


def test_cycles_are_those_of_the_manual() -> None:
    found = cycles_of(
        run_of(
            ("push", "{r4, r5-r7, lr}", False),  # 1 + 5
            ("muls", "r0, r1", False),  # 1
            ("ldrb", "r0, [r1, #0]", False),  # 2
            ("strh", "r0, [r1, #0]", False),  # 2
            ("ldmia", "r0!, {r1, r2}", False),  # 1 + 2
            ("bne", "0", False),  # 1
            ("beq", "0", True),  # 2
            ("bl", "0", True),  # 3
            ("adds", "r0, #1", False),  # 1
            ("pop", "{r4, pc}", True),  # 3 + 2
        )
    )
    # Five words of two instructions, and the branch that is taken fetches its word again.
    assert found == Cycles(10, 1, 2, 2, 3, 26, 6)
    assert (found.slow_multiplier, found.waiting_flash) == (57, 34)
    with pytest.raises(BoardError, match="no cycles are known for sdiv r0, r1"):
        cycles_of(run_of(("sdiv", "r0, r1", False)))
