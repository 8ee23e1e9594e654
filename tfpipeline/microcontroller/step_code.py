"""The functions of a header: one step of the cell in the order of `IntegerCell.step`."""

from __future__ import annotations

from tfpipeline.microcontroller.matrix_code import MatrixCode, table
from tfpipeline.numerics.byte_cells import IntegerCell
from tfpipeline.numerics.byte_cells.fixed_point import GATE_BITS, INT16_MAX, INT32_MAX, UNIT_BITS

_VECTORS = ("int16_t", "int32_t")


class StepCode:
    """C of one cell.

    Args:
        name: prefix of everything.
        cell: what it computes.
    """

    def __init__(self, name: str, cell: IntegerCell) -> None:
        self._name, self._cell = name, cell
        weights = cell.weights
        self._kernels = [
            [
                MatrixCode(f"{name}_{letter}{i + 1}", matrix, _VECTORS[i])
                for i, matrix in enumerate(matrices)
            ]
            for letter, matrices in (("w", weights.kernel), ("u", weights.recurrent_kernel))
        ]
        self.matrices = [matrix for kernel in self._kernels for matrix in kernel]

    def tables(self) -> list[str]:
        """Return the definitions of all tables of the cell."""
        bias = [
            table(self._bias_type, f"{self._name}_bias_{row}", numbers)
            for row, numbers in zip(self._bias_rows(), self._bias_numbers(), strict=True)
        ]
        return [*(matrix.tables() for matrix in self.matrices), *bias]

    @property
    def bias_bytes(self) -> int:
        """Bytes of the biases."""
        return int(self._cell.weights.bias.size) * (1 if self._bias_type == "int8_t" else 4)

    def functions(self) -> list[str]:
        """Return the definitions of all functions of the cell, the step last."""
        return [*(matrix.function() for matrix in self.matrices), self._unit(), self._step()]

    def scratch_bytes(self) -> int:
        """Return the bytes of the step's own arrays, which lie on the stack."""
        return 4 * (2 * self._cell.weights.units + max(map(_inner, self._kernels)))

    # The sums.

    def _sums(self) -> list[str]:
        """Return the lines that fill p: `IntegerSums`."""
        sums, units = self._cell.sums, f"{self._name.upper()}_UNITS"
        more = self._cell.state_bits - self._cell.x_bits
        factored = any(len(kernel) == 2 for kernel in self._kernels)
        shifts = (sums.shift, sums.shift + more) if factored else (0, more)
        lines: list[str] = []
        for kernel, vector, into, bits in zip(
            self._kernels, ("x", "h"), ("p", "q"), shifts, strict=True
        ):
            first = kernel[0]
            if len(kernel) == 1:
                factor = f" * {self._cell.weights.scale}" if factored else ""
                lines.append(f"{first.name}({vector}, {into});")
                if bits or factor:
                    value = f"({_shifted(f'{into}[j]', bits)}){factor}"
                    lines += [f"for (j = 0; j < {units}; ++j)", f"    {into}[j] = {value};"]
            else:
                lines.append(f"{first.name}({vector}, r);")
                if bits:
                    lines.append(f"for (j = 0; j < {first.columns}; ++j)")
                    lines.append(f"    r[j] = {_shifted('r[j]', bits)};")
                lines.append(f"{kernel[1].name}(r, {into});")
        return lines

    # The gates.

    def _unit(self) -> str:
        unit, one = self._cell.unit, self._cell.sums.one
        top = 1 << UNIT_BITS
        before = [f"    v = {_shifted('v', unit.before)};"] if unit.before else []
        lines = [
            "/* The sum's share of one, from -2^14 to 2^14. */",
            f"static inline int32_t {self._name}_unit(int32_t v)",
            "{",
            *_clamped("v", -one, one),
            *before,
            f"    v = {_shifted(f'v * {unit.multiplier}', unit.after)};",
            *_clamped("v", -top, top),
            "    return v;",
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _step(self) -> str:
        name, cell = self._name, self._cell
        top = name.upper()
        rank = max(map(_inner, self._kernels))
        # In one array, with what is read most at its start: an address of few bits.
        inner = ["    int32_t *const r = scratch;"] if rank else []
        lines = [
            "/* Takes one more time step into the state. */",
            f"static inline void {name}_step({name}_state *state, const int16_t x[{top}_FEATURES])",
            "{",
            "    int16_t *const h = state->h;",
            f"    int32_t scratch[{rank} + 2 * {top}_UNITS];",
            f"    int32_t *const p = scratch + {rank}, *const q = p + {top}_UNITS;",
            *inner,
            "    unsigned j;",
            *(f"    {line}" for line in self._sums()),
            f"    for (j = 0; j < {top}_UNITS; ++j) {{",
            "        const int32_t sum = p[j] + q[j];",
            *(f"        {line}" for line in self._update()),
            *(f"    {line}" for line in self._kept(cell)),
            "        h[j] = (int16_t)v;",
            "    }",
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _update(self) -> list[str]:
        name, scalars = self._name, self._cell.scalars
        lower = UNIT_BITS - self._cell.state_bits
        n = f"{name}_unit(sum + {self._bias('n')})"
        lines = [f"const int32_t n = {_shifted(n, lower)};"]
        if self._cell.weights.cell == "fast_rnn":
            update = f"{scalars['alpha']} * n + {scalars['beta']} * (int32_t)h[j]"
            return [*lines, f"int32_t v = {_shifted(update, GATE_BITS)};"]
        one, shift = 1 << GATE_BITS, self._cell.gate_shift
        gate = f"sum + {self._bias('z')}"
        if shift:
            reach = self._cell.sums.one << shift
            lines += [f"int32_t s = {gate};", *(line[4:] for line in _clamped("s", -reach, reach))]
            gate = _shifted("s", shift)
        lines += [f"const int32_t z = {name}_unit({gate}) + {1 << UNIT_BITS};"]
        g = _shifted(f"{scalars['zeta']} * ({one} - z)", GATE_BITS)
        return [
            *lines,
            f"const int32_t g = ({g}) + {scalars['nu']};",
            f"int32_t v = {_shifted('g * n + z * h[j]', GATE_BITS)};",
        ]

    def _kept(self, cell: IntegerCell) -> list[str]:
        """Return the lines that filter and cut v."""
        lines: list[str] = []
        if cell.gain != 1 << GATE_BITS or cell.offset:
            lines += _clamped("v", -INT16_MAX - 1, INT16_MAX)
            lines += [f"    v = ({_shifted(f'v * {cell.gain}', GATE_BITS)}) + {cell.offset};"]
        return lines + _clamped("v", -cell.limit, cell.limit)

    # The bias.

    def _bias_rows(self) -> tuple[str, ...]:
        return ("n",) if self._cell.weights.cell == "fast_rnn" else ("z", "n")

    def _bias_scale(self) -> tuple[int, int]:
        """Return by what a stored byte is multiplied, and how far it is then shifted."""
        cell = self._cell
        factored = any(len(kernel) == 2 for kernel in self._kernels)
        more = cell.x_bits - cell.sums.shift
        return (cell.weights.scale if factored else 1) << max(0, more), max(0, -more)

    @property
    def _bias_type(self) -> str:
        factor, bits = self._bias_scale()
        return "int8_t" if 128 * factor + (1 << bits) <= INT32_MAX else "int32_t"

    def _bias_numbers(self) -> list[list[int]]:
        stored = self._bias_type == "int8_t"
        rows = self._cell.weights.bias if stored else self._cell.sums.bias
        return [[int(number) for number in row] for row in rows]

    def _bias(self, row: str) -> str:
        entry = f"{self._name}_bias_{row}[j]"
        if self._bias_type == "int32_t":
            return entry
        factor, bits = self._bias_scale()
        return f"({_shifted(f'(int32_t){entry} * {factor}', bits)})"


def _inner(kernel: list[MatrixCode]) -> int:
    return kernel[0].columns if len(kernel) == 2 else 0


def _shifted(value: str, bits: int) -> str:
    """Return `fixed_point.shift_right` in C."""
    return f"({value} + {1 << (bits - 1)}) >> {bits}" if bits else value


def _clamped(name: str, low: int, high: int) -> list[str]:
    return [
        f"    if ({name} > {high}) {name} = {high};",
        f"    if ({name} < {low}) {name} = {low};",
    ]
