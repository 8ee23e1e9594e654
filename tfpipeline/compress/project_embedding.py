"""A table of word vectors made narrower before anything is trained."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.metrics.table_spectrum import TableSpectrum

METHODS = ("u", "us", "raunak", "pca")


def project_embedding(
    table: Any,
    *,
    width: int | None = None,
    reduction: float | None = None,
    method: str = "us",
    removed: int = 7,
) -> np.ndarray:
    """Return the table with fewer numbers a row: an offline projection, for models to start from.

    What `factorize_embedding` is compared with: there the trained table is cut in the middle of
    training, here the given one before it, and nothing maps rows back to their old width. With the
    singular value decomposition `T = U S V'` and `_k` for the first k columns:

    * `"u"`: `U_k`, as the published code of Acharya et al. (2019) has it. Its columns have length
      1, so its numbers are small: scale them to what the model expects.
    * `"us"`: `U_k S_k = T V_k`, the best approximation in k coordinates.
    * `"pca"`: the same of the table without its mean row, as model2vec has it.
    * `"raunak"`: Raunak et al. (2019), "Effective dimensionality reduction for word embeddings":
      the mean and the `removed` strongest components are taken away (Mu and Viswanath, 2018,
      "All-but-the-top"), then PCA to k coordinates, and the same taken away of these.

    A row of zeros, such as padding, stays one, and has no part in means. Signs are those with which
    the largest number of each component is positive.

    Args:
        table: `(rows, columns)` numbers.
        width: k, numbers of a row.
        reduction: R, the share of them that goes: the width is `floor((1 - R) columns)`.
        method: one of `"u"`, `"us"`, `"raunak"`, `"pca"`.
        removed: components that `"raunak"` takes away each time.

    Returns:
        float32 `(rows, width)`.

    Raises:
        CompressionError: (a ValueError) unless exactly one of `width` and `reduction` is given and
            fits the table, or for a table that is none, or an unknown method.

    Example:

    >>> start = project_embedding(vectors, reduction=0.9, method="pca")
    >>> keras.layers.Embedding(*start.shape, weights=start)
    """
    if method not in METHODS:
        raise CompressionError(f"`method` must be one of {list(METHODS)}; received {method!r}.")
    values = np.asarray(table)
    if values.ndim != 2 or not values.size or values.dtype.kind not in "iuf":
        raise CompressionError(
            f"`table` must be numbers of the shape (rows, columns); received {values.dtype} of the "
            f"shape {values.shape}."
        )
    if not np.isfinite(values).all():
        raise CompressionError("`table` must hold finite numbers; received some that are not.")
    narrow = _width(width, reduction, values.shape)
    if method != "raunak":
        return _projected(values, narrow, method).astype(np.float32)
    whole = isinstance(removed, (int, np.integer)) and not isinstance(removed, bool)
    if not whole or not 0 <= removed < narrow:
        raise CompressionError(
            f"`removed` must be an int from 0 to {narrow - 1}, below the width of {narrow}; "
            f"received {removed!r}."
        )
    first = _without_strongest(values, int(removed))
    return _without_strongest(_projected(first, narrow, "pca"), int(removed)).astype(np.float32)


def _width(width: Any, reduction: Any, shape: tuple[int, ...]) -> int:
    most = min(shape)
    if (width is None) == (reduction is None):
        raise CompressionError(
            f"project_embedding needs exactly one of width, reduction; received width={width!r} "
            f"and reduction={reduction!r}."
        )
    if width is not None:
        whole = isinstance(width, (int, np.integer)) and not isinstance(width, bool)
        if not whole or not 1 <= width <= most:
            raise CompressionError(
                f"`width` must be an int from 1 to {most} for a table of {shape[0]} x {shape[1]}; "
                f"received {width!r}."
            )
        return int(width)
    if not is_number(reduction) or not 0 <= reduction < 1:
        raise CompressionError(f"`reduction` must be a number in [0, 1); received {reduction!r}.")
    # The tolerance keeps 0.9 of a tenth: 1 - 0.9 is less than 0.1 in floating point.
    found = math.floor((1 - reduction) * shape[1] + 1e-9)
    if not 1 <= found <= most:
        raise CompressionError(
            f"`reduction` must leave a width from 1 to {most} of the {shape[1]} columns of "
            f"{shape[0]} rows; received {reduction!r}, which leaves {found}."
        )
    return found


def _centered(values: np.ndarray) -> np.ndarray:
    """Return float32 rows without their mean; those of zeros stay, and do not count."""
    present = np.asarray(values.any(axis=1))
    mean = values[present].mean(axis=0, dtype=np.float64) if present.any() else 0.0
    return np.where(present[:, None], values - mean, 0.0).astype(np.float32)


def _projected(values: np.ndarray, width: int, method: str) -> np.ndarray:
    if method == "pca":
        values = _centered(values)
    spectrum = TableSpectrum(values)
    directions = spectrum.directions(width).T
    if method == "u":
        # A direction without any of the table counts for nothing.
        singular = spectrum.values[:width]
        scale = np.zeros(width)
        np.divide(1.0, singular, out=scale, where=singular > 1e-8 * singular[0])
        directions = directions * scale
    return np.asarray(values @ directions)


def _without_strongest(values: np.ndarray, count: int) -> np.ndarray:
    """Return centered rows without their parts along the strongest components."""
    centered = _centered(values)
    directions = TableSpectrum(centered).directions(count)
    return centered - (centered @ directions.T) @ directions
