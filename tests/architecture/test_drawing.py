"""The picture of the folders is the one that the imports give, and its arrows run downwards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from draw_folders import only_folders, picture, python_graph
from folder_table import folder_table
from imports import ROOT
from layered_drawing import LayeredDrawing, Style, layers_of, reduced
from write_architecture import PAGE, PICTURE, page

STALE = "the folders changed: run `python tests/architecture/write_architecture.py`, and look"

EDGES = {"top": ["left", "right", "leaf"], "left": ["leaf"], "right": ["leaf"], "leaf": []}


def test_the_picture_is_the_one_of_these_imports() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(ROOT), STALE


def test_the_table_is_the_one_of_these_folders() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), STALE


def test_every_folder_is_in_the_picture_and_in_the_table() -> None:
    drawn = set(re.findall(r"<text x=[^>]*>([^<]+)</text>", PICTURE.read_text(encoding="utf-8")))
    folders = {file.parent.name for file in (ROOT / "tfpipeline").glob("*/__init__.py")}
    assert len(folders) > 15
    assert folders | {"export", "custom_ops/kernels", "custom_ops/plugin"} <= drawn
    rules = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", folder_table(ROOT), re.MULTILINE))
    assert {f"tfpipeline/{folder}" for folder in folders} | {"export"} <= rules.keys()
    assert "tfpipeline/data/audio" in rules
    assert [folder for folder, rule in rules.items() if len(rule) < 20] == []


def test_a_longer_way_makes_an_arrow_superfluous() -> None:
    assert reduced(EDGES) == {**EDGES, "top": ["left", "right"]}


def test_a_circle_is_named() -> None:
    for function in (layers_of, reduced):
        with pytest.raises(ValueError, match="circle of imports: a, b$"):
            function({"a": ["b"], "b": ["a"], "c": ["a"]})


def test_arrows_run_downwards_and_boxes_do_not_touch() -> None:
    drawing = LayeredDrawing(EDGES, {node: Style("white", (node,)) for node in EDGES})
    lines = drawing.svg()
    arrows = [line for line in lines if line.startswith("<path")]
    assert len(arrows) == 5
    for arrow in arrows:
        ends = re.findall(r"[\d.]+ ([\d.]+)(?= C|\")|V([\d.]+)", arrow)
        heights = [float(a or b) for a, b in ends]
        assert len(heights) > 1 and heights == sorted(heights)
    spans: dict[str, list[tuple[float, float]]] = {}
    for x, y, width in re.findall(r'<rect x="([\d.]+)" y="(\d+)" width="(\d+)"', "".join(lines)):
        spans.setdefault(y, []).append((float(x), float(x) + float(width)))
    assert sorted(map(len, spans.values())) == [1, 1, 2]
    for row in map(sorted, spans.values()):
        assert all(right < left for (_, right), (left, _) in zip(row, row[1:], strict=False))


def test_folders_inside_of_export_have_a_picture_of_their_own(tmp_path: Path) -> None:
    files = {
        "tfpipeline/errors.py": "",
        "tfpipeline/runtime/__init__.py": "",
        "tfpipeline/runtime/native.py": "from tfpipeline.errors import TfpipelineError",
        "export/__init__.py": "",
        "export/exporter.py": "from tfpipeline.export.write.model_file import write",
        "export/errors.py": "from tfpipeline.errors import TfpipelineError",
        "export/write/__init__.py": "",
        "export/write/model_file.py": "def f():\n    from ..graph import markers",
        "export/graph/__init__.py": "",
        "export/graph/markers.py": "from tfpipeline.export.errors import ExportError",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    graph, beside = only_folders(python_graph(tmp_path, ("export",)), {"write", "graph"})
    assert graph == {"exporter": {"write": True}, "write": {"graph": False}, "graph": {}}
    assert beside == ["errors"]
    drawn = picture(tmp_path)
    assert all(f">{name}</text>" in drawn for name in ("exporter", "write", "graph"))
    assert drawn.count('stroke-dasharray="5 4"') == 2
