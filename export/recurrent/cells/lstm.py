"""The gates of an LSTM in builtin ops."""

from __future__ import annotations

from collections.abc import Sequence

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization
from tfpipeline.export.recurrent.portable import PortableStep


class Step(PortableStep):
    """All four gates are functions of sums.

    c' = sigmoid(p[f]) * c + sigmoid(p[i]) * tanh(p[c]),  h' = sigmoid(p[o]) * tanh(c')
    """

    def mix(
        self,
        graph: GraphBuilder,
        sums: Sequence[int],
        x_apart: Sequence[int],
        h_apart: Sequence[int],
        states: Sequence[int],
    ) -> list[int]:
        units, gates = self.plan.units, self.gates
        cell = gates.state(self.plan.states[1])

        def named(name: str) -> str:
            return f"{self.plan.name}/{name}"

        def apply(code: str, name: str, inputs: Sequence[int], output: Quantization | None) -> int:
            return gates.apply(graph, code, named(name), inputs, units, output)

        p_i, p_f, p_c, p_o = sums
        i, f, o = (self.gate(graph, name, p) for name, p in (("i", p_i), ("f", p_f), ("o", p_o)))
        candidate = self.candidate(graph, "candidate", p_c)
        kept = apply("MUL", "kept", [f, states[1]], cell)
        added = apply("MUL", "added", [i, candidate], self.level)
        c = apply("ADD", "c", [kept, added], cell)
        h = apply("MUL", "h", [o, self.candidate(graph, "tanh_c", c)], self.level)
        return [h, c]
