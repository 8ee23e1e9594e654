"""What an inspection says of weights without their blocks of zeros, and of damaged ones."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import tiny_models as tiny
from ai_edge_litert.interpreter import Interpreter, load_delegate
from inspect_all import SECONDS, look, timed
from mutations import mutate
from sparse_file import STEPS, sparse_file
from tiny_tflite import Scalar, Vector, byte, ints, operator, operator_code, subgraph, tensor
from tiny_tflite import tiny_model as tiny_file

from tfpipeline.export.flatbuffer.sparsity import index_bytes
from tfpipeline.inspection import inspect_model, render
from tfpipeline.runtime.native import library_path

MUTATIONS = 300


def test_bytes_density_and_macs_are_those_that_are_stored(tmp_path: Path) -> None:
    data, stored, macs = sparse_file()
    path = tmp_path / "sparse.tflite"
    path.write_bytes(data)
    found = inspect_model(path)
    (graph,) = found.graphs
    assert graph.cost.macs == macs
    assert graph.cost.by_operator["tfpipeline.fully_connected"] == STEPS * stored["w"].macs
    tensors = {entry.name: entry for entry in found.bytes.tensors}
    for name, blocks in stored.items():
        entry = tensors[name]
        assert (entry.kind, entry.shape) == ("weights", blocks.shape)
        assert entry.bytes == blocks.blocks.nbytes
        assert entry.index_bytes == index_bytes(blocks)
        assert entry.density == pytest.approx(blocks.density, abs=1e-4) and entry.density < 0.5
    assert tensors["W1"].density == 1.0 and tensors["W1"].index_bytes == 0
    assert found.bytes.by_kind["indices"] == sum(map(index_bytes, stored.values()))
    assert sum(found.bytes.by_kind.values()) == len(data)
    share = f"weights, {100 * stored['w'].density:.0f} % stored"
    assert share in render(found)
    # It is a file that runs.
    assert found.target("plugin").runs
    delegates = [load_delegate(str(library_path()))]
    Interpreter(str(path), experimental_delegates=delegates).allocate_tensors()


def test_damage_is_a_sentence_and_never_a_traceback(tmp_path: Path) -> None:
    data, _, _ = sparse_file()
    start = time.monotonic()
    sentences = [look(tmp_path / "m.tflite", mutate(data, seed)) for seed in range(MUTATIONS)]
    assert time.monotonic() - start < MUTATIONS * SECONDS / 10
    assert MUTATIONS / 10 < sum(map(bool, sentences)) < MUTATIONS * 9 / 10


def sparse_tensor(dimensions: list[dict]) -> bytes:
    """A file with one sparse tensor of these dimensions."""
    weights = tensor((8, 8), 9, 1, "w", _6={0: ints(0, 1), 1: ints(), 2: dimensions})
    graph = subgraph([weights], [0], [0], [operator(0, [0], [0])])
    return tiny_file([operator_code(tiny.ADD)], [graph], [bytes(32)])


def csr(kind: int, vector: object) -> dict:
    return {0: byte(1), 2: Scalar("<B", kind), 3: {0: vector}}


def test_indices_of_every_width_are_counted(tmp_path: Path) -> None:
    for kind, layout, width in ((1, "i", 4), (2, "H", 2), (3, "B", 1)):
        path = tmp_path / "m.tflite"
        path.write_bytes(sparse_tensor([csr(kind, Vector(layout, [0, 1, 2]))]))
        (entry,) = inspect_model(path).bytes.tensors
        assert (entry.index_bytes, entry.density, entry.bytes) == (3 * width, 0.5, 32)


def test_hostile_indices(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    many = [csr(1, ints(0))] * 65
    assert "tensor 0 has an impossible sparsity" in timed(path, sparse_tensor(many))
    data = sparse_tensor([csr(1, Vector("i", [0x5EED] * 4))])
    place = data.index(np.full(4, 0x5EED, "<i4").tobytes())
    longer = data[: place - 4] + (1 << 20).to_bytes(4, "little") + data[place:]
    assert "a vector of 1048576 items outside the file" in timed(path, longer)
    # A type of indices that nobody knows, and none: nothing to count.
    assert timed(path, sparse_tensor([csr(9, ints(0)), {0: byte(1), 2: byte(1)}])) == ""
