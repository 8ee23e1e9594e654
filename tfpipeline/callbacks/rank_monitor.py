"""Watches the ranks of factored kernels while they train."""

from __future__ import annotations

import os
from typing import Any

import keras

from tfpipeline.callbacks.scalar_logs import ScalarLogs
from tfpipeline.layers.factored.named_factors import named_factors
from tfpipeline.metrics.explained_variance_rank import check_share, explained_variance_rank
from tfpipeline.metrics.nu import nu
from tfpipeline.metrics.spectrum import product_svd
from tfpipeline.metrics.trace_norm import trace_norm


class RankMonitor(keras.callbacks.Callback):
    """Adds nu, the rank at `tau` and the trace norm of each factored matrix to the epoch's logs.

    The keys are `"<layer>/<matrix>/nu"`, `".../rank@<tau>"` and `".../trace_norm"`, so that the
    history and every later callback (CSVLogger, TensorBoard) have them. The product's singular
    values come from its factors in float64. See `tfpipeline.metrics` for the definitions (Kliegl et
    al. 2018, section 3.2.1). nu is left out for a matrix with a side of 1.

    Args:
        tau: share of the squared singular values, in (0, 1].
        every: epochs between two measurements; the last one before training ends may fall between.
        log_dir: folder for TensorBoard, which then shows the measures over the epochs; needs
            TensorFlow, on any backend. None writes nothing.

    Raises:
        ValueError: for a bad argument, or when training starts on a model without factored layers.

    Example:

    >>> history = model.fit(x, y, callbacks=[RankMonitor(tau=0.9)])
    >>> history.history["gru_1/recurrent_kernel/rank@0.9"]
    [61]
    """

    def __init__(
        self, tau: float = 0.9, every: int = 1, log_dir: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__()
        self.tau = check_share(tau)
        if not isinstance(every, int) or isinstance(every, bool) or every < 1:
            raise ValueError(f"`every` must be a positive int; received {every!r}.")
        self.every = every
        self.log_dir = log_dir
        self._writer = None if log_dir is None else ScalarLogs(log_dir)

    def measure(self) -> dict[str, float]:
        """Return the measures of the model as it is now."""
        logs: dict[str, float] = {}
        for name, _, factor in named_factors(self.model):
            try:
                values = product_svd(factor.left, factor.right)[1]
            except ValueError:  # diverged weights: the loss says so already, keep on logging
                logs[f"{name}/nu"] = float("nan")
                continue
            if min(factor.shape) > 1:
                # A cut matrix still has min(rows, columns) singular values; the rest are zero.
                padded = [*values, *[0.0] * (min(factor.shape) - len(values))]
                logs[f"{name}/nu"] = nu(padded)
            logs[f"{name}/rank@{self.tau:g}"] = explained_variance_rank(values, self.tau)
            logs[f"{name}/trace_norm"] = trace_norm(values)
        return logs

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.model.built and not any(named_factors(self.model)):
            raise ValueError(
                "RankMonitor found no factored layer in the model; build it with a layer such as "
                "tfpipeline.layers.FactoredGRU."
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None and (epoch + 1) % self.every == 0:
            measures = self.measure()
            logs.update(measures)
            if self._writer is not None:
                self._writer.write(measures, epoch)
