"""The plot of the products' costs, as SVG: no library draws it, so the benchmark needs none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from arm.measure import Measurement
from arm.results import BATCHES, FLOAT, Key, values_of

_OURS = ("#1f5fa8", "#5b9bd5", "#a8cdf0")
_RIVALS = ("#8a8a8a", "#c4c4c4")
_WIDTH, _HEIGHT, _TOP, _LEFT = 430, 250, 52, 46
_STYLE = "font-family='Helvetica,Arial,sans-serif' font-size='11' fill='#333'"


@dataclass(frozen=True)
class _Panel:
    """One chart of grouped bars: `ours` and `rivals` name rows; `limit` is what bounds ours."""

    title: str
    measure: str
    source: str
    ours: tuple[str, ...]
    rivals: tuple[str, ...]
    limit: tuple[float, str] | None = None
    logarithmic: bool = False


_PANELS = (
    _Panel(
        "Instructions [counted]; logarithmic",
        "instructions",
        "counted",
        ("neon", "neondot", "neoni8mm"),
        ("gemmlowp", "litert_a76"),
        logarithmic=True,
    ),
    _Panel(
        "Cycles, Cortex-A53 [rule]",
        "cycles",
        "a53rule",
        ("neon_a53",),
        ("litert_a53",),
        (3 / 16, "multiply-adds alone"),
    ),
    _Panel(
        "Cycles, Cortex-A72 [modelled]",
        "cycles",
        "cortex-a72",
        ("neon",),
        ("litert_a72",),
        (1 / 8, "its one multiply pipe"),
    ),
    _Panel(
        "Cycles, Neoverse N1 = A76 [modelled]",
        "cycles",
        "neoverse-n1",
        ("neondot", "neondot_float"),
        ("litert_a76", "litert_a76_float"),
        (1 / 32, "its two dot-product pipes"),
    ),
)


def plot_gemm(results: Sequence[Measurement], recorded: Mapping[Key, float]) -> str:
    """Draw four charts over the batch; the numbers of others, in grey, are recorded ones."""
    numbers = dict(recorded)
    for result in results:
        subject = result.subject
        # The others have int8 weights, and results of their own kind.
        names = {"int8": subject.variant, "float": f"{subject.variant}_float"}
        if subject.kind not in names:
            continue
        for (measure, source), value in values_of(result).items():
            key = (names[subject.kind], measure.removeprefix(FLOAT), source, subject.sizes[2])
            numbers[key] = value
    panels = [
        panel
        for panel in _PANELS
        if any((name, panel.measure, panel.source, 1) in numbers for name in panel.ours)
    ]
    cells = [
        f"<g transform='translate({i % 2 * _WIDTH},{34 + i // 2 * _HEIGHT})'>"
        f"{_draw(panel, numbers)}</g>"
        for i, panel in enumerate(panels)
    ]
    width, height = 2 * _WIDTH, 34 + (len(panels) + 1) // 2 * _HEIGHT
    title = (
        "Cost of a multiply-accumulate, 6144 x 320 int8 weights (less is better; grey: recorded)"
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' "
        f"width='{width}' height='{height}' {_STYLE}>\n"
        f"<rect width='{width}' height='{height}' fill='white'/>\n"
        f"<text x='12' y='22' font-size='14' font-weight='bold'>{escape(title)}</text>\n"
        + "\n".join(cells)
        + "\n</svg>\n"
    )


def _draw(panel: _Panel, numbers: Mapping[Key, float]) -> str:
    names = (*panel.rivals, *panel.ours)
    colours = dict(zip(panel.rivals, _RIVALS, strict=False))
    colours.update(zip(panel.ours, _OURS, strict=False))
    bars = {
        (name, batch): numbers[(name, panel.measure, panel.source, batch)]
        for name in names
        for batch in BATCHES
        if (name, panel.measure, panel.source, batch) in numbers
    }
    high = max(bars.values())
    bottom, height = _HEIGHT - 26, _HEIGHT - 26 - _TOP
    low = 0.03 if panel.logarithmic else 0.0

    def y(value: float) -> float:
        share = math.log(value / low) / math.log(high / low) if low else value / high
        return bottom - height * share

    parts = [f"<text x='{_LEFT}' y='16' font-weight='bold'>{escape(panel.title)}</text>"]
    x = float(_LEFT)
    for name in names:
        parts.append(f"<rect x='{x}' y='24' width='9' height='9' fill='{colours[name]}'/>")
        parts.append(f"<text x='{x + 12}' y='32'>{escape(name)}</text>")
        x += 30 + 6.2 * len(name)
    group = (_WIDTH - _LEFT - 16) / len(BATCHES)
    bar = (group - 10) / len(names)
    size = 9 if bar > 20 else 7
    for i, batch in enumerate(BATCHES):
        start = _LEFT + i * group
        label = f"batch {batch}" if i == 0 else str(batch)
        middle = start + (group - 10) / 2
        parts.append(
            f"<text x='{middle:.1f}' y='{bottom + 16}' text-anchor='middle'>{label}</text>"
        )
        for k, name in enumerate(names):
            value = bars.get((name, batch))
            if value is None:
                continue
            left, top = start + k * bar, y(value)
            parts.append(
                f"<rect x='{left:.1f}' y='{top:.1f}' width='{bar - 1:.1f}' "
                f"height='{bottom - top:.1f}' fill='{colours[name]}'/>"
                f"<text x='{left + bar / 2:.1f}' y='{top - 3:.1f}' font-size='{size}' "
                f"text-anchor='middle'>{f'{value:.2g}'.removeprefix('0')}</text>"
            )
    parts.append(f"<path d='M{_LEFT} {bottom}H{_WIDTH - 16}' stroke='#333'/>")
    if panel.limit:
        value, why = panel.limit
        at = y(value)
        parts.append(
            f"<path d='M{_LEFT} {at:.1f}H{_WIDTH - 16}' stroke='#c0392b' stroke-dasharray='4 3'/>"
            f"<text x='{_WIDTH - 16}' y='{_TOP - 6}' font-size='9' text-anchor='end' "
            f"fill='#c0392b'>- - limit: {escape(why)}, {value:.3g}</text>"
        )
    return "".join(parts)
