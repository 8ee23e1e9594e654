"""The weighted residual connection of a FastRNN in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.recurrent.drift_control import controlled
from tfpipeline.export.recurrent.portable import PortableStep


class Step(PortableStep):
    """h' = alpha * n + beta * h, of which the filter of drift control scales both numbers."""

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        numbers, units, gates = self.plan.numbers(), self.plan.units, self.gates
        alpha, gain = numbers["alpha"], numbers["state_gain"]
        beta = numbers["zeta"] * (1 - alpha) + numbers["nu"]

        def times(name: str, x: int, factor: object) -> int:
            number = self.constant(graph, f"{name}_factor", factor)
            name = f"{self.plan.name}/{name}"
            return gates.apply(graph, "MUL", name, [x, number], units, self.level)

        new = times("new", self.candidate(graph, "n", sums[0]), gain * alpha)
        kept = times("kept", states[0], gain * beta)
        return [controlled(self, graph, [new, kept])]
