"""The C header, compiled for this machine, against the integers in Python: bit for bit."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled import compiler, said
from hypothesis import given, settings
from hypothesis import strategies as st
from integer_models import random_inputs, random_integer_model
from micro.boards import STRICT, sums_of

from tfpipeline.microcontroller import IntegerModel, header_text
from tfpipeline.microcontroller.header import flash_bytes
from tfpipeline.microcontroller.matrix_code import MatrixCode
from tfpipeline.numerics.byte_cells import SCALARS, IntegerCell

RANKS = ((None, None), (3, 4), (5, None), (None, 2))


@pytest.mark.slow
@pytest.mark.parametrize("cell", SCALARS)
@pytest.mark.parametrize("ranks", RANKS)
def test_the_compiled_step_has_the_bits_of_the_integers(
    cell: str, ranks: tuple[int | None, int | None]
) -> None:
    model = random_integer_model(cell, ranks=ranks, scaled=ranks[0] is None)
    inputs = random_inputs(model, 20)
    expected = sums_of(model, inputs)
    assert said(model, inputs) == expected and len(set(expected)) == 20


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_model_compiled_has_the_bits_of_the_integers(data: st.DataObject) -> None:
    bits = data.draw(st.sampled_from([(12, 14), (14, 14), (0, 3), (7, 9), (10, 13)]))
    options: dict[str, Any] = {
        "recurrent_activation": data.draw(st.sampled_from(["quant_sigmoid", "quant_sigmoid4"])),
        "x_bits": bits[0],
        "state_bits": bits[1],
        **data.draw(
            st.sampled_from([{}, {"gain": 0.99}, {"gain": 0.9, "offset": 0.05, "h_clip": 0.8}])
        ),
    }
    rank = st.none() | st.integers(1, 6)
    model = random_integer_model(
        data.draw(st.sampled_from(list(SCALARS))),
        data.draw(st.integers(1, 9)),
        data.draw(st.integers(1, 13)),
        (data.draw(rank), data.draw(rank)),
        classes=data.draw(st.none() | st.integers(1, 6)),
        kept=data.draw(st.sampled_from([1.0, 0.5, 0.1, 0.0])),
        scaled=data.draw(st.booleans()),
        seed=data.draw(st.integers(0, 10**6)),
        **options,
    )
    inputs = random_inputs(model, 12, seed=1)
    assert said(model, inputs) == sums_of(model, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("cell", SCALARS)
def test_a_stream_of_ten_times_the_training_length_keeps_the_bits(cell: str) -> None:
    model = random_integer_model(cell, 6, 14, (4, 5), kept=0.3)
    inputs = random_inputs(model, 990)
    assert said(model, inputs) == sums_of(model, inputs)


@pytest.mark.slow
def test_more_than_256_rows_have_wider_indices(tmp_path: Path) -> None:
    model = random_integer_model("fast_rnn", 300, 5, kept=0.02, x_bits=8)
    text = header_text(model, "m")
    assert "static const uint16_t m_w1_row[" in text and "m_u1_row[" not in text
    inputs = random_inputs(model, 8)
    assert said(model, inputs) == sums_of(model, inputs)


@pytest.mark.slow
def test_biases_that_bytes_cannot_hold_are_stored_as_they_are_added() -> None:
    few = random_integer_model("fast_grnn", 3, 4, (2, 2)).cell.weights
    model = IntegerModel(
        IntegerCell(dataclasses.replace(few, scale=2**24 - 1), x_bits=8, state_bits=12)
    )
    assert "static const int32_t m_bias_z[4]" in header_text(model, "m")
    inputs = random_inputs(model, 8)
    assert said(model, inputs) == sums_of(model, inputs)


@pytest.mark.parametrize("kept", [1.0, 0.6, 0.4, 0.05, 0.0])
def test_a_matrix_is_sparse_where_that_is_smaller(kept: float) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.integers(1, 100, (50, 7)) * (rng.random((50, 7)) < kept)
    code = MatrixCode("m", matrix.astype(np.int8))
    stored = int(np.count_nonzero(matrix))
    # Value and row of each number, and a count for each column.
    assert code.is_sparse == (stored > 0 and 2 * stored + 7 < 350)
    assert code.bytes == (2 * stored + 7 if code.is_sparse else 350)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("standard", "names"),
    [("c99", ("gcc",)), ("c11", ("clang",)), ("c++11", ("g++",)), ("c++17", ("clang++",))],
)
def test_two_models_are_one_program_without_a_warning(
    standard: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    model = random_integer_model("fast_grnn", ranks=(3, 3), scaled=True)
    for name in ("first", "second"):
        (tmp_path / f"{name}.h").write_text(header_text(model, name))
    source = tmp_path / ("main.cc" if "++" in standard else "main.c")
    source.write_text('#include "first.h"\n#include "second.h"\nint main(void) { return 0; }\n')
    strict = [f"-std={standard}", *(flag for flag in STRICT if "std" not in flag), "-Wconversion"]
    command = [compiler(*names), *strict, f"-I{tmp_path}", str(source), "-o", "/dev/null"]
    subprocess.run(command, check=True)


def test_nothing_but_small_integers_is_used() -> None:
    for cell in SCALARS:
        text = header_text(random_integer_model(cell, ranks=(3, None), scaled=True), "kws")
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        assert re.findall(r"#include (\S+)", code) == ["<stdint.h>"]
        assert not re.search(r"\b(float|double|long|int64_t|malloc|\d+\.\d+)\b", code)
        assert max(int(number) for number in re.findall(r"\b\d+\b", code)) < 2**31


def test_the_tables_have_the_bytes_that_the_header_says() -> None:
    model = random_integer_model("fast_grnn", 20, 30, (8, 9), kept=0.2, scaled=True)
    text = header_text(model, "kws")
    sizes = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}
    tables = re.findall(r"static const (\w+) \w+\[(\d+)\]", text)
    total = sum(sizes[kind] * int(count) for kind, count in tables)
    assert f"#define KWS_TABLE_BYTES {total}\n" in text and flash_bytes(model) == total


def test_labels_cannot_leave_the_comment_and_names_must_be_names() -> None:
    model = random_integer_model("fast_rnn")
    text = header_text(model, "kws", ["*/ int x;", "yes", "\u00e4"])
    assert "Classes: __ int x_, yes, _" in text and text.isascii()
    for name in ("", "9a", "a b", "a-b", "_a"):
        with pytest.raises(ValueError, match="`name` must be one that C allows"):
            header_text(model, name)
