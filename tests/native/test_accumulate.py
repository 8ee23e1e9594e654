"""Sums of scaled rows of every instruction set against numpy, bit for bit."""

from __future__ import annotations

import native_library as native
import numpy as np
from guarded import Guarded


def test_rows_are_added_with_two_roundings(isa: str, at_end: bool) -> None:
    rng = np.random.default_rng(0)
    accumulate = native.variants()[isa].accumulate
    for count in [*range(1, 40), 64, 67, 300]:
        row = rng.integers(-128, 128, count).astype(np.int8)
        sums = rng.normal(size=count).astype(np.float32)
        for factor in np.float32([0.013, -1.0, 2.0**-40, 2.0**40]):
            source, result = Guarded(row, at_end), Guarded(sums, at_end)
            accumulate(source.address, factor, count, result.address)
            np.testing.assert_array_equal(
                result.array.view(np.int32), (sums + row.astype(np.float32) * factor).view(np.int32)
            )
