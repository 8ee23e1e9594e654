"""The gates of a GRU in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.export.recurrent_portable import PortableStep, Value


class GruStep(PortableStep):
    """z and r are sigmoids of sums; the candidate's two products meet only after r.

    n = tanh(x_candidate + r * h_candidate),  h' = z * h + (1 - z) * n
    """

    def other_values(self, graph: GraphBuilder, a_x: int, frames: int) -> list[Value]:
        plan = self.plan
        rows = slice(plan.summed_rows, None)
        candidate = self.x_part(graph, "x_candidate", a_x, rows, frames)
        return [Value("x_candidate", candidate, plan.units, self.linear.inner(plan, "x_candidate"))]

    def mix(
        self,
        graph: GraphBuilder,
        total: int,
        others: Sequence[int],
        a_h: int,
        states: Sequence[int],
    ) -> list[int]:
        (x_candidate,), (h,) = others, states
        units, gates = self.plan.units, self.gates
        rows = slice(self.plan.summed_rows, None)
        h_candidate = self.h_part(graph, "h_candidate", a_h, rows)

        def named(name: str) -> str:
            return f"{self.plan.name}/{name}"

        def apply(
            code: str, name: str, a: int, b: int, output: Quantization | None = gates.unit
        ) -> int:
            return gates.apply(graph, code, named(name), [a, b], units, output)

        wide = gates.widen(graph, named("gates_wide"), total, (1, 2 * units))
        both = gates.apply(graph, "LOGISTIC", named("zr"), [wide], 2 * units, gates.unit)
        update, reset = gates.split(graph, both, [named("z"), named("r")], units, gates.unit)
        x_wide = gates.widen(graph, named("x_candidate_wide"), x_candidate, (1, units))
        h_wide = gates.widen(graph, named("h_candidate_wide"), h_candidate, (1, units))
        gated = apply("MUL", "gated", reset, h_wide, gates.wide)
        candidate = apply("ADD", "candidate", x_wide, gated, gates.wide)
        new = gates.apply(graph, "TANH", named("n"), [candidate], units, gates.unit)
        # z h + (1 - z) n = n + z (h - n): one product less, and no rounding of 1 - z.
        change = apply("SUB", "change", h, new, gates.double)
        kept = apply("MUL", "kept", update, change, gates.double)
        return [apply("ADD", "h", new, kept)]
