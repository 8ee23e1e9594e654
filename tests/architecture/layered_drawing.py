"""Draws a graph without circles in layers, as SVG: every arrow runs downwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

BOX_HEIGHT = 30
LAYER_HEIGHT = 76
GAP = 22
MARGIN = 16
_LETTER = 7.7
_SWEEPS = 40

Edges = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class Style:
    """How a node looks.

    Args:
        fill: the colour of its box.
        lines: its text.
    """

    fill: str
    lines: tuple[str, ...]

    @property
    def width(self) -> int:
        return round(_LETTER * max(map(len, self.lines))) + 22


@dataclass(frozen=True)
class Box:
    """Where a node, or the part of a long arrow that passes a layer, was put; pixels."""

    middle: float
    layer: int
    width: int


def reduced(edges: Edges) -> dict[str, list[str]]:
    """Return the edges without those that a longer way says already (transitive reduction).

    Raises:
        ValueError: a circle.
    """
    layers_of(edges)
    below = {node: _reachable(edges, node) for node in edges}
    return {
        node: sorted(t for t in targets if not any(t in below[u] for u in targets if u != t))
        for node, targets in ((node, set(targets)) for node, targets in edges.items())
    }


def _reachable(edges: Edges, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in edges[waiting.pop()]:
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def layers_of(edges: Edges) -> dict[str, int]:
    """Return each node's layer: 0 for those that need nothing, else one above what they need.

    Raises:
        ValueError: nodes that need each other in a circle, which are named.
    """
    layers: dict[str, int] = {}
    while len(layers) < len(edges):
        ready = [n for n in edges if n not in layers and all(t in layers for t in edges[n])]
        if not ready:
            circle = sorted(n for n in edges if n in _reachable(edges, n))
            raise ValueError(f"a circle of imports: {', '.join(circle)}")
        layers |= {n: 1 + max((layers[t] for t in edges[n]), default=-1) for n in ready}
    return layers


class LayeredDrawing:
    """A drawing of a graph; the same graph gives the same bytes.

    Args:
        edges: for every node those it needs.
        styles: how each node looks.
        dashed: edges that are drawn dashed.
    """

    def __init__(
        self,
        edges: Edges,
        styles: Mapping[str, Style],
        dashed: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._styles = styles
        self._dashed = dashed
        self._chains: dict[tuple[str, str], list[str]] = {}
        layer = layers_of(edges)
        rows: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
        for node in sorted(edges):
            rows[layer[node]].append(node)
        # A long arrow has a place of its own in every layer that it passes.
        for node in sorted(edges):
            for target in sorted(edges[node]):
                passed = [f"{node}>{target}@{i}" for i in range(layer[target] + 1, layer[node])]
                for i, name in enumerate(passed, layer[target] + 1):
                    rows[i].append(name)
                self._chains[node, target] = [node, *reversed(passed), target]
        self._rows = self._ordered(rows)
        self._boxes = self._placed()

    @property
    def width(self) -> int:
        return round(max(box.middle + box.width / 2 for box in self._boxes.values())) + MARGIN

    @property
    def height(self) -> int:
        return (len(self._rows) - 1) * LAYER_HEIGHT + BOX_HEIGHT + 2 * MARGIN

    def svg(self) -> list[str]:
        """Return the lines of SVG elements, arrows first."""
        arrows = [self._arrow(*pair) for pair in sorted(self._chains)]
        return arrows + [line for node in sorted(self._styles) for line in self._node(node)]

    def _neighbours(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        up: dict[str, list[str]] = {}
        down: dict[str, list[str]] = {}
        for chain in self._chains.values():
            for a, b in zip(chain, chain[1:], strict=False):
                down.setdefault(a, []).append(b)
                up.setdefault(b, []).append(a)
        return up, down

    def _ordered(self, rows: list[list[str]]) -> list[list[str]]:
        """Few crossings: each row in turn by the average position of its neighbours."""
        up, down = self._neighbours()
        best, least = rows, _crossings(rows, down)
        for sweep in range(_SWEEPS):
            beside, order = (
                (up, range(len(rows) - 2, -1, -1)) if sweep % 2 else (down, range(1, len(rows)))
            )
            rows = [list(row) for row in rows]
            for i in order:
                other = rows[i + 1 if sweep % 2 else i - 1]
                position = {node: (k + 0.5) / len(other) for k, node in enumerate(other)}
                own = {node: (k + 0.5) / len(rows[i]) for k, node in enumerate(rows[i])}
                key = {
                    node: _mean(
                        [position[n] for n in beside.get(node, ()) if n in position], own[node]
                    )
                    for node in rows[i]
                }
                rows[i].sort(key=lambda node: (round(key[node], 9), node))
            if (count := _crossings(rows, down)) < least:
                best, least = rows, count
        return best

    def _placed(self) -> dict[str, Box]:
        up, down = self._neighbours()
        width = {
            n: self._styles[n].width if n in self._styles else 8 for r in self._rows for n in r
        }
        x = {n: 0.0 for row in self._rows for n in row}
        for row in self._rows:
            x |= _apart(row, [0.0] * len(row), width)
        for sweep in range(_SWEEPS):
            for row in self._rows if sweep % 2 else reversed(self._rows):
                wanted = [
                    _mean([x[n] for n in (*up.get(node, ()), *down.get(node, ()))], x[node])
                    for node in row
                ]
                x |= _apart(row, wanted, width)
        left = min(x[n] - width[n] / 2 for n in x) - MARGIN
        return {
            node: Box(round(x[node] - left, 1), i, width[node])
            for i, row in enumerate(self._rows)
            for node in row
        }

    def _top(self, layer: int) -> int:
        return MARGIN + (len(self._rows) - 1 - layer) * LAYER_HEIGHT

    def _port(self, node: str, other: str, below: bool) -> float:
        """Where on a box an arrow leaves or arrives: side by side, in the order of the others."""
        box = self._boxes[node]
        ends = sorted(
            (self._boxes[chain[1] if below else chain[-2]].middle, pair)
            for pair, chain in self._chains.items()
            if pair[0 if below else 1] == node
        )
        index = [pair[1 if below else 0] for _, pair in ends].index(other)
        return round(box.middle + (index + 1) / (len(ends) + 1) * box.width - box.width / 2, 1)

    def _arrow(self, source: str, target: str) -> str:
        chain = self._chains[source, target]
        x, y = self._port(source, target, True), self._top(self._boxes[source].layer) + BOX_HEIGHT
        path = f"M{x:g} {y}"
        for node in chain[1:]:
            box = self._boxes[node]
            end = self._port(target, source, False) if node == target else box.middle
            top = self._top(box.layer) - (5 if node == target else 0)
            bend = (y + top) / 2
            path += f" C{x:g} {bend:g} {end:g} {bend:g} {end:g} {top}"
            x, y = end, top
            if node != target:
                y += BOX_HEIGHT
                path += f" V{y}"
        style = ' stroke-dasharray="5 4"' if (source, target) in self._dashed else ""
        return f'<path d="{path}"{style}/>'

    def _node(self, node: str) -> list[str]:
        box, style = self._boxes[node], self._styles[node]
        top, left = self._top(box.layer), box.middle - box.width / 2
        lines = [
            f'<rect x="{left:g}" y="{top}" width="{box.width}" height="{BOX_HEIGHT}" rx="5" '
            f'fill="{style.fill}"/>'
        ]
        step = 14
        first = top + BOX_HEIGHT / 2 + 4.5 - step / 2 * (len(style.lines) - 1)
        for i, text in enumerate(style.lines):
            lines.append(f'<text x="{box.middle:g}" y="{first + i * step:g}">{escape(text)}</text>')
        return lines


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(rows: Sequence[Sequence[str]], down: Mapping[str, Sequence[str]]) -> int:
    count = 0
    for low, high in zip(rows, rows[1:], strict=False):
        position = {node: k for k, node in enumerate(low)}
        ends = [position[t] for node in high for t in sorted(down.get(node, ()), key=position.get)]
        count += sum(a > b for i, a in enumerate(ends) for b in ends[i + 1 :])
    return count


def _apart(
    row: Sequence[str], wanted: Sequence[float], width: Mapping[str, int]
) -> dict[str, float]:
    """The places nearest to the wanted ones, by least squares, that keep order and distance."""
    offset, offsets = 0.0, []
    for i, node in enumerate(row):
        if i:
            offset += (width[row[i - 1]] + width[node]) / 2 + GAP
        offsets.append(offset)
    # Neighbours that would overlap become one block at their mean (pool adjacent violators).
    blocks: list[tuple[float, int]] = []
    for place, shift in zip(wanted, offsets, strict=True):
        mean, count = place - shift, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean = (mean * count + other * others) / (count + others)
            count += others
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    return {node: mean + shift for node, mean, shift in zip(row, means, offsets, strict=True)}
