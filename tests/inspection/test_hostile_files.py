"""Files that are damaged, or made to do harm: one sentence each, quickly, in little memory."""

from __future__ import annotations

import json
import os
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import tiny_models as tiny
from mutations import mutate
from small_model import Exported
from tiny_tflite import (
    Scalar,
    byte,
    int32,
    operator,
    operator_code,
    subgraph,
    tensor,
    tiny_model,
    uint64,
    write,
)

from tfpipeline.inspection import inspect_model, render
from tfpipeline.runtime import ModelFileError
from tfpipeline.runtime.model_card import CARD_METADATA

#: Far above what any of these files takes (0.06 s where this was written), far below a hang.
SECONDS = 10
MEGABYTES = 64
MUTATIONS = 300


def look(path: Path, data: bytes) -> str:
    """Everything that a user can ask of a file; the sentence, when it is refused."""
    path.write_bytes(data)
    try:
        found = inspect_model(path)
    except ModelFileError as error:
        sentence = str(error)
        assert "\n" not in sentence and len(sentence) < 400
        return sentence
    text = render(found, tensors=1000, all_operators=True)
    assert all(c.isprintable() or c == "\n" for c in text)
    json.dumps(found.to_dict(), allow_nan=False)
    assert sum(found.bytes.by_kind.values()) == len(data)
    return ""


def timed(path: Path, data: bytes) -> str:
    tracemalloc.start()
    start = time.monotonic()
    try:
        sentence = look(path, data)
        assert time.monotonic() - start < SECONDS
        assert tracemalloc.get_traced_memory()[1] < MEGABYTES << 20
    finally:
        tracemalloc.stop()
    return sentence


@pytest.mark.parametrize("form", ["portable", "fused", "stream_portable"])
def test_damage_is_a_sentence_and_never_a_traceback(
    exported: Exported, tmp_path: Path, form: str
) -> None:
    data = Path(getattr(exported.report, form)).read_bytes()
    path = tmp_path / "damaged.tflite"
    start = time.monotonic()
    sentences = [look(path, mutate(data, seed)) for seed in range(MUTATIONS)]
    assert time.monotonic() - start < MUTATIONS * SECONDS / 10
    # Both outcomes happen often, or the mutations would test nothing.
    assert MUTATIONS / 10 < sum(map(bool, sentences)) < MUTATIONS * 9 / 10


@pytest.mark.parametrize("size", range(0, 120))
def test_every_short_file_is_refused(tmp_path: Path, size: int) -> None:
    assert look(tmp_path / "short.tflite", tiny.chain(2, 2)[:size])


@pytest.mark.parametrize("data", [b"RIFF....WAVEfmt ", b"\x89HDF\r\n\x1a\n", b"{}", b"PK\x03\x04"])
def test_files_of_another_kind_are_named(tmp_path: Path, data: bytes) -> None:
    assert "is not a .tflite file" in look(tmp_path / "other", data)


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n"
    assert "is a pointer of Git LFS and not the .tflite file: run" in look(tmp_path / "x", pointer)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="not a regular file"):
        inspect_model(tmp_path / "pipe")


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


def forward_sprawl(count: int) -> bytes:
    """As `sprawl`, with the shared tables behind the vectors, where an offset can reach them."""

    def pad(items: int) -> bytes:
        return struct.pack("<I", items) + bytes(4 * items)

    # Root: vtable, table with field 2 (graphs) and field 4 (buffers left out).
    out = bytearray(b"\0\0\0\0TFL3")
    out += struct.pack("<5H", 10, 8, 0, 0, 4) + b"\0\0"
    root = len(out)
    struct.pack_into("<I", out, 0, root)
    out += struct.pack("<iI", root - 8, 4)
    graphs = len(out)
    out += pad(count)
    graph_vtable = len(out)
    out += struct.pack("<3H", 6, 8, 4) + b"\0\0"
    graph = len(out)
    out += struct.pack("<iI", graph - graph_vtable, 4)
    tensors = len(out)
    out += pad(count)
    tensor_vtable = len(out)
    out += struct.pack("<2H", 4, 4)
    one = len(out)
    out += struct.pack("<i", one - tensor_vtable)
    for vector, item in ((graphs, graph), (tensors, one)):
        for index in range(count):
            place = vector + 4 + 4 * index
            struct.pack_into("<I", out, place, item - place)
    return bytes(out)


