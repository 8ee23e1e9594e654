"""What the plots share: axes and the text of a figure."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

_DECADES = 3.2


def plain_log_ticks(axis: Any, left: float | None = None) -> None:
    """Label a logarithmic axis 1, 2, 5, 10 and so on, or 1, 10, 100 where these are too many.

    Args:
        axis: of matplotlib.
        left: the value that stands for zero.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    axis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if decades <= _DECADES else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_tick_params(which="minor", length=0)
    if left is not None:
        low, high = axis.get_view_interval()
        shown = [
            v for v in axis.get_major_locator().tick_values(low, high) if 1.5 * left < v <= high
        ]
        axis.set_ticks([left, *shown], ["0", *(f"{value:g}" for value in shown)])


def svg_of(figure: Any) -> str:
    """Return a figure as the text of an `<svg>` element."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
