"""What all quantizers of weights share: gates apart, straight-through gradients, codes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from keras import ops

from tfpipeline.numerics.low_bit import Codes


class Quantizer:
    """Makes a matrix of few values of a matrix of floats, each gate's columns on their own.

    A quantizer has no state: whoever owns the weights keeps the floats, trains them with the
    gradient of the quantized ones (straight through, without clipping), and hands over what a
    quantizer needs beside them.

    Example:

    >>> quantizer = BWN()
    >>> quantizer(kernel, gates=4)              # in the graph; (rows, 4 * units)
    >>> integers, scale = quantizer.codes(kernel, gates=4)
    """

    #: Whether it weighs weights by the second moments of their gradients.
    WEIGHTED: ClassVar[bool] = False
    #: Whether it draws its codes while training.
    RANDOM: ClassVar[bool] = False
    #: Bits of a weight in papers: 1 for two values, 2 for three.
    bits: int

    def levels(self, w: Any, moment: Any, seed: Any) -> tuple[Any, Any]:
        """Return codes and scale, which broadcast, of `w`.

        Args:
            w: float32 `(rows, gates, units)`.
            moment: of the same shape, or None for equal weights.
            seed: a `keras.random.SeedGenerator` to draw with, or None.
        """
        raise NotImplementedError

    def combined(self, codes: Any, scale: Any) -> Any:
        """Return the quantized weights of codes and scale."""
        return codes * scale

    def __call__(self, w: Any, gates: int = 1, *, moment: Any = None, seed: Any = None) -> Any:
        """Return the quantized matrix; its gradient goes to `w` as it is.

        Args:
            w: `(rows, gates * units)`.
            gates: how many matrices lie side by side in it.
            moment: second moments of the gradient by weight, as Adam keeps them; None is 1 for all.
            seed: of a random quantizer while it trains; None takes the likeliest codes.
        """
        w = ops.convert_to_tensor(w)
        # What has no gradient is not differentiated: a loop could not be.
        codes, scale = self._split_levels(ops.stop_gradient(w), gates, moment, seed)
        quantized = ops.cast(ops.reshape(self.combined(codes, scale), w.shape), w.dtype)
        # The difference is exactly zero, where w + (q - w) would be q but for its last bits.
        return ops.stop_gradient(quantized) + (w - ops.stop_gradient(w))

    def codes(self, w: Any, gates: int = 1, *, moment: Any = None) -> Codes:
        """Return the integers and the scale that make the quantized matrix, for export.

        Args:
            w, gates, moment: as in a call, with values.

        Returns:
            int8 `(rows, columns)` and float32 `(1, columns)`, whose product is the matrix to the
            bit; see `Codes` for those of several planes.
        """
        w = ops.convert_to_tensor(w)
        codes, scale = (ops.convert_to_numpy(x) for x in self._split_levels(w, gates, moment, None))
        planes = codes.shape[:-3]
        scale = np.broadcast_to(scale, (*planes, 1, *codes.shape[-2:]))
        return Codes(
            codes.astype(np.int8).reshape(*planes, *w.shape),
            scale.astype(np.float32).reshape(*planes, 1, w.shape[1]),
        )

    def _split_levels(self, w: Any, gates: int, moment: Any, seed: Any) -> tuple[Any, Any]:
        rows, columns = w.shape
        apart = (rows, gates, columns // gates)
        w = ops.reshape(ops.cast(w, "float32"), apart)
        if moment is not None:
            moment = ops.reshape(ops.cast(moment, "float32"), apart)
            # Before the first step of an optimizer all are 0, which says nothing.
            some = ops.any(moment > 0, axis=(0, 2), keepdims=True)
            moment = ops.where(some, moment, 1.0)
        return self.levels(w, moment, seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the quantizer of a configuration."""
        return cls(**config)


def signs(w: Any) -> Any:
    """Return the sign of each number, +1 of 0."""
    return ops.where(w >= 0, 1.0, -1.0)


def gate_mean(values: Any, weight: Any = None) -> Any:
    """Return the mean over each gate `(1, gates, 1)`, weighted; the plain one of no weight at all.

    Args:
        values: `(rows, gates, units)`.
        weight: of the same shape, not negative, or None.
    """
    plain = ops.mean(values, axis=(0, 2), keepdims=True)
    if weight is None:
        return plain
    total = ops.sum(weight, axis=(0, 2), keepdims=True)
    some = total > 0
    weighted = ops.sum(values * weight, axis=(0, 2), keepdims=True)
    return ops.where(some, weighted / ops.where(some, total, 1.0), plain)
