"""Estimates the memory of activations, planned as TensorFlow Lite's arena plans it.

Every tensor lives from the operator that writes it to the last one that reads it; inputs, outputs
and variables live throughout. Places are given to the long-lived first and then to the largest,
each in the smallest gap that it fits, aligned to 64 bytes. Operators that may write over their
input do. Not in the estimate, because the file does not say it: scratch memory of kernels, packed
copies of weights, and what a delegate such as XNNPACK keeps for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfpipeline.inspection.graph import Graph, ModelGraph, Operator, Tensor

_ALIGNMENT = 64
_FOREVER = 1 << 40
#: Tensors up to this size are never shared between an operator's input and output.
_SCALAR_BYTES = 8
#: Planning takes the square of this; of larger graphs the live bytes are still counted.
PLANNED_TENSORS = 8192

_OVERWRITES = {
    "ADD": (0, 1),
    "SUB": (0, 1),
    "MUL": (0, 1),
    "DIV": (0, 1),
    "SOFTMAX": (0,),
    "DYNAMIC_UPDATE_SLICE": (0,),
}
_PASSES_ON = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "BITCAST"}


@dataclass(frozen=True)
class GraphMemory:
    """The activations of one graph.

    Args:
        arena: Bytes of the planned arena; the live bytes where the graph was too large to plan.
        live: The most bytes that are needed at one time, which no plan can undercut.
        planned: Whether `arena` is a plan.
        dynamic: Whether sizes were left open, and taken as the file's.
        tensors: How many were planned or counted; planning compares each with each.
    """

    arena: int
    live: int
    planned: bool
    dynamic: bool
    tensors: int = 0


@dataclass(frozen=True)
class Life:
    """When a tensor needs its bytes: numbers of the first and the last operator."""

    tensor: int
    size: int
    first: int
    last: int


def graph_memory(model: ModelGraph, graph: Graph, plan: bool = True) -> GraphMemory:
    """Plan one graph; only count its live bytes without `plan`, or where it is too large."""
    lives = lifetimes(model, graph)
    live = _most_at_once(lives)
    planned = plan and len(lives) <= PLANNED_TENSORS
    return GraphMemory(
        arena=_plan(lives) if planned else live,
        live=live,
        planned=planned,
        dynamic=any(tensor.dynamic for tensor in graph.tensors),
        tensors=len(lives),
    )


def lifetimes(model: ModelGraph, graph: Graph) -> list[Life]:
    """Return the lifetime of every tensor that takes arena memory."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    kept = {*graph.inputs, *graph.outputs}
    kept |= {t.index for t in graph.tensors if t.variable}
    for number in (*graph.inputs, *(t.index for t in graph.tensors if t.variable)):
        first[number] = 0
    shared = _shared(model, graph, kept)
    for operator in graph.operators:
        for number in operator.inputs:
            last[shared.get(number, number)] = 0
    for step, operator in enumerate(graph.operators):
        unused = _passed_through(model, operator)
        for number in operator.outputs:
            if number not in unused or number in last or number in kept:
                first.setdefault(number, step)
        for number in operator.inputs:
            last[shared.get(number, number)] = step
    lives = []
    for number, start in first.items():
        if number < 0 or number in shared or model.constant(graph.tensors[number]):
            continue
        # What nobody reads is never given back, just as in the interpreter.
        end = _FOREVER if number in kept else last.get(number, _FOREVER)
        size = graph.tensors[number].nbytes
        if size:
            lives.append(Life(number, size, start, end))
    return lives


def _passed_through(model: ModelGraph, operator: Operator) -> set[int]:
    """Return outputs of a loop that equal its inputs: unread, they are not even allocated."""
    if operator.code.name != "WHILE" or len(operator.calls) != 2:
        return set()
    body = model.graphs[operator.calls[1]]
    pairs = zip(body.inputs, body.outputs, operator.outputs, strict=False)
    return {output for before, after, output in pairs if before == after}


def _shared(model: ModelGraph, graph: Graph, kept: set[int]) -> dict[int, int]:
    """Return outputs that take the memory of an input, with the tensor whose memory it is."""
    reads: dict[int, int] = {}
    for operator in graph.operators:
        for number in operator.inputs:
            reads[number] = reads.get(number, 0) + 1
    shared: dict[int, int] = {}
    for operator in graph.operators:
        places = _OVERWRITES.get(operator.code.name, ())
        passes_on = operator.code.name in _PASSES_ON
        if (not places and not passes_on) or not operator.outputs or operator.outputs[0] < 0:
            continue
        output = operator.outputs[0]
        source = _source(model, graph, operator, places or (0,), output, kept, reads, passes_on)
        if source is None:
            continue
        owner = shared.get(source, source)
        if passes_on or reads.get(owner, 0) <= 1:
            shared[output] = owner
    return shared


def _source(
    model: ModelGraph,
    graph: Graph,
    operator: Operator,
    places: tuple[int, ...],
    output: int,
    kept: set[int],
    reads: dict[int, int],
    passes_on: bool,
) -> int | None:
    """Return the first input whose memory the output may take."""
    if output in kept:
        return None
    for place in places:
        number = operator.input(place)
        if number < 0 or number in kept or model.constant(graph.tensors[number]):
            continue
        if passes_on or _fits(graph.tensors[number], graph.tensors[output], reads[number]):
            return number
    return None


def _fits(source: Tensor, output: Tensor, reads: int) -> bool:
    return source.nbytes == output.nbytes and source.nbytes > _SCALAR_BYTES and reads <= 1


def _most_at_once(lives: list[Life]) -> int:
    """Return the largest sum of sizes of tensors that live at the same time."""
    changes: dict[int, int] = {}
    for life in lives:
        changes[life.first] = changes.get(life.first, 0) + life.size
        changes[life.last + 1] = changes.get(life.last + 1, 0) - life.size
    most = now = 0
    for step in sorted(changes):
        now += changes[step]
        most = max(most, now)
    return most


def _plan(lives: list[Life]) -> int:
    """Bytes of the arena after every tensor got its place."""
    throughout = [x for x in lives if x.first == 0 and x.last == _FOREVER]
    others = [x for x in lives if not (x.first == 0 and x.last == _FOREVER)]
    throughout.sort(key=lambda x: x.tensor)
    others.sort(key=lambda x: (-x.size, x.first))
    first, last, start, end = (np.zeros(len(lives), np.int64) for _ in range(4))
    arena = 0
    for count, life in enumerate([*throughout, *others]):
        alive = (last[:count] >= life.first) & (first[:count] <= life.last)
        order = np.argsort(start[:count][alive], kind="stable")
        begins, ends = start[:count][alive][order], end[:count][alive][order]
        place = _place(begins, ends, life.size)
        first[count], last[count] = life.first, life.last
        start[count], end[count] = place, place + life.size
        arena = max(arena, place + life.size)
    return arena


def _place(begins: np.ndarray, ends: np.ndarray, size: int) -> int:
    """Return the offset of the tightest gap between what lives then, or behind all of it."""
    if not len(begins):
        return 0
    reached = np.maximum.accumulate(ends)
    # Gap i lies before block i: from the end of all blocks before it, aligned.
    free_from = np.concatenate([np.zeros(1, np.int64), reached[:-1]])
    free_from = -(-free_from // _ALIGNMENT) * _ALIGNMENT
    room = begins - free_from
    fitting = np.flatnonzero(room >= size)
    if len(fitting):
        return int(free_from[fitting[np.argmin(room[fitting])]])
    return -(-int(reached[-1]) // _ALIGNMENT) * _ALIGNMENT
