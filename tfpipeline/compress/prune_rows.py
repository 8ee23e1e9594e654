"""A table of embeddings without the rows of rare words."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.compress.built_model import check_built
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.embedding_table import EmbeddingTable, embedding_table
from tfpipeline.compress.replace_rows import replace_rows
from tfpipeline.compress.row_arguments import by_row, check_id, check_padding, counts_of
from tfpipeline.compress.row_report import RowReport


def prune_rows(
    model: keras.Model,
    *,
    counts: Any = None,
    ids: Any = None,
    keep: int | None = None,
    coverage: float | None = None,
    unknown: int = 1,
    padding: int | None = 0,
    map_in_model: bool = True,
    layer: str | None = None,
) -> tuple[keras.Model, RowReport]:
    """Return the same model with the rows of its most frequent words only; then train on.

    All other words read the row of the unknown one. The rows that stay keep their order, so that
    padding and the unknown word keep their numbers where these are the lowest. Other weights, masks
    and the optimizer's state for them carry over as they are.

    With `map_in_model` the model takes the ids that it took, and looks up their rows in a map of
    one integer an id (see `tfpipeline.layers.MappedRows`). Without it the model takes the new ids,
    from a tokenizer with the words `report.shrink(vocabulary)`, or `report.new_ids[ids]`.

    Args:
        model: built model; it is not changed.
        counts: `(ids,)`, how often each id occurs in the training text.
        ids: integers of any shape, the training text itself; give this or `counts`.
        keep: rows that stay, padding and the unknown word included.
        coverage: share of the text that keeps its rows, in (0, 1]; padding and the unknown word do
            not count. Of words that are equally frequent the lower ids come first.
        unknown: id of the unknown word.
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

    >>> small, report = prune_rows(model, ids=train_ids, coverage=0.99)
    >>> words = report.shrink(vectorizer.get_vocabulary())
    """
    check_built(model)
    table = embedding_table(model, layer)
    special = {check_id(unknown, "unknown", table)}
    if (padded := check_padding(padding, table)) is not None:
        special.add(padded)
    found = counts_of(counts, ids, table)
    if found is None:
        raise CompressionError(
            "`counts` or `ids` must say how often words occur; received neither: give ids of the "
            "training text."
        )
    found[list(special)] = 0.0
    if not found.any():
        raise CompressionError(
            "`counts` or `ids` must have words beside padding and the unknown one; received none."
        )
    most, criterion = _most(keep, coverage, table, special, found)
    rows = by_row(found, table)
    fixed = sorted({int(table.row_of[one]) for one in special})
    # Stable, so that the lower of two rows comes first.
    ranked = np.argsort(-rows, kind="stable")
    words = ranked[~np.isin(ranked, fixed)]
    if most is None:
        sums = np.cumsum(rows[words])
        most = len(fixed) + int(np.searchsorted(sums, coverage * sums[-1] * (1 - 1e-12))) + 1
    own = np.sort(np.concatenate([fixed, words[: most - len(fixed)]])).astype(np.int64)
    row_of = np.full(len(rows), np.searchsorted(own, table.row_of[unknown]))
    row_of[own] = np.arange(len(own))
    return replace_rows(
        model,
        table,
        table.rows[own],
        row_of,
        map_in_model,
        criterion=criterion,
        counts=found,
        own=own,
    )


def _most(
    keep: Any, coverage: Any, table: EmbeddingTable, special: set[int], counts: np.ndarray
) -> tuple[int | None, str]:
    """Return the rows that stay, where that is given, and what was asked for."""
    if (keep is None) == (coverage is None):
        raise CompressionError(
            f"prune_rows needs exactly one of keep, coverage; received keep={keep!r} and "
            f"coverage={coverage!r}."
        )
    if coverage is not None:
        if not is_number(coverage) or not 0 < coverage <= 1:
            raise CompressionError(f"`coverage` must be a number in (0, 1]; received {coverage!r}.")
        return None, f"coverage={coverage!r}"
    rows, whole = len(table.rows), isinstance(keep, (int, np.integer))
    if not whole or isinstance(keep, bool) or not len(special) < keep <= rows:
        raise CompressionError(
            f"`keep` must be an int from {len(special) + 1} to {rows}, the rows of "
            f"{table.name!r}; received {keep!r}."
        )
    return int(keep), f"keep={keep!r}"
