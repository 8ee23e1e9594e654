"""Batch normalization with averages of its own for every time step."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.normalizations.batch import Batch
from tfpipeline.normalizations.normalization import Steps


@keras.saving.register_keras_serializable(package="tfpipeline.normalizations")
class BatchSeparate(Batch):
    """Batch normalization with a moving mean and variance for each time step, gains shared.

    Cooijmans et al. (2016), "Recurrent Batch Normalization"; see `Batch`. Steps beyond the last one
    with averages use those of the last. The number of the step is a state of the cell, so that
    sequences in parts count on; masked steps do not count, so pad at the end of sequences.

    Args:
        time_steps: how many have averages; None takes them from the input of the layer.
        initial_gain: of every gain. 0.1 keeps gates out of saturation (Cooijmans et al. 2016).
        epsilon: added to the variance.
        momentum: what a moving average keeps at each batch.

    Raises:
        ValueError: `time_steps` is no positive int of at most 32768.
    """

    COUNTS_TIME = True

    def __init__(
        self,
        time_steps: int | None = None,
        initial_gain: float = 0.1,
        epsilon: float = 1e-5,
        momentum: float = 0.9,
    ) -> None:
        super().__init__(initial_gain, epsilon, momentum)
        whole = isinstance(time_steps, (int, np.integer)) and not isinstance(time_steps, bool)
        if time_steps is not None and not (whole and 0 < time_steps <= 32768):
            raise ValueError(
                f"`time_steps` must be an int from 1 to 32768 or None; received {time_steps!r}."
            )
        self.time_steps = None if time_steps is None else int(time_steps)

    def with_time_steps(self, time_steps: int | None) -> BatchSeparate:
        """Return the same with this number of steps, where it says none itself."""
        if self.time_steps is not None:
            return self
        if time_steps is None:
            raise ValueError(
                "normalization='batch_separate' needs the number of time steps, and the input's "
                "time axis does not say it; give "
                "tfpipeline.normalizations.BatchSeparate(time_steps=...)."
            )
        return BatchSeparate(**{**self.get_config(), "time_steps": time_steps})

    def rows(self) -> tuple[int, ...]:
        self.time_steps = self.with_time_steps(None).time_steps
        return (int(self.time_steps or 0),)

    def at_time(self, average: Any, steps: Steps) -> Any:
        return ops.take(average, ops.minimum(steps.time, average.shape[0] - 1), axis=0)

    def places(self, share: Any, first: Any) -> Any:
        (rows,) = self.rows()
        number = ops.arange(ops.shape(share)[0], dtype="int32") + ops.cast(first, "int32")
        return ops.one_hot(ops.minimum(number, rows - 1), rows) * share[:, None]

    def fold(self, kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise ValueError(
            "normalization='batch_separate' does not fold into weights: its averages of "
            f"{self.time_steps} time steps would be {8 * (self.time_steps or 0) * kernel.shape[1]} "
            "bytes beside them; train with 'weight' or 'batch_shared' to fold."
        )

    def get_config(self) -> dict[str, Any]:
        return {"time_steps": self.time_steps, **super().get_config()}
