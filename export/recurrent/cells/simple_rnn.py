"""The gate of a simple recurrent network in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.recurrent.portable import PortableStep


class Step(PortableStep):
    """The state is a tanh of the sum: h' = tanh(p)."""

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        return [self.candidate(graph, "h", sums[0])]
