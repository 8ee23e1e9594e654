"""Lookups of rows in a constant table, which is what an `Embedding` becomes in the graph.

A `FactoredEmbedding`, or another one with a matrix behind it, is a lookup and a product without
anything between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.graph.pairs import is_plain_product


@dataclass(frozen=True)
class Lookup:
    """Positions of the ops of an embedding.

    Args:
        gather: Of the lookup.
        product: Of the matrix that only its rows are multiplied with; None without one.
    """

    gather: int
    product: int | None = None

    @property
    def last(self) -> int:
        """Position of the op that puts out what the embedding does."""
        return self.gather if self.product is None else self.product


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


def find_lookups(graph: FloatGraph) -> list[Lookup]:
    """Return the embeddings of a graph, each with the product behind it, if there is one.

    The product has no bias and no activation, and nothing else reads the rows.
    """
    readers: dict[int, list[int]] = {index: [-1] for index in graph.outputs.values()}
    for position, op in enumerate(graph.operators):
        for index in op.inputs:
            readers.setdefault(index, []).append(position)
    found = []
    for position, op in enumerate(graph.operators):
        if looks_up(graph, op):
            read_by = readers.get(op.outputs[0], [])
            only = read_by[0] if len(read_by) == 1 and read_by[0] >= 0 else None
            found.append(Lookup(position, only if _is_product(graph, only, op) else None))
    return found


def _is_product(graph: FloatGraph, position: int | None, gather: FloatOperator) -> bool:
    if position is None:
        return False
    op = graph.operators[position]
    return is_plain_product(graph, op) and op.inputs[0] == gather.outputs[0]
