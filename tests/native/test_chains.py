"""An op of ours and the builtin nodes around it as one node of the runtime, with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import native_library as native
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from chain_models import ChainCase, chain_model, make_chain
from fully_connected_models import make_layer
from recurrent_models import assert_same_bits

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.fully_connected_options import OP_NAME
from tfpipeline.runtime.native import library_path

CHAIN = ["QUANTIZE", "tfpipeline.gru", "FULLY_CONNECTED", "DEQUANTIZE"]


def interpreter(model: bytes, **options: str) -> Interpreter:
    delegate = load_delegate(str(library_path()), options=options)
    made = Interpreter(model_content=model, experimental_delegates=[delegate])
    made.allocate_tensors()
    return made


def run(made: Interpreter, values: dict[str, np.ndarray]) -> list[np.ndarray]:
    for detail in made.get_input_details():
        made.set_tensor(detail["index"], values[detail["name"]])
    made.invoke()
    return [made.get_tensor(detail["index"]) for detail in made.get_output_details()]


def nodes(made: Interpreter) -> list[str]:
    """The nodes of the file, and behind them those that delegates made."""
    return [op["op_name"] for op in made._get_ops_details()]


@pytest.mark.parametrize("isa", native.supported())
def test_same_bits_as_the_specs(cell: str, isa: str) -> None:
    for batch, time, classes in ((1, 1, 12), (2, 3, 33)):
        case = make_chain(cell, classes=classes, batch=batch, time=time)
        assert_same_bits(
            run(interpreter(chain_model(case), isa=isa), case.feeds()), case.reference()
        )


def test_four_nodes_are_one() -> None:
    model = chain_model(make_chain())
    assert nodes(interpreter(model)) == [*CHAIN, "DELEGATE"]
    assert len(nodes(interpreter(model, chains="false"))) > len(CHAIN) + 1


def test_a_tensor_that_others_read_is_there_for_them() -> None:
    case = make_chain("lstm")
    made = interpreter(chain_model(case, x_is_read_twice=True))
    assert nodes(made)[4:] == ["DELEGATE"]
    *got, levels = run(made, case.feeds())
    assert_same_bits(got, case.reference())
    np.testing.assert_array_equal(levels, case.recurrent.x)


def test_a_dense_layer_of_other_bits_is_left_to_the_runtime(
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Without scales of the bias the runtime's own kernels run, which round twice.
    case = make_chain()
    model = chain_model(case, bias_scales=False)
    made, alone = interpreter(model, verbose="true"), interpreter(model, chains="false")
    assert "with 1 node(s) around it" in capfd.readouterr().err
    assert_same_bits(run(made, case.feeds()), run(alone, case.feeds()))


def test_stacked_layers_are_one_chain() -> None:
    first, second = make_layer(20, 24, 1, seed=1), make_layer(12, 20, 1, seed=2)
    second = replace(second, x_scale=first.y_scale, x_zero_point=first.y_zero_point)
    second = replace(second, x=first.reference())
    model = ModelBuilder("two layers of ours")
    graph = model.graph("main")
    x = graph.tensor("x", first.x.shape, np.float32)
    at = graph.tensor("q", first.x.shape, np.int8, Quantization(first.x_scale, first.x_zero_point))
    graph.operator("QUANTIZE", [x], [at])
    for number, layer in enumerate((first, second)):
        scales = Quantization(tuple(float(s) for s in layer.scales), 0, 0)
        weights = graph.constant(f"w{number}", layer.weights, scales)
        bias = graph.constant(f"b{number}", layer.bias)
        levels = Quantization(layer.y_scale, layer.y_zero_point)
        y = graph.tensor(f"y{number}", (1, layer.options.rows), np.int8, levels)
        graph.custom(OP_NAME, [at, weights, bias], [y], layer.options.pack())
        at = y
    graph.finish([x], [at])
    made = interpreter(model.to_bytes())
    assert nodes(made) == ["QUANTIZE", OP_NAME, OP_NAME, "DELEGATE"]
    real = (first.x.astype(np.float32) - first.x_zero_point) * np.float32(first.x_scale)
    np.testing.assert_array_equal(run(made, {"x": real})[0], second.reference())


def levels_model(
    shape: tuple[int, ...], levels: Quantization, edit: Callable[[Any], None] | None = None
) -> bytes:
    """QUANTIZE, and a layer of ours that reads it; both results are outputs."""
    layer = make_layer(8, shape[-1])
    model = ModelBuilder("levels")
    graph = model.graph("main")
    x = graph.tensor("x", shape, np.float32)
    q = graph.tensor("q", shape, np.int8, levels)
    graph.operator("QUANTIZE", [x], [q])
    weights = graph.constant(
        "w", layer.weights, Quantization(tuple(map(float, layer.scales)), 0, 0)
    )
    y_levels = Quantization(layer.y_scale, layer.y_zero_point)
    y = graph.tensor("y", (*shape[:-1], 8), np.int8, y_levels)
    graph.custom(OP_NAME, [q, weights, graph.constant("b", layer.bias)], [y], layer.options.pack())
    graph.finish([x], [q, y])
    if edit is not None:
        edit(graph)
    return model.to_bytes()


@pytest.mark.parametrize(("scale", "zero_point"), [(0.125, 0), (0.1, -7), (3e-5, 127), (2.5, -128)])
def test_quantize_has_the_bits_of_the_runtime(scale: float, zero_point: int) -> None:
    steps = np.arange(-300, 300).astype(np.float32)
    real = np.concatenate([steps, steps + np.float32(0.5)]) * np.float32(scale)
    real = np.concatenate([real, np.nextafter(real, np.float32(9e9)), -np.nextafter(real, -9e9)])
    edges = [0.0, -0.0, 1e-45, -1e-38, 3e38, -3e38, np.inf, -np.inf, 1e9, -1e9]
    real = np.resize(np.concatenate([real, edges]), (-(-len(real) // 256), 256)).astype(np.float32)
    model = levels_model((1, 256), Quantization(scale, zero_point))
    ours, theirs = interpreter(model), interpreter(model, chains="0")
    assert nodes(ours) == ["QUANTIZE", OP_NAME, "DELEGATE"]
    for row in real:
        mine, stock = run(ours, {"x": row[None]}), run(theirs, {"x": row[None]})
        np.testing.assert_array_equal(mine[0], stock[0])
        np.testing.assert_array_equal(mine[1], stock[1])


def test_what_is_no_number_is_a_level() -> None:
    made = interpreter(levels_model((1, 20), Quantization(0.1, 3)))
    x = np.full((1, 20), np.nan, np.float32)
    x[0, 4] = 1.0
    levels, _ = run(made, {"x": x})
    assert levels[0, 4] == 13 and set(np.delete(levels[0], 4)) == {-128}


def free_time(graph: Any) -> None:
    graph.subgraph.tensors[0].shapeSignature = np.array([-1, 24], np.int32)


def no_scale(graph: Any) -> None:
    graph.subgraph.tensors[1].quantization.scale[:] = 0.0


@pytest.mark.parametrize(
    ("shape", "edit"), [((1, 4096), None), ((1, 24), free_time), ((1, 24), no_scale)]
)
def test_other_nodes_are_left_to_the_runtime(
    shape: tuple[int, ...], edit: Callable[[Any], None] | None, capfd: pytest.CaptureFixture[str]
) -> None:
    delegate = load_delegate(str(library_path()), options={"verbose": "true"})
    model = levels_model(shape, Quantization(0.1, 3), edit)
    # Built, not run: what the runtime does with a scale of 0 is its own.
    Interpreter(model_content=model, experimental_delegates=[delegate])
    assert "with 0 node(s) around it" in capfd.readouterr().err


def test_a_batch_may_change() -> None:
    case = make_chain("gru", batch=3)
    layer = replace(case.recurrent, x=case.recurrent.x[:1], first=(case.recurrent.first[0][:1],))
    dense = replace(case.dense, x=case.dense.x[:1])
    made = interpreter(chain_model(replace(case, recurrent=layer, dense=dense, x=case.x[:1])))
    values = case.feeds()
    for detail in made.get_input_details():
        made.resize_tensor_input(detail["index"], values[detail["name"]].shape)
    made.allocate_tensors()
    assert_same_bits(run(made, values), case.reference())


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ValueError, match="option chains must be true or false"):
        load_delegate(str(library_path()), options={"chains": "perhaps"})


def test_the_cases_differ_from_zero() -> None:
    # What the others compare must say something.
    case: ChainCase = make_chain()
    scores, *_ = case.reference()
    assert len(np.unique(scores)) > 6
