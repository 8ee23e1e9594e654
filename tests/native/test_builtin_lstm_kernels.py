"""Kernels of the builtin LSTM against numpy's fixed-point functions, bit for bit."""

from __future__ import annotations

import ctypes

import native_library as native
import numpy as np
import pytest
from guarded import Guarded
from hypothesis import given, settings
from hypothesis import strategies as st

from tfpipeline.numerics.fixed_point import (
    apply_scale,
    fixed_scale,
    inverse_sqrt_scale,
    sigmoid_fixed,
    tanh_fixed,
)
from tfpipeline.numerics.fully_connected_uint8 import rounding_divide_by_pot, wrap

ALL_WORDS = np.arange(-32768, 32768).astype(np.int16)
ISAS = st.sampled_from(native.supported())
SEEDS = st.integers(0, 2**16)
BLOCKS = st.integers(1, 5)
FACTORS = st.one_of(st.just(0.0), st.floats(2.0**-33, 2.0**5), st.sampled_from([0.5, 2.0**-8]))


def kernels(isa: str) -> native.LstmS16:
    return native.variants()[isa].lstm_s16.contents


def scale_of(factor: float) -> native.FixedScale:
    mantissa, shift = fixed_scale(factor)
    return native.FixedScale(mantissa, max(shift, 0), max(-shift, 0))


def words(rng: np.random.Generator, count: int, least: int = -32768) -> np.ndarray:
    """Any numbers, both ends among them."""
    values = rng.integers(least, 32768, count)
    ends = rng.integers(0, 4, count)
    return np.where(ends == 0, least, np.where(ends == 1, 32767, values)).astype(np.int16)


def test_sigmoid_of_all_numbers(isa: str, at_end: bool) -> None:
    x = Guarded(ALL_WORDS, at_end)
    kernels(isa).sigmoid(x.address, x.array.size)
    np.testing.assert_array_equal(x.array, sigmoid_fixed(ALL_WORDS))


@pytest.mark.parametrize("bits", range(7))
def test_tanh_of_all_numbers(isa: str, bits: int, at_end: bool) -> None:
    x, y = Guarded(ALL_WORDS, at_end), Guarded(np.zeros_like(ALL_WORDS), at_end)
    kernels(isa).tanh(x.address, x.array.size, bits, y.address)
    np.testing.assert_array_equal(y.array, tanh_fixed(ALL_WORDS, bits))
    np.testing.assert_array_equal(x.array, ALL_WORDS)


@settings(max_examples=60)
@given(isa=ISAS, blocks=BLOCKS, factor=FACTORS, seed=SEEDS, at_end=st.booleans())
def test_add_sums(isa: str, blocks: int, factor: float, seed: int, at_end: bool) -> None:
    rng = np.random.default_rng(seed)
    count = 16 * blocks
    reach = 2 ** int(rng.integers(4, 31))
    values = rng.integers(-reach, reach, count).astype(np.int32)
    sums, added = Guarded(values, at_end), Guarded(words(rng, count), at_end)
    gate = Guarded(np.zeros(count, np.int16), at_end)
    scaled = apply_scale(values, fixed_scale(factor))
    for address, start in ((added.address, added.array.astype(np.int64)), (None, 0)):
        kernels(isa).add_sums(sums.address, count, scale_of(factor), address, gate.address)
        np.testing.assert_array_equal(gate.array, np.clip(scaled + start, -32768, 32767))


@settings(max_examples=40)
@given(isa=ISAS, blocks=BLOCKS, factor=FACTORS, seed=SEEDS, at_end=st.booleans())
def test_add_peephole(isa: str, blocks: int, factor: float, seed: int, at_end: bool) -> None:
    rng = np.random.default_rng(seed)
    weights, cell, gate = (Guarded(words(rng, 16 * blocks), at_end) for _ in range(3))
    product = weights.array.astype(np.int64) * cell.array
    expected = gate.array + apply_scale(product, fixed_scale(factor))
    arguments = (weights.address, cell.address, 16 * blocks, scale_of(factor), gate.address)
    kernels(isa).add_peephole(*arguments)
    np.testing.assert_array_equal(gate.array, np.clip(expected, -32768, 32767))


