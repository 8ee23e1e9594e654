"""Whether leaving 8x4 blocks of zeros out of 8-bit weights pays."""

from __future__ import annotations

import numpy as np

from tfpipeline.numerics.block_sparse import stored_blocks

#: Kernels that skip blocks of zeros are faster than dense ones from this share of them on;
#: docs/sparsity.md has the measurements.
ZERO_SHARE = 0.6


def zero_blocks(values: np.ndarray, parts: int = 1) -> float:
    """Return which share of the 8x4 blocks of a matrix holds zeros only.

    Args:
        values: `(rows, depth)`, integers or floats.
        parts: Into how many equal parts the rows fall: the gates of a recurrent layer.
    """
    return 1.0 - float(stored_blocks(values != 0, parts).mean())


def pays_without_blocks(values: np.ndarray, parts: int = 1) -> bool:
    """Return whether so many blocks hold zeros only that skipping them saves time."""
    return zero_blocks(values, parts) >= ZERO_SHARE
