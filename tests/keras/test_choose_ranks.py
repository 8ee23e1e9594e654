"""Ranks within a budget, against every common explained variance tried one after the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tfpipeline.compress.choose_ranks import ranks_by_budget, ranks_by_number, ranks_by_variance
from tfpipeline.metrics import explained_variance

SHAPES = {"a": (9, 5), "b": (4, 12)}


def spectra(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: np.sort(rng.exponential(size=min(s)))[::-1] for name, s in SHAPES.items()}


def size(ranks: Mapping[str, int]) -> int:
    return sum(rank * sum(SHAPES[name]) for name, rank in ranks.items())


@pytest.mark.parametrize("seed", range(5))
def test_a_budget_gets_the_largest_common_share_that_fits(seed: int) -> None:
    values = spectra(seed)
    # Only at these shares a rank changes.
    shares = np.concatenate([explained_variance(one) for one in values.values()])
    tried = [ranks_by_variance(values, float(share)) for share in shares]
    least = size({"a": 1, "b": 1})
    for budget in range(least, size({"a": 5, "b": 4}) + 20):
        expected = max((ranks for ranks in tried if size(ranks) <= budget), key=size)
        assert ranks_by_budget(values, size, budget, "budget_params") == expected
    with pytest.raises(ValueError, match=f"at least {least} for this model.*received {least - 1}"):
        ranks_by_budget(values, size, least - 1, "budget_params")
    with pytest.raises(ValueError, match=f"at least {least} for this model.*received 1"):
        ranks_by_budget(values, size, np.int64(1), "budget_params")


def test_a_matrix_of_zeros_takes_part_in_no_share() -> None:
    values = {"a": np.array([3.0, 1.0, 0.5, 0.1, 0.01]), "b": np.zeros(4)}
    found = ranks_by_budget(values, size, size({"a": 2, "b": 1}), "budget_params")
    assert found["a"] == 2


def test_numbers_are_cut_to_what_a_matrix_has() -> None:
    values = spectra(0)
    assert ranks_by_number(values, SHAPES, 100) == {"a": 5, "b": 4}
    assert ranks_by_number(values, SHAPES, 2) == {"a": 2, "b": 2}
    # Half of 5 is rounded up.
    assert ranks_by_number(values, SHAPES, 0.5) == {"a": 3, "b": 2}
    assert ranks_by_number(values, SHAPES, {"b": 3}) == {"a": 5, "b": 3}
    with pytest.raises(ValueError, match="`rank` names 'c'.* are 'a', 'b'"):
        ranks_by_number(values, SHAPES, {"c": 1})
