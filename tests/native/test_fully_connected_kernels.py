"""Low-bit gemm, quantization and outputs of every instruction set against the numpy spec."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import native_library as native
import numpy as np
import pytest
from guarded import Guarded

from tfpipeline.numerics.fully_connected import quantize_rows

DEPTHS = [1, 3, 4, 7, 8, 9, 15, 16, 17, 33, 64, 67, 130, 320]
BLOCKS = [1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 26]


def gemm(
    isa: str, bits: int, weights: np.ndarray, x: np.ndarray, zero_point: int, at_end: bool
) -> np.ndarray:
    kernels = getattr(native.variants()[isa], f"s{bits}")
    rows, depth = weights.shape
    batch, blocks, padded = len(x), -(-rows // 16), kernels.padded_depth(depth)
    source = Guarded(weights, at_end)
    packed = Guarded(np.full(blocks * kernels.block_bytes(depth), 0x55, np.uint8), at_end)
    kernels.pack_rows(source.address, rows, depth, zero_point, packed.address)
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


@pytest.mark.parametrize("columns", range(1, native.MAX_BATCH + 1))
def test_float_output_has_the_bits_of_the_spec(isa: str, at_end: bool, columns: int) -> None:
    rng = np.random.default_rng(columns)
    for count in (16, 32, 160):
        shape = (columns, count + 16)  # sums of other rows lie between the columns
        acc = rng.integers(-(10**6), 10**6, shape).astype(np.int32)
        acc[-1, count:] = 0
        sums = rng.integers(-(10**6), 10**6, count).astype(np.int32)
        scales = (10.0 ** rng.uniform(-6, 0, count)).astype(np.float32)
        bias = rng.standard_normal(count).astype(np.float32)
        source = Guarded(acc.ravel()[: acc.size - 16], at_end)
        buffers = [Guarded(v, at_end) for v in (sums, scales, bias)]
        rows = native.RowParameters(*[b.address for b in buffers])
        for low, high in ((-1e38, 1e38), (0.0, 6.0), (0.0, 1e38)):
            zero_points = rng.permutation([0, -128, 127, 5, -7, 90, -3, 1])[:columns]
            x_scales = rng.uniform(0.001, 0.1, columns).astype(np.float32)
            levels = zip(x_scales.tolist(), zero_points.tolist(), strict=True)
            x = (native.Affine * columns)(*[native.Affine(*level) for level in levels])
            out = Guarded(np.full(columns * (count + 1) - 1, 99, np.float32), at_end)
            native.variants()[isa].output_f32(
                source.address,
                count + 16,
                columns,
                ctypes.byref(rows),
                count,
                ctypes.byref(native.OutputF32(x, low, high)),
                out.address,
                count + 1,
            )
            shift = sums.astype(np.int64) * zero_points[:, None]
            exact_sum = (acc[:, :count].astype(np.int64) - shift).astype(np.int32)
            value = exact_sum.astype(np.float32) * x_scales[:, None] * scales + bias
            wanted = np.full((columns, count + 1), 99, np.float32)
            wanted[:, :count] = np.clip(value, np.float32(low), np.float32(high))
            got = out.array.view(np.int32)
            np.testing.assert_array_equal(got, wanted.ravel()[:-1].view(np.int32))


@pytest.mark.parametrize("is_float", [False, True], ids=["int8", "float"])
@pytest.mark.parametrize("batch", range(1, native.MAX_BATCH + 1))
def test_gemm_with_output_has_the_bits_of_both(
    isa: str, at_end: bool, batch: int, is_float: bool
) -> None:
    variant = native.variants()[isa]
    found = [k for k in (variant.s8, variant.s4, variant.s2) if output_of(k, is_float)]
    if not found:
        pytest.skip(f"{isa} writes sums to memory first")
    for kernels in found:
        compare_with_both(variant, kernels, batch, is_float, at_end)


def output_of(kernels: native.WeightKernels, is_float: bool) -> Callable[..., None]:
    return kernels.gemm_output_f32 if is_float else kernels.gemm_output_s8


def compare_with_both(
    variant: native.Variant,
    kernels: native.WeightKernels,
    batch: int,
    is_float: bool,
    at_end: bool,
) -> None:
    fused, bits = output_of(kernels, is_float), kernels.bits
    rng = np.random.default_rng(batch)
    dtype = np.float32 if is_float else np.int8
    high = 127 if bits == 8 else 2 ** (bits - 1)
    for depth in (1, 4, 33, 67, 320):
        for blocks in BLOCKS:
            count, padded = 16 * blocks, kernels.padded_depth(depth)
            weights = rng.integers(-high, high, (count, depth)).astype(np.int8)
            columns = rng.integers(-128, 128, (batch, padded)).astype(np.int8)
            packed = Guarded(np.zeros(blocks * kernels.block_bytes(depth), np.uint8), at_end)
            kernels.pack_rows(weights.ctypes.data, count, depth, 0, packed.address)
            x, acc = Guarded(columns, at_end), np.zeros((batch, count), np.int32)
            product = (packed.address, blocks, depth, batch, x.address, padded)
            kernels.gemm(*product, acc.ctypes.data, count)
            sums = Guarded(weights.sum(axis=1, dtype=np.int32), at_end)
            scales = Guarded(rng.uniform(0.001, 0.01, count).astype(np.float32), at_end)
            bias = Guarded(rng.standard_normal(count).astype(np.float32), at_end)
            out = Guarded(np.full(batch * (count + 1) - 1, 99, dtype), at_end)
            wanted = np.full(batch * (count + 1), 99, dtype)
            if is_float:
                rows = native.RowParameters(sums.address, scales.address, bias.address)
                x_levels = (native.Affine * batch)(
                    *[native.Affine(0.01 + 0.003 * n, 40 * n - 128) for n in range(batch)]
                )
                f32 = native.OutputF32(x_levels, -50.0, 60.0)
                fused(*product, ctypes.byref(rows), ctypes.byref(f32), out.address, count + 1)
                variant.output_f32(
                    acc.ctypes.data,
                    count,
                    batch,
                    ctypes.byref(rows),
                    count,
                    ctypes.byref(f32),
                    wanted.ctypes.data,
                    count + 1,
                )
            else:
                s8 = native.OutputS8(-7, -100, 127)
                fused(*product, scales.address, ctypes.byref(s8), out.address, count + 1)
                for n in range(batch):
                    to = wanted.ctypes.data + n * (count + 1)
                    variant.output_s8(acc[n:].ctypes.data, scales.address, count, s8, to)
            assert len(np.unique(wanted)) > min(4, count)
            np.testing.assert_array_equal(out.array.view(np.int8), wanted[:-1].view(np.int8))
