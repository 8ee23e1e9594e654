"""Averages over the words of an embedding, as `GlobalAveragePooling1D` gives them.

Without a mask it is one MEAN. With one it is `sum_t m_t x_t / sum_t m_t`, from `m_t = id_t != 0`,
where `MaskedAveragePooling1D` divides by 1 at least.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.export.graph.embeddings import Lookup
from tfpipeline.export.graph.float_graph import FloatGraph, FloatOperator
from tfpipeline.numerics.embedding_options import Mean


@dataclass(frozen=True)
class Average:
    """Positions of the ops of a lookup and the average of its words.

    Args:
        mean: Which words count.
        last: Of the op that puts out the average.
        only: Of all that nothing else reads, the lookup with them and `last` too.
    """

    mean: Mean
    last: int
    only: frozenset[int]


def find_average(graph: FloatGraph, lookup: Lookup) -> Average | None:
    """Return the average over the last dimension of the ids of a lookup, if nothing else reads it.

    Not where the words have more dimensions than a batch and a time, or fewer.
    """
    rows = graph.operators[lookup.last].outputs[0]
    ids = graph.operators[lookup.gather].inputs[1]
    if len(graph.tensors[rows].shape) != 3 or len(graph.tensors[ids].shape) != 2:
        return None
    for last, op in enumerate(graph.operators):
        if op.code == "MEAN" and op.inputs[0] == rows and _is_time(graph, op):
            return _owned(graph, lookup, Mean.PLAIN, last, {last})
        if op.code == "DIV" and _is_plain(op):
            found = _masked(graph, op, rows, ids)
            if found is not None:
                return _owned(graph, lookup, found[0], last, {last, *found[1]})
    return None


def _masked(
    graph: FloatGraph, division: FloatOperator, rows: int, ids: int
) -> tuple[Mean, set[int]] | None:
    """Return which words count in `sum(where(mask, rows, 0)) / count(mask)`, and its ops."""
    total = _made_by(graph, division.inputs[0], "SUM")
    if total is None or not _is_time(graph, graph.operators[total]):
        return None
    choice = _made_by(graph, graph.operators[total].inputs[0], "SELECT_V2", "SELECT")
    if choice is None:
        return None
    condition, chosen, otherwise = graph.operators[choice].inputs
    if chosen != rows or not _is_constant(graph, otherwise, 0):
        return None
    mask = _mask(graph, condition, ids)
    count = _count(graph, division.inputs[1], condition)
    if mask is None or count is None:
        return None
    return count[0], {total, choice, *mask, *count[1]}


def _mask(graph: FloatGraph, condition: int, ids: int) -> set[int] | None:
    """Return the ops of `ids != 0` with a dimension of 1 behind it."""
    expansion = _made_by(graph, condition, "RESHAPE", "EXPAND_DIMS")
    if expansion is None or graph.tensors[condition].shape != (*graph.tensors[ids].shape, 1):
        return None
    comparison = _made_by(graph, graph.operators[expansion].inputs[0], "NOT_EQUAL")
    if comparison is None:
        return None
    left, right = graph.operators[comparison].inputs
    if (left, right) != (ids, right) or not _is_constant(graph, right, 0):
        return None
    return {expansion, comparison}


def _count(graph: FloatGraph, divisor: int, condition: int) -> tuple[Mean, set[int]] | None:
    """Return what the mean of no words is, and the ops of a number of words."""
    mean, found = Mean.MASKED_OR_NAN, set()
    least = _made_by(graph, divisor, "MAXIMUM")
    if least is not None:
        divisor, one = graph.operators[least].inputs
        if not _is_constant(graph, one, 1):
            return None
        mean, found = Mean.MASKED, {least}
    total = _made_by(graph, divisor, "SUM")
    if total is None or not _is_time(graph, graph.operators[total]):
        return None
    cast = _made_by(graph, graph.operators[total].inputs[0], "CAST")
    if cast is None or graph.operators[cast].inputs[0] != condition:
        return None
    return mean, found | {total, cast}


def _owned(
    graph: FloatGraph, lookup: Lookup, mean: Mean, last: int, ops: set[int]
) -> Average | None:
    """Return the average, if nothing else reads the words; a mask may have other readers."""
    own = {lookup.gather, lookup.last, *ops}
    outputs = set(graph.outputs.values())

    def is_read_elsewhere(position: int) -> bool:
        made = graph.operators[position].outputs
        return any(index in outputs or _readers(graph, index) - own for index in made)

    while shared := {position for position in own - {last} if is_read_elsewhere(position)}:
        own -= shared
    # All between is read by what reads the rows, or is not left either.
    return Average(mean, last, frozenset(own)) if {lookup.gather, lookup.last} <= own else None


def _readers(graph: FloatGraph, index: int) -> set[int]:
    return {place for place, op in enumerate(graph.operators) if index in op.inputs}


def _made_by(graph: FloatGraph, index: int, *codes: str) -> int | None:
    """Return the op that makes a tensor, if it is one of these and has no activation."""
    position = graph.producer(index)
    return None if position is None or graph.operators[position].code not in codes else position


def _is_plain(op: FloatOperator) -> bool:
    return not op.options.fusedActivationFunction


def _is_time(graph: FloatGraph, op: FloatOperator) -> bool:
    """Return whether an op goes over the second of three dimensions, which are words."""
    axes, rank = graph.tensors[op.inputs[1]].data, len(graph.tensors[op.inputs[0]].shape)
    return axes is not None and rank == 3 and [int(axis) % 3 for axis in axes.ravel()] == [1]


def _is_constant(graph: FloatGraph, index: int, value: int) -> bool:
    data = graph.tensors[index].data
    return data is not None and data.size == 1 and bool(np.all(data == value))
