"""Factored dense layers: two ops in the portable form, one in the fused form, the same bits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import FEATURES, walk

from tfpipeline.export import Tolerances, export
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator, FloatTensor
from tfpipeline.export.graph.pairs import find_pairs
from tfpipeline.layers import FactoredDense, FactoredGRU
from tfpipeline.numerics.factored_options import OP_NAME
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.runtime.tflite_file import TFLiteFile

pytestmark = pytest.mark.slow


def built(*layers: keras.layers.Layer) -> keras.Model:
    """A model of these layers whose biases are not zero."""
    model = keras.Sequential([keras.Input((None, FEATURES)), *layers])
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, FactoredDense):
            layer.bias.assign(rng.normal(0, 0.3, layer.bias.shape))
    return model


@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_both_forms_have_the_same_bits(target: Path, activation: str | None) -> None:
    keras.utils.set_random_seed(5)
    model = built(FactoredDense(32, activation=activation, rank=6), FactoredDense(5, rank=3))
    report = export(model, target, calibration=walk(30), streaming="both")
    assert TFLiteFile(report.portable).custom_ops() == ()
    assert TFLiteFile(report.fused).custom_ops() == (OP_NAME,)
    assert TFLiteFile(report.stream_fused).custom_ops() == (OP_NAME,)
    x = walk(4, seed=9)
    scores = Interpreter(report.fused).predict(x)
    assert scores.shape == (4, 24, 5)
    np.testing.assert_array_equal(scores, Interpreter(report.portable).predict(x))
    stream = Streamer(report.stream_fused)
    frames = [stream.process(frame) for frame in x[0]]
    np.testing.assert_array_equal(np.stack(frames), scores[0])


def test_bias_correction_is_the_same_in_both_forms(target: Path) -> None:
    keras.utils.set_random_seed(5)
    model = built(FactoredDense(32, rank=6, name="only"))
    # Inputs with a mean: what rounding does to the weights then adds up in one direction.
    x = 1.0 + 0.1 * walk(30)
    expected = model.predict(x, verbose=0)

    def mean_error(correct: bool) -> float:
        report = export(
            model,
            target,
            quantize="int8x4",
            calibration=x,
            bias_correction=correct,
            tolerances=Tolerances(0, 100.0),
        )
        assert TFLiteFile(report.fused).custom_ops() == (OP_NAME,)
        found = Interpreter(report.fused).predict(x)
        np.testing.assert_array_equal(found, Interpreter(report.portable).predict(x))
        return float(np.abs((found - expected).mean(axis=(0, 1))).mean())

    assert mean_error(True) < 0.3 * mean_error(False)


def test_among_recurrent_layers(target: Path) -> None:
    keras.utils.set_random_seed(6)
    model = built(
        FactoredDense(24, activation="relu", rank=5),
        FactoredGRU(16, rank=6, return_sequences=True),
        FactoredDense(20, activation="tanh", rank=0.25),
        keras.layers.GRU(8),
        FactoredDense(4, rank=2),
    )
    # The scores of a model that was not trained lie close together.
    accepted = Tolerances(agreement=0.9)
    report = export(model, target, calibration=walk(30), streaming="both", tolerances=accepted)
    # The bound that export itself holds every form to is 0.15.
    assert max(form.channel_error for form in report.forms) < 0.12
    assert all(form.equals_whole for form in report.forms if form.name.startswith("stream"))
    assert set(TFLiteFile(report.fused).custom_ops()) == {OP_NAME, "tfpipeline.gru"}
    model_of_file = schema.ModelT.InitFromPackedBuf(report.fused.read_bytes())
    codes = [c.customCode or b"" for c in model_of_file.operatorCodes]
    used = [codes[op.opcodeIndex] for op in model_of_file.subgraphs[0].operators]
    assert used.count(OP_NAME.encode()) == 3


def graph(**edits: object) -> FloatGraph:
    """x -> FULLY_CONNECTED -> a -> FULLY_CONNECTED with bias -> y, and edits of the two ops."""
    plain = schema.FullyConnectedOptionsT()
    shapes = {"x": (1, 8), "w1": (3, 8), "a": (1, 3), "w2": (5, 3), "b": (5,), "y": (1, 5)}
    dtype = np.dtype(np.float32)
    tensors = tuple(
        FloatTensor(
            name, shape, dtype, np.ones(shape, np.float32) if name in ("w1", "w2", "b") else None
        )
        for name, shape in shapes.items()
    )
    first = FloatOperator("FULLY_CONNECTED", None, (0, 1, -1), (2,), plain, b"", 1)
    last = FloatOperator("FULLY_CONNECTED", None, (2, 3, 4), (5,), plain, b"", 1)
    first = replace(first, **edits.get("first", {}))  # type: ignore[arg-type]
    last = replace(last, **edits.get("last", {}))  # type: ignore[arg-type]
    outputs = edits.get("outputs", {"scores": 5})
    more = edits.get("more", ())
    return FloatGraph(tensors, (first, last, *more), {"x": 0}, outputs)  # type: ignore[misc, arg-type]


def test_a_pair_is_found() -> None:
    assert find_pairs(graph()) == {1: 0}
    relu = schema.FullyConnectedOptionsT(fusedActivationFunction=1)
    assert find_pairs(graph(last={"options": relu})) == {1: 0}


@pytest.mark.parametrize(
    "edits",
    [
        {"first": {"inputs": (0, 1, 4)}},
        {"first": {"options": schema.FullyConnectedOptionsT(fusedActivationFunction=1)}},
        {"last": {"options": schema.FullyConnectedOptionsT(fusedActivationFunction=2)}},
        {"last": {"inputs": (2, 0, 4)}},
        {"last": {"code": "ADD"}},
        {"outputs": {"scores": 5, "inner": 2}},
        {"more": (FloatOperator("TANH", None, (2,), (5,), None, b"", 1),)},
    ],
    ids=["bias", "activation", "relu_n1_to_1", "variable", "other op", "output", "read twice"],
)
def test_what_is_not_a_pair_stays_two_ops(edits: dict[str, object]) -> None:
    assert find_pairs(graph(**edits)) == {}


def test_three_factors_are_a_pair_and_one() -> None:
    inner = {"inputs": (2, 3, -1)}
    third = FloatOperator(
        "FULLY_CONNECTED", None, (5, 1, -1), (4,), schema.FullyConnectedOptionsT(), b"", 1
    )
    assert find_pairs(graph(last=inner, more=(third,), outputs={})) == {1: 0}
