"""What a criterion is refused for before anything is trained or cut."""

from __future__ import annotations

import keras
import pytest

from tfpipeline.compress import CompressionError, truncate
from tfpipeline.compress.cut_plan import check_criterion
from tfpipeline.layers import FactoredDense


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return keras.Sequential([keras.Input((10,)), FactoredDense(7, use_bias=False, name="a")])


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({}, "exactly one of explained_variance, rank, budget_params, budget_bytes; .* none"),
        ({"rank": 2, "budget_params": 50}, "received rank=2, budget_params=50"),
        ({"weight_bits": 8}, "exactly one of .* received none"),
        ({"rank": 2, "bits": 8}, "`criterion` must be a dict of the arguments explained_variance"),
        ([("rank", 2)], "`criterion` must be a dict"),
    ],
)
def test_what_is_no_criterion_is_said_of_a_model_that_is_not_built(criterion, message):
    with pytest.raises(CompressionError, match=message):
        check_criterion(keras.Sequential([FactoredDense(7)]), criterion)


def test_a_criterion_of_every_argument_is_one(model):
    options = {"weight_bits": 4, "keep_regularizers": True}
    for built in (model, keras.Sequential([FactoredDense(7)])):
        check_criterion(built, {"rank": 2, "budget_bytes": None, **options})


def test_the_least_budget_of_bytes_is_that_of_the_cut(model):
    """Rank 1 has 17 numbers, of a byte each where nothing is said of bits."""
    for least, bits in ((17, {}), (9, {"weight_bits": 4})):
        check_criterion(model, {"budget_bytes": least, **bits})
        assert truncate(model, budget_bytes=least, **bits)[1].ranks == {"a/kernel": 1}
        with pytest.raises(CompressionError, match=f"`budget_bytes` must be at least {least}"):
            check_criterion(model, {"budget_bytes": least - 1, **bits})
