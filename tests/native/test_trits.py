"""Ternary weights that stand five in a byte: the same layers, and bytes that are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from factored_models import FactoredModel, factored_model, make_factored
from fully_connected_models import LayerModel, layer_model, make_layer
from recurrent_models import Case, ModelSpec, assert_same_bits, make_case, op_model
from test_interpreter import interpreter, run_in

from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.numerics.trits import are_smaller, pack_trits

_BAD = "byte 3 is 243; five ternary numbers are 0 to 242"


def ternary(matrices: tuple[QuantizedMatrix, ...]) -> tuple[QuantizedMatrix, ...]:
    return tuple(replace(m, values=np.clip(m.values, -1, 1)) for m in matrices)


def ternary_case(cell: str, ranks: tuple[int, int]) -> Case:
    case = make_case(
        units=37, input_dim=13, rank_x=ranks[0], rank_h=ranks[1], cell=cell, weight_bits=(2,) * 4
    )
    kernel, recurrent = ternary(case.kernel), ternary(case.recurrent_kernel)
    return replace(case, kernel=kernel, recurrent_kernel=recurrent)


def trits_model(case: Case) -> ModelSpec:
    spec = op_model(case)
    kernels = (("W", case.kernel), ("U", case.recurrent_kernel))
    for letter, matrices in kernels:
        for place, matrix in enumerate(matrices):
            assert are_smaller(matrix.values)
            tensor, data = (
                spec.tensors[spec.index(f"{letter}{place + 1}")],
                pack_trits(matrix.values),
            )
            tensor.data, tensor.shape = data.tobytes(), data.shape
    return spec


@pytest.mark.parametrize("ranks", [(0, 0), (13, 9)], ids=str)
def test_a_recurrent_layer_is_the_same(cell: str, isa: str, ranks: tuple[int, int]) -> None:
    case = ternary_case(cell, ranks)
    spec = trits_model(case)
    assert len(spec.build()) < len(op_model(case).build())
    it = interpreter(spec.build(), isa=isa)
    it.allocate_tensors()
    assert_same_bits(run_in(it, case), case.reference())


def invoke(it: Interpreter, x: np.ndarray) -> np.ndarray:
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], x)
    it.invoke()
    return np.array(it.get_tensor(it.get_output_details()[0]["index"]))


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
@pytest.mark.parametrize("depth", [5, 24, 67])
def test_a_fully_connected_layer_is_the_same(isa: str, dtype: type, depth: int) -> None:
    case = make_layer(40, depth, 3, bits=2, dtype=dtype)
    case = replace(case, weights=np.clip(case.weights, -1, 1))
    stored = interpreter(layer_model(case, edit=LayerModel(trits=True)), isa=isa)
    found, expected = invoke(stored, case.x), case.reference()
    np.testing.assert_array_equal(found.view(np.uint8), expected.view(np.uint8))


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_factors_are_the_same(isa: str, dtype: type) -> None:
    case = make_factored(40, 24, 13, 2, bits=(2, 2), dtype=dtype)
    first, last = ternary((case.first, case.last))
    case = replace(case, first=first, last=last)
    data = (pack_trits(first.values), pack_trits(last.values))
    stored = factored_model(case, FactoredModel(weights_data=data))
    found, expected = invoke(interpreter(stored, isa=isa), case.x), case.reference()
    np.testing.assert_array_equal(found.view(np.uint8), expected.view(np.uint8))


def test_bytes_of_no_five_numbers_are_refused(cell: str) -> None:
    case = ternary_case(cell, (0, 0))
    spec = trits_model(case)
    tensor = spec.tensors[spec.index("W1")]
    assert tensor.data is not None
    tensor.data = tensor.data[:3] + b"\xf3" + tensor.data[4:]
    with pytest.raises(RuntimeError, match=f"kernel W1: {_BAD}"):
        interpreter(spec.build()).allocate_tensors()


def test_bytes_of_no_five_numbers_are_refused_in_dense_layers() -> None:
    case = make_layer(40, 24, 1, bits=2)
    case = replace(case, weights=np.clip(case.weights, -1, 1))
    data = pack_trits(case.weights)
    data.ravel()[3] = 243
    with pytest.raises(RuntimeError, match=f"weights: {_BAD}"):
        model = layer_model(case, edit=LayerModel(trits=True, weights_data=data))
        interpreter(model).allocate_tensors()
    factored = make_factored(40, 24, 13, 1, bits=(2, 2))
    last = pack_trits(np.clip(factored.last.values, -1, 1))
    last.ravel()[3] = 243
    with pytest.raises(RuntimeError, match=f"last factor: weights: {_BAD}"):
        model = factored_model(factored, FactoredModel(weights_data=(None, last)))
        interpreter(model).allocate_tensors()


@pytest.mark.parametrize("bits", [8, 4])
def test_only_two_bits_may_be_stored_so(bits: int) -> None:
    case = make_layer(40, 24, 1, bits=bits)
    data = pack_trits(np.clip(case.weights, -1, 1))
    with pytest.raises(RuntimeError, match=r"weights must hold \d+ bytes of data; got 200"):
        model = layer_model(case, edit=LayerModel(trits=True, weights_data=data))
        interpreter(model).allocate_tensors()


def test_rows_as_long_as_with_two_bits_are_two_bits() -> None:
    """8 numbers take two bytes either way; an 0xff is four times -1."""
    case = make_layer(6, 8, 1, bits=2)
    case = replace(case, weights=np.full((6, 8), -1, np.int8))
    found = invoke(interpreter(layer_model(case)), case.x)
    np.testing.assert_array_equal(found, case.reference())
