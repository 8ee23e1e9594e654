"""Sizes of a model at other ranks, counted by hand."""

from __future__ import annotations

import keras
import pytest

from tfpipeline.compress.model_size import bytes_of, parameters_of
from tfpipeline.layers import FactoredDense
from tfpipeline.layers.factored.named_factors import named_factors

RANKS = {"a/kernel": 2, "b/kernel": 5}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((None, 10)),
            FactoredDense(7, rank=3, name="a"),
            FactoredDense(6, rank=4, use_bias=False, name="b"),
            keras.layers.BatchNormalization(),
            keras.layers.GRU(3),  # 6 by 9 and 3 by 9, and a bias of two rows
        ]
    )


def factors(model: keras.Model) -> dict:
    return {name: factor for name, _, factor in named_factors(model)}


def test_parameters(model):
    size = parameters_of(model, factors(model))
    assert size({"a/kernel": 3, "b/kernel": 4}) == model.count_params()
    fixed = 7 + 4 * 6 + 6 * 9 + 3 * 9 + 2 * 9
    assert size(RANKS) == 2 * (10 + 7) + 5 * (7 + 6) + fixed


@pytest.mark.parametrize("bits", [1, 3, 8, 32])
def test_bytes(model, bits):
    size = bytes_of(model, factors(model), bits)
    # Of rank 5, `b` is smaller as a whole: 7 by 6 and not 5 (7 + 6).
    numbers = 2 * (10 + 7) + 7 * 6 + 6 * 9 + 3 * 9
    plain = 7 + 4 * 6 + 2 * 9
    assert size(RANKS) == (numbers * bits + plain * 32 + 7) // 8
    less = (numbers - 3) * bits + plain * 32
    assert size({**RANKS, "b/kernel": 3}) == (less + 7) // 8


@pytest.mark.parametrize("bits", [0, 33, True, 8.5, "8"])
def test_bits_of_a_weight_are_from_1_to_32(model, bits):
    with pytest.raises(ValueError, match="`weight_bits` must be an int from 1 to 32; received"):
        bytes_of(model, factors(model), bits)
