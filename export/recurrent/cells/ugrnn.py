"""The gates of an update gate network in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.portable import PortableStep


class Step(PortableStep):
    """Both gates are functions of sums: h' = n + z * (h - n)."""

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        def apply(code: str, name: str, *inputs: int, output: Quantization | None) -> int:
            full_name = f"{self.plan.name}/{name}"
            return self.gates.apply(graph, code, full_name, inputs, self.plan.units, output)

        z, n = self.gate(graph, "z", sums[0]), self.candidate(graph, "n", sums[1])
        change = apply("SUB", "change", states[0], n, output=self.double)
        kept = apply("MUL", "kept", z, change, output=self.double)
        return [apply("ADD", "h", n, kept, output=self.level)]
