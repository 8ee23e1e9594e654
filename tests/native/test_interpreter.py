"""The op in a stock ai-edge-litert interpreter, by way of load_delegate."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from gru_models import H0, LAST, GruCase, ModelSpec, X, Y, gru_model, make_case

from tfpipeline.runtime.native import library_path


def interpreter(model: bytes, **options: str) -> Interpreter:
    delegate = load_delegate(str(library_path()), options=options)
    return Interpreter(model_content=model, experimental_delegates=[delegate], num_threads=1)


def run(case: GruCase, **options: str) -> tuple[np.ndarray, np.ndarray]:
    it = interpreter(gru_model(case).build(), **options)
    it.allocate_tensors()
    it.set_tensor(X, case.x)
    it.set_tensor(H0, case.h0)
    it.invoke()
    return it.get_tensor(Y), it.get_tensor(LAST)


@pytest.mark.parametrize("ranks", [(0, 0), (7, 0), (0, 9), (7, 9)], ids=str)
@pytest.mark.parametrize("flags", [(True, False), (False, False), (True, True)], ids=str)
def test_bits_of_the_spec(isa: str, ranks: tuple[int, int], flags: tuple[bool, bool]) -> None:
    case = make_case(
        units=40,
        input_dim=13,
        rank_x=ranks[0],
        rank_h=ranks[1],
        batch=2,
        time=6,
        return_sequences=flags[0],
        go_backwards=flags[1],
    )
    y, last = run(case, isa=isa)
    expected_y, expected_last = case.reference()
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(last.view(np.int32), expected_last.view(np.int32))


def test_resize_and_run_again() -> None:
    long, short = make_case(time=9, batch=2, seed=1), make_case(time=3, seed=1)
    it = interpreter(gru_model(long).build())
    for case in (long, short, long):
        it.resize_tensor_input(X, case.x.shape)
        it.resize_tensor_input(H0, (len(case.x), case.options.units))
        it.allocate_tensors()
        for _ in range(2):
            it.set_tensor(X, case.x)
            it.set_tensor(H0, case.h0)
            it.invoke()
            expected_y, _ = GruCase(**{**vars(long), "x": case.x, "h0": case.h0}).reference()
            np.testing.assert_array_equal(it.get_tensor(Y), expected_y)


def test_a_batch_and_a_state_that_do_not_fit_are_refused() -> None:
    it = interpreter(gru_model(make_case()).build())
    it.resize_tensor_input(X, (3, 7, 10))
    with pytest.raises(RuntimeError, match=r"h0 must have the shape \[3, 24\]; got \[1, 24\]"):
        it.allocate_tensors()


def two_layers(first: GruCase, second: GruCase) -> bytes:
    """Two ops in one graph, the second on the output of the first."""
    a, b = gru_model(first), gru_model(second)
    count = len(a.tensors)
    shifted = [Y if i == X else i + count if i >= 0 else -1 for i in b.inputs]
    model = schema.ModelT.InitFromPackedBuf(a.build(), 0)
    other = schema.ModelT.InitFromPackedBuf(b.build(), 0)
    for tensor in other.subgraphs[0].tensors:
        tensor.name = b"second_" + tensor.name
        tensor.buffer += len(model.buffers)
        model.subgraphs[0].tensors.append(tensor)
    model.buffers += other.buffers
    op = other.subgraphs[0].operators[0]
    op.inputs, op.outputs = shifted, [o + count for o in b.outputs]
    model.subgraphs[0].operators.append(op)
    model.subgraphs[0].inputs = [X, H0, H0 + count]
    model.subgraphs[0].outputs = [Y + count, LAST + count]
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_two_nodes_keep_their_own_weights(isa: str) -> None:
    first = make_case(units=24, input_dim=10, rank_h=8, time=5, seed=1)
    middle, _ = first.reference()
    second = make_case(units=40, input_dim=24, time=5, seed=2, zero_point=0)
    second = GruCase(
        **{**vars(second), "x": middle, "x_scale": first.options.scale_h, "x_zero_point": 0}
    )
    it = interpreter(two_layers(first, second), isa=isa)
    it.allocate_tensors()
    count = len(gru_model(first).tensors)
    for index, value in ((X, first.x), (H0, first.h0), (H0 + count, second.h0)):
        it.set_tensor(index, value)
    it.invoke()
    np.testing.assert_array_equal(it.get_tensor(Y + count), second.reference()[0])


def test_without_the_plugin_the_runtime_names_the_op() -> None:
    it = Interpreter(model_content=gru_model(make_case()).build())
    with pytest.raises(RuntimeError, match=r"unresolved custom op: tfpipeline\.gru"):
        it.allocate_tensors()


def test_ops_of_others_are_left_alone() -> None:
    spec = gru_model(make_case())
    spec.op_name = "somebody.else"
    with pytest.raises(RuntimeError, match=r"somebody\.else"):
        interpreter(spec.build()).allocate_tensors()


def test_unknown_ops_of_ours_are_left_to_the_runtime() -> None:
    spec = gru_model(make_case())
    spec.op_name = "tfpipeline.later"
    with pytest.raises(RuntimeError, match=r"tfpipeline\.later"):
        interpreter(spec.build()).allocate_tensors()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"isa": "sse9"}, "option isa must be one of auto, c"),
        ({"num_threads": "0"}, "option num_threads must be a whole number"),
        ({"num_threads": "two"}, "got 'two'"),
        ({"verbose": "maybe"}, "option verbose must be true or false"),
        ({"colour": "red"}, "there is no option 'colour'"),
    ],
    ids=str,
)
def test_bad_options_are_named(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_delegate(str(library_path()), options=options)


def test_good_options_are_accepted() -> None:
    case = make_case()
    y, _ = run(case, isa="auto", num_threads="2", verbose="false")
    np.testing.assert_array_equal(y, case.reference()[0])


def test_verbose_says_which_kernel_runs(isa: str, capfd: pytest.CaptureFixture[str]) -> None:
    run(make_case(), isa=isa, verbose="true")
    assert f"tfpipeline: node 0: tfpipeline.gru runs on {isa}" in capfd.readouterr().err


def test_quiet_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    run(make_case())
    assert "tfpipeline:" not in capfd.readouterr().err


def test_interpreters_come_and_go() -> None:
    case = make_case(rank_x=3, rank_h=4)
    for _ in range(20):
        run(case)


def test_model_spec_builds_a_readable_file() -> None:
    spec: ModelSpec = gru_model(make_case())
    model = schema.ModelT.InitFromPackedBuf(spec.build(), 0)
    assert bytes(model.subgraphs[0].operators[0].customOptions) == spec.custom_options
