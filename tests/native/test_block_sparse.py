"""Weights without their 8x4 blocks of zeros, in the runtime: bits of the dense ones, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, load_delegate
from block_sparse_cases import sparse_layer, sparse_pair, sparse_recurrent
from factored_models import FactoredModel, factored_model
from fully_connected_models import LayerModel, layer_model
from recurrent_models import ModelSpec, assert_same_bits, feeds, op_model

from tfpipeline.runtime.native import library_path

SETS = [("W1", "W2", "U1", "U2"), ("U1", "U2")]


def interpreter(model: bytes, **options: str) -> Interpreter:
    delegate = load_delegate(str(library_path()), options=options)
    it = Interpreter(model_content=model, experimental_delegates=[delegate], num_threads=1)
    it.allocate_tensors()
    return it


@pytest.mark.parametrize("zeros", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("ranks", [(0, 0), (13, 9)], ids=str)
@pytest.mark.parametrize("names", SETS, ids=["all", "of the state"])
def test_recurrent_ops_have_the_bits_of_dense_weights(
    cell: str, isa: str, names: tuple[str, ...], ranks: tuple[int, int], zeros: float
) -> None:
    case = sparse_recurrent(cell, ranks, zeros, names)
    spec = op_model(case)
    it = interpreter(spec.build(), isa=isa)
    for name, value in feeds(case).items():
        it.set_tensor(spec.index(name), value)
    it.invoke()
    assert_same_bits([it.get_tensor(i) for i in spec.outputs], case.reference())


@pytest.mark.parametrize("threads", ["2", "3"])
def test_threads_share_blocks_of_a_large_op(isa: str, threads: str) -> None:
    case = sparse_recurrent("gru", (0, 0), 0.3, SETS[0], units=331, input_dim=203)
    spec = op_model(case)
    it = interpreter(spec.build(), isa=isa, num_threads=threads)
    for name, value in feeds(case).items():
        it.set_tensor(spec.index(name), value)
    it.invoke()
    assert_same_bits([it.get_tensor(i) for i in spec.outputs], case.reference())


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("zeros", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (40, 24), (113, 67), (1100, 320)], ids=str)
def test_layers_have_the_bits_of_dense_weights(
    isa: str, shape: tuple[int, int], zeros: float, dtype: type
) -> None:
    for batch in (1, 2, 5, 8, 9):
        case = sparse_layer(*shape, batch, zeros, dtype)
        it = interpreter(layer_model(case, edit=LayerModel(sparse=True)), isa=isa, num_threads="2")
        it.set_tensor(it.get_input_details()[0]["index"], case.x)
        it.invoke()
        got = it.get_tensor(it.get_output_details()[0]["index"])
        view = np.int8 if dtype is np.int8 else np.int32
        np.testing.assert_array_equal(got.view(view), case.reference().view(view))


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("zeros", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("shape", [(1, 1, 1), (40, 24, 9), (113, 67, 35)], ids=str)
def test_factored_layers_have_the_bits_of_dense_weights(
    isa: str, shape: tuple[int, int, int], zeros: float, dtype: type
) -> None:
    for batch, per_row in ((1, True), (3, False), (9, True)):
        case = sparse_pair(*shape, batch, zeros, dtype, per_row)
        model = factored_model(case, FactoredModel(sparse=True))
        it = interpreter(model, isa=isa, num_threads="2")
        it.set_tensor(it.get_input_details()[0]["index"], case.x)
        it.invoke()
        got = it.get_tensor(it.get_output_details()[0]["index"])
        view = np.int8 if dtype is np.int8 else np.int32
        np.testing.assert_array_equal(got.view(view), case.reference().view(view))


Edit = Callable[[ModelSpec], None]


def stored(**arrays: Callable[[np.ndarray], Any]) -> Edit:
    """An edit of the segments or columns of U1."""

    def edit(spec: ModelSpec) -> None:
        tensor = spec.tensors[spec.index("U1")]
        assert tensor.sparsity is not None
        changed = {
            name: np.asarray(change(getattr(tensor.sparsity, name).copy()), np.int32)
            for name, change in arrays.items()
        }
        tensor.sparsity = replace(tensor.sparsity, **changed)

    return edit


def tensor(**values: Any) -> Edit:
    def edit(spec: ModelSpec) -> None:
        found = spec.tensors[spec.index("U1")]
        for name, value in values.items():
            setattr(found, name, value(getattr(found, name)) if callable(value) else value)

    return edit


def put(place: int, value: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[place] = value
        return array

    return change


HOSTILE: list[tuple[str, Edit, str]] = [
    ("segments from 1", stored(segments=put(0, 1)), "segments must go from 0"),
    ("segments too far", stored(segments=put(-1, 10_000)), "segments must go from 0"),
    ("segment far beyond", stored(segments=put(1, 2**31 - 1)), "segment 0 of the tiles goes from"),
    ("segments descend", stored(segments=put(2, 0)), "segment 1 of the"),
    ("a segment less", stored(segments=lambda s: s[:-1]), "9 dense rows of compressed tiles"),
    ("column outside", stored(indices=put(-1, 6)), "columns of a row of tiles must ascend below 6"),
    ("column far outside", stored(indices=put(0, 2**30)), "tile 0 is at column 1073741824"),
    ("columns alike", stored(indices=lambda i: [i[0], i[0], *i[2:]]), "must ascend"),
    ("an index less", stored(indices=lambda i: i[:-1]), "segments must go from 0"),
    ("a tile less", tensor(data=lambda d: d[:-32]), "tiles must be a constant of"),
    ("half a tile", tensor(data=lambda d: d[:-16]), "tiles must be a constant of"),
    ("no tiles", tensor(data=None), "U1"),
    (
        "other rows",
        tensor(
            shape=lambda s: (s[0] - 8, s[1]),
            scales=lambda s: s[:-8],
            zero_points=lambda z: z[:-8],
        ),
        "sparse weights must be int8",
    ),
    ("other depth", tensor(shape=lambda s: (s[0], s[1] + 4)), "sparse weights must be int8"),
    ("holds -128", tensor(data=lambda d: b"\x80" + d[1:]), "-128"),
    ("scales of rows", tensor(scales=lambda s: s[:-1], zero_points=lambda z: z[:-1]), "scales"),
    ("no scales", tensor(scales=None), "scales"),
]


@pytest.mark.parametrize(("edit", "message"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_refused_by_name(edit: Edit, message: str) -> None:
    spec = op_model(sparse_recurrent("gru", (0, 0), 0.4, SETS[0], units=24, input_dim=10))
    # A row of tiles with two columns at least, so that their order can be wrong.
    sparsity = spec.tensors[spec.index("U1")].sparsity
    assert sparsity is not None and sparsity.segments[1] >= 2
    edit(spec)
    # Some of these the runtime itself refuses, before it asks the plug-in.
    with pytest.raises((RuntimeError, ValueError), match=message):
        interpreter(spec.build())


def test_weights_of_few_bits_cannot_be_sparse(cell: str) -> None:
    case = sparse_recurrent(cell, (0, 0), 0.4, SETS[0])
    spec = op_model(case)
    spec.custom_options = replace(case.options, weight_bits=(4, 8, 8, 8)).pack()
    with pytest.raises(RuntimeError, match="sparse weights have 8 bits; got 4"):
        interpreter(spec.build())
