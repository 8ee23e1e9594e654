"""Weight drop: some weights of the recurrent kernel are 0 while a sequence is trained."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.layers.recurrent.products import PreparedKernel


def check_weight_drop(rate: Any) -> float:
    """Return the share of dropped weights as a float, or raise."""
    number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if not number or not 0 <= rate < 1:
        raise ValueError(f"`recurrent_weight_drop` must be a number in [0, 1); received {rate!r}.")
    return float(rate)


def drop_weights(kernel: Any, rate: float, gates: int, seed: Any) -> PreparedKernel:
    """Return a kernel without some of its weights, for one call of the layer.

    DropConnect on the recurrent matrices: Merity et al. (2018), "Regularizing and Optimizing LSTM
    Language Models", section 2. Each weight is 0 with probability `rate`, for all time steps and
    sequences of the batch alike; the others are divided by `1 - rate`.

    Args:
        kernel: `(units, gates * units)`, of factors their product.
        rate: share of weights that are dropped.
        gates: that lie side by side in it.
        seed: the generator of the cell.
    """
    return PreparedKernel((keras.random.dropout(kernel, rate, seed=seed),), gates)


def check_whole_sequence(cell: Any) -> None:
    """Raise where a cell drops weights and is called step by step, without its layer."""
    if cell.recurrent_weight_drop:
        raise ValueError(
            f"`recurrent_weight_drop` of {type(cell).__name__} must be 0 to train a cell without "
            f"its layer, which draws one mask for a whole sequence; received "
            f"{cell.recurrent_weight_drop}: use the layer of that name without 'Cell'."
        )
