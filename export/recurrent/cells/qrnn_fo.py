"""fo pooling of a quasi-recurrent network in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.recurrent.cells.qrnn import pooled
from tfpipeline.export.recurrent.portable import PortableStep


class Step(PortableStep):
    """The output is a gated part of what is pooled: h = o * c."""

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        plan, gates = self.plan, self.gates
        c = pooled(self, graph, sums, states[1], gates.state(plan.states[1]))
        o = self.gate(graph, "o", sums[2])
        return [gates.apply(graph, "MUL", f"{plan.name}/h", [o, c], plan.units, self.level), c]
