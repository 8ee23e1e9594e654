"""The table of operators against the runtimes that are installed, and claims against real loads."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import tiny_models as tiny
from separate_environment import TFLITE_MICRO, TFLITE_RUNTIME
from small_model import Exported
from tiny_tflite import (
    Vector,
    byte,
    int32,
    ints,
    operator,
    operator_code,
    subgraph,
    tensor,
    tiny_model,
)

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


@pytest.mark.slow
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


def levels(scales: tuple[float, ...], points: tuple[int, ...] | None, axis: int = 0) -> Any:
    """A quantization table; no vector of zero points for None."""
    table: dict[int, Any] = {2: Vector("f", scales), 6: int32(axis)}
    return table if points is None else table | {3: Vector("q", points)}


ONE = levels((0.5,), (0,))


def unused(shape: tuple[int, ...], table: Any, code: int = tiny.INT8, **more: Any) -> bytes:
    """A model with a tensor that no operator reads."""
    graph = subgraph([tensor([1]), tensor(shape, code, _4=table, **more)], [0], [0], [])
    return tiny_model([], [graph])


def constant(code: int, shape: tuple[int, ...], size: int, **more: Any) -> bytes:
    graph = subgraph([tensor([1]), tensor(shape, code, 1, **more)], [0], [0], [])
    return tiny_model([], [graph], [bytes(size)])


def product(
    x: Any = ONE,
    w: Any = ONE,
    y: Any = ONE,
    code: int = tiny.INT8,
    inputs: tuple[int, ...] = (0, 1, -1),
    outputs: tuple[int, ...] = (2,),
) -> bytes:
    """A fully connected layer of 4 inputs and 2 outputs; None for a tensor without scales."""

    def quantized(shape: tuple[int, ...], kind: int, buffer: int, table: Any) -> Any:
        return tensor(shape, kind, buffer, **({} if table is None else {"_4": table}))

    tensors = [
        quantized((1, 4), code, 0, x),
        quantized((2, 4), tiny.INT8, 1, w),
        quantized((1, 2), code, 0, y),
    ]
    node = operator(0, inputs, outputs, _3=byte(8), _4={})
    graph = subgraph(tensors, [0], [2], [node])
    return tiny_model([operator_code(tiny.FULLY_CONNECTED, 4)], [graph], [bytes(8)])


def convolution(w: Any, depthwise: bool = False) -> bytes:
    shape = (1, 1, 1, 2) if depthwise else (2, 1, 1, 1)
    tensors = [
        tensor((1, 2, 2, 1), tiny.INT8, _4=ONE),
        tensor(shape, tiny.INT8, 1, **({} if w is None else {"_4": w})),
        tensor((1, 2, 2, 2), tiny.INT8, _4=ONE),
        tensor((2,), tiny.INT32, 2),
    ]
    node = operator(0, (0, 1, 3), (2,), _3=byte(1 + depthwise), _4={1: int32(1), 2: int32(1)})
    code = tiny.DEPTHWISE_CONV_2D if depthwise else tiny.CONV_2D
    data = [bytes(2), bytes(8)]
    return tiny_model([operator_code(code, 3)], [subgraph(tensors, [0], [2], [node])], data)


#: Files that say something of scales, sizes or nodes that a loader or a kernel looks at.
LOADED = {
    "scalar, dimension 3": unused((), levels((0.5,), (0,), 3)),
    "dimension -1": unused((2, 3), levels((0.5,), (0,), -1)),
    "dimension 2 of 2": unused((2, 3), levels((0.5,), (0,), 2)),
    "dimension 2 of 2 of floats": unused((2, 3), levels((0.5,), (0,), 2), 0),
    "3 scales for 2": unused((2, 3), levels((0.5,) * 3, (0,) * 3, 0)),
    "3 scales for 3": unused((2, 3), levels((0.5,) * 3, (0,) * 3, 1)),
    "no zero points": unused((2, 3), levels((0.5,), None)),
    "empty zero points": unused((2, 3), levels((0.5,), ())),
    "1 zero point for 3": unused((2, 3), levels((0.5,) * 3, (0,), 1)),
    "a scale of 0 that nobody reads": unused((2, 3), levels((0.0,), (0,))),
    "open size": unused((-1, 3), ONE),
    "open size of strings": unused((-1, 3), ONE, 5),
    "open size in the signature": unused((1, 3), ONE, _7=ints(-1, 3)),
    "floats": constant(0, (2, 3), 24),
    "floats, short": constant(0, (2, 3), 20),
    "floats, long": constant(0, (2, 3), 28),
    "int4": constant(17, (3,), 2),
    "int4, long": constant(17, (4,), 4),
    "string of any size": constant(5, (1,), 3),
    "variable": constant(0, (2,), 8, _5=byte(1)),
    "product": product(),
    "product, channels": product(w=levels((0.5, 0.5), (0, 0))),
    "product, channels of the other dimension": product(w=levels((0.5,) * 4, (0,) * 4, 1)),
    "product, shifted channels": product(w=levels((0.5, 0.5), (0, 1))),
    "product, no scale of x": product(x=None),
    "product, no scale of w": product(w=None),
    "product, no scale of y": product(y=None),
    "product, scale 0": product(w=levels((0.0,), (0,))),
    "product, scale nan": product(w=levels((float("nan"),), (0,))),
    "product, scale below 0": product(w=levels((-0.5,), (0,))),
    "product, output scale nan": product(y=levels((float("nan"),), (0,))),
    "product, zero point 1000": product(y=levels((0.5,), (1000,))),
    "product, large": product(w=levels((256.0,), (0,))),
    "product, as large as may be": product(w=levels((255.0,), (0,))),
    "product, hybrid": product(None, ONE, None, 0),
    "product, hybrid, scale 0": product(None, levels((0.0,), (0,)), None, 0),
    "product, in place": product(outputs=(0,)),
    "product of a constant in place": product(outputs=(1,)),
    "product of nothing": product(inputs=(-1, 1, -1)),
    "convolution": convolution(ONE),
    "convolution, no scale": convolution(None),
    "convolution, shifted channels": convolution(levels((0.5, 0.5), (0, 1))),
    "depthwise": convolution(levels((0.5, 0.5), (0, 0), 3), depthwise=True),
    "depthwise, no scale": convolution(None, depthwise=True),
}


_LOAD_ALL = """
import importlib, json, os, pathlib, sys
interpreter = importlib.import_module(sys.argv[1]).Interpreter
found = {}
for path in sorted(pathlib.Path(sys.argv[2]).iterdir()):
    sys.stdout.flush()
    child = os.fork()  # Some of them end the process.
    if child == 0:
        try:
            loaded = interpreter(str(path))
            loaded.allocate_tensors()
            os._exit(0)
        except (ValueError, RuntimeError):
            os._exit(1)
    found[path.stem] = os.waitpid(child, 0)[1] == 0
