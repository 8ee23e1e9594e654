"""`ask_plugin`: which nodes the plug-in would run, in its own words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fully_connected_files import needs_fast_kernels, write_layers
from small_model import Exported

from tfpipeline.cli import main as cli
from tfpipeline.inspection import NodeClaim, ask_plugin, claims, render_claims
from tfpipeline.runtime.native import best_isa
from tfpipeline.worker_process import WorkerResult


def test_lines_of_the_plug_in_become_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "INFO: something of the runtime\n"
        "tfpipeline: node 3: UNIDIRECTIONAL_SEQUENCE_LSTM is left to the runtime: it has a "
        "projection: with no gain.\n"
        "tfpipeline: node 0: FULLY_CONNECTED runs on avx2, 1 thread(s), with 2 node(s) around it\n"
        "tfpipeline: node 9: FULLY_CONNECTED runs on avx2, 1 thread(s), with 0 node(s) around it\n"
        "tfpipeline: node 4: tfpipeline.gru runs on avx2, 1 thread(s), with 0 node(s) around it\n"
        "tfpipeline: node x: nonsense\n"
    )
    answer = WorkerResult(0, '\n{"refusal": ""}\n', said, "ended")
    monkeypatch.setattr(claims, "run_worker", lambda command, seconds: answer)
    found = ask_plugin("any.tflite")
    assert found.accelerated == (
        NodeClaim(0, "FULLY_CONNECTED", "avx2"),
        NodeClaim(9, "FULLY_CONNECTED", "avx2"),
    )
    assert [one.op for one in found.ours] == ["tfpipeline.gru"]
    (left,) = found.left
    assert (left.node, left.reason) == (3, "it has a projection: with no gain.")
    assert found.sentences() == [
        "the plug-in would run 2 FULLY_CONNECTED (nodes 0, 9)",
        "it runs ops of its own: 1 tfpipeline.gru (node 4)",
        "it leaves 1 UNIDIRECTIONAL_SEQUENCE_LSTM (node 3): it has a projection: with no gain.",
    ]


@needs_fast_kernels
@pytest.mark.slow
def test_the_plug_in_itself_is_asked(tmp_path: Path) -> None:
    path = write_layers(tmp_path / "layers.tflite", "int8", "float", "hybrid")
    found = ask_plugin(path)
    assert not found.problem
    # The figure of the runtime's float kernel is none that ours would beat.
    assert [(one.node, one.op) for one in found.accelerated] == [
        (0, "FULLY_CONNECTED"),
        (2, "FULLY_CONNECTED"),
    ]
    assert {one.kernels for one in found.accelerated} == {best_isa()}
    # Portable C gains nothing, and says so.
    portable = ask_plugin(path, isa="c")
    assert not portable.accelerated and len(portable.left) == 3
    assert "512 x 256 weights at batch 2 must gain time on c, and do not" in portable.left[0].reason


@pytest.mark.slow
def test_a_file_without_anything_for_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_layers(tmp_path / "float.tflite", "float")
    assert cli.main(["inspect", str(path), "--accelerate"]) == 0
    said = capsys.readouterr().out
    assert "would run no builtin node: accelerate_builtin changes nothing" in said


@needs_fast_kernels
@pytest.mark.slow
def test_inspect_names_the_nodes(
    exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_layers(tmp_path / "int8.tflite", "int8")
    assert cli.main(["inspect", str(path), "--accelerate"]) == 0
    assert "the plug-in would run 1 FULLY_CONNECTED (node 0)" in capsys.readouterr().out
    assert cli.main(["inspect", str(exported.report.fused), "--accelerate", "--json"]) == 0
    nodes = json.loads(capsys.readouterr().out)["accelerate"]["nodes"]
    assert any(node["op"].startswith("tfpipeline.") and node["kernels"] for node in nodes)


@pytest.mark.slow
def test_a_file_that_does_not_run_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_layers(tmp_path / "damaged.tflite", "int8")
    path.write_bytes(path.read_bytes()[:200])
    found = ask_plugin(path)
    assert found.problem and not found.nodes
    assert "cannot be run with the plug-in: " in render_claims(found)
    assert cli.main(["inspect", str(path), "--accelerate"]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_time_limit_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    late = WorkerResult(None, "", "", "did not finish in 1 s")
    monkeypatch.setattr(claims, "run_worker", lambda command, seconds: late)
    assert ask_plugin("any.tflite", seconds=1).problem == "did not finish in 1 s"
