"""`benchmark_files`: any `.tflite` file is timed, and one that cannot be is a row that says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import Exported

from tfpipeline.bench.files import BenchmarkError, benchmark_files
from tfpipeline.cli import main as cli
from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization


def _add(path: Path, dtypes: list[type], open_axes: int = 0) -> Path:
    """A file of nobody's: the sum of its inputs, each cast to float32; no card, no signature."""
    model = ModelBuilder("foreign")
    graph = model.graph("main")
    shape, inputs, total = (1, 4, 3), [], None
    for number, dtype in enumerate(dtypes):
        q = Quantization(0.1, 3) if dtype is np.int8 else None
        x = graph.tensor(f"x{number}", shape, dtype, q)
        if open_axes:
            signature = np.array([-1] * open_axes + list(shape[open_axes:]), np.int32)
            graph.subgraph.tensors[x].shapeSignature = signature
        inputs.append(x)
        real = graph.tensor(f"real{number}", shape, np.float32)
        if dtype is np.int8:
            graph.operator("DEQUANTIZE", [x], [real], schema.DequantizeOptionsT(), 2)
        else:
            graph.operator("CAST", [x], [real], schema.CastOptionsT())
        if total is None:
            total = real
        else:
            added = graph.tensor(f"sum{number}", shape, np.float32)
            graph.operator("ADD", [total, real], [added], schema.AddOptionsT())
            total = added
    graph.finish(inputs, [total])
    path.write_bytes(model.to_bytes())
    return path


def _unknown_op(path: Path) -> Path:
    model = ModelBuilder("foreign")
    graph = model.graph("main")
    x, y = (graph.tensor(name, (1,), np.float32) for name in "xy")
    graph.custom("nobody.has_this", [x], [y], b"")
    graph.finish([x], [y])
    path.write_bytes(model.to_bytes())
    return path


def test_files_of_others_are_timed_beside_ours(exported: Exported, tmp_path: Path) -> None:
    files = [
        _add(tmp_path / "several.tflite", [np.float32, np.int8, np.int32, np.bool_]),
        exported.report.fused,
        exported.report.stream_portable,
    ]
    rows = benchmark_files(files, rounds=2, round_seconds=0.001)
    assert [row.path for row in rows] == files
    assert [row.unit for row in rows] == ["call", "utterance", "frame"]
    assert all(row.timing is not None and row.timing.min > 0 and not row.problem for row in rows)


def test_a_batch_that_is_left_open_is_one_and_other_open_sizes_are_named(tmp_path: Path) -> None:
    batch = _add(tmp_path / "batch.tflite", [np.float32], open_axes=1)
    time = _add(tmp_path / "time.tflite", [np.float32], open_axes=2)
    first, second = benchmark_files([batch, time], rounds=1, round_seconds=0.001)
    assert first.timing is not None and not first.note
    assert second.timing is not None and "x0 (1, 4, 3)" in second.note


def test_a_bad_file_is_a_row_and_the_others_are_timed(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good.tflite"
    shutil.copy(exported.report.portable, good)
    data = good.read_bytes()
    (tmp_path / "cut.tflite").write_bytes(data[: len(data) // 4])
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "text.tflite").write_text("not a model, whatever it is called")
    _unknown_op(tmp_path / "unknown.tflite")
    (tmp_path / "folder").mkdir()
    gone = tmp_path / "gone.tflite"
    arguments = [str(path) for path in (tmp_path, gone, good, tmp_path / "folder")]
    assert cli.main(["benchmark", *arguments, "--rounds", "1", "--json"]) == 1
    captured = capsys.readouterr()
    rows = {Path(row["path"]).name: row for row in json.loads(captured.out)["models"]}
    bad = ["cut.tflite", "empty.tflite", "text.tflite", "unknown.tflite", "gone.tflite", "folder"]
    assert sorted(rows) == sorted([*bad, "good.tflite"])
    assert rows["good.tflite"]["timing"]["min"] > 0
    for name in bad:
        assert rows[name]["timing"] is None
        assert f"{name} was not timed: " in captured.err
    assert "nobody.has_this" in rows["unknown.tflite"]["problem"]
    assert rows["gone.tflite"]["bytes"] is None


def test_a_folder_is_all_files_in_it_and_no_table_hides_a_failure(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("portable", "fused"):
        shutil.copy(getattr(exported.report, name), tmp_path / f"{name}.tflite")
    (tmp_path / "notes.txt").write_text("no model")
    assert cli.main(["benchmark", str(tmp_path), "--rounds", "1"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "model",
        "fused.tflite",
        "portable.tflite",
    ]
    (tmp_path / "broken.tflite").touch()
    assert cli.main(["benchmark", str(tmp_path), "--rounds", "1"]) == 1
    table = capsys.readouterr().out.splitlines()
    assert "not timed" in table[1] and len(table) == 4


def test_no_files_at_all_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="received none"):
        benchmark_files([])
