"""Bytes of an array by the formulas that papers print their sizes with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tfpipeline.compress.size_ledger.parts import Part

#: Papers say KB and mean this.
KILOBYTE = 1024


@dataclass(frozen=True)
class Formula:
    """How a paper counts.

    Args:
        source: the paper.
        bits: widths of a number that it counts with.
        bytes_of: from an array and the width to bytes.
        counts_embeddings: whether embeddings are part of its sizes.
    """

    source: str
    bits: tuple[int, ...]
    bytes_of: Callable[[Part, int], int]
    counts_embeddings: bool = False


def kusupati(part: Part, bits: int) -> int:
    """Return the bytes of an array that is stored with an index beside each number, where it pays.

    A matrix of which less than half is not 0 takes a number and an index of the same width for each
    of these; any other array takes all its numbers. Where rows begin is not counted.
    """
    sparse = part.matrix and part.density < 0.5
    return (2 * part.nonzero if sparse else part.size) * bits // 8


def hou(part: Part, bits: int) -> int:
    """Return the bytes of an array whose matrices take `bits` a number, and all else four bytes."""
    return math.ceil(part.size * (bits if part.matrix else 32) / 8)


def acharya(part: Part, bits: int) -> int:
    """Return the bytes of an array all of whose numbers take `bits`, as equation (8) counts."""
    return math.ceil(part.size * (part.bits or bits) / 8)


FORMULAS: Mapping[str, Formula] = {
    "kusupati": Formula("Kusupati et al. 2018, FastGRNN", (8, 16, 32), kusupati),
    "hou": Formula("Hou et al. 2019, normalized quantized LSTM", (1, 2, 3, 4, 32), hou),
    "acharya": Formula(
        "Acharya et al. 2019, embedding compression", (2, 4, 8, 16, 32), acharya, True
    ),
}
"""By the first author of the paper; another formula is a function and a row here."""
