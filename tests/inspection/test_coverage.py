"""The table of operators against the runtimes that are installed, and claims against real loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny_models as tiny
from separate_environment import TFLITE_MICRO, TFLITE_RUNTIME
from small_model import Exported
from tiny_tflite import Vector, operator, operator_code, subgraph, tensor, tiny_model

from tfpipeline.cli.inspect import TARGETS as CLI_TARGETS
from tfpipeline.inspection import TARGET_NAMES, ModelInspection, inspect_model, try_model
from tfpipeline.inspection.operator_table import CUSTOM_NUMBER, operator_name, registrations

_PROBE = Path(__file__).resolve().parents[1] / "support" / "probe_registrations.py"


def python_of(runtime: str) -> str:
    if runtime == "tflite_runtime":
        return TFLITE_RUNTIME.executable()
    if runtime == "tflite_micro":
        return TFLITE_MICRO.executable()
    return sys.executable


def ask(python: str, *arguments: str) -> str:
    done = subprocess.run(
        [python, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("runtime", ["litert", "tensorflow", "tflite_runtime", "tflite_micro"])
def test_the_table_says_what_the_installed_runtime_says(runtime: str) -> None:
    answer: dict[str, Any] = json.loads(ask(python_of(runtime), str(_PROBE), runtime))
    package = answer["source"].split(" ")[0]
    known = registrations(package)
    if answer["source"] != known.source:
        pytest.skip(f"{answer['source']} is installed, the table is about {known.source}")
    found = {
        int(code): None if versions is None else tuple(versions)
        for code, versions in answer["operators"].items()
    }
    assert found == known.builtin
    assert set(answer["custom"]) == known.custom
    assert set(answer["types"]) == known.types


def test_the_ceilings_that_users_run_into() -> None:
    fully_connected = 9
    assert operator_name(fully_connected) == "FULLY_CONNECTED"
    assert registrations("tflite-runtime").builtin[fully_connected] == (1, 10)
    assert registrations("ai-edge-litert").builtin[fully_connected] == (1, 14)
    broadcast_to = 130
    assert registrations("tflite-runtime").builtin[broadcast_to] == (2, 3)
    assert CUSTOM_NUMBER not in registrations("tflite-runtime").builtin
    assert operator_name(999) == "operator 999"


def test_the_command_line_names_the_same_targets() -> None:
    assert CLI_TARGETS == TARGET_NAMES


_LOAD = """
import importlib, sys
interpreter = importlib.import_module(sys.argv[1]).Interpreter
try:
    interpreter(sys.argv[2]).allocate_tensors()
    print(True)
except (ValueError, RuntimeError):
    print(False)
"""
_MICRO_LOAD = """
import sys
from tflite_micro.python.tflite_micro.runtime import Interpreter
try:
    Interpreter.from_file(sys.argv[1], arena_size=4_000_000)
    print(True)
except (ValueError, RuntimeError):
    print(False)
"""


def loads(runtime: str, path: Path) -> bool:
    python = python_of(runtime)
    if runtime == "tflite_micro":
        return ask(python, "-c", _MICRO_LOAD, str(path)) == "True"
    package = {"litert": "ai_edge_litert", "tflite_runtime": "tflite_runtime"}[runtime]
    return ask(python, "-c", _LOAD, f"{package}.interpreter", str(path)) == "True"


def fully_connected(version: int) -> bytes:
    shapes = [(1, 4), (2, 4), (2,)]
    return tiny.one_operator(tiny.FULLY_CONNECTED, shapes, (1, 2), version)


def unused_type(code: int) -> bytes:
    graph = subgraph([tensor([4]), tensor([4], code)], [0], [0], [])
    return tiny_model([], [graph])


def hybrid() -> bytes:
    """Float inputs with int8 weights, as the converter's dynamic range quantization leaves it."""
    scale = tiny.per_channel_scales(0.5)
    graph = subgraph(
        [tensor([1, 4]), tensor([2, 4], tiny.INT8, 1, _4=scale), tensor([1, 2])],
        [0],
        [2],
        [operator(0, [0, 1, -1], [2])],
    )
    return tiny_model([operator_code(tiny.FULLY_CONNECTED)], [graph], [bytes(8)])


