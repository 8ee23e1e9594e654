"""A product with a kernel that is normalized."""

from __future__ import annotations

from typing import Any

from keras import ops

from tfpipeline.layers.recurrent.products import Product
from tfpipeline.normalizations import Normalization, Steps


class NormalizedProduct:
    """Multiplies by a kernel and normalizes what comes out, each gate on its own.

    Args:
        kernel: in the dtype that is computed in.
        normalization: of this kernel, with its weights.
        constants: those of the normalization for one call.
        steps: the time steps of what is multiplied.
    """

    def __init__(
        self,
        kernel: Product,
        normalization: Normalization,
        constants: tuple[Any, ...],
        steps: Steps,
    ) -> None:
        self._kernel = kernel
        self._normalization: Any = normalization
        self._constants = constants
        self._steps = steps

    def at(self, steps: Steps) -> NormalizedProduct:
        """Return the same for other time steps."""
        return NormalizedProduct(self._kernel, self._normalization, self._constants, steps)

    def __call__(self, x: Any) -> Any:
        """`(batch, ..., rows)` to `(batch, ..., gates * units)`."""
        return self._normal(self._kernel(x), self._constants, self._normalization.gates)

    def gate(self, x: Any, index: int) -> Any:
        """`(batch, ..., rows)` to `(batch, ..., units)` of one gate."""
        product = self._kernel.gate(x, index)
        units = product.shape[-1]
        own = slice(index * units, (index + 1) * units)
        return self._normal(product, tuple(c[..., own] for c in self._constants), 1)

    def _normal(self, product: Any, constants: tuple[Any, ...], gates: int) -> Any:
        # Sums of squares are beyond float16, and a mean of many numbers beyond bfloat16.
        exact = ops.cast(product, "float32")
        if self._steps.seen is not None:
            self._steps.seen.append(self._normalization.statistics(exact, self._steps.weight))
        normal = self._normalization.apply(exact, constants, gates, self._steps)
        return ops.cast(normal, product.dtype)
