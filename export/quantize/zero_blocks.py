"""Whether leaving 8x4 blocks of zeros out of 8-bit weights pays."""

from __future__ import annotations

import numpy as np

from tfpipeline.numerics.block_sparse import stored_blocks

#: Kernels that skip blocks of zeros are faster than dense ones from this share of them on, with a
#: single vector and with several that share a pass over the weights; docs/sparsity.md has the
#: measurements. A little below 0.6 and 0.7: densities of 0.4 and 0.3 are rounded to whole blocks.
ONE_VECTOR, MORE_VECTORS = 0.58, 0.68


def zero_blocks(values: np.ndarray, parts: int = 1) -> float:
    """Return which share of the 8x4 blocks of a matrix holds zeros only.

    Args:
        values: `(rows, depth)`, integers or floats.
        parts: Into how many equal parts the rows fall: the gates of a recurrent layer.
    """
    return 1.0 - float(stored_blocks(values != 0, parts).mean())


def pays_without_blocks(values: np.ndarray, parts: int = 1, vectors: int = 1) -> bool:
    """Return whether so many blocks hold zeros only that skipping them saves time.

    Args:
        values, parts: As of `zero_blocks`.
        vectors: How many are multiplied with the matrix in a call.
    """
    return zero_blocks(values, parts) >= (ONE_VECTOR if vectors == 1 else MORE_VECTORS)
