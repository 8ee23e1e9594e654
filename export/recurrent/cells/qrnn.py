"""f pooling of a quasi-recurrent network in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.portable import PortableStep


def pooled(
    step: PortableStep, graph: GraphBuilder, sums: Sequence[int], old: int, q: Quantization | None
) -> int:
    """Return f * old + (1 - f) * z = z + f * (old - z), in the format `q` of the old state."""
    units, name = step.plan.units, step.plan.name
    double = None if q is None else Quantization(2.0 * q.scales()[0], 0)
    z, f = step.candidate(graph, "z", sums[0]), step.gate(graph, "f", sums[1])
    change = step.gates.apply(graph, "SUB", f"{name}/change", [old, z], units, double)
    kept = step.gates.apply(graph, "MUL", f"{name}/kept", [f, change], units, double)
    return step.gates.apply(graph, "ADD", f"{name}/pooled", [z, kept], units, q)


class Step(PortableStep):
    """The state is what is pooled."""

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        return [pooled(self, graph, sums, states[0], self.level)]
