"""Which embeddings our own op computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tfpipeline.export.emit.products_of_weights import weight_bits
from tfpipeline.export.graph.averages import Average, find_average
from tfpipeline.export.graph.embeddings import Lookup, find_lookups
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.export.modes import FLOAT32, Mode
from tfpipeline.numerics.embedding_options import MAX_VOCABULARY
from tfpipeline.numerics.fully_connected_options import MAX_DEPTH, MAX_ROWS

_MOST_AXES = 7
"""Of the ids."""


@dataclass(frozen=True)
class FusedLookup:
    """An embedding that is one op of ours.

    Args:
        lookup: The embedding, with its product where that belongs to the op.
        average: Of its words, which is part of the op; None where the words are put out.
    """

    lookup: Lookup
    average: Average | None = None

    @property
    def last(self) -> int:
        """Position of the op that puts out what ours does."""
        return self.lookup.last if self.average is None else self.average.last

    @property
    def begun(self) -> frozenset[int]:
        """Positions of all that is part of it, but the last."""
        parts = {self.lookup.gather, self.lookup.last}
        if self.average is not None:
            parts |= self.average.only
        return frozenset(parts - {self.last})


def fused_lookups(
    graph: FloatGraph, mode_of: Callable[[FloatOperator], Mode]
) -> Iterator[FusedLookup]:
    """Yield the embeddings that are one op of ours in the fused form, by the modes of ops.

    Not those of which rows of 8 bits are put out as int8: a GATHER in a table that is quantized as
    the output is rounds once, and is one op too. But where their average is.
    """
    for lookup in find_lookups(graph):
        gather = graph.operators[lookup.gather]
        mode = mode_of(gather)
        if not _fits(graph, gather, mode):
            continue
        if lookup.product is not None:
            product = graph.operators[lookup.product]
            if mode_of(product) == mode and len(_constant(graph, product.inputs[1])) <= MAX_ROWS:
                yield FusedLookup(lookup, find_average(graph, lookup))
                continue
        plain = Lookup(lookup.gather)
        average = find_average(graph, plain)
        bits = weight_bits(mode, [_constant(graph, gather.inputs[0])])
        if mode.activations == FLOAT32 or bits < 8 or average is not None:
            yield FusedLookup(plain, average)


def _constant(graph: FloatGraph, index: int) -> np.ndarray:
    data = graph.tensors[index].data
    assert data is not None
    return data


def _fits(graph: FloatGraph, gather: FloatOperator, mode: Mode) -> bool:
    rows, width = _constant(graph, gather.inputs[0]).shape
    axes = len(graph.tensors[gather.inputs[1]].shape)
    sizes_fit = 1 <= rows <= MAX_VOCABULARY and 1 <= width <= MAX_DEPTH
    return mode.fusable and sizes_fit and 1 <= axes <= _MOST_AXES
