"""Arena, loops and multiply-accumulates: against LiteRT's own addresses, and by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models as tiny
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from small_model import Exported
from tiny_tflite import Scalar, byte, operator, operator_code, subgraph, tensor, tiny_model

from tfpipeline.inspection import ModelInspection, inspect_model
from tfpipeline.inspection.arena import graph_memory, lifetimes
from tfpipeline.inspection.parse import parse
from tfpipeline.numerics.factored_options import FactoredOptions
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions
from tfpipeline.numerics.recurrent_options import RecurrentOptions


def inspected(folder: Path, data: bytes) -> ModelInspection:
    path = folder / "model.tflite"
    path.write_bytes(data)
    return inspect_model(path)


def arena_of_litert(path: Path) -> int:
    """From the first to the last byte of what LiteRT gave the tensors of graph 0."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    model = parse(path)
    spans = []
    for life in lifetimes(model, model.graphs[0]):
        tensor = interpreter.tensor(life.tensor)()
        start = tensor.__array_interface__["data"][0]
        spans.append((start, start + tensor.nbytes))
    return max(end for _, end in spans) - min(start for start, _ in spans)


@pytest.mark.parametrize("form", ["portable", "stream_portable"])
def test_the_arena_is_the_one_that_litert_allocates(exported: Exported, form: str) -> None:
    path = Path(getattr(exported.report, form))
    model = parse(path)
    # These graphs have no kernel with scratch memory, so the plan must agree to the byte.
    assert graph_memory(model, model.graphs[0]).arena == arena_of_litert(path)


