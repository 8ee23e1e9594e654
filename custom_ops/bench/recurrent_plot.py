"""The picture beside recurrent_x86.csv."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np


def plot(path: Path, rows: list[dict[str, object]], cache: float, note: str) -> None:
    """Plot times a frame, and each contender under the roof of reading the weights once a step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [r for r in rows if r["us"]]
    one = [r for r in rows if r["threads"] == min(int(str(r["threads"])) for r in rows)]
    presets = list(dict.fromkeys(str(r["layers"]) for r in one))
    names = list(dict.fromkeys(str(r["contender"]) for r in one))
    colours = dict(zip(names, pyplot.get_cmap("tab20").colors, strict=False))
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5.8), layout="constrained")
    for name in names:
        label = name
        for preset, there in enumerate(presets):
            # Bars stand side by side, whoever is missing.
            group = [r for r in one if r["layers"] == there]
            width = 0.8 / len(group)
            for place, row in enumerate(group):
                if row["contender"] == name:
                    at = preset + (place - (len(group) - 1) / 2) * width
                    time = float(str(row["us_a_frame"]))
                    left.bar(at, time, width, label=label, color=colours[name])
                    label = "_"
    left.set_xticks(range(len(presets)), presets, rotation=20, ha="right", fontsize=8)
    left.set(ylabel="microseconds a frame, measured, best", yscale="log")
    figure.legend(fontsize=8, loc="outside lower center", ncol=6)
    sizes = np.geomspace(0.2, 30, 50)
    # Two operations a weight, each weight read once a step.
    right.plot(
        sizes,
        np.full(50, 2 * cache / 1e9),
        color="grey",
        label=f"every weight once a step at {cache / 1e9:.0f} GB/s, measured",
    )
    for row in one:
        right.plot(
            float(str(row["weight_mb"])),
            float(str(row["gops"])),
            "o" if str(row["contender"]).startswith("ours") else "x",
            color=colours[str(row["contender"])],
        )
    right.set(
        xscale="log",
        xlabel="MB of int8 weights",
        ylabel="GOPS (2 x multiply-adds), measured",
        title="above the line: one read of the input weights serves several steps",
        ylim=(0, None),
    )
    right.legend(fontsize=8)
    figure.suptitle(note, fontsize=8)
    temporary = path.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    os.replace(temporary, path)
