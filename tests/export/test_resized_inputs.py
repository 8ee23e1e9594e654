"""A program of its own that resizes an input: the graph is right, or refuses."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfpipeline.export import ExportReport, Tolerances, export
from tfpipeline.runtime import Interpreter as OurInterpreter
from tfpipeline.runtime import load_delegate
from tfpipeline.runtime.errors import InputError

pytestmark = pytest.mark.slow

L = keras.layers
STEPS, WIDTH = 20, 6
X = np.random.default_rng(0).normal(size=(32, 2 * STEPS, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module", params=["int8", "float32", "int16x8"])
def report(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ExportReport:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, WIDTH)), L.GRU(8), L.Dense(3)])
    for weight in model.weights:
        if "bias" in weight.path:
            weight.assign(np.random.default_rng(1).normal(0, 0.3, weight.shape))
    path = tmp_path_factory.mktemp("resized") / "model.tflite"
    options = {"quantize": request.param, "streaming": "both", "tolerances": Tolerances(0, 1, 9)}
    return export(model, path, calibration=X[:, :STEPS], **options)


@pytest.mark.parametrize("kernels", ["AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_portable_file_refuses_another_batch_or_length(
    report: ExportReport, stream: bool, kernels: str
) -> None:
    path = report.stream_portable if stream else report.portable
    resolver = OpResolverType[kernels]
    steps = 1 if stream else STEPS
    for shape in ((2, steps, WIDTH), (1, 2 * steps, WIDTH), (1, 10, WIDTH)):
        it = Interpreter(str(path), experimental_op_resolver_type=resolver)
        (index,) = (d["index"] for d in it.get_input_details() if d["name"] == "x")
        it.resize_tensor_input(index, shape)
        with pytest.raises(RuntimeError, match="failed to prepare"):
            it.allocate_tensors()
        it.resize_tensor_input(index, (1, steps, WIDTH))
        it.allocate_tensors()
        it.invoke()


def test_our_interpreter_takes_the_shape_of_the_file_only(report: ExportReport) -> None:
    """Half as many time steps of two samples are as many values, which no graph tells apart."""
    ours = OurInterpreter(report.portable)
    expected = ours.predict(X[:1, :STEPS])
    for x in (X[:2, : STEPS // 2], X[:1, : 2 * STEPS], X[:1, : STEPS // 2]):
        with pytest.raises(InputError, match=r"must have the shape"):
            ours.predict(x)
        with pytest.raises(InputError, match=r"must have the shape"):
            ours.set_input(x)
    np.testing.assert_array_equal(ours.predict(X[:1, :STEPS]), expected)


def test_a_fused_file_of_bounded_length_counts_what_it_is_given(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, WIDTH)), L.GRU(8), L.Dense(3)])
    options = {"length": "bounded", "forms": ("fused",), "tolerances": Tolerances(0, 1, 9)}
    report = export(model, tmp_path / "m.tflite", calibration=X[:, :STEPS], **options)
    it = Interpreter(str(report.fused), experimental_delegates=[load_delegate()])
    details = {d["name"]: d["index"] for d in it.get_input_details()}
    (output,) = (d["index"] for d in it.get_output_details())
    it.resize_tensor_input(details["x"], (1, 2 * STEPS, WIDTH))
    it.allocate_tensors()
    found = {}
    for length in (STEPS, 2 * STEPS, 3 * STEPS):
        it.set_tensor(details["x"], X[:1])
        it.set_tensor(details["length"], np.array([length], np.int32))
        it.invoke()
        found[length] = it.get_tensor(output)
    expected = np.asarray(model(X[:1]))
    assert np.abs(found[2 * STEPS] - expected).max() < 0.1 * expected.std()
    assert np.abs(found[STEPS] - expected).max() > 0.1 * expected.std()
    np.testing.assert_array_equal(found[3 * STEPS], found[2 * STEPS])
