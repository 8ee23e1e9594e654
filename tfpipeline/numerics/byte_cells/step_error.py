"""How far an integer step may be from the step of the same weights in exact arithmetic."""

from __future__ import annotations

from tfpipeline.numerics.byte_cells.cell_weights import SCALAR_SCALE
from tfpipeline.numerics.byte_cells.fixed_point import GATE_BITS, UNIT_BITS
from tfpipeline.numerics.byte_cells.integer_cell import IntegerCell


def step_error(cell: IntegerCell) -> float:
    """Return a bound on |h - h_exact| behind one step, for any int16 vectors that go in.

    The exact step has the numbers that the integers stand for: bytes over their scale, scalars in
    thousandths, vectors with their fractions; it cuts states where the integers do. Each rounding
    is at most half a step of what it rounds, each function here has a slope of at most 1, and a
    product of rounded numbers is off by each error times the other's magnitude:

        e_p = the sums                                    `IntegerSums.error`
        e_n = e_p + unit + half a step of n
        e_z = (e_p + half a step where it is shifted + unit) / 2
        fast_rnn:   e = alpha e_n + e_alpha + |h| e_beta + half a step of h
        fast_grnn:  e_g = zeta e_z + e_zeta + e_nu + half a step
                    e = (zeta + nu + e_g) e_n + e_g + |h| e_z + half a step of h
        and through the filter:  gain e + |h| e_gain + half a step, twice
    """
    half_gate, half_state = 0.5 / 2**GATE_BITS, 0.5 / 2**cell.state_bits
    largest = 2**15 / 2**cell.state_bits
    e_p = cell.sums.error()
    e_n = e_p + cell.unit.error + (half_state if cell.state_bits < UNIT_BITS else 0.0)
    values = {name: value / SCALAR_SCALE for name, value in cell.weights.scalars.items()}
    off = {name: abs(cell.scalars[name] / 2**GATE_BITS - value) for name, value in values.items()}
    if cell.weights.cell == "fast_rnn":
        error = values["alpha"] * e_n + off["alpha"] * (1 + e_n) + largest * off["beta"]
    else:
        halved = 0.5 / cell.sums.one if cell.gate_shift else 0.0
        e_z = (e_p + halved + cell.unit.error) / 2
        e_g = values["zeta"] * e_z + off["zeta"] * (1 + e_z) + off["nu"] + half_gate
        error = (values["zeta"] + values["nu"] + e_g) * e_n + e_g + largest * e_z
    error += half_state
    # The filter's gain is rounded as the scalars are.
    if cell.gain != 1 << GATE_BITS:
        error += largest * half_gate + half_state
    return error + (half_state if cell.offset else 0.0)
