"""What one call of a graph costs, with all that the graphs that it runs cost in turn."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tfpipeline.inspection.arena import PLANNED_TENSORS, GraphMemory, graph_memory
from tfpipeline.inspection.graph import Graph, ModelGraph, Operator
from tfpipeline.inspection.loops import LoopCounter
from tfpipeline.inspection.macs import operator_macs
from tfpipeline.runtime.errors import ModelFileError

_DEEPEST = 64
#: Numbers beyond this are nonsense, and loops in loops would make them as long as a page.
_MOST = 1 << 62


@dataclass(frozen=True)
class Cost:
    """One call of a graph.

    Args:
        macs: Multiply-accumulates.
        by_operator: The same by operator.
        exact: False where a loop may end earlier, or a branch may be cheaper.
        open_loops: Loops whose number of runs the file does not say; counted as one run.
        arena: Estimated bytes of activations, of this graph and of those that it runs.
        live: As `arena`, but the bytes that are alive at one time.
        planned: Whether `arena` was planned, and not only counted.
        dynamic: Whether a size was left open.
        calls: Runs of other graphs, by graph; -1: the file does not say.
    """

    macs: int
    by_operator: dict[str, int]
    exact: bool
    open_loops: int
    arena: int
    live: int
    planned: bool
    dynamic: bool
    calls: dict[int, int]


class CostCounter:
    """Computes costs of graphs, each once."""

    def __init__(self, model: ModelGraph) -> None:
        self._model = model
        self._loops = LoopCounter(model)
        self._known: dict[int, Cost] = {}
        self._open: list[int] = []
        # As much as the largest graph that is planned costs, for all of them together.
        self._pairs_left = PLANNED_TENSORS**2

    def cost(self, index: int) -> Cost:
        """Return the cost of one call of a graph.

        Raises:
            ModelFileError: graphs call each other in a circle, or too deep.
        """
        if index not in self._known:
            if index in self._open or len(self._open) >= _DEEPEST:
                raise ModelFileError(
                    f"{self._model.path} is damaged (its graphs run each other without end): "
                    "export or copy it again"
                )
            self._open.append(index)
            self._known[index] = self._count(self._model.graphs[index])
            self._open.pop()
        return self._known[index]

    def _count(self, graph: Graph) -> Cost:
        own = graph_memory(self._model, graph, plan=self._pairs_left > 0)
        self._pairs_left -= own.tensors**2
        by_operator: dict[str, int] = defaultdict(int)
        calls: dict[int, int] = {}
        exact, open_loops, inner = True, 0, own
        for operator in graph.operators:
            by_operator[operator.code.label] += operator_macs(graph, operator)
            if not operator.calls:
                continue
            costs = [self.cost(number) for number in operator.calls]
            runs, sure, unknown = self._runs(graph, operator)
            exact = exact and sure and all(cost.exact for cost in costs)
            open_loops += unknown + sum(cost.open_loops for cost in costs)
            for number, count in zip(operator.calls, runs, strict=True):
                calls[number] = -1 if unknown else calls.get(number, 0) + count
            if operator.code.name == "IF":
                costs_run = [(max(costs, key=lambda cost: cost.macs), 1)]
            else:
                costs_run = list(zip(costs, runs, strict=True))
            for cost, count in costs_run:
                for label, macs in cost.by_operator.items():
                    by_operator[label] = min(_MOST, by_operator[label] + count * macs)
            inner = _larger(inner, own, costs)
        return Cost(
            macs=min(_MOST, sum(by_operator.values())),
            by_operator={k: v for k, v in by_operator.items() if v},
            exact=exact,
            open_loops=open_loops,
            arena=inner.arena,
            live=inner.live,
            planned=inner.planned,
            dynamic=inner.dynamic,
            calls=calls,
        )

    def _runs(self, graph: Graph, operator: Operator) -> tuple[list[int], bool, int]:
        """Return the runs of each called graph and whether they are sure; 1 for an unknown loop."""
        if operator.code.name == "WHILE":
            trips = self._loops.trips(graph, operator)
            if trips is None:
                return [1] * len(operator.calls), True, 1
            return [trips.count + 1, trips.count], trips.exact, 0
        if operator.code.name == "CALL_ONCE":
            # It runs at the first call only.
            return [0] * len(operator.calls), True, 0
        return [1] * len(operator.calls), operator.code.name != "IF", 0


def _larger(so_far: GraphMemory, own: GraphMemory, called: list[Cost]) -> GraphMemory:
    """Return the memory of a graph while it runs others, which keep theirs at the same time."""
    return GraphMemory(
        arena=max(so_far.arena, own.arena + sum(cost.arena for cost in called)),
        live=max(so_far.live, own.live + sum(cost.live for cost in called)),
        planned=so_far.planned and all(cost.planned for cost in called),
        dynamic=so_far.dynamic or any(cost.dynamic for cost in called),
    )
