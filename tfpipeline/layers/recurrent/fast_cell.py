"""What FastRNN and FastGRNN share: their start, their trained numbers, and drift control."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import keras
from keras import ops

from tfpipeline.layers.recurrent.drift_control import DriftControl
from tfpipeline.layers.recurrent.low_bit.normalized_cell import NormalizedCell

#: Standard deviation of both kernels at the start, as in the code of the paper.
KERNEL_DEVIATION = 0.1


class FastCell(NormalizedCell):
    """Goes before a Keras cell among the bases of a cell of Kusupati et al. (2018).

    Args:
        units: width of the state.
        kernel_initializer, recurrent_initializer: None is a normal distribution of standard
            deviation 0.1.
        weight_quantizer, normalization, activation_bits, rank: as in `NormalizedCell`.
        h_clip: limit of the state, or None.
        state_filter: whether the state is pulled to a trained level; see `DriftControl`.
    """

    compute_dtype: str

    def __init__(
        self,
        units: int,
        *,
        kernel_initializer: Any = None,
        recurrent_initializer: Any = None,
        h_clip: float | None = None,
        state_filter: bool = False,
        **options: Any,
    ) -> None:
        self._constants: SimpleNamespace | None = None
        super().__init__(
            units,
            kernel_initializer=_or_normal(kernel_initializer),
            recurrent_initializer=_or_normal(recurrent_initializer),
            **options,
        )
        self._drift = DriftControl(h_clip, state_filter)
        self.h_clip, self.state_filter = self._drift.h_clip, self._drift.state_filter

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.build_scalars()
        layer: Any = self
        self._drift.build(layer)

    def build_scalars(self) -> None:
        """Add the trained numbers."""
        raise NotImplementedError

    def scalars(self) -> dict[str, Any]:
        """Return what a step computes with beside kernels and states, by name, in float32."""
        raise NotImplementedError

    @property
    def gamma(self) -> Any:
        """What the filter of the state keeps of it, in (0, 1)."""
        return self._drift.gamma

    @property
    def filter_level(self) -> Any:
        """The level that the filter pulls the state to, lambda of Comfi-FastGRNN."""
        return self._drift.level

    def constants(self) -> SimpleNamespace:
        """Return `scalars()` and those of the drift control in the compute dtype.

        Within a call of the layer they are formed once, as the recurrent kernel is.
        """
        if self._constants is not None:
            return self._constants
        values = {**self.scalars(), **self._drift.constants()}
        return SimpleNamespace(
            **{name: ops.cast(value, self.compute_dtype) for name, value in values.items()}
        )

    @contextmanager
    def prepared(self, steps: int | None, training: bool = False) -> Iterator[None]:
        with super().prepared(steps, training):
            self._constants = self.constants()
            try:
                yield
            finally:
                self._constants = None

    def kept(self, h: Any) -> Any:
        """Return the new state as it is kept; see `DriftControl`."""
        return self._drift.apply(h, self.constants())

    def export_attributes(self) -> dict[str, object]:
        return {**self.export_scalars(), **self._drift.export_attributes()}

    def export_scalars(self) -> dict[str, float]:
        """Return the numbers of the cell by the names of `tfpipeline.numerics.cells`."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "h_clip": self.h_clip, "state_filter": self.state_filter}


def _or_normal(initializer: Any) -> Any:
    if initializer is not None:
        return initializer
    # Made anew each time: an initializer of Keras gives the same values whenever it is called.
    return keras.initializers.RandomNormal(stddev=KERNEL_DEVIATION)