print(json.dumps(found))
"""


@pytest.mark.parametrize("runtime", ["litert", "tflite_runtime"])
def test_what_is_said_of_scales_and_sizes_is_what_happens(tmp_path: Path, runtime: str) -> None:
    for name, data in LOADED.items():
        (tmp_path / f"{name}.tflite").write_bytes(data)
    package = {"litert": "ai_edge_litert", "tflite_runtime": "tflite_runtime"}[runtime]
    known = registrations(package.replace("_", "-")).source
    if runtime == "litert" and known != f"ai-edge-litert {version('ai-edge-litert')}":
        pytest.skip(f"what loaders refuse is known of {known}, another is installed")
    program = "-c", _LOAD_ALL, f"{package}.interpreter", str(tmp_path)
    happened = json.loads(ask(python_of(runtime), *program))
    target = runtime.replace("_", "-")
    claimed = {
        name: inspect_model(tmp_path / f"{name}.tflite").target(target).runs for name in LOADED
    }
    assert claimed == happened
    assert 10 < sum(happened.values()) < len(happened) - 10


def test_our_plug_in_does_not_change_what_the_loader_refuses(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(LOADED["dimension 2 of 2"])
    found = inspect_model(path)
    for target in ("litert", "plugin", "tensorflow", "tflite-runtime", "tflite-runtime+plugin"):
        (refusal,) = found.target(target).refusals
        assert (refusal.what, refusal.reason) == ("scales of int8 tensors", "dimension 2 of 2")


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
