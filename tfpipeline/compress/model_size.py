"""How large a model is with other ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

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
    whichever is smaller; every other number (biases, statistics) takes 4 bytes.
    """
    if isinstance(weight_bits, bool) or weight_bits not in range(1, 33):
        raise ValueError(f"`weight_bits` must be an int from 1 to 32; received {weight_bits!r}.")
    own = {id(v) for factor in factors.values() for v in (factor.left, factor.right)}
    fixed_bits = 0
    for weight in model.weights:
        if id(weight) not in own:
            # The bias of a GRU has two rows, but is a bias.
            matrix = len(weight.shape) > 1 and weight.name != "bias"
            fixed_bits += math.prod(weight.shape) * (weight_bits if matrix else 32)

    def size(ranks: Mapping[str, int]) -> int:
        numbers = sum(
            min(rank * sum(factors[name].shape), factors[name].dense_parameters)
            for name, rank in ranks.items()
        )
        return -(-(fixed_bits + numbers * weight_bits) // 8)

    return size
