"""Alternating multi-bit quantization: sums of binary planes."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.numerics.low_bit import RIDGE
from tfpipeline.quantizers.quantizer import Quantizer, signs

#: Planes of a weight or an activation, at most.
MOST_BITS = 4


@keras.saving.register_keras_serializable(package="tfpipeline.quantizers")
class Alternating(Quantizer):
    """`sum_i alpha_i b_i` with signs b_i, and scales of their own for each unit.

    Xu et al. (2018), "Alternating Multi-bit Quantization for Recurrent Neural Networks". Greedily
    first, each plane of what those before it leave; then rounds of scales by least squares and of
    the nearest among all sums of the scales. Activations are quantized likewise, each vector with
    scales of its own: `activations`.

    Args:
        bits: how many planes, 1 to 4.
        rounds: of alternation after the greedy start.

    Raises:
        ValueError: for other numbers.
    """

    def __init__(self, bits: int = 2, rounds: int = 2) -> None:
        self.bits = whole(bits, "bits", 1, MOST_BITS)
        self.rounds = whole(rounds, "rounds", 0, 100)

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        planes, scales, rest = [], [], w
        for _ in range(self.bits):
            planes.append(signs(rest))
            scales.append(ops.mean(ops.abs(rest), axis=0, keepdims=True))
            rest = rest - scales[-1] * planes[-1]
        for _ in range(self.rounds):
            scales = _least_squares(planes, w)
            planes = _nearest(scales, w)
        return ops.stack(planes), ops.stack(scales)

    def combined(self, codes: Any, scale: Any) -> Any:
        return ops.sum(codes * scale, axis=0)

    def activations(self, x: Any) -> Any:
        """Return each vector along the last axis quantized, with a straight-through gradient."""
        x = ops.convert_to_tensor(x)
        rows = ops.reshape(ops.cast(ops.stop_gradient(x), "float32"), (-1, x.shape[-1]))
        levels = self.levels(ops.transpose(rows), None, None)
        quantized = ops.reshape(ops.transpose(self.combined(*levels)), ops.shape(x))
        return ops.stop_gradient(ops.cast(quantized, x.dtype)) + (x - ops.stop_gradient(x))

    def get_config(self) -> dict[str, Any]:
        return {"bits": self.bits, "rounds": self.rounds}


def _least_squares(planes: list[Any], w: Any) -> list[Any]:
    """Return the scales that leave the least squares, by elimination: few planes, many units."""

    def dot(a: Any, b: Any) -> Any:
        return ops.mean(a * b, axis=0, keepdims=True)

    count = len(planes)
    # Planes may be equal. A little on the diagonal then shares the scale between them.
    gram = [[dot(a, b) + (RIDGE if a is b else 0.0) for b in planes] for a in planes]
    right = [dot(a, w) for a in planes]
    for i in range(count):
        for j in range(i + 1, count):
            factor = gram[j][i] / gram[i][i]
            gram[j] = [b - factor * a for a, b in zip(gram[i], gram[j], strict=True)]
            right[j] = right[j] - factor * right[i]
    scales: list[Any] = [None] * count
    for i in reversed(range(count)):
        known = sum((gram[i][j] * scales[j] for j in range(i + 1, count)), start=0.0)
        scales[i] = (right[i] - known) / gram[i][i]
    return scales


def _nearest(scales: list[Any], w: Any) -> list[Any]:
    """Return the planes whose sum is nearest to each weight."""
    choices = np.array(list(itertools.product((1.0, -1.0), repeat=len(scales))), np.float32)
    distances = [
        ops.abs(w - sum(float(sign) * scale for sign, scale in zip(choice, scales, strict=True)))
        for choice in choices
    ]
    index = ops.argmin(ops.stack(distances), axis=0)
    return [ops.take(ops.convert_to_tensor(choices[:, i]), index) for i in range(len(scales))]


def whole(value: Any, argument: str, least: int, most: int) -> int:
    """Return a number as an int, or raise."""
    number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not number or not least <= value <= most:
        raise ValueError(f"`{argument}` must be an int from {least} to {most}; received {value!r}.")
    return int(value)
