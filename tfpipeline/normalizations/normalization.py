"""What all normalizations of products share: options, weights, and the words of a call."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from keras import ops


@dataclass(frozen=True)
class Steps:
    """The time steps that are normalized.

    Args:
        training: whether statistics are those of the batch.
        weight: `(batch, ..., 1)`, 0 for sequences that are masked there and else 1; None for all 1.
        time: int32 `(batch, ...)`, the number of each time step, where the normalization asks.
        seen: gets the statistics of every product, `(1, ..., columns)` each; None gets none.
    """

    training: bool = False
    weight: Any = None
    time: Any = None
    seen: list[tuple[Any, Any]] | None = None


class Normalization:
    """Normalizes the products of one kernel, `(batch, ..., gates * units)`, each gate on its own.

    An object as the user makes it holds options only, and may be given to many layers; `for_kernel`
    makes one that has weights.

    Args:
        initial_gain: what every gain starts from.
        epsilon: added to what is divided by.

    Raises:
        ValueError: for a gain or an epsilon that is no finite number, or an epsilon below 0.
    """

    #: Whether it takes statistics of the batch while training.
    OF_BATCHES: ClassVar[bool] = False
    #: Whether it normalizes by numbers of the step itself, at inference too.
    AT_RUN_TIME: ClassVar[bool] = False
    #: Whether it must know the number of the time step.
    COUNTS_TIME: ClassVar[bool] = False

    gain: Any
    offset: Any

    def __init__(self, initial_gain: float | None, epsilon: float) -> None:
        self.initial_gain = None if initial_gain is None else finite(initial_gain, "initial_gain")
        self.epsilon = finite(epsilon, "epsilon", least=0)

    def for_kernel(
        self, cell: Any, name: str, gates: int, columns: int, start: Callable[[], Any]
    ) -> Any:
        """Return a normalization of the same options with weights, which it adds to the cell.

        Args:
            cell: the Keras cell.
            name: of the kernel.
            gates: how many lie side by side.
            columns: of the kernel.
            start: returns the first value of the kernel, before it is quantized.
        """
        bound = type(self).from_config(self.get_config())

        def add(what: str, initializer: Any, shape: Any = (columns,), **options: Any) -> Any:
            return cell.add_weight(
                name=f"{name}_{what}",
                shape=shape,
                initializer=initializer,
                autocast=False,
                **options,
            )

        bound.gates = gates
        bound.add_weights(add, columns, start)
        return bound

    def add_weights(self, add: Callable[..., Any], columns: int, start: Callable[[], Any]) -> None:
        """Add the gain and the offset; more in a subclass."""
        gain = self.initial_gain
        self.gain = add("gain", lambda shape, dtype=None: ops.full(shape, gain, dtype))
        self.offset = add("offset", "zeros")

    def constants(self, kernel: Callable[[], Any]) -> tuple[Any, ...]:
        """Return what one call needs, in float32; gates lie along the last axes.

        Args:
            kernel: returns the kernel as it is multiplied with.
        """
        return ops.convert_to_tensor(self.gain), ops.convert_to_tensor(self.offset)

    def apply(self, products: Any, constants: tuple[Any, ...], gates: int, steps: Steps) -> Any:
        """Return normalized products.

        Args:
            products: float32 `(batch, ..., gates * units)`.
            constants: those of `constants()`, of all gates or of one.
            gates: how many there are.
            steps: which time steps these are.
        """
        raise NotImplementedError

    def fold(self, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what every column is multiplied by, and what is added, at inference.

        Args:
            kernel: `(rows, columns)` as it is multiplied with.

        Raises:
            ValueError: normalization is no such thing.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {"initial_gain": self.initial_gain, "epsilon": self.epsilon}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the normalization of a configuration."""
        return cls(**config)


def finite(value: Any, argument: str, least: float = -np.inf, most: float = np.inf) -> float:
    """Return a number as a float, or raise."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not least <= value <= most:
        raise ValueError(
            f"`{argument}` must be a finite number from {least:g} to {most:g}; received {value!r}."
        )
    return float(value)