@pytest.mark.parametrize(
    "sizes", [(8, 300, 40, 300, 16), (100, 3, 100, 3, 100), (1, 64, 65, 63, 1000, 1)]
)
def test_chains_are_planned_as_litert_plans_them(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    path = tmp_path / "chain.tflite"
    path.write_bytes(tiny.chain(*sizes))
    model = parse(path)
    assert graph_memory(model, model.graphs[0]).arena == arena_of_litert(path)


def test_the_live_bytes_are_those_of_the_widest_place(tmp_path: Path) -> None:
    cost = inspected(tmp_path, tiny.chain(8, 300, 40, 16)).graphs[0].cost
    # x and y live throughout; 300 and 40 floats meet at the second layer.
    assert cost.live == 4 * (8 + 300 + 40)
    assert cost.arena >= cost.live
    assert cost.macs == 8 * 300 + 300 * 40 + 40 * 16


@pytest.mark.parametrize(
    ("code", "shapes", "output", "macs"),
    [
        (tiny.FULLY_CONNECTED, [(5, 7), (3, 7), (3,)], (5, 3), 5 * 7 * 3),
        (tiny.CONV_2D, [(1, 6, 6, 4), (8, 3, 3, 4), (8,)], (1, 4, 4, 8), 16 * 8 * 9 * 4),
        # Two groups: each output sees only half of the four inputs.
        (tiny.CONV_2D, [(1, 6, 6, 4), (8, 3, 3, 2), (8,)], (1, 4, 4, 8), 16 * 8 * 9 * 2),
        (tiny.DEPTHWISE_CONV_2D, [(1, 6, 6, 4), (1, 3, 3, 8), (8,)], (1, 4, 4, 8), 16 * 8 * 9),
        (tiny.BATCH_MATMUL, [(2, 5, 7), (2, 7, 3)], (2, 5, 3), 2 * 5 * 7 * 3),
        (tiny.ADD, [(5,), (5,)], (5,), 0),
    ],
)
def test_multiplications_are_counted(
    tmp_path: Path, code: int, shapes: list[tuple[int, ...]], output: tuple[int, ...], macs: int
) -> None:
    found = inspected(tmp_path, tiny.one_operator(code, shapes, output))
    assert found.graphs[0].cost.macs == macs


def test_a_transposed_operand_is_read_from_the_options(tmp_path: Path) -> None:
    options = {"_3": byte(101), "_4": {0: Scalar("<B", 1)}}
    data = tiny.one_operator(tiny.BATCH_MATMUL, [(2, 7, 5), (2, 7, 3)], (2, 5, 3), **options)
    assert inspected(tmp_path, data).graphs[0].cost.macs == 2 * 5 * 7 * 3


FULL, FACTORED = "tfpipeline.fully_connected", "tfpipeline.factored_fully_connected"


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize(
    ("name", "shape", "options", "macs"),
    [
        (FULL, (2, 5, 16), FullyConnectedOptions(rows=9, depth=16), 2 * 5 * 16 * 9),
        (
            FACTORED,
            (2, 5, 16),
            FactoredOptions(rows=9, depth=16, rank=3, inner_scale=0.5),
            2 * 5 * (16 * 3 + 3 * 9),
        ),
        # Three matrices of 6 x 10 and three of 6 x 6 for each of 2 x 7 time steps; four in an LSTM.
        ("tfpipeline.gru", (2, 7, 10), RecurrentOptions("gru", 6, 10), 14 * 3 * 6 * (10 + 6)),
        ("tfpipeline.lstm", (2, 7, 10), RecurrentOptions("lstm", 6, 10), 14 * 4 * 6 * (10 + 6)),
        (
            "tfpipeline.gru",
            (1, 7, 10),
            RecurrentOptions("gru", 6, 10, rank_x=4, scale_a_x=0.5),
            7 * (10 * 4 + 4 * 18 + 6 * 18),
        ),
        (
            "tfpipeline.lstm",
            (1, 7, 10),
            RecurrentOptions("lstm", 6, 10, rank_x=4, rank_h=2, scale_a_x=0.5, scale_a_h=0.5),
            7 * (10 * 4 + 4 * 24 + 6 * 2 + 2 * 24),
        ),
    ],
)
def test_our_operators_multiply_as_often_with_any_width(
    tmp_path: Path, name: str, shape: tuple[int, ...], options: Any, macs: int, bits: int
) -> None:
    widths = {
        FULL: {"weight_bits": bits},
        FACTORED: {"first_bits": bits, "last_bits": bits},
    }.get(name, {"weight_bits": (bits,) * 4})
    stored = dataclasses.replace(options, **widths).pack()
    # The columns that are stored are bytes: their number says nothing of the multiplications.
    columns = -(-shape[-1] * bits // 8)
    node = operator(0, [0, 1], [2], _5=stored)
    tensors = [tensor(shape, tiny.INT8, name="x"), tensor((9, columns), tiny.INT8, 1, "w")]
    graph = subgraph([*tensors, tensor(shape, tiny.INT8, name="y")], [0], [2], [node])
    data = tiny_model([operator_code(tiny.CUSTOM, 1, name)], [graph], [bytes(9 * columns)])
    found = inspected(tmp_path, data)
    assert found.graphs[0].cost.macs == macs
    (use,) = found.custom_ops
    assert use.op.problem == "" and use.op.options == dataclasses.asdict(
        type(options).unpack(stored)
    )
    assert found.target("plugin").runs


def test_an_operator_of_ours_that_is_damaged_counts_nothing(tmp_path: Path) -> None:
    node = operator(0, [0], [1], _5=b"TFPC and no more")
    graph = subgraph([tensor((1, 16)), tensor((1, 9))], [0], [1], [node])
    found = inspected(tmp_path, tiny_model([operator_code(tiny.CUSTOM, 1, FULL)], [graph]))
    assert found.graphs[0].cost.macs == 0
    assert not found.target("plugin").runs


def test_fused_and_portable_forms_multiply_the_same(exported: Exported) -> None:
    forms = (exported.report.portable, exported.report.fused)
    macs = [inspect_model(path).graphs[0].cost.macs for path in forms]
    assert macs[0] == macs[1] > 0
    steps = [exported.report.stream_portable, exported.report.stream_fused]
    assert len({inspect_model(path).graphs[0].cost.macs for path in steps}) == 1


@pytest.mark.parametrize(
    ("start", "step", "limits"),
    [(0, 1, (98,)), (3, 4, (20,)), (3, 4, (19,)), (5, 1, (5,)), (0, 1, (9, 7)), (9, 1, (2,))],
)
def test_trips_are_those_that_litert_makes(
    tmp_path: Path, start: int, step: int, limits: tuple[int, ...]
) -> None:
    found = inspected(tmp_path, tiny.counting_loop(start, step, *limits))
    interpreter = Interpreter(found.path)
    interpreter.allocate_tensors()
    interpreter.invoke()
    end = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    trips = (int(np.ravel(end)[0]) - start) // step
    cost = found.graphs[0].cost
    assert cost.calls == {1: trips + 1, 2: trips}
    assert (cost.macs, cost.exact, cost.open_loops) == (16 * trips, True, 0)


def test_a_limit_that_only_the_caller_knows_is_said(tmp_path: Path) -> None:
    cost = inspected(tmp_path, tiny.counting_loop(0, 1, None)).graphs[0].cost
    assert (cost.macs, cost.open_loops, cost.calls) == (16, 1, {1: -1, 2: -1})


def test_a_second_condition_makes_the_count_an_upper_bound(tmp_path: Path) -> None:
    cost = inspected(tmp_path, tiny.counting_loop(0, 1, 7, None)).graphs[0].cost
    assert (cost.macs, cost.exact, cost.open_loops) == (16 * 7, False, 0)


@pytest.mark.parametrize("step", [0, -1])
def test_a_loop_that_never_ends_has_no_count(tmp_path: Path, step: int) -> None:
    assert inspected(tmp_path, tiny.counting_loop(0, step, 7)).graphs[0].cost.open_loops == 1


def test_the_memory_of_a_loop_is_in_the_arena(tmp_path: Path) -> None:
    found = inspected(tmp_path, tiny.counting_loop(0, 1, 7, depth=1000))
    main, condition, body = (graph.cost for graph in found.graphs)
    model = parse(found.path)
    alone = graph_memory(model, model.graphs[0]).arena
    assert main.arena == alone + condition.arena + body.arena > alone + 2 * 4000
