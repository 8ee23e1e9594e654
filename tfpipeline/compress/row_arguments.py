"""Checks of the arguments that `prune_rows` and `cluster_rows` have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.embedding_table import EmbeddingTable


def check_id(value: Any, argument: str, table: EmbeddingTable) -> int:
    """Return an id of the table, or raise a `CompressionError`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 0 <= value < table.ids:
        raise CompressionError(
            f"`{argument}` must be an id from 0 to {table.ids - 1}; received {value!r}."
        )
    return int(value)


def check_padding(value: Any, table: EmbeddingTable) -> int | None:
    """Return the id of padding, which must be 0 where the layer masks that."""
    if table.layer.mask_zero and value != 0:
        raise CompressionError(
            f"`padding` must be 0, which {table.layer.name!r} masks; received {value!r}."
        )
    return None if value is None else check_id(value, "padding", table)


def counts_of(counts: Any, ids: Any, table: EmbeddingTable) -> np.ndarray | None:
    """Return how often each id occurs, float64 `(ids,)`, or None where neither is given.

    Raises:
        CompressionError: both are given, or there is nothing to count, or a number that is none of
            an id's or of a count.
    """
    if counts is not None and ids is not None:
        raise CompressionError(
            "`counts` and `ids` both say how often words occur; received both: give one of them."
        )
    if counts is not None:
        found = np.asarray(counts)
        real = found.dtype.kind in "iuf" and found.shape == (table.ids,)
        if not real or not np.isfinite(found).all() or (found < 0).any():
            raise CompressionError(
                f"`counts` must be {table.ids} numbers, one of at least 0 for each id; received "
                f"{found.dtype} of the shape {found.shape}: count the training text with "
                "numpy.bincount(ids.ravel(), minlength=...)."
            )
        return found.astype(np.float64)
    if ids is None:
        return None
    numbers = np.asarray(ids)
    if numbers.dtype.kind not in "iu" or not numbers.size:
        raise CompressionError(
            f"`ids` must be integers, those of the training text; received {numbers.dtype} of the "
            f"shape {numbers.shape}."
        )
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0 or high >= table.ids:
        raise CompressionError(
            f"`ids` must lie from 0 to {table.ids - 1}, which {table.layer.name!r} has; received "
            f"numbers from {low} to {high}."
        )
    return np.bincount(numbers.ravel(), minlength=table.ids).astype(np.float64)


def by_row(values: np.ndarray, table: EmbeddingTable) -> np.ndarray:
    """Return the sums over the ids of each row of the table."""
    return np.bincount(table.row_of, values, minlength=len(table.rows))
