"""`benchmark --accelerate`: any file without and with the plug-in, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fully_connected_files import needs_fast_kernels, write_layers
from small_model import Exported

from tfpipeline.bench import accelerated
from tfpipeline.bench.accelerated import EQUAL, benchmark_accelerated
from tfpipeline.bench.files import BenchmarkError
from tfpipeline.cli import main as cli
from tfpipeline.runtime.errors import RuntimeUnavailableError

QUICK: dict[str, Any] = {"rounds": 2, "round_seconds": 0.001}


def _runner(*calls: np.ndarray) -> Any:
    """A runner whose every call gives the next of these outputs."""
    left = list(calls) * accelerated._COMPARED_CALLS
    return SimpleNamespace(
        invoke=lambda: left.pop(0), outputs=lambda: [("y", left[0]), ("same", np.zeros(2))]
    )


def _said_difference(outputs: str) -> float:
    return float(outputs.rpartition(" ")[2])


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], EQUAL),
        ([[1.0, 2.0]], [[1.0, 2.25]], "y differs by up to 0.25"),
        # Equal at first: a state that is carried on makes the difference.
        ([[1.0], [1.0]], [[1.0], [1.5]], "y differs by up to 0.5"),
        ([[np.nan]], [[np.nan]], EQUAL),
        ([[np.nan]], [[1.0]], "y differs by up to nan"),
        ([[1.0, 2.0]], [[1.0]], "y differs by up to nan"),
        # Zeros of both signs are equal, and not the same bits.
        ([[0.0]], [[-0.0]], "y differs by up to 0"),
    ],
)
def test_outputs_are_compared_by_bits(before: Any, after: Any, said: str) -> None:
    pair = [_runner(*(np.array(call, np.float32) for call in one)) for one in (before, after)]
    assert accelerated._compare(*pair) == said


def test_integers_differ_by_levels() -> None:
    pair = [_runner(np.array([value], np.int8)) for value in (-128, 127)]
    assert accelerated._compare(*pair) == "y differs by up to 255 levels"


def test_no_file_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="paths must name"):
        benchmark_accelerated([])


@needs_fast_kernels
@pytest.mark.slow
def test_before_and_after_are_timed_in_one_run(exported: Exported, tmp_path: Path) -> None:
    int8 = write_layers(tmp_path / "int8.tflite", "int8")
    hybrid = write_layers(tmp_path / "hybrid.tflite", "hybrid", "int8")
    plain = write_layers(tmp_path / "float.tflite", "float")
    gone = tmp_path / "gone.tflite"
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(int8.read_bytes()[:200])
    fused = exported.report.fused
    rows = benchmark_accelerated([int8, hybrid, plain, gone, damaged, fused], **QUICK)
    by_name = {row.path: row for row in rows}
    for path, count in ((int8, 1), (hybrid, 2)):
        row = by_name[path]
        assert not row.problem
        # XNNPACK rounds a float32 output once less: a fused multiply-add.
        assert row.outputs == EQUAL or path == hybrid and _said_difference(row.outputs) < 1e-6
        assert row.claims is not None and len(row.claims.accelerated) == count
        assert row.before is not None and row.after is not None
        assert row.times_faster == row.before.median / row.after.median
    # What the plug-in would change nothing of has no ratio, which would be noise.
    row = by_name[plain]
    assert row.before is not None and row.after is None and row.times_faster is None
    assert row.claims is not None and not row.claims.accelerated and not row.outputs
    for path in (gone, damaged):
        row = by_name[path]
        assert row.problem and row.before is None and row.to_dict()["times_faster"] is None
    # Before: with the plug-in too, which its own ops need.
    row = by_name[fused]
    assert row.before is not None and row.claims is not None and row.claims.ours


@pytest.mark.slow
def test_kernels_that_nobody_has_end_the_run(tmp_path: Path) -> None:
    path = write_layers(tmp_path / "int8.tflite", "int8")
    with pytest.raises(RuntimeUnavailableError, match="mmx"):
        benchmark_accelerated([path], isa="mmx", **QUICK)


@needs_fast_kernels
@pytest.mark.slow
def test_the_command_shows_before_after_and_who_runs_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    int8 = str(write_layers(tmp_path / "int8.tflite", "int8"))
    plain = str(write_layers(tmp_path / "float.tflite", "float"))
    assert cli.main(["benchmark", "--accelerate", int8, plain, "--rounds", "2"]) == 0
    said = capsys.readouterr().out
    assert "before us" in said and "times faster" in said and EQUAL in said
    assert "int8.tflite: the plug-in would run 1 FULLY_CONNECTED (node 0)" in said
    assert "float.tflite: the plug-in would run no builtin node" in said
    assert "CPU class" in said
    gone = str(tmp_path / "gone.tflite")
    assert cli.main(["benchmark", "--accelerate", int8, gone, "--rounds", "2", "--json"]) == 1
    captured = capsys.readouterr()
    found = json.loads(captured.out)["models"]
    assert found[0]["times_faster"] > 0 and found[0]["claims"]["nodes"][0]["node"] == 0
    assert found[1]["problem"] and "gone.tflite was not timed" in captured.err
