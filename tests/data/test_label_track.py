"""Label files of Audacity."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data import DataError, LabelledInterval, read_label_track

FILES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seconds = st.floats(0, 1e6, allow_nan=False)
names = st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=12)


@FILES
@given(st.lists(st.tuples(seconds, seconds, names), max_size=8))
def test_what_is_written_is_read(tmp_path: Path, rows: list[tuple[float, float, str]]) -> None:
    file = tmp_path / "labels.txt"
    intervals = [LabelledInterval(min(a, b), max(a, b), name.strip()) for a, b, name in rows]
    lines = [f"{one.start!r}\t{one.end!r}\t{one.label}\n" for one in intervals]
    file.write_bytes("".join(lines).encode())
    found = read_label_track(file)
    assert sorted(found, key=repr) == sorted(intervals, key=repr)
    assert [one.start for one in found] == sorted(one.start for one in intervals)


@FILES
@given(st.binary(max_size=80))
def test_any_bytes_are_labels_or_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(content)
    try:
        found = read_label_track(file)
    except DataError as error:
        assert str(file) in str(error) and "\n" not in str(error)
    else:
        assert all(0 <= one.start <= one.end < float("inf") for one in found)


def test_what_audacity_writes(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    text = "\ufeff2.500000\t3.100000\tstop\r\n\\\t100.0\t4000.0\r\n\r\n1.0\t1.0\ta point\r\n5\t6\n"
    file.write_bytes(text.encode())
    assert read_label_track(file) == [
        LabelledInterval(1.0, 1.0, "a point"),
        LabelledInterval(2.5, 3.1, "stop"),
        LabelledInterval(5.0, 6.0, ""),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1 0.2 yes\n", "line 1: expected START"),
        ("0\t1\tyes\nx\t2\tno\n", "line 2: expected START"),
        ("3\t1\tyes\n", "0 <= START <= END"),
        ("-1\t1\tyes\n", "0 <= START"),
        ("0\tinf\tyes\n", "0 <= START"),
        ("nan\t1\tyes\n", "0 <= START"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        read_label_track(tmp_path / "labels.txt")


def test_a_missing_file_and_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such label file"):
        read_label_track(tmp_path / "gone.txt")
    with pytest.raises(DataError, match="is not a file"):
        read_label_track(tmp_path)
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match="is not a file"):
        read_label_track(tmp_path / "pipe.txt")
