"""Which embeddings our own op computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tfpipeline.export.emit.products_of_weights import weight_bits
from tfpipeline.export.graph.embeddings import Lookup, find_lookups
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.modes import FLOAT32, Mode
from tfpipeline.numerics.embedding_options import MAX_VOCABULARY
from tfpipeline.numerics.fully_connected_options import MAX_DEPTH, MAX_ROWS

_MOST_AXES = 7
"""Of the ids."""


def fused_lookups(graph: FloatGraph, mode_of: Callable[[FloatOperator], Mode]) -> Iterator[Lookup]:
    """Yield the embeddings that are one op of ours in the fused form, by the modes of ops.

    Not those of which rows of 8 bits are put out as int8: a GATHER in a table that is quantized as
    the output is rounds once, and is one op too.
    """
    for lookup in find_lookups(graph):
        gather = graph.operators[lookup.gather]
        mode = mode_of(gather)
        if lookup.product is not None:
            product = graph.operators[lookup.product]
            if mode_of(product) == mode and len(_constant(graph, product.inputs[1])) <= MAX_ROWS:
                if _fits(graph, gather, mode):
                    yield lookup
                continue
        bits = weight_bits(mode, [_constant(graph, gather.inputs[0])])
        if _fits(graph, gather, mode) and (mode.activations == FLOAT32 or bits < 8):
            yield Lookup(lookup.gather)


def _constant(graph: FloatGraph, index: int) -> np.ndarray:
    data = graph.tensors[index].data
    assert data is not None
    return data


def _fits(graph: FloatGraph, gather: FloatOperator, mode: Mode) -> bool:
    rows, width = _constant(graph, gather.inputs[0]).shape
    axes = len(graph.tensors[gather.inputs[1]].shape)
    sizes_fit = 1 <= rows <= MAX_VOCABULARY and 1 <= width <= MAX_DEPTH
    return mode.fusable and sizes_fit and 1 <= axes <= _MOST_AXES
