"""Markers are computed wave by wave: all whose inputs are known share one run of the graph."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from small_model import FEATURES, walk

from tfpipeline.export.calibrate.float_runner import FloatRunner, float_runner, waves_of_markers
from tfpipeline.export.convert.float_graphs import Converted, convert_model
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator, FloatTensor
from tfpipeline.export.graph.markers import MARKER
from tfpipeline.export.trace.signature import signature_of


def graph_of(*edges: tuple[int, int, bool]) -> FloatGraph:
    """Ops that read one tensor and write another, some of which are markers."""
    operators = tuple(
        FloatOperator("CUSTOM" if marker else "RELU", MARKER if marker else None, (a,), (b,), *rest)
        for (a, b, marker), rest in zip(edges, [(None, b"", 1)] * len(edges), strict=True)
    )
    size = 1 + max(max(a, b) for a, b, _ in edges)
    tensors = (FloatTensor("t", (1,), np.dtype(np.float32)),) * size
    return FloatGraph(tensors, operators, {"in_0": 0}, {"out_0": size - 1})


@pytest.mark.parametrize(
    ("edges", "waves"),
    [
        ([(0, 1, False)], []),
        ([(0, 1, True), (0, 2, True)], [[0, 1]]),
        ([(0, 1, True), (1, 2, False), (2, 3, True)], [[0], [2]]),
        ([(0, 1, True), (1, 2, True), (0, 3, False), (3, 4, True)], [[0, 3], [1]]),
    ],
)
def test_waves(edges: list[tuple[int, int, bool]], waves: list[list[int]]) -> None:
    assert waves_of_markers(graph_of(*edges)) == waves


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(7)
    x = keras.Input((None, FEATURES))
    both = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True))(x)
    other = keras.layers.LSTM(3, return_sequences=True)(keras.layers.Dense(5)(x))
    top = keras.layers.GRU(4)(keras.layers.Concatenate()([both, other]))
    return keras.Model(x, keras.layers.Dense(3)(top))


@pytest.fixture(scope="module")
def converted(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    samples = {"x": walk(2)}
    work: Path = tmp_path_factory.mktemp("work")
    return convert_model(model, signature_of(model, samples), samples, None, work)


def test_layers_side_by_side_share_a_run(
    model: keras.Model, converted: Converted, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, runs = {"x": walk(3, seed=4)}, []
    run = FloatRunner.run
    monkeypatch.setattr(FloatRunner, "run", lambda self, n: (runs.append(n), run(self, n))[1])
    graph = converted.whole
    runner = float_runner(converted.data, graph, converted.marked.marked, samples)
    assert len(converted.marked.marked) == 4
    # Both directions read the input itself, which is known; the LSTM's input takes a run of each
    # sample, and so does that of the layer on top.
    assert runs == [0, 1, 2, 0, 1, 2]
    expected = model.predict(samples["x"], verbose=0)
    for sample in range(runner.samples):
        runner.run(sample)
        found = runner.value(graph.outputs["out_0"])
        np.testing.assert_allclose(found[0], expected[sample], rtol=1e-4, atol=1e-5)
