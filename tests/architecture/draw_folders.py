"""Draws the folders of the repository and who uses whom, from the imports that are there.

An arrow is left out where a longer way says it already. Dashed: imported only when a function
needs it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from imports import python_modules
from layered_drawing import LayeredDrawing, Style, reduced

# The only edge that is no import: the runtime opens the plug-in as a beside library.
C_ABI = ("runtime", "custom_ops/plugin")
NATIVE = ("kernels", "ops", "plugin", "android", "ios")
BESIDE = "files beside the folders"
COLOURS = {
    "#dbe7f6": "activations quantizers normalizations layers regularizers callbacks losses metrics "
    "compress models",
    "#dcefdc": "numerics features decoding detection data runtime inspection bench",
    "#fbe3c8": "export",
    "#ece4f4": "recipes studies report cli",
    "#eadfd5": " ".join(f"custom_ops/{folder}" for folder in NATIVE),
}
GREY = "#eeeeee"
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)

#: For each node those that it uses, and whether some import of them happens at once.
Graph = dict[str, dict[str, bool]]


def python_graph(root: Path, package: tuple[str, ...] = ()) -> Graph:
    """Return who uses whom among the folders and files of a package.

    Args:
        root: the repository.
        package: the package within tfpipeline, `()` for itself.
    """
    known = {module.name.removesuffix(".__init__") for module in python_modules(root)}
    depth = len(package) + 1
    graph: Graph = {}
    for module in python_modules(root):
        inside = module.inside
        # The root gives its names when they are asked for, and so imports everything.
        if tuple(inside[: depth - 1]) != package or inside[depth - 1 :] == ["__init__"]:
            continue
        uses = graph.setdefault(inside[depth - 1], {})
        for item in module.imports():
            target = item.module
            while target and target not in known:
                target = target.rpartition(".")[0]
            parts = target.split(".")[1:]
            if tuple(parts[: depth - 1]) == package and len(parts) >= depth:
                uses[parts[depth - 1]] = uses.get(parts[depth - 1], False) or not item.lazy
    for node, uses in graph.items():
        uses.pop(node, None)
    return graph


def native_graph(root: Path) -> Graph:
    """Return which folders of custom_ops include headers of which."""
    base = root / "custom_ops"
    files = [f for folder in NATIVE for f in sorted((base / folder).rglob("*.*"))]
    files = [f for f in files if f.suffix in {".c", ".h", ".inc", ".S"}]
    home = {f.name: f"custom_ops/{f.relative_to(base).parts[0]}" for f in files}
    graph: Graph = {f"custom_ops/{folder}": {} for folder in NATIVE}
    for file in files:
        own = home[file.name]
        for header in _INCLUDE.findall(file.read_text(encoding="utf-8")):
            target = home.get(Path(header).name, own)
            if target != own:
                graph[own][target] = True
    return graph


def only_folders(graph: Graph, folders: Collection[str]) -> tuple[Graph, list[str]]:
    """Return the graph of the folders and of the files above them, and the files beside them.

    A file is above the folders when it uses one and none uses it; the others are their helpers.
    """
    used = {target for folder in folders for target in graph[folder]}
    above = {n for n in graph if n not in used and graph[n].keys() & folders}
    kept = above | set(folders)
    small = {n: {t: now for t, now in graph[n].items() if t in kept} for n in sorted(kept)}
    return small, sorted(graph.keys() - kept)


def draw(
    graph: Graph, colour: Mapping[str, str], top: int, title: str, note: str
) -> tuple[list[str], int, int]:
    """Return the SVG of one graph with its heading, its width and its height."""
    edges = reduced({node: list(uses) for node, uses in graph.items()})
    # What is needed at once is not said by a way that is only taken when a function runs.
    for node, now in reduced({n: [t for t in graph[n] if graph[n][t]] for n in graph}).items():
        edges[node] = sorted({*edges[node], *now})
    styles = {node: Style(colour.get(node, GREY), (node,)) for node in edges}
    lazy = frozenset((a, b) for a in edges for b in edges[a] if not graph[a][b])
    drawing = LayeredDrawing(edges, styles, lazy | {C_ABI})
    lines = [
        f'<text class="title" x="16" y="{top + 24}">{title}</text>',
        f'<text class="note" x="16" y="{top + 42}">{note}</text>',
        f'<g transform="translate(0 {top + 50})">',
        *drawing.svg(),
        "</g>",
    ]
    return lines, max(drawing.width, 7 * len(note) + 32), drawing.height + 50


def picture(root: Path) -> str:
    """Return the text of docs/architecture.svg."""
    folders = {p.parent.name for p in (root / "tfpipeline").glob("*/__init__.py")} | {"export"}
    graph, beside = only_folders(python_graph(root), folders)
    graph |= native_graph(root)
    graph[C_ABI[0]][C_ABI[1]] = True
    colour = {name: fill for fill, names in COLOURS.items() for name in names.split()}
    lines, width, height = draw(
        graph, colour, 0, "tfpipeline, export/ and custom_ops", f"{BESIDE}: {', '.join(beside)}"
    )
    inner = {p.parent.name for p in (root / "export").glob("*/__init__.py")}
    if inner:
        graph, beside = only_folders(python_graph(root, ("export",)), inner)
        own = dict.fromkeys(inner, colour["export"])
        note = f"{BESIDE}: {', '.join(beside)}"
        more, wide, high = draw(graph, own, height, "inside of export/", note)
        lines, width, height = [*lines, *more], max(width, wide), height + high
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}">',
            "<!-- Written by tests/architecture/write_architecture.py. -->",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="3" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#556"/></marker>'
            "</defs>",
            "<style>text{font:13px sans-serif;text-anchor:middle;fill:#123}"
            ".title{font-size:16px;font-weight:bold;text-anchor:start}"
            ".note{text-anchor:start;fill:#456}g rect{stroke:#678}"
            "g path{fill:none;stroke:#556;stroke-width:1.2;marker-end:url(#tip)}</style>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *lines,
            "</svg>",
            "",
        ]
    )
