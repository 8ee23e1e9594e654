"""Reads pictures as sequences: some pixels a step, in their order or in a fixed permutation."""

from __future__ import annotations

import numpy as np

from tfpipeline.data.arguments import check_count

#: Of the permutation of the pixels that `permuted=True` means.
PERMUTATION_SEED = 0


def check_order(function: str, pixels: int, features: int, permutation_seed: int) -> None:
    """Refuse features that do not divide the pixels, and seeds that are none.

    Raises:
        ValueError: naming the argument.
    """
    check_count(function, "features", features)
    check_count(function, "permutation_seed", permutation_seed, least=0)
    if pixels % features:
        choices = ", ".join(str(n) for n in range(1, pixels + 1) if pixels % n == 0)
        raise ValueError(
            f"{function}: features must divide the {pixels} pixels of a picture ({choices}); "
            f"received {features!r}."
        )


def as_sequences(
    pictures: np.ndarray, features: int, permuted: bool, permutation_seed: int
) -> np.ndarray:
    """Return pictures as float32 `(pictures, steps, features)`.

    Args:
        pictures: `(pictures, rows, columns)`.
        features: pixels of a step; `steps` is the rest. The pixels go row by row.
        permuted: whether one permutation is applied to the pixels of all pictures first.
        permutation_seed: which one.
    """
    flat = pictures.reshape(len(pictures), pictures.shape[1] * pictures.shape[2])
    if permuted:
        flat = flat[:, pixel_permutation(flat.shape[1], permutation_seed)]
    steps = flat.shape[1] // features
    return flat.reshape(len(pictures), steps, features).astype(np.float32)


def pixel_permutation(pixels: int, seed: int = PERMUTATION_SEED) -> np.ndarray:
    """Return the permutation: int64 `(pixels,)`, the pixel that each place shows.

    The draws of NumPy's `RandomState` are the same in all its versions.
    """
    return np.random.RandomState(seed).permutation(pixels)
