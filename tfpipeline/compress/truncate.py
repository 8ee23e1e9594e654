"""From stage 1 to stage 2: cuts the factors of a trained model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from tfpipeline.compress.carry_over import compile_like
from tfpipeline.compress.choose_ranks import ranks_by_budget, ranks_by_number, ranks_by_variance
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.model_size import bytes_of, parameters_of
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
    budget_bytes: int | None = None,
    weight_bits: int = 8,
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
        budget_bytes: the same for the bytes of all weights: matrices at `weight_bits` bits, each
            stored as its factors or as their product, whichever is smaller, and everything else at
            4 bytes a number. The scales and the structure of a file come on top.
        weight_bits: bits of a number in a matrix, from 1 to 32; what `budget_bytes` counts with.
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
    criterion = _criterion(
        explained_variance=explained_variance,
        rank=rank,
        budget_params=budget_params,
        budget_bytes=budget_bytes,
    )
    if not model.built:
        raise CompressionError(
            f"`model` must be built and trained first; {model.name!r} is not built."
        )
    matrices = {name: (layer, factor) for name, layer, factor in named_factors(model)}
    if not matrices:
        raise CompressionError(
            f"`model` must have factored layers; {model.name!r} has none: build it with a layer "
            f"such as tfpipeline.layers.FactoredGRU, or call tfpipeline.compress.factorize first."
        )
    try:
        svds = {name: product_svd(f.left, f.right) for name, (_, f) in matrices.items()}
    except ValueError as error:  # weights that are not finite
        raise CompressionError(f"{model.name!r} cannot be cut: {error}") from error
    spectra = {name: svd[1] for name, svd in svds.items()}
    factors = {name: factor for name, (_, factor) in matrices.items()}
    try:
        if explained_variance is not None:
            ranks = ranks_by_variance(spectra, explained_variance)
        elif rank is not None:
            shapes = {name: factor.shape for name, factor in factors.items()}
            ranks = ranks_by_number(spectra, shapes, rank)
        elif budget_params is not None:
            size = parameters_of(model, factors)
            ranks = ranks_by_budget(spectra, size, budget_params, "budget_params")
        else:
            size = bytes_of(model, factors, weight_bits)
            ranks = ranks_by_budget(spectra, size, budget_bytes, "budget_bytes")
    except ValueError as error:
        raise CompressionError(str(error)) from error
    cut = {name: factor for name, factor in factors.items() if ranks[name] != factor.rank}
    for name, factor in cut.items():
        if factor.projects_output:
            raise CompressionError(
                f"`model` must not have a layer with joint='prabhavalkar', whose rank is the width "
                f"of its output, where a matrix is cut; {name!r} is one: use "
                f"tfpipeline.compress.factorize on a model without it, with the rank it shall have."
            )

    small = _rebuild(model, matrices, ranks, keep_regularizers)
    values: dict[int, Any] = {}
    for name, factor in cut.items():
        left, right = split_svd(*svds[name], ranks[name])
        values[id(factor.left)], values[id(factor.right)] = left, right
    pairs = list(zip(model.variables, small.variables, strict=True))
    for source, target in pairs:
        target.assign(values.get(id(source), source))
    if model.compiled:
        compile_like(model, small, [pair for pair in pairs if id(pair[0]) not in values])
    report = _report(criterion, matrices, spectra, ranks, model, small)
    return small, report


def _criterion(**given: Any) -> str:
    named = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise CompressionError(
            f"truncate needs exactly one of {', '.join(given)}; received "
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
    before: dict[tuple[int, str], tuple[Any, str, Any]] = {}
    wanted: dict[tuple[int, str], Any] = {}
    for name, (layer, factor) in matrices.items():
        place = id(layer), factor.argument
        before.setdefault(place, (layer, factor.argument, getattr(layer, factor.argument)))
        if factor.gate is None:
            wanted[place] = ranks[name]
        else:
            wanted.setdefault(place, []).append(ranks[name])
    try:
        for place, (layer, argument, _) in before.items():
            setattr(layer, argument, wanted[place])
        yield
    finally:
        for layer, argument, value in before.values():
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
