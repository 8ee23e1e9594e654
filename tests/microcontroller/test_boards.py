"""The C header on emulated Cortex-M boards: the bits of the integers in Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiled import need_boards
from integer_models import random_inputs, random_integer_model
from micro.boards import BOARDS, build_for, run_on, sums_of, write_sources

from tfpipeline.numerics.byte_cells import SCALARS


@pytest.mark.slow
@pytest.mark.parametrize("optimize", ["-Os", "-O2"])
@pytest.mark.parametrize("processor", BOARDS)
@pytest.mark.parametrize("cell", SCALARS)
def test_a_board_computes_the_same_bits(
    cell: str, processor: str, optimize: str, tmp_path: Path
) -> None:
    need_boards()
    model = random_integer_model(
        cell, 12, 30, (7, None), kept=0.6, scaled=True, recurrent_activation="quant_sigmoid4"
    )
    inputs = random_inputs(model, 60)
    write_sources(model, inputs, tmp_path)
    board = BOARDS[processor]
    run = run_on(board, build_for(board, tmp_path, optimize))
    assert run.sums == sums_of(model, inputs)
    # Beside the arrays of the step there is little.
    assert run.stack is not None and 8 * 30 < run.stack < 8 * 30 + 4 * 7 + 400
