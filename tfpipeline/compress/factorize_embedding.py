"""The table of a trained embedding as two factors, in the middle of training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.arguments import is_number
from tfpipeline.compress.built_model import check_built
from tfpipeline.compress.choose_ranks import ranks_by_variance
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.embedding_table import embedding_layer
from tfpipeline.compress.factorize import factorize
from tfpipeline.compress.model_size import bytes_of
from tfpipeline.compress.truncation_report import MatrixTruncation, TruncationReport
from tfpipeline.layers.factored.ranks import Rank, check_rank, resolve_rank
from tfpipeline.metrics.table_spectrum import TableSpectrum
from tfpipeline.numerics.embedding_sizes import rank_of

_CRITERIA = ("reduction", "rank", "explained_variance", "budget_bytes")


def factorize_embedding(
    model: keras.Model,
    *,
    reduction: float | None = None,
    rank: Rank | None = None,
    explained_variance: float | None = None,
    budget_bytes: int | None = None,
    weight_bits: int = 8,
    layer: str | None = None,
) -> tuple[keras.Model, TruncationReport]:
    """Return the same model with a table of embeddings as two factors of low rank; then train on.

    Acharya et al. (2019), "Online Embedding Compression for Text Classification using Low Rank
    Matrix Factorization", section 3: the singular value decomposition of the trained table, cut,
    and all weights trained further. Other weights, masks and the optimizer's state for them carry
    over as they are, and a row of zeros, such as padding, stays one. The table's regularizer does
    not. Where the paper gives all singular values to the second factor, they are shared by both
    here, as those of `truncate` are.

    Args:
        model: built model; it is not changed.
        reduction: share R of the table's numbers that go: the rank is
            `floor((1 - R) m n / (m + n))` for m rows of n numbers (the paper's equation 5).
        rank: an int, a share of `min(m, n)`, or `"full"`.
        explained_variance: share of the squared singular values that is kept, in (0, 1].
        budget_bytes: most bytes of all weights of the model, matrices at `weight_bits` bits and
            everything else at 4 bytes a number.
        weight_bits: what `budget_bytes` counts with.
        layer: name of the embedding; None takes the only one.

    Returns:
        The smaller model, and a report of the table.

    Raises:
        CompressionError: (a ValueError) unless exactly one criterion is given and fits, for a model
            without such a layer or with several of them, and as `factorize` does: for a table that
            another layer shares, or has LoRA or quantized weights.

    Example:

    >>> small, report = factorize_embedding(model, reduction=0.9)
    >>> small.fit(ids, labels, epochs=3)
    """
    criteria = dict(
        zip(_CRITERIA, (reduction, rank, explained_variance, budget_bytes), strict=True)
    )
    given = {name: value for name, value in criteria.items() if value is not None}
    if len(given) != 1:
        raise CompressionError(
            f"factorize_embedding needs exactly one of {', '.join(_CRITERIA)}; received "
            f"{', '.join(f'{name}={value!r}' for name, value in given.items()) or 'none'}."
        )
    check_built(model)
    found = embedding_layer(model, layer, keras.layers.Embedding)
    table = ops.convert_to_numpy(found.embeddings)
    rows, columns = table.shape
    try:
        spectrum = TableSpectrum(table)
    except ValueError as error:  # weights that are not finite
        raise CompressionError(f"{model.name!r} cannot be cut: {error}") from error
    ((name, value),) = given.items()
    try:
        chosen = _rank(name, value, spectrum, (rows, columns), model, weight_bits)
    except ValueError as error:
        raise CompressionError(str(error)) from error
    small = factorize(model, rank=chosen, layers=[found.name])
    squares = spectrum.values**2
    report = MatrixTruncation(
        name=f"{found.name}/embeddings",
        shape=(rows, columns),
        singular_values=tuple(float(one) for one in spectrum.values),
        rank_before=min(rows, columns),
        rank_after=chosen,
        explained_variance=float(squares[:chosen].sum() / squares.sum()) if squares.any() else 1.0,
        parameters_before=rows * columns,
        parameters_after=chosen * (rows + columns),
        dense_parameters=rows * columns,
    )
    return small, TruncationReport(
        criterion=f"{name}={value!r}",
        matrices=(report,),
        model_parameters_before=model.count_params(),
        model_parameters_after=small.count_params(),
    )


def _rank(
    criterion: str,
    value: Any,
    spectrum: TableSpectrum,
    shape: tuple[int, int],
    model: keras.Model,
    weight_bits: int,
) -> int:
    rows, columns = shape
    if criterion == "rank":
        return resolve_rank(check_rank(value, "rank"), rows, columns, "rank")
    if criterion == "explained_variance":
        return ranks_by_variance({"table": spectrum.values}, value)["table"]
    if criterion == "reduction":
        if not is_number(value):
            raise ValueError(f"`reduction` must be a number in [0, 1); received {value!r}.")
        return rank_of(value, rows, columns)
    fixed = bytes_of(model, {}, weight_bits)({}) - rows * columns * weight_bits // 8
    least = fixed + (rows + columns) * weight_bits // 8
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(
            f"`budget_bytes` must be an int of at least {least}, which the other weights and rank "
            f"1 take; received {value!r}."
        )
    return min(min(shape), (value - fixed) * 8 // (weight_bits * (rows + columns)))
