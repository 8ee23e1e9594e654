"""Steps that were done in another process, before a checkpoint was restored."""

from __future__ import annotations

from typing import Any

from tfpipeline.callbacks.inner_optimizer import steps_done


class RestoredSteps:
    """Tells a callback that counts steps where `fit` really begins.

    `keras.callbacks.BackupAndRestore` restores model and optimizer when `fit` begins, but no other
    callback. The optimizer's count then jumps between `set_model` and the first epoch, whichever
    callback comes first. Where nothing was restored the callback's own count holds, also on a model
    that has been trained before.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        # The optimizer's count less the callback's, of the last `fit`.
        self._offset: int | None = None

    def set_model(self, model: Any) -> None:
        """Note the count before any callback has acted."""
        self._before = steps_done(model.optimizer)

    def skipped(self, model: Any, count: int) -> int:
        """Return the steps by which `count` is behind (or ahead), once a `fit`; 0 as a rule."""
        before, self._before = self._before, None
        if before is None:
            return 0
        now = steps_done(model.optimizer)
        if now == before:
            self._offset = now - count
        elif self._offset is None:
            self._offset = before - count
        return now - self._offset - count
