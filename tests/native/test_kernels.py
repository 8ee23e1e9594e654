"""Every kernel of every instruction set against integers of 64 bits and the numpy spec."""

from __future__ import annotations

import ctypes

import native_library as native
import numpy as np
import pytest
from guarded import Guarded
from recurrent_models import example_parameters

from tfpipeline.numerics import activations
from tfpipeline.numerics.cells import CELLS, Functions
from tfpipeline.numerics.cells.cell import MAX_PARAMETERS
from tfpipeline.numerics.quantize import requantize
from tfpipeline.numerics.recurrent import (
    Product,
    floor_state,
    load_state,
    quantize_state,
    settle_state,
    step_int8,
)

DEPTHS = [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 40, 64, 67, 130]
BLOCKS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 19, 26]


def pack(variant: native.Variant, weights: np.ndarray, zero_point: int, at_end: bool) -> Guarded:
    rows, depth = weights.shape
    source = Guarded(weights, at_end)
    size = -(-rows // 16) * variant.s8.block_bytes(depth)
    packed = Guarded(np.full(size, 0x55, np.uint8), at_end)
    variant.s8.pack_rows(source.address, rows, depth, zero_point, packed.address)
    return packed


def gemm(
    isa: str, weights: np.ndarray, x: np.ndarray, zero_point: int, at_end: bool, reverse: bool
) -> np.ndarray:
    """Runs the kernel over the rows of `x`; `reverse` walks through them with a negative stride."""
    variant = native.variants()[isa]
    rows, depth = weights.shape
    batch, blocks, padded = len(x), -(-rows // 16), variant.s8.padded_depth(depth)
    packed = pack(variant, weights, zero_point, at_end)
    columns = np.full((batch, padded), 77, np.int8)  # what is past the depth must not count
    columns[:, :depth] = x[::-1] if reverse else x
    source = Guarded(columns, at_end)
    acc = Guarded(np.full((batch, blocks * 16), -1, np.int32), at_end)
    first = source.address + ((batch - 1) * padded if reverse else 0)
    stride = -padded if reverse else padded
    variant.s8.gemm(packed.address, blocks, depth, batch, first, stride, acc.address, blocks * 16)
    assert (acc.array[:, rows:] == 0).all(), "rows that are missing must give 0"
    return acc.array[:, :rows]


def exact(weights: np.ndarray, x: np.ndarray, zero_point: int) -> np.ndarray:
    return (x.astype(np.int64) - zero_point) @ weights.astype(np.int64).T


@pytest.mark.parametrize("batch", range(1, native.MAX_BATCH + 1))
def test_gemm_is_exact_for_all_shapes(isa: str, at_end: bool, batch: int) -> None:
    rng = np.random.default_rng(batch)
    for depth in DEPTHS:
        for blocks in BLOCKS:
            rows = blocks * 16 - int(rng.integers(0, 16))
            weights = rng.integers(-127, 128, (rows, depth)).astype(np.int8)
            x = rng.integers(-128, 128, (batch, depth)).astype(np.int8)
            zero_point = int(rng.integers(-128, 128))
            got = gemm(isa, weights, x, zero_point, at_end, reverse=bool(rows % 2))
            np.testing.assert_array_equal(got, exact(weights, x, zero_point), f"{rows}x{depth}")


@pytest.mark.parametrize("batch", range(1, native.MAX_BATCH + 1))
def test_gemm_is_exact_for_deep_panels(isa: str, at_end: bool, batch: int) -> None:
    # From these depths on kernels read a panel in several strands, or in parts.
    rng = np.random.default_rng(batch)
    for depth in (191, 192, 193, 206, 640, 641, 709):
        for rows in (92, 150):
            weights = rng.integers(-127, 128, (rows, depth)).astype(np.int8)
            x = rng.integers(-128, 128, (batch, depth)).astype(np.int8)
            got = gemm(isa, weights, x, -9, at_end, reverse=bool(depth % 2))
            np.testing.assert_array_equal(got, exact(weights, x, -9), f"{rows}x{depth}")


@pytest.mark.parametrize("w", [-127, 127, 0])
@pytest.mark.parametrize("value", [-128, -127, 0, 127])
def test_gemm_is_exact_at_the_extremes(isa: str, at_end: bool, w: int, value: int) -> None:
    # Pairs of products at their largest are where 16-bit saturation would show.
    weights, x = np.full((33, 67), w, np.int8), np.full((native.MAX_BATCH, 67), value, np.int8)
    for zero_point in (-128, 0, 127):
        got = gemm(isa, weights, x, zero_point, at_end, reverse=False)
        np.testing.assert_array_equal(got, exact(weights, x, zero_point))
    weights[:, ::2], x[:, 1::2] = -weights[:, ::2], -np.maximum(x[:, 1::2], -127)
    got = gemm(isa, weights, x, 0, at_end, reverse=False)
    np.testing.assert_array_equal(got, exact(weights, x, 0))


def test_gemm_of_the_deepest_vector(isa: str) -> None:
    weights, x = np.full((16, 65536), 127, np.int8), np.full((1, 65536), -128, np.int8)
    np.testing.assert_array_equal(gemm(isa, weights, x, 127, True, False), exact(weights, x, 127))


def test_requantize_rounds_ties_to_even(isa: str, at_end: bool) -> None:
    variant = native.variants()[isa]
    rng = np.random.default_rng(0)
    for count in (16, 32, 48, 160):
        acc = rng.integers(-(2**31), 2**31, count, dtype=np.int64).astype(np.int32)
        acc[::3] = rng.integers(-300, 300, len(acc[::3]))
        multiplier = np.where(rng.random(count) < 0.5, 0.5, 10.0 ** rng.uniform(-9, 1, count))
        multiplier = multiplier.astype(np.float32)
        source, factors = Guarded(acc, at_end), Guarded(multiplier, at_end)
        out = Guarded(np.zeros(count, np.int8), at_end)
        variant.requantize(source.address, factors.address, count, out.address)
        np.testing.assert_array_equal(out.array, requantize(acc, multiplier))


@pytest.mark.parametrize(
    "functions",
    [
        ("sigmoid", "tanh"),
        ("sigmoid", "hard_tanh"),
        ("hard_sigmoid", "tanh"),
        ("quant_sigmoid", "relu"),
        ("quant_sigmoid4", "quant_sigmoid"),
        ("tanh", "sigmoid"),
    ],
    ids=str,
)
def test_gates_have_the_bits_of_the_spec(
    isa: str, at_end: bool, cell: str, functions: tuple[str, str]
) -> None:
    kind = CELLS[cell]
    gates, bias_rows = len(kind.gates), kind.bias_rows
    gate, activation = (activations.FUNCTIONS[name] for name in functions)
    scalars = np.array(example_parameters(kind), np.float32)
    run = native.variants()[isa].gates[native.cell_row(cell).index]
    rng = np.random.default_rng(1)
    for blocks in range(1, 11):
        units, shape = 16 * blocks, (blocks, gates, 16)
        acc_x, acc_h = (rng.integers(-60000, 60000, shape).astype(np.int32) for _ in "xh")
        # From far below to far beyond where the gates saturate.
        m_x, m_h = ((10.0 ** rng.uniform(-9, -2, shape)).astype(np.float32) for _ in "xh")
        biases = [rng.standard_normal(shape).astype(np.float32) for _ in range(kind.stored_rows)]
        before = [
            (rng.standard_normal(units) * 10.0 ** rng.uniform(-25, 2, units)).astype(np.float32)
            for _ in kind.states
        ]
        before[-1][::7] = 40000.0
        parameters = np.concatenate([m_x, biases[0], m_h, *biases[1:]], axis=1)

        def flat(v: np.ndarray) -> np.ndarray:
            return v.transpose(1, 0, 2).reshape(-1)

        bias = np.stack([flat(b) for b in biases])
        x = Product(flat(acc_x), flat(m_x), bias[0])
        h = Product(flat(acc_h), flat(m_h), bias[1] if bias_rows == 2 else None)
        numbers = dict(zip(kind.parameters, scalars, strict=True)) | kind.numbers_of_units(bias)
        expected = step_int8(
            kind, x, h, before, Functions(gate, activation, settle_state, floor_state, numbers)
        )
        buffers = [Guarded(v, at_end) for v in (acc_x, acc_h, parameters, *before)]
        q = Guarded(np.zeros(units, np.int8), at_end)
        places = [*scalars, *[0.0] * (MAX_PARAMETERS - len(scalars))]
        settings = native.GateSettings(
            np.float32(1) / np.float32(0.01),
            *(native.GateFunction.of(name) for name in functions),
            (ctypes.c_float * MAX_PARAMETERS)(*places),
        )
        addresses = [b.address for b in buffers]
        states = (ctypes.c_void_p * 2)(*addresses[3:])
        run(native.GateArgs(*addresses[:3], blocks, ctypes.pointer(settings), states, q.address))
        for got, wanted in zip(buffers[3:], expected, strict=True):
            np.testing.assert_array_equal(got.array.view(np.int32), wanted.view(np.int32))
        np.testing.assert_array_equal(q.array, quantize_state(expected[0], 0.01))


def test_load_state_clamps_and_cleans(isa: str, at_end: bool) -> None:
    variant = native.variants()[isa]
    special = [np.nan, np.inf, -np.inf, 1e-45, -1e-30, 2.0**-60, -0.0, 0.0, 4e4, -4e4, 0.5, -1.0]
    for count in (1, 12, 16, 17, 31, 40):
        source = np.resize(np.array(special, np.float32), count)
        padded = -(-count // 16) * 16
        given = Guarded(source, at_end)
        h = Guarded(np.full(padded, 9, np.float32), at_end)
        q = Guarded(np.full(padded, 9, np.int8), at_end)
        inverse = np.float32(1) / np.float32(0.01)
        variant.load_state(given.address, count, inverse, h.address, q.address)
        expected = np.zeros(padded, np.float32)
        expected[:count] = load_state(source)
        np.testing.assert_array_equal(h.array.view(np.int32), expected.view(np.int32))
        np.testing.assert_array_equal(q.array, quantize_state(expected, 0.01))


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_gate_functions_have_the_bits_of_the_spec(isa: str, at_end: bool, name: str) -> None:
    # Every 4001st float of all finite ones.
    bits = np.arange(0, 2**32, 4001, dtype=np.uint64).astype(np.uint32)
    x = bits.view(np.float32)
    x = x[np.isfinite(x)]
    x = np.ascontiguousarray(x[: len(x) // 16 * 16])
    source, out = Guarded(x, at_end), Guarded(np.zeros_like(x), at_end)
    getattr(native.variants()[isa], name)(source.address, len(x), out.address)
    expected = getattr(activations, name)(x)
    np.testing.assert_array_equal(out.array.view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize("name", sorted(native.variants()))
def test_every_row_of_the_table_has_the_kernels_of_recurrent_ops(name: str) -> None:
    # A field that a row leaves out is NULL, and this processor may not run that row.
    variant = native.variants()[name]
    kernels = ("requantize", "gates", "load_state")
    for field in (*kernels, "moments", "normalize"):
        assert bool(getattr(variant, field)), field
    for cell in native.cell_rows():
        assert bool(variant.gates[cell.index]), cell.name
    for width in (variant.s8, variant.s4, variant.s2, variant.sparse):
        assert bool(width.pack) and bool(width.gemm)
