"""Imports within `export/` run downwards: from the public call to the leaves, never back."""

from __future__ import annotations

from pathlib import Path

import pytest
from imports import ROOT, python_modules

ORDER = """
__init__
exporter stock_converter c_array c_header esphome
pipeline
refusal header_refusal
report header_report
choose
verify
write
lower
convert calibrate
trace tokenizer
recurrent
emit
flatbuffer
graph samples
options
quantize
tolerances
modes
work_folder
errors
"""
"""The folders of `export/`, and the modules beside them: each may import itself and what stands in
a line below its own, lazily or not."""


def violations(root: Path) -> list[str]:
    """Every import within `export/` of `root` against the order, as readable lines."""
    level = {name: number for number, line in enumerate(ORDER.split("\n")) for name in line.split()}
    found: list[str] = []
    for module in python_modules(root):
        folder, *inside = module.inside
        if folder != "export":
            continue
        part, where = inside[0], module.file.relative_to(root).as_posix()
        if part not in level:
            found.append(f"{where}: {part!r} is not in the order of this test")
            continue
        for item in module.imports():
            before, _, rest = item.module.partition("tfpipeline.export.")
            target = rest.split(".")[0]
            if before or target == part:
                continue
            if target not in level or level[target] <= level[part]:
                found.append(f"{where}:{item.line}: {part} may not import {rest}")
    return found


def test_imports_within_export_run_downwards() -> None:
    assert violations(ROOT) == []


def test_the_order_names_what_there_is() -> None:
    files = [module.inside[1] for module in python_modules(ROOT) if module.inside[0] == "export"]
    assert set(ORDER.split()) == set(files) and len(files) > 80


def wrong(root: Path, file: str, code: str) -> list[str]:
    (root / file).parent.mkdir(parents=True)
    (root / file).write_text(code, encoding="utf-8")
    return violations(root)


FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tfpipeline.export"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("export/graph/pairs.py", "from tfpipeline.export.lower.factored_pair import lower_pair"),
        ("export/graph/pairs.py", "from ..lower import factored_pair"),
        ("export/graph/pairs.py", "def f():\n    from tfpipeline.export.trace import names"),
        ("export/graph/pairs.py", f"{FOR_TYPES}.flatbuffer.builder import GraphBuilder"),
        ("export/graph/pairs.py", "from tfpipeline.export.samples import positions"),
        ("export/verify/drift.py", "from tfpipeline.export import export"),
        ("export/verify/drift.py", "from tfpipeline.export.pipeline import ExportRun"),
        ("export/errors.py", "from .modes import FLOAT32"),
        ("export/convert/worker.py", "from tfpipeline.export.calibrate.observations import x"),
        ("export/surprise/x.py", ""),
        ("export/surprise.py", ""),
    ],
)
def test_an_import_upwards_is_found(tmp_path: Path, file: str, code: str) -> None:
    assert len(wrong(tmp_path, file, code)) == 1


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("export/lower/delay.py", "from tfpipeline.export.graph.markers import Delay"),
        ("export/lower/delay.py", "from ..errors import ExportError\nfrom .scales import x"),
        ("export/lower/delay.py", "from tfpipeline.numerics.quantize import quantize_affine"),
        ("export/exporter.py", "from tfpipeline.export.verify import drift"),
        ("export/__init__.py", "from tfpipeline.export.exporter import export"),
        ("tfpipeline/recipes/demo.py", "from tfpipeline.export.errors import ExportError"),
    ],
)
def test_an_import_downwards_passes(tmp_path: Path, file: str, code: str) -> None:
    assert wrong(tmp_path, file, code) == []
