"""The picture beside one_step_x86.csv."""

from __future__ import annotations

import os
from pathlib import Path


def plot(path: Path, rows: list[dict[str, object]], note: str) -> None:
    """Plot how many times faster than the portable file each contender is, over the units."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    lines: dict[str, dict[str, list[tuple[int, float, float]]]] = {}
    for row in rows:
        if not row["times_faster"] or row["weights"] != "in cache":
            continue
        cell, units = str(row["layer"]).split()
        kind, _, rank = str(row["contender"]).partition(", rank ")
        panel = f"{cell}, both matrices of rank units / 4" if rank else cell
        best, median = float(str(row["times_faster"])), float(str(row["median_times_faster"]))
        line = lines.setdefault(panel, {}).setdefault(kind, [])
        line.append((int(units), best, median))
    panels = max(1, len(lines))
    figure, axes = pyplot.subplots(1, panels, figsize=(5 * panels, 4.8), sharey=True, squeeze=False)
    kinds = list(dict.fromkeys(kind for panel in lines.values() for kind in panel))
    colours = dict(zip(kinds, pyplot.get_cmap("tab10").colors, strict=False))
    for axis, (panel, contenders) in zip(axes[0], lines.items(), strict=False):
        axis.axhline(1.0, color="grey", linewidth=1)
        for kind, points in contenders.items():
            units, best, median = zip(*points, strict=True)
            style = "-o" if kind.startswith("fused") else "--x"
            axis.plot(units, median, style, color=colours[kind], label=kind, markersize=4)
            axis.plot(units, best, ":", color=colours[kind], linewidth=1)
        ticks = sorted({point[0] for points in contenders.values() for point in points})
        axis.set_xscale("log", base=2)
        axis.set_xticks(ticks, [str(tick) for tick in ticks], fontsize=8, rotation=45)
        axis.set_xticks([], minor=True)
        axis.set_yscale("log")
        axis.set(xlabel="units, and features", title=panel)
        axis.legend(fontsize=8)
    # After all lines: the panels share their axis.
    low, high = axes[0][0].get_ylim()
    marks = [mark for mark in (0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50) if low <= mark <= high]
    axes[0][0].set_yticks(marks, [f"{mark:g}" for mark in marks])
    axes[0][0].set_yticks([], minor=True)
    axes[0][0].set_ylabel(
        "times faster than the portable int8 file\nof the plain layer; line: medians, dots: best"
    )
    figure.suptitle(note, fontsize=8)
    figure.tight_layout()
    temporary = path.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    os.replace(temporary, path)
