"""A table of embeddings in which words that mean nearly the same share a row."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.compress.built_model import check_built
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.embedding_table import EmbeddingTable, embedding_table
from tfpipeline.compress.k_means import k_means, means
from tfpipeline.compress.model_size import bytes_of
from tfpipeline.compress.replace_rows import replace_rows
from tfpipeline.compress.row_arguments import by_row, check_padding, counts_of
from tfpipeline.compress.row_report import RowReport
from tfpipeline.layers.mapped_rows import map_bits


def cluster_rows(
    model: keras.Model,
    *,
    clusters: int | None = None,
    budget_bytes: int | None = None,
    weight_bits: int = 8,
    counts: Any = None,
    ids: Any = None,
    seed: int = 0,
    padding: int | None = 0,
    map_in_model: bool = True,
    layer: str | None = None,
) -> tuple[keras.Model, RowReport]:
    """Return the same model with means of similar rows in its table of embeddings; then train on.

    Rows are put together by k-means (see `k_means`), and each id reads the mean of its cluster, in
    which frequent words count more if it is known which they are. Padding keeps a row of its own.
    Of a factored table the rows of the product are compared, and those of its left factor averaged.
    Other weights, masks and the optimizer's state for them carry over as they are.

    With `map_in_model` the model takes the ids that it took, and looks up their rows in a map of
    one integer an id (see `tfpipeline.layers.MappedRows`). Without it the model takes
    `report.new_ids[ids]`.

    Args:
        model: built model; it is not changed.
        clusters: rows that the table shall have at most, that of padding included; fewer where
            fewer rows differ.
        budget_bytes: most bytes of all weights of the model, matrices at `weight_bits` bits, the
            map at its own width if it is in the model, and everything else at 4 bytes a number.
        weight_bits: what `budget_bytes` counts with.
        counts: `(ids,)`, how often each id occurs in the training text: a row weighs that and one.
        ids: integers of any shape, the training text itself; give this or `counts`, or neither.
        seed: of the clusters.
        padding: id of padding; None for none.
        map_in_model: whether inputs stay the same.
        layer: name of the embedding, plain or factored; None takes the only one.

    Returns:
        The smaller model, and a report with the new ids.

    Raises:
        CompressionError: (a ValueError) for arguments that do not fit, for a model without such a
            layer or with several, and for a table that another layer shares, or has LoRA or
            quantized weights.

    Example:

    >>> small, report = cluster_rows(model, clusters=500, ids=train_ids)
    """
    check_built(model)
    table = embedding_table(model, layer)
    alone = check_padding(padding, table)
    found = counts_of(counts, ids, table)
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise CompressionError(f"`seed` must be an int of at least 0; received {seed!r}.")
    most, criterion = _most(
        model, table, clusters, budget_bytes, weight_bits, map_in_model, alone is not None
    )
    if found is not None and alone is not None:
        found[alone] = 0.0
    if found is not None and not found.any():
        raise CompressionError(
            "`counts` or `ids` must have words beside padding; received none: leave both out to "
            "let all rows weigh the same."
        )
    rows = table.rows
    weights = np.ones(len(rows)) if found is None else 1.0 + by_row(found, table)
    chosen = np.arange(len(rows))
    if alone is not None:
        chosen = np.delete(chosen, table.row_of[alone])
    row_of = np.full(len(rows), -1)
    own = k_means(
        table.spread(rows[chosen]), most - (alone is not None), weights[chosen], int(seed)
    )
    row_of[chosen] = own
    # Numbered by their first row, padding among them: where it is the lowest it stays that.
    _, first, row_of = np.unique(row_of, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    row_of = order[row_of]
    new = means(rows, row_of, weights, len(first))
    return replace_rows(
        model, table, new, row_of, map_in_model, criterion=criterion, counts=found, own=None
    )


def _most(
    model: keras.Model,
    table: EmbeddingTable,
    clusters: Any,
    budget: Any,
    weight_bits: int,
    map_in_model: bool,
    padded: bool,
) -> tuple[int, str]:
    """Return how many rows the table may have, and what was asked for."""
    if (clusters is None) == (budget is None):
        raise CompressionError(
            f"cluster_rows needs exactly one of clusters, budget_bytes; received "
            f"clusters={clusters!r} and budget_bytes={budget!r}."
        )
    rows, least = len(table.rows), 1 + padded
    if budget is None:
        whole = isinstance(clusters, (int, np.integer)) and not isinstance(clusters, bool)
        if not whole or not least <= clusters <= rows:
            raise CompressionError(
                f"`clusters` must be an int from {least} to {rows}, the rows of {table.name!r}; "
                f"received {clusters!r}."
            )
        return int(clusters), f"clusters={clusters!r}"
    try:
        whole_model = bytes_of(model, {}, weight_bits)({})
    except ValueError as error:
        raise CompressionError(str(error)) from error
    width = table.rows.shape[1]
    held = 0 if table.mapped is None else table.ids * map_bits(rows)
    fixed = 8 * whole_model - rows * width * weight_bits - held

    def size(count: int) -> int:
        own = table.ids * map_bits(count) if map_in_model else 0
        return -(-(fixed + count * width * weight_bits + own) // 8)

    whole = isinstance(budget, (int, np.integer)) and not isinstance(budget, bool)
    if not whole or budget < size(least):
        raise CompressionError(
            f"`budget_bytes` must be an int of at least {size(least)}, which the other weights and "
            f"{least} rows take; received {budget!r}."
        )
    low, high = least, rows
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(middle) <= budget else (low, middle - 1)
    return low, f"budget_bytes={budget!r}"
