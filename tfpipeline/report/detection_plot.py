"""The plot of an evaluated stream: misses against false alarms an hour."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.report.figures import plain_log_ticks, svg_of
from tfpipeline.report.theme import Theme, drawing

_WIDTH, _HEIGHT = 5.4, 3.7


def misses_against_false_alarms(results: dict[str, Any], theme: Theme) -> str:
    """Plot the curve of the cutoffs, and the operating point on it.

    False alarms are on a logarithmic axis, whose left end stands for none at all.

    Args:
        results: what `StreamEvaluation.to_dict` gives.
        theme: colours.

    Returns:
        SVG.
    """
    curves = [("validation", results.get("validation_curve")), ("test", results["curve"])]
    shown = [(name, *_rates(curve)) for name, curve in curves if curve is not None]
    positive = [x[x > 0].min() for _, x, _ in shown if (x > 0).any()]
    limit = results["settings"]["most_false_alarms"]
    none = min([*positive, *([limit] if limit else []), 1.0]) / 3
    with drawing(theme) as figure_class:
        figure = figure_class(figsize=(_WIDTH, _HEIGHT))
        axes = figure.subplots()
        colours = {"validation": theme.neutral, "test": theme.series[1]}
        for name, x, y in shown:
            axes.plot(
                np.maximum(x, none),
                100 * y,
                color=colours[name],
                linewidth=1.8 if name == "test" else 1.2,
                linestyle="-" if name == "test" else "--",
                label=name,
            )
        if limit:
            axes.axvline(
                limit,
                color=theme.series[2],
                linewidth=1,
                linestyle=":",
                label=f"at most {limit:g} an hour",
            )
        point = results.get("operating_point")
        if point and point["miss_rate"] is not None:
            x, y = max(point["false_alarms_per_hour"], none), 100 * point["miss_rate"]
            axes.scatter([x], [y], s=60, color=theme.series[2], edgecolor=theme.paper, zorder=3)
        axes.set_xscale("log")
        highest = max([float(x.max(initial=0)) for _, x, _ in shown] + [limit, 3 * none])
        axes.set_xlim(none / 1.15, 1.6 * highest)
        plain_log_ticks(axes.xaxis, left=none)
        axes.set_ylim(-2, min(102, 8 + 105 * max(float(np.max(y)) for _, _, y in shown)))
        axes.set_xlabel("false alarms an hour")
        axes.set_ylabel("missed words, %")
        if point and point["miss_rate"] is not None:
            axes.set_title(
                f"cutoff {point['cutoff']:.4g}: {100 * point['miss_rate']:.1f} % missed, "
                f"{point['false_alarms_per_hour']:.2f} false alarms an hour",
                color=theme.series[2],
            )
        axes.legend(loc="upper right")
        return svg_of(figure)


def _rates(curve: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return false alarms an hour and the miss rate at each cutoff; no words are no misses."""
    words = list(curve["words"].values())
    spoken = sum(word["spoken"] for word in words)
    hits = np.sum([word["hits"] for word in words], axis=0)
    alarms = np.sum([word["false_alarms"] for word in words], axis=0)
    misses = 1 - hits / spoken if spoken else np.zeros(len(hits))
    return alarms / max(curve["hours"], 1e-9), misses
