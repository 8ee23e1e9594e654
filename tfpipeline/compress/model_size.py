"""How large a model is with other ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras

from tfpipeline.protocol import Factor

Size = Callable[[Mapping[str, int]], int]


def parameters_of(model: keras.Model, factors: Mapping[str, Factor]) -> Size:
    """Return a function from ranks by matrix name to the parameters of the whole model."""
    fixed = model.count_params() - sum(factor.parameters for factor in factors.values())
    return lambda ranks: (
        fixed + sum(rank * sum(factors[name].shape) for name, rank in ranks.items())
    )


def bytes_of(model: keras.Model, factors: Mapping[str, Factor], weight_bits: int) -> Size:
    """Return a function from ranks by matrix name to the bytes of the whole model's weights.

    A matrix has `weight_bits` bits a number and is stored as its factors or as their product,
    whichever is smaller; integers, such as a map of ids, are stored as they are, and every other
    number (biases, statistics) takes 4 bytes.
    """
    if isinstance(weight_bits, bool) or weight_bits not in range(1, 33):
        raise ValueError(f"`weight_bits` must be an int from 1 to 32; received {weight_bits!r}.")
    own = {id(v) for factor in factors.values() for v in (factor.left, factor.right)}
    fixed_bits = 0
    for weight in model.weights:
        if id(weight) not in own:
            fixed_bits += math.prod(weight.shape) * _bits(weight, weight_bits)

    def size(ranks: Mapping[str, int]) -> int:
        numbers = sum(
            min(rank * sum(factors[name].shape), factors[name].dense_parameters)
            for name, rank in ranks.items()
        )
        return -(-(fixed_bits + numbers * weight_bits) // 8)

    return size


def _bits(weight: Any, weight_bits: int) -> int:
    if weight.dtype.startswith(("int", "uint")):
        return int(weight.dtype.partition("int")[2])
    # The bias of a GRU has two rows, but is a bias.
    return weight_bits if len(weight.shape) > 1 and weight.name != "bias" else 32
