"""Which ops of a float graph are embeddings, and which product belongs to one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.emit.fused_lookups import FusedLookup, fused_lookups
from tfpipeline.export.graph.embeddings import Lookup, find_lookups
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator, FloatTensor
from tfpipeline.export.modes import MODES


def graph(**edits: Any) -> FloatGraph:
    """ids 0 -> GATHER in table 1 -> rows 2 -> FULLY_CONNECTED with w 3 -> y 4; a bias is 5."""
    real = np.dtype(np.float32)
    table = edits.get("table", np.arange(40, dtype=np.float32).reshape(10, 4))
    ids = edits.get("ids")
    tensors = (
        FloatTensor("ids", (1, 3), np.dtype(np.int32), ids),
        FloatTensor("table", table.shape, table.dtype, table),
        FloatTensor("rows", (1, 3, 4), real),
        FloatTensor("w", (6, 4), real, np.ones((6, 4), np.float32)),
        FloatTensor("y", (1, 3, 6), real),
        FloatTensor("b", (6,), real, np.ones(6, np.float32)),
    )
    options = schema.GatherOptionsT(**edits.get("options", {}))
    gather = FloatOperator(edits.get("code", "GATHER"), None, (1, 0), (2,), options, b"", 1)
    plain = schema.FullyConnectedOptionsT()
    product = FloatOperator("FULLY_CONNECTED", None, (2, 3, -1), (4,), plain, b"", 1)
    product = replace(product, **edits.get("product", {}))
    outputs = edits.get("outputs", {"scores": 4})
    return FloatGraph(tensors, (gather, product, *edits.get("more", ())), {"x": 0}, outputs)


def test_a_lookup_and_its_product_are_found() -> None:
    assert find_lookups(graph()) == [Lookup(0, 1)]
    assert find_lookups(graph())[0].last == 1 and Lookup(3).last == 3


@pytest.mark.parametrize(
    "edits",
    [
        {"product": {"inputs": (2, 3, 5)}},
        {"product": {"options": schema.FullyConnectedOptionsT(fusedActivationFunction=1)}},
        {"product": {"inputs": (4, 3, -1)}},
        {"product": {"code": "ADD"}},
        {"outputs": {"scores": 4, "rows": 2}},
        {"more": (FloatOperator("TANH", None, (2,), (4,), None, b"", 1),)},
    ],
    ids=["bias", "activation", "of others", "other op", "output", "read twice"],
)
def test_what_is_no_product_of_rows_alone(edits: dict[str, Any]) -> None:
    assert find_lookups(graph(**edits)) == [Lookup(0)]


@pytest.mark.parametrize(
    "edits",
    [
        {"code": "GATHER_ND"},
        {"options": {"axis": 1}},
        {"options": {"batchDims": 1}},
        {"table": np.arange(10, dtype=np.float32)},
        {"table": np.arange(40, dtype=np.int32).reshape(10, 4)},
        {"ids": np.array([[1, 2, 3]], np.int32)},
    ],
    ids=["other op", "other axis", "batches", "vector", "integers", "constant ids"],
)
def test_what_looks_up_no_rows(edits: dict[str, Any]) -> None:
    assert find_lookups(graph(**edits)) == []


@pytest.mark.parametrize(
    ("mode", "factors", "rows"),
    [
        ("dynamic", [Lookup(0, 1)], [Lookup(0)]),
        ("int4", [Lookup(0, 1)], [Lookup(0)]),
        ("int8", [Lookup(0, 1)], []),
        ("int8x4", [Lookup(0, 1)], [Lookup(0)]),
        ("int8x2", [Lookup(0, 1)], []),
        ("float32", [], []),
        ("float16", [], []),
        ("int16x8", [], []),
    ],
)
def test_modes_that_our_op_takes(mode: str, factors: list[Lookup], rows: list[Lookup]) -> None:
    plain = graph(product={"inputs": (2, 3, 5)})
    for given, expected in ((graph(), factors), (plain, rows)):
        found = fused_lookups(given, lambda op: MODES[mode])
        assert list(found) == [FusedLookup(lookup) for lookup in expected]


def test_a_product_in_another_mode_is_not_part_of_it() -> None:
    modes = {"GATHER": MODES["dynamic"], "FULLY_CONNECTED": MODES["float32"]}
    assert list(fused_lookups(graph(), lambda op: modes[op.code])) == [FusedLookup(Lookup(0))]
