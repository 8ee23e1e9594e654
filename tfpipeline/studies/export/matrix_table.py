"""The page that shows the export matrix, made from its CSV file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tfpipeline.studies.common.rows import read_csv
from tfpipeline.studies.export.matrix_models import MODELS

_INTRODUCTION = """# What exports, and how close it is

Made by `tfpipeline study export-matrix --page docs/export_support.md`; do not edit.

Every cell is a file that was written, run and compared with Keras on data that calibration had \
not seen: [relative error](export.md#what-the-report-shows) of the worst channel. \
A number in brackets is an impossible combination, with the exporter's own reason below. The \
models are small, their bodies random and their heads fitted \
(`tfpipeline/studies/export/matrix_models.py`), so that the errors show that a path works; what a \
trained model loses is in [results/README.md](results/README.md). Weights are ternary in the \
columns int2 and int8x2, which are made for such weights.

Streams were exported with explicit and with internal states; a cell shows both where they differ. \
Those with int8 activations equal the whole sequence bit for bit; a `~` marks a stream that does \
not.
"""


def support_page(table: Path) -> str:
    """Return the page as Markdown."""
    rows = read_csv(table)
    reasons: dict[str, int] = {}
    modes = list(dict.fromkeys(row["mode"] for row in rows))
    parts = [_INTRODUCTION]
    for name, kind in MODELS.items():
        own = [row for row in rows if row["model"] == name]
        if own:
            parts.append(f"## {name}: {kind.title}\n\n{_table(own, modes, reasons)}\n")
    if reasons:
        lines = [f"{number}. {_safe(reason)}" for reason, number in reasons.items()]
        parts.append("## Reasons\n\n" + "\n".join(lines) + "\n")
    runtime = _runtime_section(rows)
    if runtime:
        parts.append(runtime)
    return "\n".join(parts)


def _table(rows: Sequence[dict[str, str]], modes: list[str], reasons: dict[str, int]) -> str:
    lines = ["| | " + " | ".join(modes) + " |", "|---|" + "--:|" * len(modes)]
    for time in dict.fromkeys(row["time"] for row in rows):
        for form in dict.fromkeys(row["form"] for row in rows):
            cells = []
            for mode in modes:
                wanted = (mode, time, form)
                found = [r for r in rows if (r["mode"], r["time"], r["form"]) == wanted]
                cells.append(" / ".join(dict.fromkeys(_cell(row, reasons) for row in found)))
            lines.append(f"| {time}, {form} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, str], reasons: dict[str, int]) -> str:
    if row["outcome"] == "passed":
        mark = "~" if row["equals_whole"] == "False" else ""
        return f"{mark}{_percent(float(row['relative_error']))}"
    number = reasons.setdefault(row["reason"], len(reasons) + 1)
    return f"[{number}]" if row["outcome"] == "impossible" else f"**failed [{number}]**"


def _percent(share: float) -> str:
    return "< 0.01 %" if share < 1e-4 else f"{100 * share:.2g} %"


def _safe(text: str) -> str:
    return text.replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


def _runtime_section(rows: Sequence[dict[str, str]]) -> str | None:
    """Return what tflite-runtime made of the files, where it was there."""
    counts: dict[str, list[int]] = {}
    errors: dict[str, int] = {}
    largest: dict[str, float] = {}
    for row in rows:
        text = row["tflite_runtime"]
        if not text:
            continue
        ran, tried = counts.setdefault(row["mode"], [0, 0])
        try:
            difference = float(text)
        except ValueError:
            reason = re.split(r"\. An older|\.?Node number", text)[0]
            errors[reason] = errors.get(reason, 0) + 1
            counts[row["mode"]] = [ran, tried + 1]
        else:
            largest[row["mode"]] = max(difference, largest.get(row["mode"], 0.0))
            counts[row["mode"]] = [ran + 1, tried + 1]
    if not counts:
        return None
    lines = [
        "## In tflite-runtime 2.14\n",
        "The same files in the last release of tflite-runtime: how many of them it runs, and how "
        "far their scores are from LiteRT's at most (root mean square over standard deviation).\n",
        "| mode | run | largest difference |",
        "|---|--:|--:|",
    ]
    for mode, (ran, tried) in counts.items():
        shown = _percent(largest[mode]) if mode in largest else ""
        lines.append(f"| {mode} | {ran} of {tried} | {shown} |")
    if errors:
        lines.append("\nIts reasons for the others:\n")
        lines += [f"- {_safe(text)} ({count} files)" for text, count in errors.items()]
    return "\n".join(lines) + "\n"
