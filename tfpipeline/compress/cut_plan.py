"""What a cut would do to a model, before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tfpipeline.compress.built_model import check_built
from tfpipeline.compress.choose_ranks import ranks_by_budget, ranks_by_number, ranks_by_variance
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.model_size import bytes_of, parameters_of
from tfpipeline.layers.factored.named_factors import named_factors
from tfpipeline.metrics.spectrum import product_svd
from tfpipeline.protocol import Factor

CRITERIA = ("explained_variance", "rank", "budget_params", "budget_bytes")


@dataclass(frozen=True)
class CutPlan:
    """The matrices of a model, and the ranks that a criterion gives them.

    Args:
        criterion: what was asked for, such as `"explained_variance=0.9"`.
        matrices: layer and factors by the matrix's name.
        svds: thin singular value decompositions by name.
        ranks: after the cut, by name.
    """

    criterion: str
    matrices: dict[str, tuple[Any, Factor]]
    svds: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]
    ranks: dict[str, int]

    @property
    def cut(self) -> dict[str, Factor]:
        """The factors that change."""
        return {
            name: factor
            for name, (_, factor) in self.matrices.items()
            if self.ranks[name] != factor.rank
        }


def plan_cut(model: keras.Model, *, weight_bits: int = 8, **criteria: Any) -> CutPlan:
    """Return the plan for a built model; arguments and errors are those of `truncate`."""
    criterion = one_criterion(criteria)
    check_built(model)
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
    factors = {name: factor for name, (_, factor) in matrices.items()}
    spectra = {name: svd[1] for name, svd in svds.items()}
    argument, value = next((k, v) for k, v in criteria.items() if v is not None)
    try:
        if argument == "explained_variance":
            ranks = ranks_by_variance(spectra, value)
        elif argument == "rank":
            shapes = {name: factor.shape for name, factor in factors.items()}
            ranks = ranks_by_number(spectra, shapes, value)
        else:
            size = (
                parameters_of(model, factors)
                if argument == "budget_params"
                else bytes_of(model, factors, weight_bits)
            )
            ranks = ranks_by_budget(spectra, size, value, argument)
    except ValueError as error:
        raise CompressionError(str(error)) from error
    return CutPlan(criterion, matrices, svds, ranks)


def check_criterion(model: keras.Model, criterion: Any) -> None:
    """Raise where `truncate(model, **criterion)` would, as far as that is known before training.

    Args:
        model: the ranks of a built model show more than those of one that `fit` shall build.
        criterion: arguments of `truncate`.
    """
    options = (*CRITERIA, "weight_bits", "keep_regularizers")
    if not isinstance(criterion, Mapping) or set(criterion) - set(options):
        raise CompressionError(
            f"`criterion` must be a dict of the arguments {', '.join(options)} of truncate, such "
            f"as {{'explained_variance': 0.9}}; received {criterion!r}."
        )
    one_criterion({name: criterion.get(name) for name in CRITERIA})
    if model.built:
        plan_cut(model, **{k: v for k, v in criterion.items() if k != "keep_regularizers"})


def one_criterion(criteria: Mapping[str, Any]) -> str:
    """Return the only criterion that is given, as text."""
    named = [f"{name}={value!r}" for name, value in criteria.items() if value is not None]
    if len(named) != 1:
        raise CompressionError(
            f"truncate needs exactly one of {', '.join(CRITERIA)}; received "
            f"{', '.join(named) or 'none'}."
        )
    return named[0]
