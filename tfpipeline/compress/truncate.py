"""From stage 1 to stage 2: cuts the factors of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tfpipeline.compress.carry_over import compile_like
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.cut_plan import CutPlan, plan_cut
from tfpipeline.compress.own_objects import Change, changed
from tfpipeline.compress.rebuild import copy_trainable, layer_pairs, rebuild
from tfpipeline.compress.truncation_report import MatrixTruncation, TruncationReport
from tfpipeline.layers.copying import take_over
from tfpipeline.layers.factored.ranks import Rank
from tfpipeline.metrics.spectrum import split_svd
from tfpipeline.regularizers.half_l2 import HalfL2
from tfpipeline.regularizers.trace_norm import FactorPenalty


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
    """Return a smaller model, in which every factored matrix is its best low-rank approximation.

    Each W = U V becomes the balanced factors `(U_r sqrt(S_r), sqrt(S_r) V_r^T)` of its truncated
    singular value decomposition; Kliegl et al. (2018), section 3.1, stage 2. All other weights are
    carried over as they are, and so is a matrix that keeps its rank. `model` is not changed. A
    compiled model gives a compiled one: iteration count, learning rate and the optimizer slots of
    unchanged variables carry over, those of cut factors start again. What is frozen stays frozen.

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
        keep_regularizers: whether TraceNorm stays on, and what else regularizes factors as it
            does, by a `for_factor()`; the method trains stage 2 without it.

    Returns:
        The smaller model, and a report of every matrix.

    Raises:
        CompressionError: (a ValueError) unless exactly one criterion is given and fits, for a model
            that is not built, for one without factored layers, and for one that its configuration
            does not give again: layers that share a variable, or a class without `get_config()`.

    Example:

    >>> small, report = truncate(model, explained_variance=0.9)
    >>> print(report)
    """
    plan = plan_cut(
        model,
        weight_bits=weight_bits,
        explained_variance=explained_variance,
        rank=rank,
        budget_params=budget_params,
        budget_bytes=budget_bytes,
    )
    cut = plan.cut
    for name, factor in cut.items():
        if factor.projects_output:
            raise CompressionError(
                f"`model` must not have a layer with joint='prabhavalkar', whose rank is the width "
                f"of its output, where a matrix is cut; {name!r} is one: use "
                f"tfpipeline.compress.factorize on a model without it, with the rank it shall have."
            )

    small = _rebuild(model, plan, keep_regularizers)
    values: dict[int, Any] = {}
    for name, factor in cut.items():
        left, right = split_svd(*plan.svds[name], plan.ranks[name])
        values[id(factor.left)], values[id(factor.right)] = left, right
    layers = layer_pairs(model, small)
    pairs = list(zip(model.variables, small.variables, strict=False))
    if len(small.variables) != len(model.variables) or any(
        values.get(id(a), a).shape != b.shape for a, b in pairs
    ):
        raise CompressionError(
            f"`model` must write its layers' ranks into its configuration; {model.name!r}, a "
            f"{type(model).__name__}, came back from it with the ranks as they were: use a "
            f"Sequential or functional model, or keep the layers in get_config() and from_config()."
        )
    for source, target in pairs:
        take_over(target, values.get(id(source), source))
    copy_trainable(layers, pairs)
    if model.compiled:
        compile_like(
            model,
            small,
            kept=[pair for pair in pairs if id(pair[0]) not in values],
            replaced=[pair for pair in pairs if id(pair[0]) in values],
        )
    return small, _report(plan, model, small)


def _rebuild(model: keras.Model, plan: CutPlan, keep_regularizers: bool) -> keras.Model:
    """Return a fresh model of the same configuration with the new ranks.

    The layers report other ranks in their configuration for a moment: that way wrappers, nested and
    functional models write the new configuration by themselves.
    """
    changes = _ranks(plan)
    if not keep_regularizers:
        changes += _trace_norms(model)
    with changed(changes):
        return rebuild(model)


def _ranks(plan: CutPlan) -> list[Change]:
    owners: dict[tuple[int, str], Any] = {}
    wanted: dict[tuple[int, str], Any] = {}
    for name, (layer, factor) in plan.matrices.items():
        place = id(layer), factor.argument
        owners[place] = layer
        if factor.gate is None:
            wanted[place] = plan.ranks[name]
        else:
            wanted.setdefault(place, []).append(plan.ranks[name])
    return [(owners[place], place[1], value) for place, value in wanted.items()]


def _trace_norms(model: keras.Model) -> list[Change]:
    """Take every regularizer away that acts on factors as a trace norm, own classes included."""
    return [
        (layer, name, None)
        for layer in model._flatten_layers()
        for name, value in list(vars(layer).items())
        if isinstance(value, keras.regularizers.Regularizer)
        and (hasattr(value, "for_factor") or isinstance(value, FactorPenalty))
        and not isinstance(value, HalfL2)
    ]


def _report(plan: CutPlan, model: keras.Model, small: keras.Model) -> TruncationReport:
    entries = []
    for name, (_, factor) in plan.matrices.items():
        values, rank = plan.svds[name][1], plan.ranks[name]
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
        criterion=plan.criterion,
        matrices=tuple(entries),
        model_parameters_before=model.count_params(),
        model_parameters_after=small.count_params(),
    )
