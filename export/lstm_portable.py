"""The gates of an LSTM in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer import GraphBuilder, Quantization
from tfpipeline.export.recurrent_portable import PortableStep, Value


class LstmStep(PortableStep):
    """All four gates are functions of sums.

    c' = sigmoid(p[f]) * c + sigmoid(p[i]) * tanh(p[c]),  h' = sigmoid(p[o]) * tanh(c')
    """

    def other_values(self, graph: GraphBuilder, a_x: int, frames: int) -> list[Value]:
        return []

    def mix(
        self,
        graph: GraphBuilder,
        total: int,
        others: Sequence[int],
        a_h: int,
        states: Sequence[int],
    ) -> list[int]:
        units, gates = self.plan.units, self.gates
        cell = gates.state(self.plan.states[1])

        def named(name: str) -> str:
            return f"{self.plan.name}/{name}"

        def apply(code: str, name: str, inputs: Sequence[int], output: Quantization | None) -> int:
            return gates.apply(graph, code, named(name), inputs, units, output)

        wide = gates.widen(graph, named("gates_wide"), total, (1, 4 * units))
        names = [named(f"p_{gate}") for gate in "ifco"]
        p_i, p_f, p_c, p_o = gates.split(graph, wide, names, units, gates.wide)
        i, f, o = (
            apply("LOGISTIC", name, [p], gates.unit)
            for name, p in (("i", p_i), ("f", p_f), ("o", p_o))
        )
        candidate = apply("TANH", "candidate", [p_c], gates.unit)
        kept = apply("MUL", "kept", [f, states[1]], cell)
        added = apply("MUL", "added", [i, candidate], gates.unit)
        c = apply("ADD", "c", [kept, added], cell)
        h = apply("MUL", "h", [o, apply("TANH", "tanh_c", [c], gates.unit)], gates.unit)
        return [h, c]
