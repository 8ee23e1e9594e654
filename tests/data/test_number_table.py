from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data.errors import DataError
from tfpipeline.data.number_table import read_numbers, read_table

EACH = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def sentence(path: Path, **arguments: object) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, **{"columns": 2, "expected": "two numbers", **arguments})  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert text.endswith(".")
    return text


@EACH
@given(
    rows=st.lists(
        st.lists(
            st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3
        ),
        min_size=1,
        max_size=6,
    ),
    separator=st.sampled_from([None, ","]),
)
def test_what_was_written_is_read(
    tmp_path: Path, rows: list[list[float]], separator: str | None
) -> None:
    path = tmp_path / "table.txt"
    lines = [(separator or "  ").join(f"{value:.9e}" for value in row) for row in rows]
    path.write_text("\n".join(lines) + "\n\n")
    table = read_table(path, 3, "three numbers", len(rows), separator)
    np.testing.assert_array_equal(table, np.asarray(rows, np.float32))


@EACH
@given(
    data=st.one_of(st.binary(max_size=60), st.text("0123456789.-+eEnainf,_x# \n\t", max_size=60))
)
def test_any_bytes_are_a_table_or_a_sentence(tmp_path: Path, data: bytes | str) -> None:
    path = tmp_path / "table.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    try:
        table = read_table(path, 2, "two numbers")
    except DataError as error:
        assert str(error).startswith(f"{path}: ")
        assert "two numbers" in str(error)
        return
    # Nothing is lost: as many numbers as the text has words.
    assert table.size == len(path.read_text("utf-8-sig").split())
    assert np.isfinite(table).all()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("1 2\n3\n", "line 2 has 1 numbers and not 2; expected two numbers"),
        ("1 2\n\n3 4\n", "line 2 has 0 numbers"),
        ("1 2 3\n", "line 1 has 3 numbers"),
        ("1 nan\n", "line 1 holds 'nan', which is no finite number"),
        ("1 1e60\n", "'1e60'"),
        ("1 2\n3 x\n", "line 2 holds 'x'"),
        ("\n\n", "only empty lines"),
        ("", "is empty; expected two numbers"),
        ("1 \0", "zero bytes"),
    ],
)
def test_the_line_that_is_wrong_is_named(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "table.txt"
    path.write_text(text)
    assert part in sentence(path)


def test_what_is_no_file_of_text_is_one_sentence(tmp_path: Path) -> None:
    assert "there is no such file; expected two numbers" in sentence(tmp_path / "none.txt")
    assert "is not a regular file" in sentence(tmp_path)
    (tmp_path / "table.txt").write_bytes(b"1 2 \xff")
    assert "not text in UTF-8 (byte 4)" in sentence(tmp_path / "table.txt")


def test_a_file_that_claims_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "has 1048576 MiB, more than the 64" in sentence(path)


def test_millions_of_empty_lines_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_bytes(b"\n" * (8 << 20) + b"1")
    tracemalloc.start()
    try:
        assert "most of its lines are shorter than 2 numbers" in sentence(path)
        assert "more than the 1" in sentence(path, rows=3)
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_rows_are_counted_and_whole_numbers_bounded(tmp_path: Path) -> None:
    path = tmp_path / "y.txt"
    path.write_text("1\n2\n6\n")
    assert read_numbers(path, 1, 6, "labels", 3).tolist() == [1, 2, 6]
    for least, most, rows, part in ((1, 6, 4, "has 3 lines and not 4"), (2, 6, 3, "line 1 is not")):
        with pytest.raises(DataError, match=part):
            read_numbers(path, least, most, "labels", rows)
    path.write_text("1.5\n")
    with pytest.raises(DataError, match="line 1 is not a whole number from 1 to 6"):
        read_numbers(path, 1, 6, "labels", 1)
    assert math.isfinite(read_table(path, 1, "one")[0, 0])