def test_tables_that_lie_on_top_of_each_other_are_counted(tmp_path: Path) -> None:
    # 2000 graphs of 2000 tensors each from 16 kB: read in full, it would be four million tensors.
    sentence = timed(tmp_path / "sprawl.tflite", forward_sprawl(2000))
    assert "lie on top of each other" in sentence


def test_few_of_them_are_no_crime(tmp_path: Path) -> None:
    assert look(tmp_path / "sprawl.tflite", forward_sprawl(3)) == ""


def test_a_backward_offset_does_not_wrap_around(tmp_path: Path) -> None:
    assert "outside the file" in timed(tmp_path / "wrap.tflite", sprawl(100))


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


@pytest.mark.parametrize("shape", [(1 << 30,) * 3, (-2,), (1,) * 33])
def test_impossible_shapes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = tiny_model([], [subgraph([tensor(shape)], [], [], [])])
    assert "tensor 0 has an impossible s" in timed(tmp_path / "shape.tflite", data)


@pytest.mark.parametrize(
    ("graph", "sentence"),
    [
        (subgraph([], [0], [], []), "tensor 0 of 0"),
        (subgraph([tensor([1])], [0], [-1], []), "tensor -1 of 1"),
        (subgraph([tensor([1], buffer=9)], [], [], []), "buffer 9 of 1"),
        (subgraph([tensor([1])], [], [], [operator(3, [0], [0])]), "operator code 3 of 1"),
        (subgraph([tensor([1])], [], [], [operator(0, [7], [0])]), "tensor 7 of 1"),
        (
            subgraph([], [], [], [operator(0, [], [], _3=byte(93), _4={0: int32(4)})]),
            "graph 4 of 1",
        ),
    ],
)
def test_numbers_that_point_at_nothing(tmp_path: Path, graph: Any, sentence: str) -> None:
    data = tiny_model([operator_code(tiny.WHILE)], [graph])
    assert sentence in look(tmp_path / "index.tflite", data)


def test_a_signature_of_nothing(tmp_path: Path) -> None:
    graph = subgraph([tensor([1])], [0], [0], [])
    entry = {0: [{0: "x", 1: Scalar("<I", 5)}], 1: [], 2: "serve", 4: Scalar("<I", 0)}
    data = tiny_model([], [graph], _7=[entry])
    assert "tensor 5 of 1" in look(tmp_path / "signature.tflite", data)


def test_a_model_without_a_graph(tmp_path: Path) -> None:
    assert "holds no graph" in look(tmp_path / "none.tflite", write({0: Scalar("<I", 3)}))


@pytest.mark.parametrize(
    ("kind", "sentence"), [("good", ""), ("long", "outside the file"), ("wrap", "outside the file")]
)
def test_buffers_behind_the_flatbuffer(tmp_path: Path, kind: str, sentence: str) -> None:
    answer = look(tmp_path / "large.tflite", tiny.beyond_two_gigabytes(kind))
    assert (sentence in answer) and bool(answer) == bool(sentence)


@pytest.mark.parametrize("card", [b"[" * 100_000, b"\xff", b"3", b'{"labels": [[[]]], "ranks": 7}'])
def test_a_damaged_card_is_a_line_and_not_an_error(tmp_path: Path, card: bytes) -> None:
    entry = {0: CARD_METADATA, 1: Scalar("<I", 1)}
    data = tiny_model([], [subgraph([tensor([1])], [0], [0], [])], [card], _6=[entry])
    assert timed(tmp_path / "card.tflite", data) == ""


def test_names_cannot_control_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\n" * 50
    node = operator(0, [0], [0], _5=b"")
    graph = subgraph([tensor([1], name=evil)], [0], [0], [node], evil)
    data = tiny_model([operator_code(tiny.CUSTOM, 1, evil)], [graph])
    assert look(tmp_path / "names.tflite", data) == ""


def test_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    quantization = tiny.per_channel_scales(float("nan"), float("inf"))
    graph = subgraph([tensor([2], tiny.INT8, _4=quantization)], [0], [0], [])
    assert look(tmp_path / "nan.tflite", tiny_model([], [graph])) == ""


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


def test_vectors_longer_than_the_file(tmp_path: Path) -> None:
    data = bytearray(tiny_model([], [subgraph([tensor([1, 2, 3])], [0], [0], [])]))
    shape = data.find(struct.pack("<4i", 3, 1, 2, 3))
    struct.pack_into("<I", data, shape, 0x7FFFFFFF)
    assert "items outside the file" in timed(tmp_path / "length.tflite", bytes(data))
