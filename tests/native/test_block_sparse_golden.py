"""The golden bytes of block-sparse weights: what files hold, and what kernels make of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate
from make_block_sparse_golden import PATH, golden_text

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.numerics.block_sparse import BlockSparse, decode_blocks, encode_blocks
from tfpipeline.numerics.fully_connected_options import OP_NAME
from tfpipeline.runtime.native import library_path

CASES = [
    pytest.param(case, id=case["name"])
    for case in json.loads(PATH.read_text(encoding="utf-8"))["cases"]
]


def array(entry: dict[str, Any], dtype: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(entry["values"]), dtype).reshape(entry["shape"])


def stored(tensor: dict[str, Any]) -> BlockSparse:
    return BlockSparse(
        np.array(tensor["array_segments"], np.int32),
        np.array(tensor["array_indices"], np.int32),
        np.frombuffer(bytes.fromhex(tensor["data"]), np.int8).reshape(-1, *tensor["block_shape"]),
        tensor["shape"][1] // tensor["block_shape"][1],
    )


def test_the_spec_still_makes_the_golden_file() -> None:
    assert PATH.read_text(encoding="utf-8") == golden_text()


@pytest.mark.parametrize("case", CASES)
def test_the_stored_blocks_are_those_of_the_matrix(case: dict[str, Any]) -> None:
    values, tensor = array(case["values"], "<i1"), stored(case["tensor"])
    np.testing.assert_array_equal(decode_blocks(tensor, *values.shape, case["parts"]), values)
    made = encode_blocks(values, case["parts"])
    for name in ("segments", "indices", "blocks"):
        np.testing.assert_array_equal(getattr(made, name), getattr(tensor, name))


def model_of(case: dict[str, Any]) -> bytes:
    """A file with the sparse tensor of the case, and the layer that reads it where there is one."""
    tensor, layer = case["tensor"], case.get("fully_connected")
    builder = ModelBuilder("golden")
    graph = builder.graph("main")
    scales = array(tensor["scales"], "<f4")
    w = graph.sparse_constant("w", stored(tensor), Quantization.per_channel(scales))
    if layer is None:
        graph.finish([], [w])
        return builder.to_bytes()
    x, y = array(layer["x"], "<i1"), array(layer["y"], "<i1")
    q = Quantization(layer["x_scale"], layer["x_zero_point"])
    given = graph.tensor("x", x.shape, np.int8, q)
    bias = graph.constant("bias", array(layer["bias"], "<i4"))
    q = Quantization(layer["y_scale"], layer["y_zero_point"])
    result = graph.tensor("y", y.shape, np.int8, q)
    graph.custom(OP_NAME, [given, w, bias], [result], bytes.fromhex(layer["custom_options"]))
    graph.finish([given], [result])
    return builder.to_bytes()


@pytest.mark.parametrize("case", CASES)
def test_files_hold_the_golden_bytes(case: dict[str, Any]) -> None:
    model = schema.ModelT.InitFromPackedBuf(model_of(case), 0)
    (tensor,) = (t for t in model.subgraphs[0].tensors if t.sparsity is not None)
    wanted, sparsity = case["tensor"], tensor.sparsity
    assert bytes(model.buffers[tensor.buffer].data).hex() == wanted["data"]
    assert list(tensor.shape) == wanted["shape"]
    assert list(sparsity.traversalOrder) == wanted["traversal_order"]
    assert list(sparsity.blockMap) == wanted["block_map"]
    rows, columns, *block = sparsity.dimMetadata
    assert rows.denseSize == wanted["dense_rows"]
    assert list(columns.arraySegments.values) == wanted["array_segments"]
    assert list(columns.arrayIndices.values) == wanted["array_indices"]
    assert [side.denseSize for side in block] == wanted["block_shape"]


@pytest.mark.parametrize("case", [case for case in CASES if "fully_connected" in case.values[0]])
def test_kernels_return_the_golden_bytes(isa: str, case: dict[str, Any]) -> None:
    delegate = load_delegate(str(library_path()), options={"isa": isa})
    it = Interpreter(model_content=model_of(case), experimental_delegates=[delegate])
    it.allocate_tensors()
    layer = case["fully_connected"]
    it.set_tensor(it.get_input_details()[0]["index"], array(layer["x"], "<i1"))
    it.invoke()
    found = it.get_tensor(it.get_output_details()[0]["index"])
    np.testing.assert_array_equal(found, array(layer["y"], "<i1"))
