"""The gate and the candidate of a FastGRNN in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.drift_control import controlled
from tfpipeline.export.recurrent.portable import PortableStep


class Step(PortableStep):
    """Gate and candidate are functions of one sum.

    h' = a * n + z * h,  a = zeta * (1 - z) + nu = (zeta + nu) - zeta * z

    The filter of drift control scales a and the kept state.
    """

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        (p,), numbers = sums, self.plan.numbers()
        zeta, nu, gain = (float(numbers[name]) for name in ("zeta", "nu", "state_gain"))

        def apply(code: str, name: str, x: int, y: int, output: Quantization | None) -> int:
            full_name = f"{self.plan.name}/{name}"
            return self.gates.apply(graph, code, full_name, [x, y], self.plan.units, output)

        def constant(name: str, values: object) -> int:
            return self.constant(graph, name, values)

        z = self.gate(graph, "z", p)
        shifted = apply("ADD", "shifted", p, constant("shift", numbers["shift"]), self.wide)
        n = self.candidate(graph, "n", shifted)
        closed = apply(
            "MUL", "closed", z, constant("closed_factor", -gain * zeta), self.gates.double
        )
        let_in = apply(
            "ADD", "let_in", closed, constant("open", gain * (zeta + nu)), self.gates.double
        )
        new = apply("MUL", "new", let_in, n, self.level)
        kept = apply("MUL", "kept", z, states[0], self.level)
        if gain != 1.0:
            kept = apply("MUL", "kept_filtered", kept, constant("gain", gain), self.level)
        return [controlled(self, graph, [new, kept])]
