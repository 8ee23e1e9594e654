"""Low-bit gemm, quantization and outputs of every instruction set against the numpy spec."""

from __future__ import annotations

import ctypes

import native_library as native
import numpy as np
import pytest
from guarded import Guarded

from tfpipeline.numerics.fully_connected import quantize_rows

DEPTHS = [1, 3, 4, 7, 8, 9, 15, 16, 17, 33, 64, 67, 130, 320]
BLOCKS = [1, 2, 3, 4, 5, 7, 9, 13]


def gemm(
    isa: str, bits: int, weights: np.ndarray, x: np.ndarray, zero_point: int, at_end: bool
) -> np.ndarray:
    kernels = getattr(native.variants()[isa], f"s{bits}")
    rows, depth = weights.shape
    batch, blocks, padded = len(x), -(-rows // 16), kernels.padded_depth(depth)
    block_bytes = 16 * (4 + padded * bits // 8)
    source = Guarded(weights, at_end)
    packed = Guarded(np.full(blocks * block_bytes, 0x55, np.uint8), at_end)
    for b in range(blocks):
        first, inside = source.address + 16 * b * depth, min(16, rows - 16 * b)
        kernels.pack(first, inside, depth, depth, zero_point, packed.address + b * block_bytes)
    columns = np.full((batch, padded), 77, np.int8)  # what is past the depth must not count
    columns[:, :depth] = x
    vectors = Guarded(columns, at_end)
    acc = Guarded(np.full((batch, blocks * 16), -1, np.int32), at_end)
    kernels.gemm(
        packed.address,
        blocks,
        depth,
        batch,
        vectors.address,
        padded,
        acc.address,
        blocks * 16,
    )
    assert (acc.array[:, rows:] == 0).all(), "rows that are missing must give 0"
    return acc.array[:, :rows]


def exact(weights: np.ndarray, x: np.ndarray, zero_point: int) -> np.ndarray:
    return (x.astype(np.int64) - zero_point) @ weights.astype(np.int64).T


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("batch", range(1, native.MAX_BATCH + 1))
def test_low_bit_gemm_is_exact(isa: str, at_end: bool, bits: int, batch: int) -> None:
    rng = np.random.default_rng(batch)
    high = 2 ** (bits - 1)
    for depth in DEPTHS:
        for blocks in BLOCKS:
            rows = blocks * 16 - int(rng.integers(0, 16))
            weights = rng.integers(-high, high, (rows, depth)).astype(np.int8)
            x = rng.integers(-128, 128, (batch, depth)).astype(np.int8)
            zero_point = int(rng.integers(-128, 128))
            got = gemm(isa, bits, weights, x, zero_point, at_end)
            np.testing.assert_array_equal(got, exact(weights, x, zero_point), f"{rows}x{depth}")


@pytest.mark.parametrize("bits", [4, 2])
@pytest.mark.parametrize("value", [-128, 127])
def test_low_bit_gemm_at_the_extremes(isa: str, bits: int, value: int) -> None:
    # Sums of parts of a byte in 16 bits, and the deepest vector in 32, are where it would overflow.
    for w in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1):
        for depth, batch in ((67, native.MAX_BATCH), (65536, 1)):
            weights, x = np.full((33, depth), w, np.int8), np.full((batch, depth), value, np.int8)
            got = gemm(isa, bits, weights, x, -128, True)
            np.testing.assert_array_equal(got, exact(weights, x, -128))


def rows_to_quantize(depth: int) -> list[np.ndarray]:
    rng = np.random.default_rng(depth)
    normal = rng.standard_normal(depth)
    rows = [
        normal,
        np.abs(normal),
        -np.abs(normal),
        np.zeros(depth),
        -np.zeros(depth),
        normal * 2.0**-59,
        normal * 1e-30,
        normal * 1e30,
        np.resize([-0.5, 254.5, 1.5, 2.5], depth),
    ]
    return [row.astype(np.float32) for row in rows]


@pytest.mark.parametrize("depth", [1, 2, 7, 8, 15, 16, 17, 40, 320])
def test_quantize_has_the_bits_of_the_spec(isa: str, at_end: bool, depth: int) -> None:
    for row in rows_to_quantize(depth):
        source, out = Guarded(row, at_end), Guarded(np.full(depth, 99, np.int8), at_end)
        levels = native.variants()[isa].quantize(source.address, depth, out.address)
        q, scale, zero_point = quantize_rows(row[None])
        np.testing.assert_array_equal(out.array, q[0])
        assert (np.float32(levels.scale), levels.zero_point) == (scale[0], zero_point[0])
        real = (out.array.astype(np.float64) - levels.zero_point) * levels.scale
        if np.abs(row).max() > 1e-17:
            # Half a level, and rounding of the ends in float32.
            assert np.abs(real - row).max() <= levels.scale * 0.502


def test_quantize_survives_what_is_not_a_number(isa: str) -> None:
    row = np.resize(np.array([np.nan, np.inf, -np.inf, 1.0], np.float32), 37)
    source, out = Guarded(row, True), Guarded(np.zeros(37, np.int8), True)
    native.variants()[isa].quantize(source.address, 37, out.address)


def test_int8_output_rounds_ties_to_even(isa: str, at_end: bool) -> None:
    rng = np.random.default_rng(0)
    for count in (16, 32, 48, 160):
        acc = rng.integers(-(2**31), 2**31, count, dtype=np.int64).astype(np.int32)
        acc[::3] = rng.integers(-300, 300, len(acc[::3]))
        multiplier = np.where(rng.random(count) < 0.5, 0.5, 10.0 ** rng.uniform(-9, 1, count))
        multiplier = multiplier.astype(np.float32)
        for zero_point, low, high in ((0, -128, 127), (-7, -7, 127), (127, -128, 127), (5, 5, 60)):
            source, factors = Guarded(acc, at_end), Guarded(multiplier, at_end)
            out = Guarded(np.zeros(count, np.int8), at_end)
            to = native.OutputS8(zero_point, low, high)
            native.variants()[isa].output_s8(
                source.address, factors.address, count, to, out.address
            )
            levels = np.rint((acc.astype(np.float32) * multiplier).astype(np.float64))
            np.testing.assert_array_equal(out.array, np.clip(levels + zero_point, low, high))


def test_float_output_has_the_bits_of_the_spec(isa: str, at_end: bool) -> None:
    rng = np.random.default_rng(1)
    for count in (16, 32, 160):
        acc, sums = (rng.integers(-(10**6), 10**6, count).astype(np.int32) for _ in range(2))
        scales = (10.0 ** rng.uniform(-6, 0, count)).astype(np.float32)
        bias = rng.standard_normal(count).astype(np.float32)
        buffers = [Guarded(v, at_end) for v in (acc, sums, scales, bias)]
        out = Guarded(np.zeros(count, np.float32), at_end)
        rows = native.RowParameters(*[b.address for b in buffers[1:]])
        for zero_point, low, high in ((0, -1e38, 1e38), (-128, 0.0, 6.0), (127, 0.0, 1e38)):
            to = native.OutputF32(native.Affine(0.0123, zero_point), low, high)
            native.variants()[isa].output_f32(
                buffers[0].address, ctypes.byref(rows), count, to, out.address
            )
            exact_sum = (acc.astype(np.int64) - sums.astype(np.int64) * zero_point).astype(np.int32)
            value = exact_sum.astype(np.float32) * np.float32(0.0123) * scales + bias
            expected = np.clip(value, np.float32(low), np.float32(high))
            np.testing.assert_array_equal(out.array.view(np.int32), expected.view(np.int32))
