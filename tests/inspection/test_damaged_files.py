"""Files that are damaged or of another kind: one sentence each."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_models as tiny
from inspect_all import SECONDS, look, timed
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
    write,
)

from tfpipeline.inspection import inspect_model
from tfpipeline.runtime import ModelFileError
from tfpipeline.runtime.model_card import CARD_METADATA

MUTATIONS = 300


@pytest.mark.slow
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


def test_vectors_longer_than_the_file(tmp_path: Path) -> None:
    data = bytearray(tiny_model([], [subgraph([tensor([1, 2, 3])], [0], [0], [])]))
    shape = data.find(struct.pack("<4i", 3, 1, 2, 3))
    struct.pack_into("<I", data, shape, 0x7FFFFFFF)
    assert "items outside the file" in timed(tmp_path / "length.tflite", bytes(data))
