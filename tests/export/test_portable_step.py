"""One step of a portable recurrent layer in LiteRT, against its arithmetic in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from random_step import quantized, random_step

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.modes import MODES
from tfpipeline.export.quantize.quantization import affine
from tfpipeline.export.recurrent.cells import portable_step
from tfpipeline.export.recurrent.gate_format import FLOAT_GATES, INT16_GATES, GateArithmetic
from tfpipeline.export.recurrent.portable_layer import lower_step
from tfpipeline.export.recurrent.product_format import LinearArithmetic
from tfpipeline.export.recurrent.quantize import RecurrentPlan
from tfpipeline.numerics.cells import CELLS, Functions
from tfpipeline.numerics.quantize import quantize_affine
from tfpipeline.numerics.recurrent import QuantizedMatrix
from tfpipeline.numerics.recurrent_float import FLOAT_FUNCTIONS
from tfpipeline.protocol import RecurrentStep

pytestmark = pytest.mark.slow

UNITS, FEATURES, STEPS = 12, 10, 40


def _layer(cell: str, rank: int | None) -> RecurrentStep:
    # Some rows are loud, so that they are cut, and others are not.
    return random_step(cell, UNITS, FEATURES, rank, seed=11)


def _inputs() -> np.ndarray:
    rng = np.random.default_rng(12)
    loud = np.exp(rng.normal(size=(8, STEPS, 1)))
    return (loud * rng.normal(size=(8, STEPS, FEATURES))).astype(np.float32)


@dataclass
class Portable:
    """A layer as a graph of one step; `x` and the states are real numbers."""

    plan: RecurrentPlan
    gates: GateArithmetic
    mode: str
    x: np.ndarray

    def __post_init__(self) -> None:
        mode = MODES[self.mode]
        self.q = affine(self.x) if mode.activations == "int8" else None
        model = ModelBuilder("step")
        graph = model.graph("main")
        step = portable_step(self.plan.cell)(self.plan, self.q, LinearArithmetic(mode), self.gates)
        x = graph.tensor("x", (1, 1, FEATURES), np.dtype(mode.activations), self.q)
        states = [
            graph.tensor(s.name, (1, UNITS), self.gates.dtype, self.gates.state(s))
            for s in self.plan.states
        ]
        _, new = lower_step(graph, step, x, states)
        graph.finish([x, *states], new)
        self.units = [
            self.gates.state(s).scales()[0] if self.gates.state(s) else None
            for s in self.plan.states
        ]
        self.interpreter = Interpreter(model_content=model.to_bytes())
        self.interpreter.allocate_tensors()

    def run(self, x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        inputs = self.interpreter.get_input_details()
        if self.q is not None:
            x = quantize_affine(x, self.q.scales()[0], self.q.zero_point)
        self.interpreter.set_tensor(inputs[0]["index"], x.reshape(1, 1, FEATURES))
        for details, state, unit in zip(inputs[1:], states, self.units, strict=True):
            value = state if unit is None else np.rint(state / unit).astype(np.int16)
            self.interpreter.set_tensor(details["index"], value.reshape(1, UNITS))
        self.interpreter.invoke()
        found = [
            self.interpreter.get_tensor(d["index"])[0]
            for d in self.interpreter.get_output_details()
        ]
        return [v if unit is None else v * unit for v, unit in zip(found, self.units, strict=True)]


def _rows(matrix: QuantizedMatrix) -> np.ndarray:
    return matrix.values * matrix.scales[:, None].astype(np.float64)


def _expected(
    plan: RecurrentPlan, x: np.ndarray, states: list[np.ndarray], joined: bool
) -> list[np.ndarray]:
    """The step with products rounded to 127ths of their reach, and exact gates."""

    def steps(values: np.ndarray, scale: float, low: float = -128.0) -> np.ndarray:
        return np.clip(np.rint(values / scale), low, 127) * scale

    def product(operand: np.ndarray, matrices: tuple[QuantizedMatrix, ...], scale: float | None):
        if len(matrices) == 2:
            assert scale is not None
            operand = steps(_rows(matrices[0]) @ operand, scale)
        return _rows(matrices[-1]) @ operand

    h8 = steps(states[0], plan.output_scale)
    p_x = product(x, plan.kernel, plan.kernel_scale) + plan.bias[0]
    p_h = np.zeros_like(p_x)
    if plan.cell.recurrent:
        p_h = product(h8, plan.recurrent_kernel, plan.recurrent_scale)
    p_h = p_h + (plan.bias[1] if plan.cell.bias_rows > 1 else 0.0)
    reach, n = plan.reach, plan.summed_rows
    rounded_x, rounded_h = steps(p_x, reach["x"] / 127), steps(p_h, reach["h"] / 127)
    joined = joined and plan.cell.recurrent
    sums = steps((p_x + p_h)[:n], reach["sum"] / 127) if joined else (rounded_x + rounded_h)[:n]
    # Only sums of summed gates are ever read, so that it does not matter which part holds them.
    x_gates = np.split(np.concatenate([sums, rounded_x[n:]]), len(plan.cell.gates))
    h_gates = np.split(np.concatenate([np.zeros(n), rounded_h[n:]]), len(plan.cell.gates))
    functions = FLOAT_FUNCTIONS[plan.recurrent_activation], FLOAT_FUNCTIONS[plan.activation]
    exact = Functions(*functions, _unchanged, _unchanged, plan.numbers())
    return [*plan.cell.step(x_gates, h_gates, states, exact)]


def _unchanged(state: np.ndarray) -> np.ndarray:
    return state


@pytest.mark.parametrize("gates", [FLOAT_GATES, INT16_GATES], ids=["float gates", "int16 gates"])
@pytest.mark.parametrize("rank", [None, 4])
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_of_int8_products(cell: str, rank: int | None, gates: GateArithmetic) -> None:
    step, x = _layer(cell, rank), _inputs()
    plan, _ = quantized(step, x)
    # Loud rows are cut: the test would not see how far they reach otherwise.
    assert plan.largest_sum > 1.3 * plan.reach["x"].max()
    _check_int8(plan, x, gates, joined=rank is not None)


@pytest.mark.parametrize("gates", [FLOAT_GATES, INT16_GATES], ids=["float gates", "int16 gates"])
@pytest.mark.parametrize(
    ("recurrent_activation", "activation"),
    [
        ("tfpipeline>quant_sigmoid", "tfpipeline>quant_tanh"),
        ("tfpipeline>quant_sigmoid4", "tfpipeline>quant_sigmoid"),
        ("hard_sigmoid", "relu"),
    ],
)
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_with_other_gate_functions(
    cell: str, recurrent_activation: str, activation: str, gates: GateArithmetic
) -> None:
    functions = {"recurrent_activation": recurrent_activation, "activation": activation}
    # Small weights: without a bound a layer of random ones explodes.
    sizes = {"kernel_size": 0.2, "recurrent_size": 0.1}
    step, x = random_step(cell, UNITS, FEATURES, seed=3, **sizes, **functions), _inputs()
    plan, _ = quantized(step, x)
    _check_int8(plan, x, gates, joined=False)


def _check_int8(plan: RecurrentPlan, x: np.ndarray, gates: GateArithmetic, joined: bool) -> None:
    portable = Portable(plan, gates, "int8", x)
    q = portable.q
    states = [np.zeros(UNITS, np.float32) for _ in plan.states]
    differences = []
    for frame in x[0]:
        levels = quantize_affine(frame, q.scales()[0], q.zero_point).astype(np.float64)
        real = (levels - q.zero_point) * q.scales()[0]
        expected = _expected(plan, real, states, joined=joined)
        states = portable.run(frame, states)
        differences += [np.abs(a - b) for a, b in zip(expected, states, strict=True)]
    # Floats differ in their last bits, int16 gates in a few steps of h, 2^-15 where it is bounded;
    # a product that falls on the other side of a tie moves one unit by a step of it.
    coarser = plan.states[0].int16.scales()[0] / 2.0**-15
    assert np.median(differences) < (1e-5 if gates is FLOAT_GATES else 3e-4 * coarser)
    assert np.mean(differences) < 1e-3 * coarser


@pytest.mark.parametrize("mode", ["float32", "dynamic"])
@pytest.mark.parametrize("rank", [None, 4])
@pytest.mark.parametrize("cell", CELLS)
def test_a_step_of_other_products_follows_the_float_layer(
    cell: str, rank: int | None, mode: str
) -> None:
    step, x = _layer(cell, rank), _inputs()
    plan, output = quantized(step, x)
    portable = Portable(plan, FLOAT_GATES, mode, x)
    states = [np.zeros(UNITS, np.float32) for _ in plan.states]
    found = []
    for frame in x[0]:
        states = portable.run(frame, states)
        found.append(states[0])
    error = np.abs(np.stack(found) - output[0]).mean()
    assert error < (1e-5 if mode == "float32" else 0.02)
