"""A table of means as a picture, the numbers written in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def name_of(choice: str | None) -> str:
    """Return what a quantizer or a normalization is called in tables; None is `"none"`."""
    return choice or "none"


def draw_heat_map(
    axes: Any,
    values: Mapping[tuple[str, str], float],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    form: str = ".1f",
    best_high: bool = True,
) -> None:
    """Draw numbers by row and column, dark where they are good.

    Args:
        axes: of matplotlib.
        values: by names of a row and a column; those that are missing stay empty.
        rows, columns: their names, in order.
        title: of the axes.
        form: how a number is written.
        best_high: whether high numbers are good.
    """
    import numpy as np

    grid = np.full((len(rows), len(columns)), np.nan)
    for (row, column), value in values.items():
        grid[rows.index(row), columns.index(column)] = value
    least, most = np.nanmin(grid), np.nanmax(grid)
    axes.imshow(grid, cmap="YlGnBu" if best_high else "YlGnBu_r", aspect="auto")
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            share = (value - least) / (most - least or 1.0)
            dark = share > 0.6 if best_high else share < 0.4
            axes.text(
                *(column, row, format(value, form)),
                **{"ha": "center", "va": "center", "fontsize": 8},
                color="white" if dark else "black",
            )
    axes.set_xticks(range(len(columns)), columns, rotation=25, ha="right")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_title(title, fontsize=9)
