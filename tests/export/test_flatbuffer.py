"""The writer: what comes back is what went in, aligned, shared, and runnable."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.flatbuffer.reader import cut_at_custom_ops, read_float_graph
from tfpipeline.export.quantize.quantization import Quantization


def _add_model(constant: np.ndarray, custom: bool = False) -> bytes:
    model = ModelBuilder("test")
    graph = model.graph("main")
    x = graph.tensor("x", constant.shape, np.float32)
    y = graph.tensor("y", constant.shape, np.float32)
    graph.operator("ADD", [x, graph.constant("c", constant)], [y], schema.AddOptionsT())
    outputs = {"scores": y}
    if custom:
        z = graph.tensor("z", constant.shape, np.float32)
        graph.custom("test.op", [y], [z], b"options")
        w = graph.tensor("w", constant.shape, np.float32)
        graph.operator("ADD", [z, z], [w], schema.AddOptionsT())
        outputs = {"scores": w}
    graph.finish([x], list(outputs.values()))
    model.signature("serving_default", graph, {"x": x}, outputs)
    model.metadata("note", b"hello")
    return model.to_bytes()


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_every_constant_starts_at_a_multiple_of_16(sizes: list[int]) -> None:
    model = ModelBuilder("test")
    graph = model.graph("main")
    for number, size in enumerate(sizes):
        graph.constant(f"c{number}", np.arange(number, number + size + 7, dtype=np.int8))
    graph.finish([], [])
    data = model.to_bytes()
    for number, size in enumerate(sizes):
        # Behind its length, no constant's bytes stand anywhere else in the file.
        length = (size + 7).to_bytes(4, "little")
        position = data.find(length + bytes(range(number, number + size + 7))) + 4
        assert position >= 4 and position % 16 == 0


def test_a_written_model_runs() -> None:
    constant = np.arange(6, dtype=np.float32).reshape(2, 3)
    interpreter = Interpreter(model_content=_add_model(constant))
    runner = interpreter.get_signature_runner("serving_default")
    result = runner(x=np.ones((2, 3), np.float32))["scores"]
    np.testing.assert_array_equal(result, constant + 1)


def test_reading_gives_names_shapes_constants_and_custom_ops() -> None:
    constant = np.arange(6, dtype=np.float32).reshape(2, 3)
    graph = read_float_graph(_add_model(constant, custom=True))
    assert [op.custom or op.code for op in graph.operators] == ["ADD", "test.op", "ADD"]
    assert graph.operators[1].custom_options == b"options"
    assert {tensor.name: tensor.shape for tensor in graph.tensors}["z"] == (2, 3)
    stored = next(tensor for tensor in graph.tensors if tensor.name == "c")
    np.testing.assert_array_equal(stored.data, constant)
    assert graph.producer(graph.outputs["scores"]) == 2
    assert graph.producer(graph.inputs["x"]) is None


def test_a_cut_graph_runs_without_the_custom_op() -> None:
    constant = np.zeros((1, 4), np.float32)
    data = _add_model(constant, custom=True)
    index = {t.name: i for i, t in enumerate(read_float_graph(data).tensors)}
    interpreter = Interpreter(model_content=cut_at_custom_ops(data))
    interpreter.allocate_tensors()
    interpreter.set_tensor(index["x"], np.full((1, 4), 3, np.float32))
    interpreter.set_tensor(index["z"], np.full((1, 4), 5, np.float32))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(index["y"]), np.full((1, 4), 3))
    np.testing.assert_array_equal(interpreter.get_tensor(index["w"]), np.full((1, 4), 10))


def test_equal_constants_are_stored_once() -> None:
    model = ModelBuilder("test")
    graph = model.graph("main")
    for name in "ab":
        graph.constant(name, np.full(100, 1.5, np.float32))
    graph.finish([], [])
    data = model.to_bytes()
    assert data.count(np.full(100, 1.5, np.float32).tobytes()) == 1


def test_a_constant_of_another_shape_is_an_error() -> None:
    graph = ModelBuilder("test").graph("main")
    with pytest.raises(ValueError, match=r"constant c has shape \(3,\), declared \(4,\)"):
        graph.tensor("c", (4,), np.float32, data=np.zeros(3))


def test_per_channel_scales_survive() -> None:
    model = ModelBuilder("test")
    graph = model.graph("main")
    q = Quantization.per_channel(np.array([0.1, 0.3, 0.7], np.float32))
    graph.constant("w", np.ones((3, 2), np.int8), q)
    graph.finish([], [])
    read = schema.ModelT.InitFromPackedBuf(model.to_bytes()).subgraphs[0].tensors[0]
    np.testing.assert_array_equal(read.quantization.scale, np.array([0.1, 0.3, 0.7], np.float32))
    assert list(read.quantization.zeroPoint) == [0, 0, 0]
