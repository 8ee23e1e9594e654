"""Operators written with others, in LiteRT, against what they are in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfpipeline.export.esphome.few_operators import FewOperators
from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import UNIT_INT16, Quantization
from tfpipeline.inspection.esphome import OPERATORS
from tfpipeline.inspection.parse import parse

WIDTH = 64
_FINE, _WIDE = Quantization(2.0**-13), Quantization(2.0**-11)
Build = Callable[[FewOperators, int, int], int]
"""Writes operators on two int16 inputs of 4 and of 16; returns the output."""


def result(graph: FewOperators, q: Quantization, width: int = WIDTH) -> int:
    return graph.tensor("y", (1, width), np.int16, q)


def one(
    code: str, q: Quantization, inputs: str = "ab", options: object = None
) -> tuple[Build, float]:
    def build(graph: FewOperators, a: int, b: int) -> int:
        y = result(graph, q)
        graph.operator(code, [{"a": a, "b": b}[name] for name in inputs], [y], options)
        return y

    return build, q.scales()[0]


def split(graph: FewOperators, a: int, b: int) -> int:
    first, second = (result(graph, _FINE, WIDTH // 2) for _ in range(2))
    axis = graph.constant("axis", np.array(1, np.int32))
    graph.operator("SPLIT", [axis, a], [first, second], schema.SplitOptionsT(numSplits=2))
    return second


def part(graph: FewOperators, a: int, b: int) -> int:
    begin, size = (
        graph.constant(n, np.array(v, np.int32)) for n, v in (("b", [0, 7]), ("s", [1, 9]))
    )
    y = result(graph, _FINE, 9)
    graph.operator("SLICE", [a, begin, size], [y], schema.SliceOptionsT())
    return y


def clip(graph: FewOperators, a: int, b: int) -> int:
    for code, bound in (("MINIMUM", 4096), ("MAXIMUM", -4096)):
        y = result(graph, _FINE)
        limit = graph.constant(code, np.array([[bound]], np.int16), _FINE)
        graph.operator(code, [a, limit], [y], schema.MaximumMinimumOptionsT())
        a = y
    return y


CASES: dict[str, tuple[Build, float, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "subtract": (*one("SUB", _WIDE, options=schema.SubOptionsT()), lambda a, b: a - b),
    "relu": (*one("RELU", _WIDE, "b"), lambda a, b: np.maximum(b, 0.0)),
    "relu6": (*one("RELU6", _WIDE, "b"), lambda a, b: np.clip(b, 0.0, 6.0)),
    "tanh": (*one("TANH", UNIT_INT16, "a"), lambda a, b: np.tanh(a)),
    "split": (split, 0.0, lambda a, b: a[:, WIDTH // 2 :]),
    "slice": (part, 0.0, lambda a, b: a[:, 7:16]),
    "clip": (clip, _FINE.scales()[0], lambda a, b: np.clip(a, -0.5, 0.5)),
}


@pytest.mark.parametrize("case", CASES)
def test_it_computes_what_the_operator_does(case: str, tmp_path: Path) -> None:
    build, step, expected = CASES[case]
    graph = FewOperators.main(ModelBuilder("test", FewOperators))
    inputs = [graph.tensor(n, (1, WIDTH), np.int16, q) for n, q in (("a", _FINE), ("b", _WIDE))]
    y = build(graph, *inputs)
    graph.finish(inputs, [y])
    path = tmp_path / "graph.tflite"
    path.write_bytes(graph.model.to_bytes())
    assert {op.code.name for op in parse(path).graphs[0].operators} <= OPERATORS
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    stored = [rng.integers(-30000, 30000, (1, WIDTH)).astype(np.int16) for _ in range(2)]
    if case == "subtract":
        stored[1] //= 4  # of 16 no difference of 20 is left
    for details, values in zip(interpreter.get_input_details(), stored, strict=True):
        interpreter.set_tensor(details["index"], values)
    interpreter.invoke()
    (details,) = interpreter.get_output_details()
    found = interpreter.get_tensor(details["index"]) * details["quantization"][0]
    a, b = (v * q.scales()[0] for v, q in zip(stored, (_FINE, _WIDE), strict=True))
    # A step of each operator that it is written with.
    np.testing.assert_allclose(found, expected(a, b), rtol=0, atol=4 * step)


def test_int8_becomes_int16_exactly(tmp_path: Path) -> None:
    graph = FewOperators.main(ModelBuilder("test", FewOperators))
    q = Quantization(26.0 / 256.0, -128)
    x = graph.tensor("x", (1, 2, 128), np.int8, q)
    y = graph.tensor("y", (1, 2, 128), np.int16, Quantization(q.scales()[0] / 64.0))
    graph.widen(x, y)
    graph.finish([x], [y])
    path = tmp_path / "graph.tflite"
    path.write_bytes(graph.model.to_bytes())
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    stored = np.arange(-128, 128).astype(np.int8).reshape(1, 2, 128)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], stored)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_array_equal(found, (stored.astype(int) + 128) * 64)


def test_what_it_does_not_know_is_left_for_the_check() -> None:
    graph = FewOperators.main(ModelBuilder("test", FewOperators))
    x = graph.tensor("x", (1, 4), np.float32)
    for code in ("SUB", "TANH", "RELU", "ELU"):
        y = graph.tensor("y", (1, 4), np.float32)
        graph.operator(code, [x, x] if code == "SUB" else [x], [y])
    found = [op.opcodeIndex for op in graph.subgraph.operators]
    assert len(set(found)) == 4
