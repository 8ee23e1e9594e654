"""Which ops of a float graph are the average of an embedding's words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tfpipeline.export.emit.fused_lookups import fused_lookups
from tfpipeline.export.graph.averages import Average, find_average
from tfpipeline.export.graph.embeddings import Lookup
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator, FloatTensor
from tfpipeline.export.modes import MODES
from tfpipeline.numerics.embedding_options import Mean

REAL, INTEGER = np.dtype(np.float32), np.dtype(np.int32)


class Builder:
    """Adds tensors and ops; tensors are called by their names."""

    def __init__(self) -> None:
        self.tensors: list[FloatTensor] = []
        self.operators: list[FloatOperator] = []

    def tensor(self, name: str, shape: tuple[int, ...], dtype: Any, data: Any = None) -> None:
        data = None if data is None else np.asarray(data, dtype)
        self.tensors.append(FloatTensor(name, shape, np.dtype(dtype), data))

    def number(self, name: str) -> int:
        return [tensor.name for tensor in self.tensors].index(name)

    def op(self, code: str, inputs: list[str], output: str, activation: int = 0) -> None:
        options = SimpleNamespace(fusedActivationFunction=activation, axis=0, batchDims=0)
        numbers = tuple(map(self.number, inputs))
        made = (self.number(output),)
        self.operators.append(FloatOperator(code, None, numbers, made, options, b"", 1))


def graph(mean: Mean, **edits: Any) -> FloatGraph:
    """ids -> rows of a table -> their average y, as converted Keras layers have it."""
    build = Builder()
    build.tensor("ids", (1, 5), INTEGER)
    build.tensor("other ids", (1, 5), INTEGER)
    build.tensor("table", (10, 4), REAL, np.ones((10, 4)))
    build.tensor("axis", (), INTEGER, edits.get("axis", 1))
    build.tensor("mask id", (), INTEGER, edits.get("mask_id", 0))
    build.tensor("nothing", (), REAL, edits.get("otherwise", 0))
    build.tensor("least", (), REAL, edits.get("least", 1))
    build.tensor("new shape", (3,), INTEGER, [1, 5, 1])
    build.tensor("rows", (1, 5, 4), REAL)
    build.tensor("differs", (1, 5), bool)
    build.tensor("mask", (1, 5, 1), bool)
    build.tensor("ones", (1, 5, 1), REAL)
    for name in ("count", "divisor"):
        build.tensor(name, (1, 1), REAL)
    build.tensor("chosen", (1, 5, 4), REAL)
    for name in ("total", "y", "more"):
        build.tensor(name, (1, 4), REAL)
    build.op("GATHER", ["table", "ids"], "rows")
    if mean == Mean.PLAIN:
        build.op(edits.get("code", "MEAN"), ["rows", "axis"], "y")
    else:
        build.op("NOT_EQUAL", [edits.get("compared", "ids"), "mask id"], "differs")
        build.op("RESHAPE", ["differs", "new shape"], "mask")
        build.op("CAST", ["mask"], "ones")
        build.op("SUM", ["ones", "axis"], "count")
        if mean == Mean.MASKED:
            build.op("MAXIMUM", ["count", "least"], "divisor")
        build.op("SELECT_V2", ["mask", "rows", "nothing"], "chosen")
        build.op("SUM", ["chosen", "axis"], "total")
        divisor = "divisor" if mean == Mean.MASKED else "count"
        build.op("DIV", ["total", divisor], "y", edits.get("activation", 0))
    if "reads" in edits:
        build.op("TANH", [edits["reads"]], "more")
    outputs = {name: build.number(name) for name in ("y", *edits.get("outputs", ()))}
    return FloatGraph(tuple(build.tensors), tuple(build.operators), {"x": 0}, outputs)


@pytest.mark.parametrize(
    ("mean", "last"), [(Mean.PLAIN, 1), (Mean.MASKED, 8), (Mean.MASKED_OR_NAN, 7)], ids=str
)
def test_averages_are_found(mean: Mean, last: int) -> None:
    found = find_average(graph(mean), Lookup(0))
    assert found == Average(mean, last, frozenset(range(last + 1)))


def test_what_of_a_mask_others_read_stays() -> None:
    masked = graph(Mean.MASKED, reads="differs")
    found = find_average(masked, Lookup(0))
    # The comparison alone.
    assert found == Average(Mean.MASKED, 8, frozenset(range(9)) - {1})
    found = find_average(graph(Mean.MASKED, reads="count"), Lookup(0))
    assert found is not None and found.only == {0, 5, 6, 7, 8}


@pytest.mark.parametrize(
    "edits",
    [
        *({"reads": "rows"}, {"reads": "chosen"}, {"reads": "total"}, {"outputs": ["rows"]}),
        *({"axis": 2}, {"axis": [1, 2]}, {"axis": 0}, {"activation": 1}),
        *({"mask_id": 1}, {"otherwise": 1}, {"least": 2}, {"compared": "other ids"}),
    ],
    ids=str,
)
def test_what_is_no_average_of_the_words_alone(edits: dict[str, Any]) -> None:
    assert find_average(graph(Mean.MASKED, **edits), Lookup(0)) is None


@pytest.mark.parametrize(
    "edits",
    [{"axis": 2}, {"axis": [1, 2]}, {"code": "REDUCE_MAX"}, {"reads": "rows"}],
    ids=str,
)
def test_what_is_no_plain_average(edits: dict[str, Any]) -> None:
    assert find_average(graph(Mean.PLAIN, **edits), Lookup(0)) is None


def test_a_negative_axis_is_the_same() -> None:
    found = find_average(graph(Mean.PLAIN, axis=[-2]), Lookup(0))
    assert found is not None and found.mean is Mean.PLAIN


@pytest.mark.parametrize("mode", ["dynamic", "int4", "int8", "int8x4", "int8x2"])
def test_our_op_takes_them_in_every_mode_that_it_has(mode: str) -> None:
    (found,) = fused_lookups(graph(Mean.MASKED), lambda op: MODES[mode])
    assert found.last == 8 and found.begun == frozenset(range(8))


@pytest.mark.parametrize("mode", ["float32", "float16", "int16x8"])
def test_other_modes_keep_builtin_ops(mode: str) -> None:
    assert list(fused_lookups(graph(Mean.MASKED), lambda op: MODES[mode])) == []
