"""A product with a state that is quantized first."""

from __future__ import annotations

from typing import Any

from tfpipeline.layers.recurrent.products import Product
from tfpipeline.quantizers import Alternating


class QuantizedState:
    """Quantizes what it multiplies, each vector with scales of its own.

    Xu et al. (2018), "Alternating Multi-bit Quantization for Recurrent Neural Networks".

    Args:
        kernel: in the dtype that is computed in.
        quantizer: of the vectors.
    """

    def __init__(self, kernel: Product, quantizer: Alternating) -> None:
        self._kernel = kernel
        self._quantizer = quantizer

    def __call__(self, x: Any) -> Any:
        """`(batch, ..., rows)` to `(batch, ..., gates * units)`."""
        return self._kernel(self._quantizer.activations(x))

    def gate(self, x: Any, index: int) -> Any:
        """`(batch, ..., rows)` to `(batch, ..., units)` of one gate."""
        return self._kernel.gate(self._quantizer.activations(x), index)
