"""Reads word vectors of GloVe and fastText for the words of a vocabulary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfpipeline.data.arguments import check_count
from tfpipeline.data.errors import DataError
from tfpipeline.data.text.vector_lines import EXPECTED, vector_lines
from tfpipeline.data.text.vector_report import VectorReport

_PADDING = ("", "[PAD]")
_UNKNOWN = "[UNK]"
_SPREAD = 0.05


def load_vectors(
    path: str | os.PathLike[str],
    vocabulary: Sequence[str],
    dim: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, VectorReport]:
    """Return a table of word vectors for a vocabulary, and what the file had for it.

    The file is text, plain or compressed by gzip, with a word and its numbers in each line, as
    GloVe and fastText (`.vec`) write it. A first line of two whole numbers, which fastText writes,
    says how many vectors of what width follow. It is read line by line, so that memory holds the
    table only. Of each line the width is checked; numbers are read of words of the vocabulary. A
    word that is there twice has its first vector.

    Words that the file does not have, and "[UNK]", get normal random numbers with the mean and
    deviation of the vectors that were found (with none found, mean 0 and deviation 0.05). The row
    of padding ("" or "[PAD]") is zeros.

    Args:
        path: the file.
        vocabulary: words by number, such as `WordTokenizer.vocabulary`.
        dim: numbers of a vector that the file must have; None takes what it has.
        seed: of the random rows.

    Returns:
        The table, float32 `(words, dim)`, and a report with its `coverage`.

    Raises:
        DataError: the file is missing, of another width, cut short, or a line is no vector; the
            sentence names the line.
        ValueError: an empty vocabulary or an impossible `dim`.

    Example:
        >>> table, report = load_vectors("glove.6B.300d.txt", words.vocabulary)  # doctest: +SKIP
        >>> model = models.text.lstm(len(words), 2, embeddings=table)            # doctest: +SKIP
    """
    check_count("load_vectors", "dim", dim, none=True)
    if isinstance(vocabulary, str) or not len(vocabulary):
        raise ValueError(
            "load_vectors: vocabulary must be the words by their number; received "
            f"{'one string' if isinstance(vocabulary, str) else 'none'}."
        )
    file = Path(path)
    wanted = {
        word.encode("utf-8", "surrogatepass"): number
        for number, word in enumerate(vocabulary)
        if word not in _PADDING and word != _UNKNOWN
    }
    found: dict[int, np.ndarray] = {}
    announced: int | None = None
    width, count = dim, 0
    for number, raw in vector_lines(file):
        # A word may hold spaces of Unicode.
        line = raw.strip(b" \t\r\n")
        if number == 1 and (header := _header(line)):
            announced, told = header
            if dim is not None and told != dim:
                raise DataError(
                    f"{file}: line 1 announces vectors of {told} numbers, and dim={dim} is "
                    "expected; give that file's dim, or leave it out."
                )
            width = told
            continue
        if width is None:
            width = max(1, len(line.split(b" ")) - 1)
        word, numbers = _vector(file, number, line, width)
        count += 1
        if (place := wanted.get(word)) is not None and place not in found:
            found[place] = _numbers(file, number, numbers)
    if announced is not None and count != announced:
        raise DataError(
            f"{file}: ends after {count} vectors and its first line announces {announced}; the "
            "file is cut short: get it again."
        )
    if not count:
        raise DataError(f"{file}: has no vector below its first line; expected {EXPECTED}.")
    assert width is not None
    missing = tuple(
        word.decode("utf-8", "surrogatepass")
        for word, place in wanted.items()
        if place not in found
    )
    report = VectorReport(str(file), width, count, len(found), missing)
    return _table(vocabulary, found, width, seed), report


def _header(line: bytes) -> tuple[int, int] | None:
    """Return the number of vectors and their width, where a first line says them."""
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() and len(part) < 10 for part in parts):
        return None
    count, width = map(int, parts)
    return (count, width) if width else None


def _vector(file: Path, number: int, line: bytes, width: int) -> tuple[bytes, list[bytes]]:
    # From the right: some words of GloVe hold spaces.
    word, *numbers = line.rsplit(b" ", width)
    inside = word.split(b" ")[1:]
    surplus = len(inside) if inside and all(map(_is_number, inside)) else 0
    if len(numbers) != width or surplus:
        raise DataError(
            f"{file}: line {number} has {len(numbers) + surplus} numbers behind its word, and "
            f"{width} are expected as in the lines before or as dim says; the line is damaged or "
            "cut short."
        )
    return word, numbers


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _numbers(file: Path, number: int, parts: list[bytes]) -> np.ndarray:
    try:
        vector = np.array([float(part) for part in parts], np.float64)
    except ValueError:
        wrong = next(part for part in parts if not _is_number(part))
        raise DataError(
            f"{file}: line {number} has {wrong[:40].decode('utf-8', 'replace')!r} for a number; "
            f"expected {EXPECTED}."
        ) from None
    # Of float32, which the table has.
    if not np.all(np.abs(vector) <= np.finfo(np.float32).max):
        raise DataError(
            f"{file}: line {number} has a number that is none in float32; expected {EXPECTED}."
        )
    return vector.astype(np.float32)


def _table(
    vocabulary: Sequence[str], found: dict[int, np.ndarray], width: int, seed: int
) -> np.ndarray:
    mean, spread = 0.0, _SPREAD
    if found:
        known = np.stack(list(found.values()))
        mean, spread = float(known.mean(dtype=np.float64)), float(known.std(dtype=np.float64))
    drawn = np.random.default_rng(seed).normal(mean, spread, (len(vocabulary), width))
    table = drawn.astype(np.float32)
    for number, word in enumerate(vocabulary):
        if word in _PADDING:
            table[number] = 0
    for number, vector in found.items():
        table[number] = vector
    return table