MADE = {
    "fully connected 10": fully_connected(10),
    "fully connected 11": fully_connected(11),
    "fully connected 14": fully_connected(14),
    "fully connected 15": fully_connected(15),
    "hybrid": hybrid(),
    "int4": unused_type(17),
    "bfloat16": unused_type(18),
    "unknown type": unused_type(23),
    "unused operator": tiny_model([operator_code(206)], [subgraph([tensor([1])], [0], [0], [])]),
    "unused custom": tiny_model(
        [operator_code(tiny.CUSTOM, 1, "nobody.has")], [subgraph([tensor([1])], [0], [0], [])]
    ),
    "custom": tiny.one_operator(tiny.CUSTOM, [(1,)], (1,), 1, "nobody.has"),
    "Flex": tiny.one_operator(tiny.CUSTOM, [(1,)], (1,), 1, "FlexErfc"),
    "loop": tiny.counting_loop(0, 1, 7),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("runtime", ["litert", "tflite_runtime", "tflite_micro"])
def test_a_claim_is_what_happens(tmp_path: Path, runtime: str, name: str) -> None:
    path = tmp_path / "made.tflite"
    path.write_bytes(MADE[name])
    claimed = inspect_model(path).target(runtime.replace("_", "-"))
    assert loads(runtime, path) == claimed.runs, claimed.refusals


@pytest.mark.parametrize("form", ["portable", "fused", "stream_portable", "stream_fused"])
@pytest.mark.parametrize("runtime", ["litert", "tflite_runtime", "tflite_micro"])
def test_a_claim_about_our_own_files_is_what_happens(
    exported: Exported, runtime: str, form: str
) -> None:
    path = Path(getattr(exported.report, form))
    claimed = inspect_model(path).target(runtime.replace("_", "-"))
    assert loads(runtime, path) == claimed.runs == ("fused" not in form)


def test_with_the_plugin_the_fused_files_run(exported: Exported) -> None:
    found = inspect_model(exported.report.fused)
    assert found.needs_plugin
    assert found.target("plugin").runs and found.target("tflite-runtime+plugin").runs
    trials = try_model(exported.report.fused, plugin=True)
    assert trials and all(trial.runs for trial in trials), trials
    refused = try_model(exported.report.fused, plugin=False, runtimes=("litert",))
    assert refused and not any(trial.runs for trial in refused)
    assert all("tfpipeline.gru" in trial.detail for trial in refused)


def of_custom(folder: Path, name: str, options: bytes) -> ModelInspection:
    path = folder / "custom.tflite"
    stored = Vector("B", list(options))
    path.write_bytes(tiny.one_operator(tiny.CUSTOM, [(1,)], (1,), 1, name, _5=stored))
    return inspect_model(path)


@pytest.mark.parametrize(
    ("name", "provider", "reason"),
    [
        ("FlexErfc", "TensorFlow Select", "needs TensorFlow Select"),
        ("Mfcc", "runtime", ""),
        ("SignalRfft", "runtime", "not among its operators"),
        ("acme.op", "unknown", "unknown library"),
        ("tfpipeline.gru", "tfpipeline", "plug-in"),
    ],
)
def test_custom_operators_have_a_provider(
    tmp_path: Path, name: str, provider: str, reason: str
) -> None:
    found = of_custom(tmp_path, name, b"")
    assert [use.op.provider for use in found.custom_ops] == [provider]
    refusals = found.target("litert").refusals
    assert [reason in refusal.reason for refusal in refusals] == ([True] if reason else [])
    assert found.target("tensorflow").runs == (name in ("FlexErfc", "Mfcc"))


@pytest.mark.parametrize("name", ["tfpipeline.gru", "tfpipeline.surprise"])
def test_options_that_the_plugin_would_refuse_are_named(tmp_path: Path, name: str) -> None:
    found = of_custom(tmp_path, name, b"TFPG")
    (refusal,) = found.target("plugin").refusals
    assert refusal.what == name and name in refusal.reason
