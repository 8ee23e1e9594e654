"""The gates of a GRU in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.portable import PortableStep


class Step(PortableStep):
    """z and r are sigmoids of sums; the candidate's two products meet only after r.

    n = tanh(x_candidate + r * h_candidate),  h' = z * h + (1 - z) * n
    """

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        (x_candidate,), (h_candidate,), (h,) = x_apart, h_apart, states
        gates = self.gates

        def apply(
            code: str, name: str, *inputs: int, output: Quantization | None = gates.unit
        ) -> int:
            full_name = f"{self.plan.name}/{name}"
            return gates.apply(graph, code, full_name, inputs, self.plan.units, output)

        update, reset = (self.gate(graph, name, p) for name, p in zip("zr", sums, strict=True))
        gated = apply("MUL", "gated", reset, h_candidate, output=self.wide)
        candidate = apply("ADD", "candidate", x_candidate, gated, output=gates.wide)
        new = self.candidate(graph, "n", candidate)
        # z h + (1 - z) n = n + z (h - n): one product less, and no rounding of 1 - z.
        change = apply("SUB", "change", h, new, output=self.double)
        kept = apply("MUL", "kept", update, change, output=self.double)
        return [apply("ADD", "h", new, kept, output=self.level)]
