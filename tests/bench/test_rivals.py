"""Other libraries in the recurrent bench: their outputs, and the rows of those that are missing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

BENCH = Path(__file__).resolve().parents[2] / "custom_ops" / "bench"
_NAMES = (
    *("onnxruntime float", "onnxruntime int8", "ncnn float", "ncnn int8"),
    *("OpenVINO float", "OpenVINO bfloat16"),
)


@pytest.fixture()
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Import a module of the bench by name, as its scripts do."""
    monkeypatch.syspath_prepend(BENCH)
    _forget()
    yield importlib.import_module
    _forget()


def _forget() -> None:
    ours = {path.stem for path in BENCH.glob("*.py")}
    for name in [n for n in sys.modules if n in ours or n.split(".")[0] == "rivals"]:
        sys.modules.pop(name)


def _rival(bench: Callable[[str], Any], name: str) -> Any:
    (found,) = [rival for rival in bench("rivals").RIVALS if rival.name == name]
    return found


def _stack(bench: Callable[[str], Any], cell: str) -> list[Any]:
    draw = bench("recurrent_weights").draw_weights
    return [draw(cell, 12, 8, 0), draw(cell, 20, 12, 1)]


def _input() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((9, 8)).astype(np.float32)


def test_the_rivals_are_the_ones_that_the_issue_names(bench: Callable[[str], Any]) -> None:
    assert tuple(rival.name for rival in bench("rivals").RIVALS) == _NAMES


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("name", _NAMES)
def test_a_rival_gives_what_numpy_gives(bench: Callable[[str], Any], name: str, cell: str) -> None:
    rival = _rival(bench, name)
    pytest.importorskip(rival.package)
    if rival.package == "onnxruntime":
        pytest.importorskip("onnx")
    rivals, stack = bench("rivals.rival"), _stack(bench, cell)
    running = rivals.start_rival(rival, stack, _input(), 1)
    if cell not in rival.cells or (name.endswith("bfloat16") and "bf" in str(running)):
        # Nothing that is missing here: ours keeps its ratio.
        assert not running.might_win and running.reason
        return
    assert isinstance(running, rivals.Running), running
    wanted = bench("recurrent_weights").run_in_numpy(stack, _input())
    assert running.output().shape == wanted.shape == (9, 20)
    assert np.abs(running.output() - wanted).max() <= rival.tolerance
    # Each call begins with zero states.
    running.invoke()
    assert np.abs(running.output() - wanted).max() <= rival.tolerance


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("onnxruntime float", "rivals.onnx_model"),
        ("ncnn int8", "rivals.ncnn_layers"),
        ("OpenVINO bfloat16", "rivals.openvino_layers"),
    ],
)
def test_gates_in_a_wrong_order_are_found(
    bench: Callable[[str], Any], name: str, module: str, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = _rival(bench, name)
    for package in {rival.package, "onnx"}:
        pytest.importorskip(package)
    order = bench(module).ORDER
    monkeypatch.setitem(order, cell, order[cell][1] + order[cell][0] + order[cell][2:])
    found = bench("rivals.rival").start_rival(rival, _stack(bench, cell), _input(), 1)
    if not found.might_win:
        pytest.skip(found.reason)
    assert found.reason.startswith("wrong output: up to ")


def test_a_package_that_is_missing_is_named_with_what_installs_it(
    bench: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = _stack(bench, "lstm")
    for name in _NAMES:
        rival = _rival(bench, name)
        monkeypatch.setitem(sys.modules, rival.package, None)
        problem = bench("rivals.rival").start_rival(rival, stack, _input(), 1)
        assert problem.might_win
        assert problem.reason.startswith("not installed (")
        assert "pip install 'tfpipeline[bench-rivals]'" in problem.reason


def _failing(stack: Any, x: np.ndarray, threads: int) -> Any:
    raise RuntimeError("no such\nkernel")


@pytest.mark.parametrize("nan", [False, True])
def test_what_fails_or_is_wrong_is_said(bench: Callable[[str], Any], nan: bool) -> None:
    module, stack = bench("rivals.rival"), _stack(bench, "gru")
    rival = module.Rival("a library", "json", ("gru",), 0.01, _failing)
    assert module.start_rival(rival, stack, _input(), 1).reason == "failed: no such kernel"
    wanted = bench("recurrent_weights").run_in_numpy(stack, _input())
    wrong = np.full_like(wanted, np.nan) if nan else wanted + 0.1
    for output, said in ((wrong, "wrong output: up to"), (wrong[:2], "wrong output: shape")):
        made = replace(rival, start=lambda *_, y=output: module.Running(lambda: None, lambda: y))
        problem = module.start_rival(made, stack, _input(), 1)
        assert problem.might_win and problem.reason.startswith(said)


def test_a_rival_that_crashes_ends_nothing_but_its_trial(
    bench: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recurrent: ModuleType = bench("recurrent")
    preset = recurrent.Preset("gru", (12,), 8, 4, 0.0)
    crash = ("-c", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    command = recurrent.python_command
    monkeypatch.setattr(recurrent, "python_command", lambda *_: command(*crash))
    problem = recurrent.start_safely(_rival(bench, "ncnn float"), preset, 1)
    assert problem.might_win and problem.reason == "failed: it crashed with SIGILL"


def test_ours_is_compared_with_the_best_of_all(bench: Callable[[str], Any]) -> None:
    recurrent, module = bench("recurrent"), bench("rivals.rival")
    preset = recurrent.Preset("lstm", (12,), 8, 4, 0.0)
    models = {name: replace(preset, bits=bits).model() for name, bits in recurrent.OURS.items()}
    wanted = bench("recurrent_weights").run_in_numpy(preset.stack(), preset.input())

    def start(stack: Any, x: np.ndarray, threads: int) -> Any:
        return module.Running(lambda: None, lambda: wanted)

    # The trial knows none of these names, so they are started without one.
    recurrent.start_safely = lambda one, what, threads: module.start_rival(
        one, what.stack(), what.input(), threads
    )
    rivals = [
        module.Rival("fast", "json", ("lstm",), 0.01, start),
        module.Rival("no lstm", "json", ("gru",), 0.01, start),
    ]
    rows = recurrent.time_preset(models, preset, 1, "auto", 2, 2, rivals)
    by_name = {row["contender"]: row for row in rows}
    assert list(by_name) == ["fast", "no lstm", "ours", "ours int4", "ours int2"]
    assert by_name["no lstm"]["note"] == "no lstm has no operator for LSTM"
    for name in recurrent.OURS:
        assert by_name[name]["compared_with"] == "fast" and not by_name[name]["note"]
        assert float(by_name[name]["times_faster"]) < 1
    rivals.append(module.Rival("absent", "no_such_package_here", ("lstm",), 0.01, start))
    rows = recurrent.time_preset(models, preset, 1, "auto", 2, 2, rivals)
    by_name = {row["contender"]: row for row in rows}
    assert by_name["absent"]["note"].startswith("not installed (")
    for name in recurrent.OURS:
        assert not by_name[name]["times_faster"]
        assert by_name[name]["note"] == "no ratio without absent"


def test_ours_with_other_weights_is_wrong(bench: Callable[[str], Any]) -> None:
    recurrent = bench("recurrent")
    preset = recurrent.Preset("gru", (12,), 8, 4, 0.0)
    problem = recurrent.start_model(replace(preset, bits=2).model(), "ours", preset, 1, "auto")
    assert problem.reason.startswith("wrong output: up to ")
