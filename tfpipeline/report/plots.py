"""The plots of the report: each function takes results and a theme and returns an SVG text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from tfpipeline.report.figures import plain_log_ticks, svg_of
from tfpipeline.report.results import Results
from tfpipeline.report.theme import Theme, drawing

# Inches; narrow on purpose, so that the letters stay readable on a phone.
_WIDTH = 5.4
_KILO = 1000.0


def accuracy_against_size(results: Results, theme: Theme) -> str | None:
    """Plot one point a model form: bytes on a logarithmic axis, test accuracy upwards."""
    forms = [form for form in results["forms"] if form.get("test_accuracy") is not None]
    if not forms:
        return None
    with drawing(theme) as figure_class:
        figure = figure_class(figsize=(_WIDTH, 3.5))
        axes = figure.subplots()
        sizes = [form["bytes"] / _KILO for form in forms]
        scores = [100 * form["test_accuracy"] for form in forms]
        for form, size, score in zip(forms, sizes, scores, strict=True):
            colour = theme.colour_of(form["name"])
            axes.scatter([size], [score], s=70, color=colour, edgecolor=theme.paper, zorder=3)
        # Labels alternate above and below, by size, and then near and far, so that even three
        # neighbours do not overlap.
        by_size = sorted(range(len(forms)), key=lambda i: sizes[i])
        for turn, i in enumerate(by_size):
            above, far = turn % 2 == 0, turn % 4 >= 2
            distance = 36 if far else 9
            axes.annotate(
                f"{forms[i]['name']}\n{sizes[i]:,.0f} kB, {scores[i]:.1f} %",
                (sizes[i], scores[i]),
                (0, distance if above else -distance),
                textcoords="offset points",
                ha="center",
                va="bottom" if above else "top",
                fontsize=8.5,
                color=theme.colour_of(forms[i]["name"]),
            )
        low, high = min(scores), max(scores)
        margin = max(2.0, 0.6 * (high - low))
        axes.set_ylim(low - margin, high + margin)
        axes.set_xscale("log")
        axes.set_xlim(min(sizes) / 2, max(sizes) * 2)
        plain_log_ticks(axes.xaxis)
        axes.set_xlabel("size on disk, kB")
        axes.set_ylabel("test accuracy, %")
        return svg_of(figure)


def singular_values(results: Results, theme: Theme) -> str | None:
    """Plot singular values before and after truncation, one small panel a matrix."""
    matrices = results["singular_values"]
    if not matrices:
        return None
    columns = 2 if len(matrices) > 1 else 1
    rows = -(-len(matrices) // columns)
    with drawing(theme) as figure_class:
        figure = figure_class(figsize=(_WIDTH, 0.5 + 2.0 * rows))
        grid = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
        for axes, matrix in zip(grid, matrices, strict=False):
            before = np.asarray(matrix["before"], dtype=float)
            after = np.asarray(matrix["after"], dtype=float)
            top = max(before.max(initial=0.0), after.max(initial=0.0), 1e-12)
            index = np.arange(1, len(before) + 1)
            axes.fill_between(index, before, 1e-9, color=theme.neutral, alpha=0.25, linewidth=0)
            axes.plot(index, before, color=theme.neutral, linewidth=1.4, label="stage 1")
            axes.plot(
                np.arange(1, len(after) + 1),
                after,
                color=theme.series[1],
                linewidth=1.8,
                label="stage 2",
            )
            axes.axvline(matrix["rank_after"], color=theme.series[2], linewidth=1, linestyle="--")
            axes.set_yscale("log")
            axes.set_ylim(top * 1e-4, top * 2)
            axes.set_xlim(1, max(len(before), 2))
            axes.set_title(
                f"{matrix['matrix']}: rank {matrix['rank_before']} → {matrix['rank_after']}",
                fontsize=8.5,
            )
            axes.tick_params(labelsize=8)
            axes.minorticks_off()
        for axes in grid[len(matrices) :]:
            axes.set_visible(False)
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=2)
        figure.supxlabel("singular value, by size", fontsize=9.5, color=theme.faint)
        return svg_of(figure)


def latency_bars(results: Results, theme: Theme) -> str | None:
    """Plot the median µs an utterance and a frame, the range of the rounds as a thin line."""
    rows = results["latency"]
    panels = [
        (key, title)
        for key, title in (
            ("us_per_utterance", "µs for an utterance of one second"),
            ("us_per_frame", "µs for a 10 ms frame, streaming"),
        )
        if any(row.get(key) for row in rows)
    ]
    if not panels:
        return None
    counts = [sum(bool(row.get(key)) for row in rows) for key, _ in panels]
    with drawing(theme) as figure_class:
        figure = figure_class(figsize=(_WIDTH, sum(0.85 + 0.42 * count for count in counts)))
        all_axes = figure.subplots(
            len(panels), 1, squeeze=False, height_ratios=[1 + count for count in counts]
        )[:, 0]
        for axes, (key, title) in zip(all_axes, panels, strict=True):
            shown = [row for row in rows if row.get(key)]
            medians = [row[key]["median"] for row in shown]
            y = np.arange(len(shown))
            axes.barh(y, medians, height=0.62, color=[theme.colour_of(r["name"]) for r in shown])
            ranges = [(row[key]["min"], row[key]["max"]) for row in shown]
            # One slow round must not squeeze all bars: a long range is cut, the table has it.
            cut = 1.15 * max(medians)
            for place, median, (low, high) in zip(y, medians, ranges, strict=True):
                end = max(median, min(high, cut))
                axes.plot([low, end], [place, place], color=theme.ink, linewidth=1)
                axes.annotate(
                    f"{median:,.1f}" if median < 100 else f"{median:,.0f}",
                    (end, place),
                    (5, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                    color=theme.ink,
                )
            axes.set_yticks(y, [textwrap.fill(row["name"], 18) for row in shown])
            axes.invert_yaxis()
            axes.set_xlim(0, 1.35 * max(medians))
            axes.grid(axis="y", visible=False)
            axes.tick_params(axis="y", length=0, labelcolor=theme.ink)
            axes.set_title(title)
        return svg_of(figure)


def confusion_matrix(results: Results, theme: Theme) -> str | None:
    """Plot counts by true label (rows) and predicted label (columns), coloured by a row's share."""
    from matplotlib.colors import LinearSegmentedColormap

    confusion = results["confusion"]
    counts = np.asarray(confusion["matrix"], dtype=float)
    labels = list(confusion["labels"])
    if counts.size == 0:
        return None
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with drawing(theme) as figure_class:
        figure = figure_class(figsize=(_WIDTH, _WIDTH * 0.98))
        axes = figure.subplots()
        # The square root lets single errors be seen beside a diagonal of hundreds.
        colours = LinearSegmentedColormap.from_list("heat", [theme.paper, theme.heat])
        axes.imshow(np.sqrt(shares), cmap=colours, vmin=0, vmax=1, aspect="equal")
        size = 8.5 if len(labels) <= 14 else 6
        for i, j in zip(*np.nonzero(counts), strict=True):
            strong = np.sqrt(shares[i, j]) > 0.55
            axes.text(
                j,
                i,
                f"{int(counts[i, j])}",
                ha="center",
                va="center",
                fontsize=size,
                color=theme.paper if strong else theme.ink,
            )
        ticks = np.arange(len(labels))
        axes.set_xticks(ticks, labels, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, labels)
        axes.grid(visible=False)
        axes.tick_params(length=0, labelsize=size, labelcolor=theme.ink)
        axes.set_xlabel("predicted")
        axes.set_ylabel("spoken")
        for spine in axes.spines.values():
            spine.set_visible(False)
        return svg_of(figure)


