"""The op in a stock ai-edge-litert interpreter, by way of load_delegate."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations_with_replacement

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from recurrent_models import Case, ModelSpec, assert_same_bits, feeds, make_case, op_model

from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.masked import pack_masked
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.runtime.native import library_path


def interpreter(model: bytes, **options: str) -> Interpreter:
    delegate = load_delegate(str(library_path()), options=options)
    return Interpreter(model_content=model, experimental_delegates=[delegate], num_threads=1)


def run_in(it: Interpreter, case: Case) -> list[np.ndarray]:
    """Feeds the inputs of `case` and returns `y` and the last states."""
    spec = op_model(case)
    for name, value in feeds(case).items():
        it.set_tensor(spec.index(name), value)
    it.invoke()
    return [it.get_tensor(i) for i in spec.outputs]


def run(case: Case, **options: str) -> list[np.ndarray]:
    it = interpreter(op_model(case).build(), **options)
    it.allocate_tensors()
    return run_in(it, case)


@pytest.mark.parametrize("ranks", [(0, 0), (7, 0), (0, 9), (7, 9)], ids=str)
@pytest.mark.parametrize("flags", [(True, False), (False, False), (True, True)], ids=str)
def test_bits_of_the_spec(
    cell: str, isa: str, ranks: tuple[int, int], flags: tuple[bool, bool]
) -> None:
    case = make_case(
        units=40,
        input_dim=13,
        rank_x=ranks[0],
        rank_h=ranks[1],
        batch=2,
        time=6,
        return_sequences=flags[0],
        go_backwards=flags[1],
        cell=cell,
    )
    assert_same_bits(run(case, isa=isa), case.reference())


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_every_option_together(cell: str, isa: str, threads: str, bits: int) -> None:
    case = make_case(
        units=330,
        input_dim=70,
        rank_h=200,
        batch=3,
        time=6,
        lengths=True,
        go_backwards=True,
        weight_bits=(4, 8, bits, 8 if bits == 2 else bits),
        recurrent_activation="hard_sigmoid",
        activation="hard_tanh",
        steps_at_once=5,
        layer_norm=bits != 8,
        cell=cell,
    )
    assert_same_bits(run(case, isa=isa, num_threads=threads), case.reference())


def test_low_bit_weights_may_stand_in_uint8_tensors(cell: str) -> None:
    case = make_case(weight_bits=(4, 8, 2, 8), cell=cell)
    spec = op_model(case)
    for name in ("W1", "U1"):
        spec.tensors[spec.index(name)].type = schema.TensorType.UINT8
    it = interpreter(spec.build())
    it.allocate_tensors()
    assert_same_bits(run_in(it, case), case.reference())


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("ranks", [(0, 0), (7, 9)], ids=str)
def test_one_scale_stands_for_all_rows(
    cell: str, isa: str, ranks: tuple[int, int], layer_norm: bool
) -> None:
    case = make_case(
        units=40, input_dim=13, rank_x=ranks[0], rank_h=ranks[1], cell=cell, layer_norm=layer_norm
    )

    def alike(matrices: tuple[QuantizedMatrix, ...]) -> tuple[QuantizedMatrix, ...]:
        return tuple(replace(m, scales=np.full_like(m.scales, m.scales.max())) for m in matrices)

    case = replace(case, kernel=alike(case.kernel), recurrent_kernel=alike(case.recurrent_kernel))
    spec = op_model(case)
    for name in ("W1", "W2", "U1", "U2"):
        tensor = spec.tensors[spec.index(name)]
        if tensor.scales is not None:
            tensor.scales, tensor.zero_points = tensor.scales[:1], (0,)
    it = interpreter(spec.build(), isa=isa)
    it.allocate_tensors()
    assert_same_bits(run_in(it, case), case.reference())


def masked_model(case: Case) -> ModelSpec:
    """The model of a case whose matrices have one scale, stored without their zeros."""
    spec = op_model(case)
    matrices = zip(("W1", "U1"), (case.kernel, case.recurrent_kernel), strict=True)
    for first, kernel in matrices:
        for name, matrix in zip((first, first[0] + "2"), kernel, strict=False):
            tensor, stored = spec.tensors[spec.index(name)], pack_masked(matrix.values)
            tensor.type, tensor.shape = schema.TensorType.UINT8, stored.shape
            tensor.data = stored.tobytes()
            tensor.scales, tensor.zero_points = tensor.scales[:1], (0,)
    return spec


def masked_case(cell: str, ranks: tuple[int, int], share: float = 0.7) -> Case:
    case = make_case(units=37, input_dim=11, rank_x=ranks[0], rank_h=ranks[1], cell=cell)
    rng = np.random.default_rng(1)

    def pruned(matrices: tuple[QuantizedMatrix, ...]) -> tuple[QuantizedMatrix, ...]:
        return tuple(
            QuantizedMatrix(
                np.where(rng.random(m.values.shape) < share, 0, m.values).astype(np.int8),
                np.full_like(m.scales, m.scales.max()),
            )
            for m in matrices
        )

    return replace(case, kernel=pruned(case.kernel), recurrent_kernel=pruned(case.recurrent_kernel))


@pytest.mark.parametrize("share", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("ranks", [(0, 0), (7, 9)], ids=str)
def test_weights_without_their_zeros_are_the_same_weights(
    cell: str, isa: str, ranks: tuple[int, int], share: float
) -> None:
    case = masked_case(cell, ranks, share)
    it = interpreter(masked_model(case).build(), isa=isa)
    it.allocate_tensors()
    assert_same_bits(run_in(it, case), case.reference())
    # Again with another length, for which nothing is packed anew.
    longer = replace(case, x=np.concatenate([case.x] * 2, axis=1))
    if longer.options.window == 1:
        it.resize_tensor_input(op_model(case).index("x"), longer.x.shape, strict=False)
        it.allocate_tensors()
        assert_same_bits(run_in(it, longer), longer.reference())


def test_bytes_that_are_no_masked_matrix_are_refused(cell: str) -> None:
    spec = masked_model(masked_case(cell, (0, 0)))
    tensor = spec.tensors[spec.index("W1")]
    good = tensor.data
    assert good is not None
    rows, depth = masked_case(cell, (0, 0)).kernel[0].values.shape
    mask = -(-rows * depth // 8)
    flipped = bytearray(good)
    flipped[0] ^= 1
    low = bytearray(good)
    low[mask] = 0x80
    behind = bytearray(good)
    behind[mask - 1] |= 0x80
    assert rows * depth % 8, "the last byte of the mask must have a spare bit"
    for bad, message in (
        (good[:-1], "W1 must hold a bit for each of"),
        (good + b"\1", "W1 must hold a bit for each of"),
        (good[: mask - 1], "W1 must hold a bit for each of"),
        (good[:1], "W1 must hold a bit for each of"),
        (bytes(flipped), "W1 must hold a bit for each of"),
        (bytes(behind) + b"\1", "W1 must hold a bit for each of"),
        (bytes(low), "holds -128"),
    ):
        tensor.data, tensor.shape = bad, (len(bad),)
        with pytest.raises(RuntimeError, match=message):
            interpreter(spec.build()).allocate_tensors()
    tensor.data, tensor.shape, tensor.type = good, (len(good),), schema.TensorType.INT8
    with pytest.raises(RuntimeError, match="W1 must be uint8; got int8"):
        interpreter(spec.build()).allocate_tensors()


def test_masked_weights_have_eight_bits(cell: str) -> None:
    case = masked_case(cell, (0, 0))
    spec = masked_model(case)
    spec.custom_options = replace(case.options, weight_bits=(4, 8, 4, 8)).pack()
    with pytest.raises(RuntimeError, match="W1 must have the shape"):
        interpreter(spec.build()).allocate_tensors()


def test_lengths_may_change_from_run_to_run(cell: str) -> None:
    case = make_case(batch=3, time=5, lengths=True, cell=cell)
    it = interpreter(op_model(case).build())
    it.allocate_tensors()
    for lengths in ([5, 0, 2], [1, 9, -9], [3, 3, 3]):
        changed = replace(case, lengths=np.array(lengths, np.int32))
        assert_same_bits(run_in(it, changed), changed.reference())


def test_resize_and_run_again(cell: str) -> None:
    long = make_case(time=9, batch=2, seed=1, cell=cell)
    short = make_case(time=3, seed=1, cell=cell)
    spec = op_model(long)
    it = interpreter(spec.build())
    for inputs in (long, short, long):
        case = replace(long, x=inputs.x, first=inputs.first)
        for name, value in feeds(case).items():
            it.resize_tensor_input(spec.index(name), value.shape)
        it.allocate_tensors()
        for _ in range(2):
            assert_same_bits(run_in(it, case), case.reference())


def test_a_batch_and_a_state_that_do_not_fit_are_refused() -> None:
    it = interpreter(op_model(make_case()).build())
    it.resize_tensor_input(0, (3, 7, 10))
    with pytest.raises(RuntimeError, match=r"h0 must have the shape \[3, 24\]; got \[1, 24\]"):
        it.allocate_tensors()


def two_layers(first: Case, second: Case) -> bytes:
    """Two ops in one graph, the second on the output of the first."""
    a, b = op_model(first), op_model(second)
    count, codes = len(a.tensors), 1
    model = schema.ModelT.InitFromPackedBuf(a.build(), 0)
    other = schema.ModelT.InitFromPackedBuf(b.build(), 0)
    for tensor in other.subgraphs[0].tensors:
        tensor.name = b"second_" + tensor.name
        tensor.buffer += len(model.buffers)
        model.subgraphs[0].tensors.append(tensor)
    model.buffers += other.buffers
    model.operatorCodes += other.operatorCodes
    op = other.subgraphs[0].operators[0]
    op.opcodeIndex = codes
    shifted = [i + count if i >= 0 else -1 for i in b.inputs]
    op.inputs, op.outputs = [a.outputs[0], *shifted[1:]], [o + count for o in b.outputs]
    model.subgraphs[0].operators.append(op)
    model.subgraphs[0].inputs = [*a.model_inputs, *(i + count for i in b.model_inputs[1:])]
    model.subgraphs[0].outputs = [o + count for o in b.outputs]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("cells", [*combinations_with_replacement(CELLS, 2)], ids=str)
def test_two_nodes_keep_their_own_weights(cells: tuple[str, str], isa: str) -> None:
    first = make_case(units=24, input_dim=10, rank_h=8, time=5, seed=1, cell=cells[0])
    middle = first.reference()[0]
    second = make_case(units=40, input_dim=24, time=5, seed=2, zero_point=0, cell=cells[1])
    second = replace(second, x=middle, x_scale=first.options.scale_h, x_zero_point=0)
    it = interpreter(two_layers(first, second), isa=isa)
    it.allocate_tensors()
    for case, shift in ((first, 0), (second, len(op_model(first).tensors))):
        spec = op_model(case)
        for name, value in feeds(case).items():
            if shift == 0 or name != "x":
                it.set_tensor(spec.index(name) + shift, value)
    it.invoke()
    got = [it.get_tensor(o + shift) for o in spec.outputs]
    assert_same_bits(got, second.reference())


def test_without_the_plugin_the_runtime_names_the_op(cell: str) -> None:
    it = Interpreter(model_content=op_model(make_case(cell=cell)).build())
    with pytest.raises(RuntimeError, match=rf"unresolved custom op: tfpipeline\.{cell}"):
        it.allocate_tensors()


def test_ops_of_others_are_left_alone() -> None:
    spec = op_model(make_case())
    spec.op_name = "somebody.else"
    with pytest.raises(RuntimeError, match=r"somebody\.else"):
        interpreter(spec.build()).allocate_tensors()


def test_unknown_ops_of_ours_are_left_to_the_runtime() -> None:
    spec = op_model(make_case())
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
        ({"accelerate_builtin": "some"}, "option accelerate_builtin must be true, false or all"),
        ({"colour": "red"}, "there is no option 'colour'"),
    ],
    ids=str,
)
def test_bad_options_are_named(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_delegate(str(library_path()), options=options)


def test_good_options_are_accepted() -> None:
    case = make_case()
    y, *_ = run(case, isa="auto", num_threads="2", verbose="false")
    np.testing.assert_array_equal(y, case.reference()[0])


def test_verbose_says_which_kernel_runs(
    cell: str, isa: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run(make_case(cell=cell), isa=isa, verbose="true")
    assert f"tfpipeline: node 0: tfpipeline.{cell} runs on {isa}" in capfd.readouterr().err


def test_quiet_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    run(make_case())
    assert "tfpipeline:" not in capfd.readouterr().err


def test_interpreters_come_and_go() -> None:
    case = make_case(rank_x=3, rank_h=4)
    for _ in range(20):
        run(case)


def test_model_spec_builds_a_readable_file() -> None:
    spec: ModelSpec = op_model(make_case())
    model = schema.ModelT.InitFromPackedBuf(spec.build(), 0)
    assert bytes(model.subgraphs[0].operators[0].customOptions) == spec.custom_options
