"""Colours and type of the plots and of the page, in a light and a dark form."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Theme:
    """One colour scheme; the page and its plots use the same."""

    name: str
    paper: str
    ink: str
    faint: str
    grid: str
    series: tuple[str, str, str, str]
    neutral: str
    heat: str

    def colour_of(self, form: str) -> str:
        """Return the colour of a model form, the same in every plot."""
        lowered = form.lower()
        for key, colour in zip(
            ("stage 1", "stage 2", "portable", "fused"), self.series, strict=True
        ):
            if key in lowered:
                return colour
        return self.neutral


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1f2430",
    faint="#5b6472",
    grid="#e3e7ee",
    series=("#7a5bb5", "#2f6fbb", "#c77712", "#16866a"),
    neutral="#8a93a1",
    heat="#2f6fbb",
)
DARK = Theme(
    name="dark",
    paper="#171b22",
    ink="#e6e9ef",
    faint="#a3adbb",
    grid="#2c333e",
    series=("#b59be6", "#74aef0", "#efab55", "#55c9a6"),
    neutral="#8d97a6",
    heat="#74aef0",
)
THEMES = (LIGHT, DARK)


@contextmanager
def drawing(theme: Theme) -> Iterator[Any]:
    """Give `matplotlib.figure.Figure` with the theme's settings in force."""
    import matplotlib
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "text.color": theme.ink,
        "axes.labelcolor": theme.faint,
        "axes.titlecolor": theme.ink,
        "axes.edgecolor": theme.grid,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "grid.color": theme.grid,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 9.5,
        "font.size": 9.5,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "font.family": "DejaVu Sans",
        # Letters as outlines look the same everywhere; a fixed salt gives the same bytes each time.
        "svg.fonttype": "path",
        "svg.hashsalt": "tfpipeline",
        "figure.constrained_layout.use": True,
    }
    with matplotlib.rc_context(settings):
        yield Figure
