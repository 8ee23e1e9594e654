from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data import DataError, load_vectors

EACH = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
GLOVE = b"the 0.5 -1 2e-1\ncat 1 2 3\n. . . 7 8 9\n\xc3\xa4 4 5 6\ncat 9 9 9\n"
FAST_TEXT = b"2 3\nthe 0.5 -1 0.2 \ncat 1 2 3 \n"
VOCABULARY = ("", "[UNK]", "cat", "bird", "the")


def save(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "vectors.txt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [GLOVE, FAST_TEXT, GLOVE.replace(b"\n", b"\r\n")])
@pytest.mark.parametrize("packed", [False, True])
def test_words_have_the_rows_of_the_file(tmp_path: Path, data: bytes, packed: bool) -> None:
    path = save(tmp_path, gzip.compress(data) if packed else data)
    table, report = load_vectors(path, VOCABULARY)
    assert table.dtype == np.float32
    assert table.shape == (5, 3)
    np.testing.assert_array_equal(table[2], [1, 2, 3])
    np.testing.assert_array_equal(table[4], np.float32([0.5, -1, 0.2]))
    assert not table[0].any()
    # The others are drawn, by seed.
    assert table[1].all() and table[3].all()
    np.testing.assert_array_equal(load_vectors(path, VOCABULARY)[0], table)
    other, _ = load_vectors(path, VOCABULARY, dim=3, seed=1)
    assert (other[[1, 3]] != table[[1, 3]]).all()
    assert report.found == 2
    assert report.missing == ("bird",)
    assert report.coverage == pytest.approx(2 / 3)
    assert report.lines == (2 if data is FAST_TEXT else 5)
    assert str(report).endswith("vectors of 3 numbers; 2 of 3 words found (66.7%).")


def test_words_with_spaces_and_beyond_ascii(tmp_path: Path) -> None:
    table, report = load_vectors(save(tmp_path, GLOVE), (". . .", "ä"))
    np.testing.assert_array_equal(table, [[7, 8, 9], [4, 5, 6]])
    assert report.coverage == 1


def test_random_rows_are_spread_as_the_found_ones_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [f"w{index}" for index in range(200)]
    rows = rng.normal(3, 0.5, (200, 20))
    text = "".join(
        f"{w} {' '.join(map(repr, r.tolist()))}\n" for w, r in zip(words, rows, strict=1)
    )
    table, _ = load_vectors(save(tmp_path, text.encode()), [*words, *(f"x{i}" for i in range(200))])
    np.testing.assert_allclose(table[:200], rows, rtol=1e-6)
    drawn = table[200:]
    # 4000 numbers: a deviation of the mean of 0.008.
    assert abs(drawn.mean() - 3) < 0.05
    assert abs(drawn.std() - 0.5) < 0.05
    alone, report = load_vectors(
        save(tmp_path, b"a 1 2\n"), ["b"] * 1 + [f"x{i}" for i in range(99)]
    )
    assert report.found == 0
    assert 0.03 < alone.std() < 0.07


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "is empty; expected vectors as GloVe and fastText write them"),
        (b"3 2\n", "has no vector below its first line|ends after 0 vectors"),
        (b"a 1 2\nb 1\n", "line 2 has 1 numbers behind its word, and 2 are expected"),
        (b"a 1 2\nb 1 2 3\n", "line 2 has 3 numbers behind its word, and 2 are expected"),
        (b"a 1 2\ncat 1 2x\n", "line 2 has '2x' for a number; expected"),
        (b"a 1 2\ncat 1 \xff\n", "line 2 has '\ufffd' for a number; expected"),
        (b"a 1 2\ncat 1 nan\n", "line 2 has a number that is none in float32"),
        (b"a 1 2\ncat 1 1e39\n", "line 2 has a number that is none in float32"),
        (
            b"3 2\na 1 2\nb 1 2\n",
            "ends after 2 vectors and its first line announces 3; the file is",
        ),
        (b"1 2\na 1 2\nb 1 2\n", "ends after 2 vectors and its first line announces 1"),
        (b"a 1 2\n\nb 1 2\n", "line 2 has 0 numbers behind its word"),
        (b"a" * (1 << 20), "line 1 has more than 1048575 bytes"),
        (gzip.compress(GLOVE * 99)[:-60], "is cut short or damaged behind line"),
        (gzip.compress(GLOVE)[:12] + b"\xff" * 9, "is cut short or damaged behind line"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:12],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, data: bytes, part: str) -> None:
    path = save(tmp_path, data)
    with pytest.raises(DataError, match=part) as caught:
        load_vectors(path, VOCABULARY)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_other_widths_and_impossible_arguments(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1 has 3 numbers behind its word, and 2 are expected"):
        load_vectors(save(tmp_path, b"a 1 2 3\n"), VOCABULARY, dim=2)
    with pytest.raises(DataError, match="line 1 announces vectors of 3 numbers, and dim=2 is"):
        load_vectors(save(tmp_path, FAST_TEXT), VOCABULARY, dim=2)
    with pytest.raises(DataError, match="there is no such file"):
        load_vectors(tmp_path / "none", VOCABULARY)
    with pytest.raises(
        ValueError, match="vocabulary must be the words by their number; received o"
    ):
        load_vectors(tmp_path, "cat")
    with pytest.raises(ValueError, match="load_vectors: dim must be at least 1 or None"):
        load_vectors(tmp_path, VOCABULARY, dim=0)


@EACH
@given(
    start=st.integers(0, 200),
    put=st.binary(max_size=4),
    cut=st.integers(0, 5),
    packed=st.booleans(),
)
def test_any_bytes_are_a_table_or_a_sentence(
    tmp_path: Path, start: int, put: bytes, cut: int, packed: bool
) -> None:
    whole = gzip.compress(FAST_TEXT) if packed else GLOVE
    try:
        table, report = load_vectors(
            save(tmp_path, whole[:start] + put + whole[start + cut :]), ["x", "y"]
        )
    except DataError as error:
        assert "\n" not in str(error)
        return
    assert table.shape == (2, report.dim)
    assert np.isfinite(table).all()
