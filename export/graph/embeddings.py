"""Lookups of rows in a constant table, which is what an `Embedding` becomes in the graph."""

from __future__ import annotations

import numpy as np

from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator


def looks_up(graph: FloatGraph, op: FloatOperator) -> bool:
    """Return whether an op picks rows of a constant matrix by numbers that are not constant."""
    if op.code != "GATHER":
        return False
    table, ids = (graph.tensors[index] for index in op.inputs[:2])
    return (
        table.data is not None
        and table.data.ndim == 2
        and table.dtype == np.float32
        and ids.data is None
        and op.options.axis in (0, -2)
        and op.options.batchDims == 0
    )
