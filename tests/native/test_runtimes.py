"""One library, one model file, three runtimes: all return the bits of the spec."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import native_library as native
import numpy as np
import pytest
from block_sparse_cases import sparse_layer, sparse_pair, sparse_recurrent
from builtin_lstm_models import lstm_model, make_lstm
from chain_models import chain_model, make_chain
from embedding_models import embedding_model, make_embedding
from factored_models import FactoredModel, factored_model, make_factored
from fully_connected_models import LayerModel, layer_model
from recurrent_models import assert_same_bits, feeds, make_case, op_model, state_names
from runtime_process import RuntimeProcess
from separate_environment import TFLITE_RUNTIME
from unsigned_layers import make_unsigned, unsigned_model

from tfpipeline.numerics.embedding_options import Mean

pytestmark = pytest.mark.slow


@pytest.fixture(params=["litert", "tf", "tflite_runtime"], scope="module")
def runtime(request: pytest.FixtureRequest) -> Iterator[RuntimeProcess]:
    """A runtime, where it is installed or can be."""
    name = str(request.param)
    if name == "tf" and importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    python = TFLITE_RUNTIME.executable() if name == "tflite_runtime" else sys.executable
    process = RuntimeProcess(name, python)
    yield process
    process.close()


def test_same_bits_in_every_runtime(cell: str, runtime: RuntimeProcess, tmp_path: Path) -> None:
    shape = {"units": 40, "input_dim": 13, "rank_x": 6, "rank_h": 20, "batch": 2, "time": 9}
    case = make_case(**shape, cell=cell)
    results = runtime.run(op_model(case).build(), feeds(case), tmp_path)
    for isa in native.supported():
        got = [results[f"{isa}_{name}"] for name in ("y", *state_names(case.cell))]
        assert_same_bits(got, case.reference())


def test_chains_have_the_same_bits_in_every_runtime(
    cell: str, runtime: RuntimeProcess, tmp_path: Path
) -> None:
    case = make_chain(cell)
    results = runtime.run(chain_model(case), case.feeds(), tmp_path)
    for isa in native.supported():
        got = [results[f"{isa}_{n}"] for n in ("scores", *state_names(case.recurrent.cell))]
        assert_same_bits(got, case.reference())


def test_layers_have_the_same_bits_in_every_runtime(
    runtime: RuntimeProcess, tmp_path: Path
) -> None:
    factored, unsigned = make_factored(40, 24, 9, 3), make_unsigned(40, 24, 3)
    for case, model in (
        (factored, factored_model(factored)),
        (unsigned, unsigned_model(unsigned)),
    ):
        results = runtime.run(model, {"x": case.x}, tmp_path)
        for isa in native.supported():
            np.testing.assert_array_equal(results[f"{isa}_y"], case.reference())


@pytest.mark.parametrize("mean", [Mean.NONE, Mean.MASKED], ids=["rows", "mean"])
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_embeddings_have_the_same_bits_in_every_runtime(
    runtime: RuntimeProcess, dtype: type, mean: Mean, tmp_path: Path
) -> None:
    case = make_embedding(40, 9, 24, (1, 11), (4, 8), dtype, mean=mean)
    results = runtime.run(embedding_model(case), {"ids": case.ids}, tmp_path)
    for isa in native.supported():
        np.testing.assert_array_equal(results[f"{isa}_y"], case.reference())


def test_sparse_weights_have_the_same_bits_in_every_runtime(
    runtime: RuntimeProcess, tmp_path: Path
) -> None:
    layer, pair = sparse_layer(40, 24, 3, 0.7, np.int8), sparse_pair(40, 24, 9, 3, 0.7, np.int8)
    for case, model in (
        (layer, layer_model(layer, edit=LayerModel(sparse=True))),
        (pair, factored_model(pair, FactoredModel(sparse=True))),
    ):
        results = runtime.run(model, {"x": case.x}, tmp_path)
        for isa in native.supported():
            np.testing.assert_array_equal(results[f"{isa}_y"], case.reference())
    recurrent = sparse_recurrent("gru", (6, 0), 0.7, ("W1", "W2", "U1"), units=40, input_dim=13)
    results = runtime.run(op_model(recurrent).build(), feeds(recurrent), tmp_path)
    for isa in native.supported():
        got = [results[f"{isa}_{name}"] for name in ("y", *state_names(recurrent.cell))]
        assert_same_bits(got, recurrent.reference())


def test_stock_uint8_layers_have_the_bits_of_the_spec(
    runtime: RuntimeProcess, tmp_path: Path
) -> None:
    # No option asks to accelerate, so the runtime's own kernels run: XNNPACK's in today's runtimes,
    # gemmlowp's in tflite-runtime 2.14. The multiplier, 2^-8, makes sums fall on ties.
    layer = make_unsigned(300, 67, 8)
    layer = replace(layer, w_scale=2.0**-6, x_scale=2.0**-6, y_scale=2.0**-4)
    layer = replace(layer, w_zero_point=128, x_zero_point=128, y_zero_point=128)
    results = runtime.run(unsigned_model(layer, custom=False), {"x": layer.x}, tmp_path)
    fixed, rounded = layer.reference(), layer.reference(fixed_point=False)
    assert np.any(fixed != rounded), "the two must differ, or this test says nothing"
    expected = fixed if runtime.name == "tflite_runtime" else rounded
    np.testing.assert_array_equal(results["c_y"], expected)


#: Forms of the builtin LSTM.
LSTMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "coupled": {"coupled": True, "cell_clip": 1.5},
    "peephole": {"peephole": True},
    "norm": {"norm": True},
    "projection": {"projection": 13, "hidden_zero_point": 9, "proj_clip": 0.4},
    "all": {"peephole": True, "norm": True, "projection": 13, "time_major": True, "batch": 3},
}


@pytest.mark.parametrize("form", LSTMS)
def test_builtin_lstms_have_the_bits_of_every_runtime(
    runtime: RuntimeProcess, form: str, tmp_path: Path
) -> None:
    case = make_lstm(cells=40, calls=6, h_zero_point=-5, **LSTMS[form])
    names = ("y", "input 18", "input 19")
    given = {"x": case.x, "names": np.array(names)}
    results = runtime.run(lstm_model(case), given, tmp_path, "stream")
    for isa in native.supported():
        for name in names:
            np.testing.assert_array_equal(results[f"{isa}_{name}"], results[f"stock_{name}"])
    # The runtimes agree with each other too; in the middle states are reset to the real number 0.
    halves = [replace(case, x=case.x[:3]), replace(case, x=case.x[3:])]
    expected = [call for half in halves for call in half.reference()]
    for i, name in enumerate(names):
        np.testing.assert_array_equal(
            results[f"stock_{name}"], np.stack([tensors[i] for tensors in expected])
        )
