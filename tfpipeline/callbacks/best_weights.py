"""The weights of the epoch that was best on validation data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_MODES = ("auto", "max", "min")


class BestWeights:
    """Keeps the weights of the epoch with the best value of a validation metric.

    Args:
        metric: its name in the epoch's logs, such as `"val_accuracy"`.
        mode: `"max"`, `"min"`, or `"auto"`, which asks the metric.
    """

    def __init__(self, metric: str, mode: str = "auto") -> None:
        if not isinstance(metric, str) or not metric.startswith("val_"):
            raise ValueError(
                f"`restore_best` must name a metric of validation data, such as 'val_accuracy'; "
                f"received {metric!r}."
            )
        if mode not in _MODES:
            raise ValueError(f"`mode` must be one of {', '.join(_MODES)}; received {mode!r}.")
        self.metric = metric
        self.mode = mode
        self.value: float | None = None
        self._weights: list[np.ndarray] | None = None

    def check(self, logs: Mapping[str, Any]) -> None:
        """Raise where validation has other metrics and not this one."""
        measured = [name for name in logs if name.startswith("val_")]
        if measured and self.metric not in measured:
            raise ValueError(
                f"`restore_best` must be one of {', '.join(map(repr, measured))}; received "
                f"{self.metric!r}."
            )

    def look(self, model: Any, logs: Mapping[str, Any]) -> None:
        """Keep the model's weights if this epoch is better than all before."""
        value = logs.get(self.metric)
        if value is None or np.isnan(value):
            return
        sign = self._sign(model)
        if self.value is None or sign * value > sign * self.value:
            self.value = float(value)
            self._weights = model.get_weights()

    def restore(self, model: Any) -> bool:
        """Give the best weights back; return whether there are any."""
        if self._weights is None:
            return False
        model.set_weights(self._weights)
        return True

    def _sign(self, model: Any) -> int:
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.metric.removeprefix("val_")
        if name == "loss":
            return -1
        for metric in _metrics(model.metrics):
            direction = getattr(metric, "_direction", None)
            if metric.name == name and direction in ("up", "down"):
                return 1 if direction == "up" else -1
        raise ValueError(
            f"`mode` must be 'max' or 'min' for {self.metric!r}, which does not say what is "
            f"better; received 'auto'."
        )


def _metrics(metrics: Any) -> Iterator[Any]:
    """Yield metrics and those inside of Keras' containers."""
    for metric in metrics:
        yield metric
        yield from _metrics(getattr(metric, "metrics", ()))
