"""Every op of a portable step in LiteRT against numpy, bit for bit.

LiteRT runs its reference kernels here (`BUILTIN_REF`); optimized ones and XNNPACK round some
products in other ways. Each op gets the inputs that it had in the runtime, so that all of them
together are the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from random_step import quantized, random_step
from reference_ops import FLOAT_TOLERANCE, KERNELS, Tensor

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.export.modes import MODES
from tfpipeline.export.quantize.quantization import affine, symmetric_int16
from tfpipeline.export.recurrent.cells import portable_step
from tfpipeline.export.recurrent.gate_format import FLOAT_GATES, INT16_GATES, GateArithmetic
from tfpipeline.export.recurrent.portable_layer import lower_step
from tfpipeline.export.recurrent.product_format import LinearArithmetic
from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.quantize import quantize_affine

pytestmark = pytest.mark.slow

UNITS, FEATURES, STEPS = 12, 10, 40
NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}


@dataclass(frozen=True)
class Op:
    """One operator of a graph: its name, tensor indices and options."""

    name: str
    inputs: list[int]
    outputs: list[int]
    options: Any


class Graph:
    """A model of one graph in LiteRT, whose inner tensors can be read after a run."""

    def __init__(self, data: bytes) -> None:
        model = schema.ModelT.InitFromPackedBuf(data)
        (graph,) = model.subgraphs
        self.tensors = graph.tensors
        self.inputs, self.outputs = list(graph.inputs), list(graph.outputs)
        self.ops = [
            Op(
                NAMES[model.operatorCodes[op.opcodeIndex].builtinCode],
                list(op.inputs),
                list(op.outputs),
                op.builtinOptions,
            )
            for op in graph.operators
        ]
        self._interpreter = Interpreter(
            model_content=data,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()

    def run(self, values: list[np.ndarray]) -> list[np.ndarray]:
        for index, value in zip(self.inputs, values, strict=True):
            self._interpreter.set_tensor(index, value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self.outputs]

    def tensor(self, index: int) -> Tensor | None:
        """A tensor as it is after the last run; None where an op has none."""
        if index < 0:
            return None
        q = self.tensors[index].quantization
        quantized = q is not None and q.scale is not None
        return Tensor(
            self._interpreter.get_tensor(index),
            np.asarray(q.scale if quantized else [], np.float32),
            int(q.zeroPoint[0]) if quantized else 0,
        )

    def compared(self) -> Iterator[tuple[Op, np.ndarray, np.ndarray]]:
        """Each output of each op: what LiteRT has, and what numpy makes of the op's inputs."""
        for op in self.ops:
            found = [tensor for tensor in map(self.tensor, op.outputs) if tensor is not None]
            inputs = [self.tensor(index) for index in op.inputs]
            expected = KERNELS[op.name](inputs, found, op.options)
            for got, wanted in zip(found, expected, strict=True):
                yield op, got.values, wanted


def portable_graph(
    cell: str,
    rank: int | None,
    mode: str,
    gates: GateArithmetic,
    seed: int,
    size: float,
    **functions: str,
) -> tuple[Graph, np.ndarray]:
    """One step of a random layer, and its integer inputs."""
    step = random_step(
        cell,
        UNITS,
        FEATURES,
        rank,
        seed=seed,
        kernel_size=size,
        recurrent_size=size,
        **functions,
    )
    rng = np.random.default_rng(seed + 100)
    loud = np.exp(rng.normal(size=(8, STEPS, 1)))
    x = (loud * rng.normal(size=(8, STEPS, FEATURES))).astype(np.float32)
    plan, _ = quantized(step, x)
    kind = MODES[mode].activations
    q = affine(x) if kind == "int8" else symmetric_int16(float(x.min()), float(x.max()))
    model = ModelBuilder("step")
    graph = model.graph("main")
    portable = portable_step(plan.cell)(plan, q, LinearArithmetic(MODES[mode]), gates)
    given = graph.tensor("x", (1, 1, FEATURES), np.dtype(kind), q)
    states = [graph.tensor(s.name, (1, UNITS), gates.dtype, gates.state(s)) for s in plan.states]
    output, new = lower_step(graph, portable, given, states)
    graph.finish([given, *states], [*new, output])
    stored = quantize_affine(x[0], q.scales()[0], q.zero_point, np.dtype(kind).type)
    return Graph(model.to_bytes()), stored


@pytest.mark.parametrize("size", [0.3, 1.5])
@pytest.mark.parametrize("rank", [None, 4])
@pytest.mark.parametrize(
    ("mode", "gates"),
    [("int8", INT16_GATES), ("int16x8", INT16_GATES), ("int8", FLOAT_GATES)],
    ids=["int8", "int16x8", "int8, float gates"],
)
@pytest.mark.parametrize("cell", CELLS)
def test_each_op_of_a_step_has_the_bits_of_its_definition(
    cell: str, mode: str, gates: GateArithmetic, rank: int | None, size: float
) -> None:
    for seed in range(2):
        check_bits(cell, *portable_graph(cell, rank, mode, gates, seed, size), gates, seed)


@pytest.mark.parametrize("gates", [INT16_GATES, FLOAT_GATES], ids=["int16", "float"])
@pytest.mark.parametrize(
    ("recurrent_activation", "activation"),
    [
        ("tfpipeline>quant_sigmoid", "tfpipeline>quant_tanh"),
        ("tfpipeline>quant_sigmoid4", "relu"),
        ("hard_sigmoid", "sigmoid"),
        ("tanh", "hard_tanh"),
    ],
)
@pytest.mark.parametrize("cell", CELLS)
def test_other_gate_functions_have_the_bits_of_their_ops(
    cell: str, recurrent_activation: str, activation: str, gates: GateArithmetic
) -> None:
    functions = {"recurrent_activation": recurrent_activation, "activation": activation}
    check_bits(cell, *portable_graph(cell, None, "int8", gates, 0, 0.3, **functions), gates, 0)


def check_bits(cell: str, graph: Graph, x: np.ndarray, gates: GateArithmetic, seed: int) -> None:
    """Compares all ops of a step over some frames with their definitions."""
    rng = np.random.default_rng(seed)
    # From anywhere, also where no sequence begins.
    states = [
        (0.9 * rng.uniform(-1, 1, (1, UNITS)) * (1 if gates is FLOAT_GATES else 32767)).astype(
            gates.dtype
        )
        for _ in CELLS[cell].states
    ]
    for frame in x:
        *states, _ = graph.run([frame.reshape(1, 1, FEATURES), *states])
        for op, got, wanted in graph.compared():
            if op.name in ("LOGISTIC", "TANH") and got.dtype == np.float32:
                np.testing.assert_allclose(
                    got, wanted, rtol=FLOAT_TOLERANCE, atol=1e-7, err_msg=op.name
                )
            else:
                np.testing.assert_array_equal(got, wanted, op.name)


@pytest.mark.parametrize("name", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("doublings", [0, 3])
def test_functions_of_int16_have_the_bits_of_their_definition_everywhere(
    name: str, doublings: int
) -> None:
    wide = INT16_GATES.reaching(16.0 * 2.0**doublings)
    model = ModelBuilder("function")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 1 << 16), np.int16, wide)
    y = INT16_GATES.apply(graph, name, "y", [x], 1 << 16, INT16_GATES.unit)
    graph.finish([x], [y])
    run = Graph(model.to_bytes())
    run.run([np.arange(-(1 << 15), 1 << 15).astype(np.int16)[None]])
    for _, got, wanted in run.compared():
        np.testing.assert_array_equal(got, wanted)
