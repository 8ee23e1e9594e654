"""The figure of a `SpectralMonitor`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_BOUNDS = ("lambda_1", "lambda_1_float", "lambda_1_quantized", "norm", "gain", "growth")


def figure_of(
    epochs: Sequence[int],
    history: Mapping[str, Sequence[float]],
    jacobians: Mapping[str, Sequence[np.ndarray]],
    path: str | os.PathLike[str] | None = None,
) -> Any:
    """Return a figure with a row for each layer: measures by epoch, Jacobian norms by time step.

    Args:
        epochs: how many were done at each measurement.
        history: measures by `"<layer>/<name>"`.
        jacobians: by layer, one array `(time,)` a measurement.
        path: where it is saved too; None saves nothing.

    Raises:
        ValueError: there is nothing to show, or matplotlib is not installed.
    """
    if not jacobians:
        raise ValueError(
            "SpectralMonitor has measured nothing to plot; expected a fit with this callback "
            "before, received none: pass it to fit."
        )
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(
            "`plot` needs matplotlib, which is not installed; install it, or read `history` and "
            "`jacobians`, which have the same numbers."
        ) from error
    figure = Figure(figsize=(10, 3.2 * len(jacobians)), layout="constrained")
    rows = figure.subplots(len(jacobians), 2, squeeze=False)
    for (left, right), (layer, norms) in zip(rows, jacobians.items(), strict=True):
        for name in _BOUNDS:
            values = history.get(f"{layer}/{name}")
            if values is not None:
                left.plot(epochs, values, marker="o", markersize=3, label=name)
        left.set(title=layer, xlabel="epochs", yscale="log")
        left.xaxis.get_major_locator().set_params(integer=True)
        left.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        for index in dict.fromkeys((0, len(norms) - 1)):
            right.plot(norms[index], label=f"after {epochs[index]} epochs")
        right.set(title="Jacobian of a step", xlabel="time step", yscale="log")
        # What is near to 1 shall look so.
        bottom, top = right.get_ylim()
        right.set_ylim(min(bottom, 0.1), max(top, 10.0))
        right.axhline(1.0, color="0.6", linewidth=0.8)
        right.legend()
    if path is not None:
        figure.savefig(path)
    return figure
