"""Products with the kernels of all gates of a recurrent cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from keras import ops

from tfpipeline.layers.factored.factored_kernel import apply_matrices


class Product(Protocol):
    """What multiplies by a kernel, for all gates or for one of them."""

    def __call__(self, x: Any) -> Any: ...

    def gate(self, x: Any, index: int) -> Any: ...


class PreparedKernel:
    """One matrix, or two to be applied in turn; the last one holds the gates side by side.

    A plain object, so that Keras does not track what it holds.
    """

    def __init__(self, matrices: tuple[Any, ...], gates: int) -> None:
        *first, last = matrices
        self._matrices = matrices
        # What is not used costs nothing: it is cut from the graph.
        self._gates = [(*first, part) for part in ops.split(last, gates, axis=-1)]

    def cast(self, dtype: str) -> PreparedKernel:
        """Return the same in another dtype."""
        return PreparedKernel(tuple(ops.cast(m, dtype) for m in self._matrices), len(self._gates))

    def __call__(self, x: Any) -> Any:
        """`(..., rows)` to `(..., gates * units)`."""
        return apply_matrices(x, self._matrices)

    def gate(self, x: Any, index: int) -> Any:
        """`(..., rows)` to `(..., units)` of one gate."""
        return apply_matrices(x, self._gates[index])


class PreparedSplit:
    """Two factors for each gate; the left ones share one product."""

    def __init__(self, factors: Sequence[Sequence[Any]]) -> None:
        self._factors = [tuple(ops.convert_to_tensor(m) for m in pair) for pair in factors]
        self._left = ops.concatenate([left for left, _ in self._factors], axis=-1)
        ends = [int(left.shape[1]) for left, _ in self._factors]
        self._cuts = [sum(ends[: index + 1]) for index in range(len(ends) - 1)]

    def cast(self, dtype: str) -> PreparedSplit:
        """Return the same in another dtype."""
        return PreparedSplit([tuple(ops.cast(m, dtype) for m in pair) for pair in self._factors])

    def __call__(self, x: Any) -> Any:
        """`(..., rows)` to `(..., gates * units)`."""
        inner = ops.split(ops.matmul(x, self._left), self._cuts, axis=-1)
        parts = [ops.matmul(a, right) for a, (_, right) in zip(inner, self._factors, strict=True)]
        return ops.concatenate(parts, axis=-1)

    def gate(self, x: Any, index: int) -> Any:
        """`(..., rows)` to `(..., units)` of one gate."""
        return apply_matrices(x, self._factors[index])


class StateProduct:
    """`h U + b` in one step of a recurrent cell: for all gates together, or for each of them.

    Args:
        kernel: the recurrent kernel.
        gates: how many lie side by side in it.
        bias: of the state, `(gates * units,)`, or None.
        masks: of recurrent dropout: one for all gates, a list of one a gate, or None.
    """

    def __init__(self, kernel: Product, gates: int, bias: Any, masks: Any) -> None:
        self._kernel = kernel
        self._count = gates
        self._bias = bias
        self._mask = None if isinstance(masks, list) else masks
        self._gate_masks = masks if isinstance(masks, list) else None
        self._gate_biases: list[Any] | None = None

    def gates(self, h: Any) -> list[Any]:
        """Return the products of `h` `(batch, units)`, one a gate."""
        if self._gate_masks is not None:
            return [self.gate(h, index) for index in range(self._count)]
        return self._split(self._all(h))

    def sums(self, inputs: Any, h: Any) -> list[Any]:
        """Return the products of `h` with `inputs` `(batch, gates * units)` added, one a gate."""
        if self._gate_masks is not None:
            parts = self._split(inputs)
            return [part + self.gate(h, index) for index, part in enumerate(parts)]
        return self._split(inputs + self._all(h))

    def gate(self, h: Any, index: int) -> Any:
        """Return the product of `h` with the kernel of one gate alone."""
        mask = self._mask if self._gate_masks is None else self._gate_masks[index]
        product = self._kernel.gate(h if mask is None else h * mask, index)
        if self._bias is None:
            return product
        if self._gate_biases is None:
            self._gate_biases = self._split(self._bias)
        return product + self._gate_biases[index]

    def _all(self, h: Any) -> Any:
        product = self._kernel(h if self._mask is None else h * self._mask)
        return product if self._bias is None else product + self._bias

    def _split(self, gates: Any) -> list[Any]:
        return [gates] if self._count == 1 else ops.split(gates, self._count, axis=-1)
