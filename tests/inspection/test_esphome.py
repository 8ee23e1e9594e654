"""What the wake word runtime of ESPHome refuses, of files made for others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.inspection import inspect_model
from tfpipeline.inspection.micro_arena import tensor_arena_bytes, variable_bytes
from tfpipeline.inspection.parse import parse

_INPUT, _OUTPUT = Quantization(26.0 / 256.0, -128), Quantization(1.0 / 256.0, 0)


def write(
    folder: Path,
    *,
    code: str = "QUANTIZE",
    variables: int = 1,
    x: tuple[tuple[int, ...], type, Quantization] = ((1, 1, 40), np.int8, _INPUT),
    y: tuple[tuple[int, ...], type, Quantization] = ((1, 1), np.uint8, _OUTPUT),
    inputs: int = 1,
) -> Path:
    """A file that only looks like a wake word; by default nothing is refused in it."""
    model = ModelBuilder("test")
    graph, start = model.graph("main"), model.graph("start")
    given = [graph.tensor(f"x{i}", *x) for i in range(inputs)]
    for i in range(variables):
        for where in (graph, start):
            handle = where.resource(f"v{i}")
            options = schema.VarHandleOptionsT(container=b"", sharedName=f"v{i}".encode())
            where.operator("VAR_HANDLE", [], [handle], options)
            if where is start:
                zero = start.constant(f"zero{i}", np.zeros((1, 8), np.int16), Quantization(1.0))
                start.operator("ASSIGN_VARIABLE", [handle, zero], [])
    result = graph.tensor("y", *y)
    graph.operator(code, given, [result])
    graph.finish(given, [result])
    start.finish([], [])
    path = folder / "model.tflite"
    path.write_bytes(model.to_bytes())
    return path


def refused(path: Path) -> list[str]:
    found = inspect_model(path).target("esphome").refusals
    return [f"{one.what}: {one.reason}" for one in found]


def test_nothing_else_is_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path)) == []
    # microWakeWord's own files have 26 / 255.
    other = write(tmp_path, x=((1, 3, 40), np.int8, Quantization(26.0 / 255.0, -128)))
    assert refused(other) == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"code": "TANH"}, "TANH: not among its twenty operators"),
        ({"variables": 21}, "21 variables: more than 20"),
        ({"x": ((1, 1, 40), np.uint8, _INPUT)}, "uint8 inputs: it has int8"),
        ({"x": ((1, 1, 40), np.int8, Quantization(0.2, -128))}, "scale of the inputs: it has"),
        ({"x": ((1, 1, 40), np.int8, Quantization(26.0 / 256.0, 0))}, "zero point -128"),
        ({"x": ((1, 40), np.int8, _INPUT)}, "inputs of shape (1, 40): it has (1, stride, 40)"),
        ({"x": ((1, 1, 32), np.int8, _INPUT)}, "inputs of shape (1, 1, 32)"),
        ({"inputs": 2}, "2 inputs: it has one"),
        ({"y": ((1, 1), np.int8, _OUTPUT)}, "int8 outputs: it has uint8"),
        ({"y": ((1, 1), np.uint8, Quantization(1.0 / 128.0))}, "scale of the outputs"),
        ({"y": ((1, 2), np.uint8, _OUTPUT)}, "outputs of shape (1, 2): it has (1, 1)"),
    ],
)
def test_what_is_refused(tmp_path: Path, options: dict[str, object], what: str) -> None:
    found = refused(write(tmp_path, **options))  # type: ignore[arg-type]
    assert any(what in line for line in found), found


def test_variables_lie_in_the_arena(tmp_path: Path) -> None:
    few, many = (parse(write(tmp_path, variables=n)) for n in (1, 11))
    assert variable_bytes(few) == [16] and len(variable_bytes(many)) == 11
    assert tensor_arena_bytes(many) - tensor_arena_bytes(few) >= 10 * 16
    assert tensor_arena_bytes(few) % 16 == 0