@settings(max_examples=40)
@given(isa=ISAS, count=st.integers(1, 4200), kind=st.integers(0, 2), at_end=st.booleans())
def test_measure(isa: str, count: int, kind: int, at_end: bool) -> None:
    values = words(np.random.default_rng(count), 16 * count)
    x = Guarded(values if kind == 0 else np.full_like(values, (-32768, 32767)[kind - 1]), at_end)
    total, squares = ctypes.c_int64(1), ctypes.c_int64(1)
    kernels(isa).measure(x.address, x.array.size, ctypes.byref(total), ctypes.byref(squares))
    wide = x.array.astype(np.int64)
    assert (total.value, squares.value) == (wide.sum(), (wide * wide).sum())


@settings(max_examples=60)
@given(isa=ISAS, blocks=BLOCKS, factor=FACTORS, seed=SEEDS, at_end=st.booleans())
def test_normalize(isa: str, blocks: int, factor: float, seed: int, at_end: bool) -> None:
    rng = np.random.default_rng(seed)
    count = 16 * blocks
    weights, gate = (Guarded(words(rng, count), at_end) for _ in range(2))
    # Large and small ones: sums wrap around, and some fall on a half of what they are divided by.
    values = rng.choice(np.array([2**31 - 1, -(2**31), 512, -512, 1, 12345], np.int32), count)
    bias = Guarded(values.astype(np.int32), at_end)
    mean, variance = int(rng.integers(-(2**25), 2**25)), int(rng.integers(1, 2**30))
    mantissa, shift = inverse_sqrt_scale(variance)
    norm = native.LstmS16Norm(
        weights.address,
        bias.address,
        mean,
        native.FixedScale(mantissa, max(shift, 0), max(-shift, 0)),
        scale_of(factor),
    )
    unit = apply_scale(1024 * gate.array.astype(np.int64) - mean, (mantissa, shift))
    weighted = wrap(unit * weights.array + bias.array.astype(np.int64)).astype(np.int64)
    rounded = rounding_divide_by_pot(weighted, 10)
    expected = np.clip(apply_scale(rounded, fixed_scale(factor)), -32768, 32767)
    kernels(isa).normalize(ctypes.byref(norm), count, gate.address)
    np.testing.assert_array_equal(gate.array, expected)


@settings(max_examples=60)
@given(
    isa=ISAS,
    blocks=BLOCKS,
    shift=st.integers(15, 21),
    clip=st.sampled_from([0, 1, 3000, 32767]),
    coupled=st.booleans(),
    seed=SEEDS,
    at_end=st.booleans(),
)
def test_update_cell(
    isa: str, blocks: int, shift: int, clip: int, coupled: bool, seed: int, at_end: bool
) -> None:
    rng = np.random.default_rng(seed)
    count = 16 * blocks
    i, f = (Guarded(words(rng, count, 0), at_end) for _ in range(2))
    # Powers of two make halves, which are rounded away from zero.
    f.array[:8] = 2 ** rng.integers(0, 15, 8)
    g, c = Guarded(words(rng, count, -32767), at_end), Guarded(words(rng, count), at_end)
    c.array[:8] = -(2 ** rng.integers(0, 15, 8)) * rng.integers(1, 3, 8)
    i64 = 32767 - f.array.astype(np.int64) if coupled else i.array.astype(np.int64)
    expected = rounding_divide_by_pot(f.array.astype(np.int64) * c.array, 15)
    expected = np.clip(expected + rounding_divide_by_pot(i64 * g.array, shift), -32768, 32767)
    if clip:
        expected = np.clip(expected, -clip, clip)
    gates = native.LstmS16Gates(None if coupled else i.address, f.address, g.address)
    kernels(isa).update_cell(ctypes.byref(gates), count, shift, clip, c.address)
    np.testing.assert_array_equal(c.array, expected)


@settings(max_examples=40)
@given(
    isa=ISAS,
    blocks=BLOCKS,
    factor=st.floats(2.0**-33, 0.999),
    zero_point=st.integers(-128, 128),
    seed=SEEDS,
    at_end=st.booleans(),
)
def test_hidden_state(
    isa: str, blocks: int, factor: float, zero_point: int, seed: int, at_end: bool
) -> None:
    rng = np.random.default_rng(seed)
    count = 16 * blocks
    gate, tangent = (Guarded(words(rng, count, least), at_end) for least in (0, -32767))
    h = Guarded(np.zeros(count, np.int8), at_end)
    product = gate.array.astype(np.int64) * tangent.array
    expected = apply_scale(product, fixed_scale(factor)) + zero_point
    arguments = (gate.address, tangent.address, count, scale_of(factor), zero_point, h.address)
    kernels(isa).hidden_state(*arguments)
    np.testing.assert_array_equal(h.array, np.clip(expected, -128, 127))
