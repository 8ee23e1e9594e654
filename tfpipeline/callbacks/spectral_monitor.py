"""Watches what recurrent layers do to gradients while they train."""

from __future__ import annotations

import os
import warnings
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.arguments import is_number
from tfpipeline.callbacks.scalar_logs import ScalarLogs
from tfpipeline.callbacks.spectral.gradient_bounds import gamma_1, gradient_bounds
from tfpipeline.callbacks.spectral.layer_inputs import inputs_of
from tfpipeline.callbacks.spectral.normalized_map import gate_parts
from tfpipeline.callbacks.spectral.plot import figure_of
from tfpipeline.callbacks.spectral.recurrent_trace import RecurrentTrace, is_traceable
from tfpipeline.layers.factored.named_factors import unique_names
from tfpipeline.metrics.power_iteration import spectral_norm


class SpectralMonitor(keras.callbacks.Callback):
    """Adds bounds and measured norms of the gradients of recurrent layers to the epoch's logs.

    Quantized recurrent matrices have large spectral norms, which grow with the width, and gradients
    then explode (Hou et al. 2019). The keys are `"<layer>/<name>"`, of layers of
    `tfpipeline.layers` without `normalize_cell` and `activation_bits`, with these names:

    * `lambda_1`, `lambda_2`: bounds of what a step does to the gradient, of the weights as they are
      multiplied with, quantized and normalized; see
      `tfpipeline.callbacks.spectral.gradient_bounds`. `lambda_2` is an LSTM's only.
    * `lambda_1_float`, `lambda_1_quantized`: the same of the weights in full precision, and of the
      quantized ones, both without the normalization.
    * `norm`, `norm_float`, `norm_quantized`: the largest spectral norm among the gates of these.
    * `gamma_1`: the largest |c| of an LSTM. `gain`: the largest gain of the normalization.
    * `jacobian`: spectral norm of the Jacobian of a step, the mean over sequences and the largest
      over time; `jacobians` has all time steps.
    * `growth`: by what a step multiplies the gradient along the direction that grows most, the mean
      of a step over whole sequences: `|J_T ... J_1| ** (1 / T)`.

    It warns once a layer where that product exceeds `limit`, before training and after each epoch,
    and says what helps.

    Args:
        x: a few sequences as the model takes them, on which all of it is measured.
        limit: of the norm of the product of all Jacobians of a sequence.
        every: epochs between two measurements.
        log_dir: folder for TensorBoard; needs TensorFlow, on any backend. None writes nothing.

    Attributes:
        epochs: how many epochs were done at each measurement, 0 before training.
        history: the numbers by key, one a measurement.
        jacobians: by layer, one array `(time,)` a measurement.

    Raises:
        ValueError: for a bad argument, or when training starts on a model without such layers.

    Example:

    >>> monitor = SpectralMonitor(x[:8])
    >>> model.fit(x, y, epochs=10, callbacks=[monitor])
    >>> monitor.plot("gradients.png")
    """

    def __init__(
        self,
        x: Any,
        limit: float = 100.0,
        every: int = 1,
        log_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if not is_number(limit) or limit <= 0:
            raise ValueError(f"`limit` must be a positive number; received {limit!r}.")
        if not isinstance(every, int) or isinstance(every, bool) or every < 1:
            raise ValueError(f"`every` must be a positive int; received {every!r}.")
        self.x = x
        self.limit = limit
        self.every = every
        self.log_dir = log_dir
        self._writer = None if log_dir is None else ScalarLogs(log_dir)
        self.epochs: list[int] = []
        self.history: dict[str, list[float]] = {}
        self.jacobians: dict[str, list[np.ndarray]] = {}
        self._warned: set[str] = set()

    def layers(self) -> dict[str, Any]:
        """Return the layers that are watched, by name."""
        found = [layer for layer in self.model._flatten_layers() if is_traceable(layer)]
        return dict(zip(unique_names(layer.name for layer in found), found, strict=True))

    def measure(self) -> dict[str, float]:
        """Return the measures of the model as it is now, and warn."""
        layers = self.layers()
        logs: dict[str, float] = {}
        for (name, layer), given in zip(
            layers.items(), inputs_of(self.model, self.x, layers.values()), strict=True
        ):
            trace = RecurrentTrace(layer, *given)
            jacobians = trace.jacobians()
            norms = np.where(trace.mask, jacobians.norms(), np.nan)
            steps = trace.mask.sum(axis=0)
            growth = jacobians.log_growth()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # steps that all have masked
                over_time = np.nanmean(norms, axis=1)
            self.jacobians.setdefault(name, []).append(over_time)
            measures = {
                **_bounds(layer, trace),
                "jacobian": float(np.nanmax(over_time)),
                "growth": float(np.mean(np.exp(growth / np.maximum(steps, 1)))),
            }
            logs |= {f"{name}/{key}": value for key, value in measures.items()}
            self._warn(name, layer, float(growth.max()))
        return logs

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._warned = set()
        if not self.model.built:
            return
        if not self.layers():
            raise ValueError(
                "SpectralMonitor found no recurrent layer that it knows in the model; expected one "
                "of tfpipeline.layers with a recurrent kernel, such as NormalizedLSTM."
            )
        self._keep(self.epochs[-1] if self.epochs else 0, self.measure())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if (epoch + 1) % self.every:
            return
        measures = self.measure()
        self._keep(epoch + 1, measures)
        if logs is not None:
            logs.update(measures)
        if self._writer is not None:
            self._writer.write(measures, epoch)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Return a figure of matplotlib on logarithmic axes: bounds by epoch, Jacobians by time.

        Args:
            path: where it is saved too, with the format of its suffix; None saves nothing.

        Raises:
            ValueError: nothing was measured, or matplotlib is not installed.
        """
        return figure_of(self.epochs, self.history, self.jacobians, path)

    def _keep(self, epochs: int, measures: dict[str, float]) -> None:
        self.epochs.append(epochs)
        for key, value in measures.items():
            self.history.setdefault(key, []).append(value)

    def _warn(self, name: str, layer: Any, growth: float) -> None:
        if growth <= np.log(self.limit) or name in self._warned:
            return
        self._warned.add(name)
        warnings.warn(
            f"gradients of layer {name!r} may explode: the Jacobians of a sequence multiply to a "
            f"norm of 1e{growth / np.log(10):.0f}, expected at most {self.limit:g}; "
            f"{_remedy(layer)}.",
            stacklevel=2,
        )


def _bounds(layer: Any, trace: RecurrentTrace) -> dict[str, float]:
    cell, product = layer.cell, trace.product
    norms = product.norms(trace.slopes)
    found = {**gradient_bounds(trace, norms), "norm": max(norms)}
    latent = getattr(cell, "quantized", None)
    with nullcontext() if latent is None else latent.latent():
        full = np.asarray(ops.convert_to_numpy(cell.recurrent_kernel), np.float64)
    matrices = {"float": full}
    if getattr(cell, "weight_quantizer", None) is not None:
        matrices["quantized"] = product.matrix
    for what, matrix in matrices.items():
        bare = [spectral_norm(part) for part in gate_parts(matrix, product.gates)]
        found[f"lambda_1_{what}"] = gradient_bounds(trace, bare)["lambda_1"]
        found[f"norm_{what}"] = max(bare)
    for key, value in (("gamma_1", gamma_1(trace)), ("gain", product.gain)):
        if value is not None:
            found[key] = value
    return found


def _remedy(layer: Any) -> str:
    cell = layer.cell
    if getattr(cell, "weight_quantizer", None) is None:
        return "clip gradients with `global_clipnorm` of the optimizer, or lower its learning rate"
    if cell.normalization is None:
        return "give the layer normalization='weight', 'layer' or 'batch_shared'"
    return (
        "start the normalization from a smaller `initial_gain`, such as 0.1, or clip gradients "
        "with `global_clipnorm` of the optimizer"
    )
