"""From stage 1 to stage 2: cuts the factors of a trained model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from tfpipeline.compress.carry_over import compile_like
from tfpipeline.compress.choose_ranks import ranks_by_budget, ranks_by_number, ranks_by_variance
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.truncation_report import MatrixTruncation, TruncationReport
from tfpipeline.layers.export_protocol import Factor, named_factors
from tfpipeline.layers.factored_kernel import Rank
from tfpipeline.metrics.spectrum import product_svd, split_svd

_TRACE_NORM = "tfpipeline>TraceNorm"


def truncate(
    model: keras.Model,
    *,
    explained_variance: float | None = None,
    rank: Rank | Mapping[str, Rank] | None = None,
    budget_params: int | None = None,
    keep_regularizers: bool = False,
) -> tuple[keras.Model, TruncationReport]:
    """Returns a smaller model, in which every factored matrix is its best low-rank approximation.

    Each W = U V becomes the balanced factors `(U_r sqrt(S_r), sqrt(S_r) V_r^T)` of its truncated
    singular value decomposition; Kliegl et al. (2018), section 2, stage 2. All other weights are
    carried over as they are, and so is a matrix that keeps its rank. `model` is not changed. A
    compiled model gives a compiled one: iteration count, learning rate and the optimizer slots of
    unchanged variables carry over, those of cut factors start again.

    Args:
        model: built model with factored layers.
        explained_variance: share of the squared singular values that each matrix keeps, in (0, 1].
        rank: rank of every matrix (int, share of its full rank, `"full"`), or a dict of matrix
            names such as `"gru_1/recurrent_kernel"`; a matrix of lower rank stays as it is.
        budget_params: most parameters of the whole model; takes the largest explained variance,
            the same for all matrices, that fits.
        keep_regularizers: whether TraceNorm stays on; the method trains stage 2 without it.

    Returns:
        The smaller model, and a report of every matrix.

    Raises:
        CompressionError: (a ValueError) unless exactly one criterion is given and fits, for a model
            that is not built, and for one without factored layers.

    Example:

    >>> small, report = truncate(model, explained_variance=0.9)
    >>> print(report)
    """
    criterion = _criterion(explained_variance, rank, budget_params)
    if not model.built:
        raise CompressionError(
            f"`model` must be built and trained first; {model.name!r} is not built."
        )
    matrices = {name: (layer, factor) for name, layer, factor in named_factors(model)}
    if not matrices:
        raise CompressionError(
            f"`model` must have factored layers; {model.name!r} has none: build it with a layer "
            f"such as tfpipeline.layers.FactoredGRU."
        )
    try:
        svds = {name: product_svd(f.left, f.right) for name, (_, f) in matrices.items()}
    except ValueError as error:  # weights that are not finite
        raise CompressionError(f"{model.name!r} cannot be cut: {error}") from error
    spectra = {name: svd[1] for name, svd in svds.items()}
    shapes = {name: factor.shape for name, (_, factor) in matrices.items()}

    fixed = model.count_params() - sum(factor.parameters for _, factor in matrices.values())
    try:
        if explained_variance is not None:
            ranks = ranks_by_variance(spectra, explained_variance)
        elif rank is not None:
            ranks = ranks_by_number(spectra, shapes, rank)
        else:
            ranks = ranks_by_budget(
                spectra,
                lambda r: fixed + sum(r[name] * sum(shapes[name]) for name in r),
                budget_params,
                "budget_params",
            )
    except ValueError as error:
        raise CompressionError(str(error)) from error

    small = _rebuild(model, matrices, ranks, keep_regularizers)
    values: dict[int, Any] = {}
    changed: set[str] = set()
    for name, (_, factor) in matrices.items():
        if ranks[name] != factor.rank:
            left, right = split_svd(*svds[name], ranks[name])
            values[id(factor.left)], values[id(factor.right)] = left, right
            changed |= {factor.left.path, factor.right.path}
    for source, target in zip(model.variables, small.variables, strict=True):
        target.assign(values.get(id(source), source))
    if model.compiled:
        compile_like(model, small, changed)
    report = _report(criterion, matrices, spectra, ranks, model, small)
    return small, report


def _criterion(explained_variance: Any, rank: Any, budget_params: Any) -> str:
    given = {
        "explained_variance": explained_variance,
        "rank": rank,
        "budget_params": budget_params,
    }
    named = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise CompressionError(
            f"truncate needs exactly one of explained_variance, rank and budget_params; received "
            f"{', '.join(named) or 'none'}."
        )
    return named[0]


def _rebuild(
    model: keras.Model,
    matrices: dict[str, tuple[Any, Factor]],
    ranks: dict[str, int],
    keep_regularizers: bool,
) -> keras.Model:
    """A fresh model of the same configuration with the new ranks."""
    classes = {type(layer).__name__: type(layer) for layer in model._flatten_layers()}
    with _other_ranks(matrices, ranks):
        config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    if not keep_regularizers:
        config = _without_trace_norm(config)
    # The configuration was made here, from the caller's own objects: Lambda layers are fine.
    small = keras.saving.deserialize_keras_object(config, custom_objects=classes, safe_mode=False)
    if not small.built:
        small.build(model.input_shape)
    return small


@contextmanager
def _other_ranks(matrices: dict[str, tuple[Any, Factor]], ranks: dict[str, int]) -> Iterator[None]:
    """Lets the layers report other ranks in their configuration for a moment.

    That way wrappers, nested and functional models write the new configuration by themselves.
    """
    before = [
        (layer, factor.argument, getattr(layer, factor.argument))
        for layer, factor in matrices.values()
    ]
    try:
        for name, (layer, factor) in matrices.items():
            setattr(layer, factor.argument, ranks[name])
        yield
    finally:
        for layer, argument, value in before:
            setattr(layer, argument, value)


def _without_trace_norm(config: Any) -> Any:
    if isinstance(config, dict):
        if config.get("registered_name") == _TRACE_NORM:
            return None
        return {key: _without_trace_norm(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_without_trace_norm(value) for value in config)
    return config


def _report(
    criterion: str,
    matrices: dict[str, tuple[Any, Factor]],
    spectra: dict[str, Any],
    ranks: dict[str, int],
    model: keras.Model,
    small: keras.Model,
) -> TruncationReport:
    entries = []
    for name, (_, factor) in matrices.items():
        values, rank = spectra[name], ranks[name]
        total = float((values**2).sum())
        entries.append(
            MatrixTruncation(
                name=name,
                shape=factor.shape,
                singular_values=tuple(float(value) for value in values),
                rank_before=factor.rank,
                rank_after=rank,
                explained_variance=float((values[:rank] ** 2).sum()) / total if total else 1.0,
                parameters_before=factor.parameters,
                parameters_after=rank * sum(factor.shape),
                dense_parameters=factor.dense_parameters,
            )
        )
    return TruncationReport(
        criterion=criterion,
        matrices=tuple(entries),
        model_parameters_before=model.count_params(),
        model_parameters_after=small.count_params(),
    )
