"""Files made to do harm: small ones that claim, share or nest too much to be read in full."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_models as tiny
from inspect_all import MEGABYTES, SECONDS, look, timed
from limited import limited
from tiny_tflite import (
    Scalar,
    Vector,
    byte,
    int32,
    operator,
    operator_code,
    subgraph,
    tensor,
    tiny_model,
    uint64,
)

from tfpipeline.inspection import inspect_model, safe
from tfpipeline.runtime.flatbuffer_reader import FlatbufferReader
from tfpipeline.runtime.model_card import CARD_METADATA


def sprawl(count: int) -> bytes:
    """`count` graphs that all are one table, of `count` tensors that all are one table."""
    data = bytearray(tiny_model([], [subgraph([tensor([1])], [], [], [])]))
    graph, node = data.copy(), len(data)
    # Vectors whose offsets all lead to the only graph and the only tensor.
    root = struct.unpack_from("<I", graph)[0]

    def target(table: int, field: int) -> tuple[int, int]:
        vtable = table - struct.unpack_from("<i", graph, table)[0]
        place = table + struct.unpack_from("<H", graph, vtable + 4 + 2 * field)[0]
        vector = place + struct.unpack_from("<I", graph, place)[0]
        return place, vector + 4 + struct.unpack_from("<I", graph, vector + 4)[0]

    place, only_graph = target(root, 2)
    tensors_place, only_tensor = target(only_graph, 0)
    for where, item in ((place, only_graph), (tensors_place, only_tensor)):
        struct.pack_into("<I", data, where, node - where)
        data += struct.pack("<I", count)
        node = len(data)
        # Offsets point forward only, so what they mean wraps around 2^32 in readers that allow it.
        for _ in range(count):
            data += struct.pack("<I", (item - len(data)) & 0xFFFFFFFF)
        node = len(data)
    return bytes(data)


def sharing(graphs: int, tensors: int, operators: int = 0, name: bytes = b"") -> bytes:
    """A model whose graphs all are one table, as are its tensors and its operators.

    What is shared lies behind the vectors that name it, where an offset can reach it.
    """
    out = bytearray(b"\0\0\0\0TFL3")

    def table(places: tuple[int, ...], size: int) -> int:
        """A table whose fields lie at `places` (0: none), all of them zero."""
        vtable = struct.pack(f"<{2 + len(places)}H", 4 + 2 * len(places), size, *places)
        vtable = vtable.ljust((len(vtable) + 3) // 4 * 4, b"\0")
        out.extend(vtable + struct.pack("<i", len(vtable)) + bytes(size - 4))
        return len(out) - size

    def vector(count: int) -> int:
        out.extend(struct.pack("<I", count) + bytes(4 * count))
        return len(out) - 4 - 4 * count

    def link(place: int, target: int) -> None:
        struct.pack_into("<I", out, place, target - place)

    def fill(start: int, count: int, target: int) -> None:
        for place in range(start + 4, start + 4 + 4 * count, 4):
            link(place, target)

    root = table((0, 4, 8), 12)  # codes, graphs
    link(0, root)
    codes, graph_places = vector(1), vector(graphs)
    link(root + 4, codes)
    link(root + 8, graph_places)
    graph = table((4, 0, 0, 8), 12)  # tensors, operators
    fill(graph_places, graphs, graph)
    tensor_places, operator_places = vector(tensors), vector(operators)
    link(graph + 4, tensor_places)
    link(graph + 8, operator_places)
    one = table((0, 0, 0, 4), 8)  # its name
    fill(tensor_places, tensors, one)
    link(one + 4, len(out))
    out.extend(struct.pack("<I", len(name)) + name.ljust((len(name) + 3) // 4 * 4, b"\0"))
    node = table((0, 4), 8)  # its inputs
    fill(operator_places, operators, node)
    link(node + 4, len(out))
    out.extend(struct.pack("<I2i", 2, 0, 0))
    fill(codes, 1, table((), 4))
    return bytes(out)


def test_tables_that_lie_on_top_of_each_other_are_counted(tmp_path: Path) -> None:
    # 2000 graphs of 2000 tensors each from 16 kB: read in full, it would be four million tensors.
    sentence = timed(tmp_path / "sprawl.tflite", sharing(2000, 2000))
    assert "lie on top of each other" in sentence


def test_few_of_them_are_no_crime(tmp_path: Path) -> None:
    assert look(tmp_path / "sprawl.tflite", sharing(3, 3, 3)) == ""


def test_a_backward_offset_does_not_wrap_around(tmp_path: Path) -> None:
    assert "outside the file" in timed(tmp_path / "wrap.tflite", sprawl(10))


def calls(pairs: list[tuple[int, int]], condition_nodes: Any = ()) -> bytes:
    """Graph i runs the two graphs of `pairs[i]` in a WHILE; the last one runs none."""
    graphs = [
        subgraph([], [], [], [operator(0, [], [], _3=byte(93), _4={0: int32(a), 1: int32(b)})])
        for a, b in pairs
    ]
    graphs.append(subgraph([tensor([], tiny.BOOL)], [], [0], list(condition_nodes)))
    return tiny_model([operator_code(tiny.WHILE), operator_code(tiny.LOGICAL_AND)], graphs)


@pytest.mark.parametrize("pairs", [[(1, 0)], [(2, 1), (2, 0)], [(i, i) for i in range(1, 200)]])
def test_graphs_that_run_each_other_without_end(
    tmp_path: Path, pairs: list[tuple[int, int]]
) -> None:
    assert "run each other without end" in timed(tmp_path / "circle.tflite", calls(pairs))


def test_loops_in_loops_do_not_take_exponential_time(tmp_path: Path) -> None:
    # Every graph runs the next one twice: 2^60 runs, were they followed one by one.
    assert timed(tmp_path / "deep.tflite", calls([(i, i) for i in range(1, 61)])) == ""


def test_a_condition_that_is_its_own_condition(tmp_path: Path) -> None:
    nodes = [operator(1, [0, 0], [0])]
    assert timed(tmp_path / "and.tflite", calls([(1, 1)], nodes)) == ""


def test_overlapping_buffers_are_refused_before_anybody_reads_them(tmp_path: Path) -> None:
    # 2000 buffers of one megabyte each, one byte apart: 2 GB to hash, were there no limit.
    buffers = [{1: uint64(1 << 18 | i), 2: uint64(1 << 20)} for i in range(2000)]
    tensors = [tensor([1 << 20], tiny.INT8, i + 1) for i in range(2000)]
    data = tiny_model([], [subgraph(tensors, [], [], [])], buffers)
    sentence = timed(tmp_path / "overlap.tflite", data.ljust(1 << 21, b"\0"))
    assert "buffers lie on top of each other" in sentence


def test_thousands_of_tensors_are_planned_in_time(tmp_path: Path) -> None:
    count = 9000
    tensors = [tensor([i + 1]) for i in range(count)]
    nodes = [operator(0, [i, i], [i + 1], _3=byte(11), _4={}) for i in range(count - 1)]
    graph = subgraph(tensors, [0], [count - 1], nodes)
    path = tmp_path / "long.tflite"
    path.write_bytes(tiny_model([operator_code(tiny.ADD)], [graph]))
    start = time.monotonic()
    cost = inspect_model(path).graphs[0].cost
    assert time.monotonic() - start < SECONDS
    # Too many to plan: the report says that this is a lower bound.
    assert not cost.planned and cost.arena == cost.live > 0


@pytest.mark.parametrize(
    "data",
    [
        sharing(1, 99_999),
        sharing(1, 1, 99_999),
        sharing(99_999, 0),
        sharing(50, 5000),
        sharing(1, 99, 0, b"x" * 9999),
    ],
    ids=["tensors", "operators", "graphs", "graphs of tensors", "names"],
)
def test_what_is_read_is_bounded_by_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    reads = 0
    read = FlatbufferReader.unpack

    def counted(self: FlatbufferReader, layout: str, position: int) -> int:
        nonlocal reads
        reads += 1
        return read(self, layout, position)

    monkeypatch.setattr(FlatbufferReader, "unpack", counted)
    assert "lie on top of each other" in look(tmp_path / "shared.tflite", data)
    assert reads < len(data)


def test_equal_nodes_of_a_custom_operator_are_described_once(tmp_path: Path) -> None:
    nodes = [operator(0, [0], [0], _5=b"options") for _ in range(1000)]
    data = tiny_model(
        [operator_code(tiny.CUSTOM, 1, "tfpipeline." + "x" * 1000)],
        [subgraph([tensor([1])], [0], [0], nodes)],
    )
    assert look(tmp_path / "many.tflite", data) == ""
    (use,) = inspect_model(tmp_path / "many.tflite").custom_ops
    assert use.count == 1000 and "upgrade" in use.op.problem


def test_the_name_of_a_custom_operator_is_a_name(tmp_path: Path) -> None:
    code = operator_code(tiny.CUSTOM, 1, "tfpipeline." + "x" * 100_000)
    data = tiny_model([code], [subgraph([tensor([1])], [0], [0], [operator(0, [0], [0])])])
    assert "name of a custom operator has 100011 characters" in look(tmp_path / "x.tflite", data)


def test_a_name_is_cut_before_it_is_walked_through() -> None:
    class Endless(str):
        def __iter__(self) -> Any:
            raise AssertionError("it was walked through")

    assert safe(Endless("x" * 1000), 10) == "x" * 9 + "…"


def sparse(path: Path, model: bytes, size: int) -> Path:
    """A file that claims to be `size` bytes long, of which the disk holds only the first."""
    with path.open("wb") as file:
        file.write(model)
        file.truncate(size)
    return path


LARGE = 5 << 30
CLAIMED = 0x3F000000


def claiming(what: str) -> bytes:
    """A model in which one vector claims to have a billion items."""
    scales = {2: Vector("f", (0.5, 0.25, 0.125, 0.75)), 3: Vector("q", (0,))}
    node = operator(0, (0, 0, 0, 0, 0), [0], _5=b"opt")
    graph = subgraph([tensor((7, 7, 7), name="a name", _4=scales)], [0], [0], [node], "graph")
    card = {0: CARD_METADATA, 1: Scalar("<I", 1)}
    code = operator_code(tiny.CUSTOM, 1, "other")
    data = bytearray(tiny_model([code], [graph], [b"{" + b" " * 40], _6=[card]))
    marks = {
        "name": struct.pack("<I", 6) + b"a name",
        "shape": struct.pack("<4i", 3, 7, 7, 7),
        "inputs": struct.pack("<6i", 5, 0, 0, 0, 0, 0),
        "options": struct.pack("<I", 3) + b"opt",
        "scales": struct.pack("<If", 4, 0.5),
        "card": struct.pack("<I", 41) + b"{",
    }
    assert data.count(marks[what]) == 1
    struct.pack_into("<I", data, data.find(marks[what]), CLAIMED)
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("name", "a name of"),
        ("shape", "impossible shape"),
        ("inputs", "lie on top of each other"),
        ("scales", "lie on top of each other"),
        ("options", "bytes of options"),
        ("card", "model card has"),
    ],
)
def test_holes_take_no_memory(tmp_path: Path, what: str, sentence: str) -> None:
    file = sparse(tmp_path / f"{what}.tflite", claiming(what), LARGE)
    setup = (
        "from tfpipeline.errors import TfpipelineError\n"
        "from tfpipeline.inspection import inspect_model, render"
    )
    code = (
        "try:\n    print(render(inspect_model(sys.argv[1])))\n"
        "except TfpipelineError as error:\n    print(error)"
    )
    assert sentence in limited(setup, code, file, megabytes=MEGABYTES)


def test_planning_is_bounded_for_all_graphs_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfpipeline.inspection.cost.PLANNED_TENSORS", 64)
    graphs = []
    for _ in range(4):
        nodes = [operator(0, [i, i], [i + 1], _3=byte(11), _4={}) for i in range(60)]
        graphs.append(subgraph([tensor([i + 1]) for i in range(61)], [0], [60], nodes))
    path = tmp_path / "graphs.tflite"
    path.write_bytes(tiny_model([operator_code(tiny.ADD)], graphs))
    planned = [graph.cost.planned for graph in inspect_model(path).graphs]
    assert planned == [True, True, False, False]


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_card_that_is_nested_deep(tmp_path: Path, opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    inner = opening * 900 + b"1" + closing * 900
    card = b'{"labels": [], "ranks": {"x": ' + inner + b"}}"
    entry = {0: CARD_METADATA, 1: Scalar("<I", 1)}
    data = tiny_model([], [subgraph([tensor([1])], [0], [0], [])], [card], _6=[entry])
    assert look(tmp_path / "card.tflite", data) == ""
    found = inspect_model(tmp_path / "card.tflite")
    assert found.card is None and "nested" in found.card_problem