def training_curves(results: Results, theme: Theme) -> str | None:
    """Plot accuracy and loss over the epochs of both stages, one after the other."""
    stages = [
        (name, results["training"][name]["history"])
        for name in ("stage1", "stage2")
        if results["training"].get(name, {}).get("history")
    ]
    panels = [
        panel for panel in (("acc", "accuracy, %"), ("loss", "loss")) if _names(stages, panel)
    ]
    if not panels:
        return None
    with drawing(theme) as figure_class:
        figure = figure_class(figsize=(_WIDTH, 0.8 + 1.75 * len(panels)))
        all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (kind, title) in zip(all_axes, panels, strict=True):
            start = 0
            scale = 100 if kind == "acc" else 1
            for number, (_, history) in enumerate(stages):
                length = 0
                for name in sorted(key for key in history if _is_curve(key, kind)):
                    values = scale * np.asarray(history[name], dtype=float)
                    length = max(length, len(values))
                    held_out = name.startswith("val_")
                    axes.plot(
                        start + 1 + np.arange(len(values)),
                        values,
                        color=theme.series[number],
                        linestyle="-" if held_out else ":",
                        linewidth=1.8 if held_out else 1.3,
                        marker="o" if len(values) == 1 else None,
                        label=f"stage {number + 1}, {'validation' if held_out else 'training'}",
                    )
                start += length
                if number + 1 < len(stages):
                    axes.axvline(start + 0.5, color=theme.neutral, linewidth=0.8)
            axes.set_title(title)
            if kind == "loss":
                axes.set_yscale("log")
                plain_log_ticks(axes.yaxis)
        all_axes[-1].set_xlabel("epoch")
        all_axes[-1].xaxis.get_major_locator().set_params(integer=True)
        handles, labels = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=2)
        return svg_of(figure)


def _names(stages: list[tuple[str, Any]], panel: tuple[str, str]) -> bool:
    return any(_is_curve(name, panel[0]) for _, history in stages for name in history)


def _is_curve(name: str, kind: str) -> bool:
    plain = name.removeprefix("val_")
    return plain == "loss" if kind == "loss" else plain in {"accuracy", "acc"}


Plot = Callable[[Results, Theme], str | None]
