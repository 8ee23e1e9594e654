"""Ranks for a set of matrices, by explained variance, by number, or by a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfpipeline.layers.factored.ranks import check_rank, resolve_rank
from tfpipeline.metrics import explained_variance, explained_variance_rank
from tfpipeline.metrics.explained_variance_rank import check_share

Spectra = Mapping[str, np.ndarray]


def ranks_by_variance(spectra: Spectra, tau: Any) -> dict[str, int]:
    """Return the least rank of each matrix that explains the share `tau` of it."""
    share = check_share(tau, "explained_variance")
    return {name: explained_variance_rank(values, share) for name, values in spectra.items()}


def ranks_by_number(
    spectra: Spectra, shapes: Mapping[str, tuple[int, int]], rank: Any
) -> dict[str, int]:
    """Return one rank (int, float share, `"full"`) for all matrices, or a dict by matrix name.

    A matrix whose rank is lower already keeps it; so do matrices that a dict leaves out.
    """
    if isinstance(rank, Mapping):
        unknown = sorted(set(rank) - set(spectra))
        if unknown:
            raise ValueError(
                f"`rank` names {', '.join(map(repr, unknown))}, but the factored matrices of this "
                f"model are {', '.join(map(repr, spectra))}."
            )
        wanted = {name: rank.get(name, len(values)) for name, values in spectra.items()}
    else:
        wanted = dict.fromkeys(spectra, rank)
    ranks = {}
    for name, value in wanted.items():
        checked = check_rank(value, "rank")
        if isinstance(rank, Mapping) or not isinstance(checked, int):
            checked = resolve_rank(checked, *shapes[name], "rank")
        ranks[name] = min(int(checked), len(spectra[name]))
    return ranks


def ranks_by_budget(
    spectra: Spectra, size: Callable[[Mapping[str, int]], int], budget: Any, argument: str
) -> dict[str, int]:
    """Return ranks at the largest common explained variance with `size(ranks) <= budget`.

    The ranks change only at the shares that some matrix reaches exactly, so bisection over those
    shares is exact.
    """
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1:
        raise ValueError(f"`{argument}` must be a positive int; received {budget!r}.")
    shares = np.unique(np.concatenate([explained_variance(v) for v in spectra.values()]))
    least = ranks_by_variance(spectra, float(shares[0]))
    if size(least) > budget:
        raise ValueError(
            f"`{argument}` must be at least {size(least)} for this model, which is its size with "
            f"all ranks at their least; received {budget}."
        )
    low, high = 0, len(shares) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if size(ranks_by_variance(spectra, float(shares[middle]))) <= budget:
            low = middle
        else:
            high = middle - 1
    return ranks_by_variance(spectra, float(shares[low]))
