"""The weights of a cell as its quantizer makes them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from keras import ops

from tfpipeline.layers.recurrent.per_thread import PerThread
from tfpipeline.quantizers import Quantizer


@dataclass(frozen=True)
class _Call:
    """One call of the layer: whether it trains, and what is quantized so far, if that is kept."""

    training: bool = False
    made: dict[int, Any] | None = None


class QuantizedWeights:
    """Quantizes the variables of a cell, each once in a call of its layer.

    Args:
        quantizer: or None, which leaves weights as they are.
        seed: the generator of the cell, for quantizers that draw.
    """

    def __init__(self, quantizer: Quantizer | None, seed: Any) -> None:
        self.quantizer = quantizer
        #: Whether somebody hands over the second moments of a weighted quantizer.
        self.moments_come = False
        #: What is quantized, once it is built.
        self.variables: list[Any] = []
        self._seed = seed
        self._moments: dict[int, tuple[Any, Any]] = {}
        self._call = PerThread(_Call())

    def build(self, cell: Any, variables: list[Any]) -> None:
        """Add the second moments to the cell, all 1, where the quantizer weighs by them."""
        if self.quantizer is None:
            return
        self.variables = list(variables)
        if not self.quantizer.WEIGHTED:
            return
        for variable in variables:
            moment = cell.add_weight(
                name=f"{variable.name}_second_moment",
                shape=variable.shape,
                initializer="ones",
                trainable=False,
                autocast=False,
            )
            self._moments[id(variable)] = (variable, moment)

    def keeps_whole(self, layer: Any, features: int) -> bool:
        """Return whether the kernel of the inputs stays in full precision, with a warning."""
        if self.quantizer is None or features != 1:
            return False
        warnings.warn(
            f"{type(layer).__name__} keeps its input kernel of one feature in full precision, one "
            "number a unit: `weight_quantizer` expects two features or more, received one; "
            "give it several, or leave it so as Hou and others (2019) do.",
            stacklevel=2,
        )
        return True

    def second_moments(self) -> list[tuple[Any, Any]]:
        """Return each variable with the one that shall hold its second moments."""
        return list(self._moments.values())

    def read(self, variable: Any, gates: int) -> Any:
        """Return a variable quantized, in its own dtype."""
        if self.quantizer is None:
            return ops.convert_to_tensor(variable)
        call = self._call.value
        if call.made is not None and id(variable) in call.made:
            return call.made[id(variable)]
        seed = self._seed if call.training and self.quantizer.RANDOM else None
        _, moment = self._moments.get(id(variable), (None, None))
        made = self.quantizer(
            ops.convert_to_tensor(variable),
            gates,
            moment=None if moment is None else ops.convert_to_tensor(moment),
            seed=seed,
        )
        if call.made is not None:
            call.made[id(variable)] = made
        return made

    @contextmanager
    def latent(self) -> Iterator[None]:
        """Inside, weights are read as they train, not quantized."""
        quantizer, self.quantizer = self.quantizer, None
        try:
            yield
        finally:
            self.quantizer = quantizer

    @contextmanager
    def during(self, training: bool, once: bool) -> Iterator[None]:
        """Inside, weights are those of training or of inference.

        Args:
            training: whether random codes are drawn.
            once: whether every variable is quantized only once.

        Raises:
            ValueError: nobody hands over what training needs.
        """
        weighted = self.quantizer is not None and self.quantizer.WEIGHTED
        if training and weighted and not self.moments_come:
            raise ValueError(
                f"weight_quantizer={type(self.quantizer).__name__!r} weighs weights by the second "
                "moments of Adam: expected tfpipeline.callbacks.SecondMoments() among the "
                "callbacks of fit, received none; pass it, or use 'BWN' or 'TWN'."
            )
        with self._call.being(_Call(training, {} if once else None)):
            yield
