"""The plot of the study `export-accuracy`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfpipeline.recipes.atomic import replacing
from tfpipeline.studies.common.rows import Row
from tfpipeline.studies.export.drift import WINDOW

_BARS = {"int8": 1.0, "int16x8": 0.2}
"""Accuracy that a mode may cost, in percent."""
_COLORS = {"portable": "#33658a", "fused": "#c8553d"}


def plot_accuracy(path: Path, rows: Sequence[Row]) -> None:
    """Plot the loss of accuracy by file, a point a model, beside the error of states on streams."""
    from matplotlib.figure import Figure

    files = list(dict.fromkeys((row["mode"], row["form"]) for row in rows))
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for i, (mode, form) in enumerate(files):
        own = [row for row in rows if (row["mode"], row["form"]) == (mode, form)]
        losses = [100 * row["relative_loss"] for row in own]
        left.plot(losses, [i] * len(losses), "o", color=_COLORS[form], alpha=0.6)
        left.plot([np.mean(losses)] * 2, [i - 0.3, i + 0.3], color="black")
        if mode in _BARS:
            left.plot([_BARS[mode]] * 2, [i - 0.4, i + 0.4], color="gray", linestyle=":")
        if mode != "float32":
            curve = np.mean([row["drift"] for row in own], axis=0)
            steps = WINDOW * (np.arange(len(curve)) + 1)
            style = "-" if form == "portable" else "--"
            right.plot(steps, 100 * curve, style, label=f"{mode}, {form}")
    left.set_yticks(range(len(files)), [f"{mode}, {form}" for mode, form in files])
    left.invert_yaxis()
    left.axvline(0, color="lightgray", zorder=0)
    left.set_xlabel("relative loss of test accuracy, % (bar: mean, dotted: limit)")
    right.set_yscale("log")
    right.set_xlabel("steps since the stream began")
    right.set_ylabel("error of the states, % of their size")
    right.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    with replacing(path) as partial:
        figure.savefig(partial, dpi=120)
