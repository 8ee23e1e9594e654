"""When stage 1 ends."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.callbacks.rank_monitor import RankMonitor
from tfpipeline.metrics.explained_variance_rank import check_share

_TAU = 0.9
_PLATEAUS = {"nu_plateau": "nu", "rank_plateau": f"rank@{_TAU:g}"}


class Transition(keras.callbacks.Callback):
    """Ends `fit` where stage 2 shall begin.

    It reads the measures of `monitor()`, which must come before it.

    Args:
        when: an epoch (an int); `"nu_plateau"` or `"rank_plateau"`, when the mean nu or the sum of
            the ranks over all matrices has not fallen by the share `min_change` for `patience`
            epochs; or a float in (0, 1), when the mean nu is below it.
        latest: the epoch at which stage 1 ends in any case.
        patience, min_change: of a plateau.

    Raises:
        ValueError: for an argument out of range.
    """

    def __init__(
        self, when: int | float | str, latest: int, patience: int = 3, min_change: float = 0.01
    ) -> None:
        super().__init__()
        self.when = _check_when(when, latest)
        self.latest = latest
        self.patience = _positive_int(patience, "patience")
        self.min_change = check_share(min_change, "min_change")
        self._best = float("inf")
        self._waited = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        last = self.when if isinstance(self.when, int) else self.latest
        if epoch + 1 >= last or self._reached(logs or {}):
            self.model.stop_training = True

    def _reached(self, logs: dict[str, Any]) -> bool:
        if isinstance(self.when, int):
            return False
        if isinstance(self.when, float):
            return bool(np.mean(_measures(logs, "nu")) < self.when)
        values = _measures(logs, _PLATEAUS[self.when])
        level = float(np.mean(values) if self.when == "nu_plateau" else np.sum(values))
        if level <= self._best * (1 - self.min_change):
            self._best, self._waited = level, 0
        else:
            self._waited += 1
        return self._waited >= self.patience


def monitor() -> RankMonitor:
    """Return the callback whose measures `Transition` reads."""
    return RankMonitor(tau=_TAU)


def _measures(logs: dict[str, Any], kind: str) -> list[float]:
    """Return one measure of all matrices, and no metric of the user's such as `num_errors`."""
    return [value for name, value in logs.items() if name.endswith(f"/{kind}")]


def _check_when(when: Any, latest: int) -> int | float | str:
    if isinstance(when, str) and when in _PLATEAUS:
        return when
    if isinstance(when, int | np.integer) and not isinstance(when, bool) and 1 <= when <= latest:
        return int(when)
    if isinstance(when, float) and 0 < when < 1:
        return when
    raise ValueError(
        f"`transition` must be an epoch from 1 to {latest}, 'nu_plateau', 'rank_plateau', or a "
        f"float in (0, 1) below which the mean nu must fall; received {when!r}."
    )


def _positive_int(value: Any, argument: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{argument}` must be a positive int; received {value!r}.")
    return value
