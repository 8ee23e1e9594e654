"""How often a WHILE runs, where the file says so.

Understood are loops that count: the condition is `LESS(i, limit)`, or several of them joined by
LOGICAL_AND, where `i` starts at a constant and the body adds a constant to it, and `limit` is a
constant or a value that enters the loop as one and is never changed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tfpipeline.inspection.graph import Graph, ModelGraph, Operator

_INTEGERS = {"int32": "<i", "int64": "<q"}
_MAX_CONDITIONS = 64


@dataclass(frozen=True)
class Trips:
    """`exact` is False where other conditions may end the loop earlier."""

    count: int
    exact: bool


class LoopCounter:
    """Counts the runs of loops; remembers who writes which tensor of a graph."""

    def __init__(self, model: ModelGraph) -> None:
        self._model = model
        self._writers: dict[int, dict[int, Operator]] = {}
        self._places: dict[int, dict[int, int]] = {}

    def trips(self, graph: Graph, loop: Operator) -> Trips | None:
        """Return the runs of the body of a WHILE in `graph`, None when the file does not say."""
        if loop.code.name != "WHILE" or len(loop.calls) != 2:
            return None
        condition = self._model.graphs[loop.calls[0]]
        if len(condition.outputs) != 1:
            return None
        found, exact, pending = [], True, [condition.outputs[0]]
        for _ in range(_MAX_CONDITIONS):
            if not pending:
                break
            operator = self._writer(condition, pending.pop())
            if operator is not None and operator.code.name == "LOGICAL_AND":
                pending += [number for number in operator.inputs[:2] if number >= 0]
                continue
            count = None if operator is None else self._counted(graph, loop, operator)
            if count is None:
                exact = False
            else:
                found.append(count)
        return Trips(min(found), exact and not pending) if found else None

    def _counted(self, graph: Graph, loop: Operator, less: Operator) -> int | None:
        """Return the runs until a LESS is false."""
        if less.code.name != "LESS" or len(less.inputs) != 2 or min(less.inputs) < 0:
            return None
        condition, body = (self._model.graphs[number] for number in loop.calls)
        counter, limit = less.inputs
        variable = self._place(condition, counter)
        if variable is None:
            return None
        start = self._value(graph, loop.input(variable))
        step = self._step(body, variable)
        end = self._value(condition, limit)
        passed = self._place(condition, limit)
        if end is None and passed is not None and _unchanged(body, passed):
            end = self._value(graph, loop.input(passed))
        if start is None or end is None or step is None:
            return None
        return max(0, -(-(end - start) // step))

    def _step(self, body: Graph, variable: int) -> int | None:
        """Return the constant, above 0, that the body adds to a loop variable."""
        if variable >= min(len(body.inputs), len(body.outputs)):
            return None
        add = self._writer(body, body.outputs[variable])
        if add is None or add.code.name != "ADD" or len(add.inputs) != 2:
            return None
        for one, other in (add.inputs, add.inputs[::-1]):
            if one == body.inputs[variable]:
                step = self._value(body, other)
                return step if step is not None and step > 0 else None
        return None

    def _writer(self, graph: Graph, tensor: int) -> Operator | None:
        if graph.index not in self._writers:
            self._writers[graph.index] = {
                number: operator for operator in graph.operators for number in operator.outputs
            }
        return self._writers[graph.index].get(tensor)

    def _place(self, graph: Graph, tensor: int) -> int | None:
        """Which input of a graph a tensor is."""
        if graph.index not in self._places:
            self._places[graph.index] = {number: i for i, number in enumerate(graph.inputs)}
        return self._places[graph.index].get(tensor)

    def _value(self, graph: Graph, number: int) -> int | None:
        """Return the value of a constant integer of one element."""
        if number < 0:
            return None
        tensor = graph.tensors[number]
        layout = _INTEGERS.get(tensor.dtype)
        if layout is None or tensor.elements != 1 or tensor.external:
            return None
        content = self._model.content(tensor.buffer)
        if len(content) != struct.calcsize(layout):
            return None
        value: int = struct.unpack(layout, content)[0]
        return value


def _unchanged(body: Graph, variable: int) -> bool:
    return (
        variable < min(len(body.inputs), len(body.outputs))
        and body.inputs[variable] == body.outputs[variable]
    )
