"""Handwritten digits of 8 x 8 pixels that come with scikit-learn: MNIST's stand-in offline."""

from __future__ import annotations

import numpy as np

from tfpipeline.data.dataset import Dataset, Samples
from tfpipeline.data.images.pixel_order import PERMUTATION_SEED, as_sequences, check_order
from tfpipeline.extras import require_modules

SIDE = 8
# Of the 1797 pictures: the last fifth but one and the last. Pictures of one writer follow each
# other, so that cuts at two places leave few writers on both sides.
_FIRST_OF_VALIDATION, _FIRST_OF_TEST = 1077, 1437


def load_digits(
    features: int = 1, permuted: bool = False, permutation_seed: int = PERMUTATION_SEED
) -> Dataset:
    """Load scikit-learn's digits as sequences of pixels, with values from 0 to 1.

    They are 1797 pictures, the test set of UCI's Optical Recognition of Handwritten Digits, and
    need no download. The splits are stretches of its order: 1077, 360 and 360.

    Args:
        features: pixels of a step: 1 for pixel by pixel (64 steps), 8 for row by row, or any other
            number that divides 64.
        permuted: whether the pixels of all pictures come in one fixed random order.
        permutation_seed: which one; `tfpipeline.data.pixel_permutation` returns it.

    Returns:
        A dataset with x float32 `(pictures, 64 / features, features)`.

    Raises:
        MissingExtraError: scikit-learn is not installed; the sentence says how to get it.
        ValueError: impossible arguments.
    """
    check_order("load_digits", SIDE * SIDE, features, permutation_seed)
    require_modules("sklearn")
    import sklearn
    from sklearn.datasets import load_digits as read

    bunch = read()
    pictures = np.asarray(bunch.images, np.float32) / np.float32(16)
    x = as_sequences(pictures, features, permuted, permutation_seed)
    y = np.asarray(bunch.target, np.int32)

    def part(first: int, last: int | None) -> Samples:
        return Samples(x[first:last], y[first:last])

    return Dataset(
        tuple("0123456789"),
        part(0, _FIRST_OF_VALIDATION),
        part(_FIRST_OF_VALIDATION, _FIRST_OF_TEST),
        part(_FIRST_OF_TEST, None),
        {
            "name": "permuted digits" if permuted else "digits",
            "source": f"scikit-learn {sklearn.__version__}, load_digits",
            "features": features,
            "permutation_seed": permutation_seed if permuted else None,
        },
    )
