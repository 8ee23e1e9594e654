"""Layer normalization: the fold against its formula, and every kernel against the fold."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import native_library as native
import numpy as np
import pytest
from guarded import Guarded
from recurrent_models import make_case

from tfpipeline.numerics.layer_norm import fold_layer_norm, load_gains, ordered_sum


def test_the_sum_is_that_of_sixteen_lanes() -> None:
    values = np.random.default_rng(0).standard_normal((3, 37)).astype(np.float32)
    for row, got in zip(values, ordered_sum(values), strict=True):
        lanes = [np.float32(0)] * 16
        for i, v in enumerate(row):
            lanes[i % 16] = lanes[i % 16] + v
        for width in (8, 4, 2, 1):
            lanes = [lanes[i] + lanes[i + width] for i in range(width)]
        assert got == lanes[0]


@pytest.mark.parametrize("units", [1, 5, 16, 33])
def test_the_fold_is_the_formula(units: int) -> None:
    rng = np.random.default_rng(units)
    acc = rng.integers(-20000, 20000, (2, 3 * units)).astype(np.int32)
    m = rng.uniform(1e-5, 1e-3, 3 * units).astype(np.float32)
    bias, gains = (rng.standard_normal(3 * units).astype(np.float32) for _ in range(2))
    scaled, shifted = fold_layer_norm(acc, m, bias, gains, 3, 1e-3)
    p = (acc.astype(np.float64) * m).reshape(2, 3, units)
    centred = p - p.mean(-1, keepdims=True)
    exact = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3)
    expected = exact.reshape(2, -1) * gains + bias
    # A few roundings of numbers up to about 2 * 4 * gain.
    np.testing.assert_allclose(acc * scaled + shifted, expected, rtol=0, atol=1e-5)


def test_tiny_gains_are_zeros() -> None:
    np.testing.assert_array_equal(load_gains([2.0**-21, -(2.0**-20), 1]), [0, -(2.0**-20), 1])


@pytest.mark.parametrize("units", [1, 8, 15, 16, 17, 40, 1000])
@pytest.mark.parametrize("size", [2.0**-40, 1e-4, 2.0**24])
def test_kernels_have_the_bits_of_the_fold(isa: str, at_end: bool, units: int, size: float) -> None:
    variant = native.variants()[isa]
    rng = np.random.default_rng(units)
    gates, blocks = 3, -(-units // 16)
    shape = (gates, units)
    acc = rng.integers(-(10 ** int(rng.integers(1, 9))), 10**8, shape).astype(np.int32)
    acc[1] = 0  # no variance at all
    limited = np.clip(rng.uniform(0.2, 1, shape) * size, 2.0**-40, 2.0**24)
    m = limited.astype(np.float32)
    bias, gains = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))

    def blocked(values: np.ndarray) -> np.ndarray:
        padded = np.zeros((gates, blocks * 16), values.dtype)
        padded[:, :units] = values
        return padded.reshape(gates, blocks, 16).swapaxes(0, 1).copy()

    given = [Guarded(blocked(v), at_end) for v in (acc, m, bias, gains)]
    moments = (native.Moments * gates)()
    for gate in range(gates):
        at, step = gate * 16 * 4, gates * 16
        of = native.GateProducts(given[0].address + at, step, given[1].address + at, step, units)
        moments[gate] = variant.moments(of, 1e-5)
    outputs = [Guarded(np.zeros((blocks, gates, 16), np.float32), at_end) for _ in range(2)]
    for b in range(blocks):
        at = b * gates * 16 * 4
        variant.normalize(
            ctypes.addressof(moments),
            given[3].address + at,
            gates,
            *(g.address + at for g in (given[1], given[2], *outputs)),
        )
    flat = [v.reshape(-1) for v in (m, bias, gains)]
    expected = fold_layer_norm(acc.reshape(1, -1), *flat, gates, 1e-5)
    for got, wanted in zip(outputs, expected, strict=True):
        values = got.array.swapaxes(0, 1).reshape(gates, -1)[:, :units].reshape(-1)
        np.testing.assert_array_equal(values.view(np.int32), wanted[0].view(np.int32))


def test_a_large_epsilon_and_gains_of_one_undo_the_normalization(cell: str) -> None:
    # sqrt(variance + 1) is 1 where variance is tiny, and a mean of 0 takes nothing away: with
    # weights of pairs w, -w the normalized layer is the plain one.
    case = make_case(units=2, input_dim=6, cell=cell)
    sign = np.tile([1, -1], case.bias.shape[1] // 2)[:, None].astype(np.int8)
    kernels = {}
    for name in ("kernel", "recurrent_kernel")[: 2 if case.cell.recurrent else 1]:
        m = getattr(case, name)[0]
        pairs = np.repeat(m.values[::2], 2, axis=0) * sign
        kernels[name] = (replace(m, values=pairs, scales=np.full_like(m.scales, 2.0**-20)),)
    plain = replace(case, **kernels)
    normal = replace(
        plain,
        options=replace(plain.options, layer_norm=True, epsilon=1.0),
        gains=np.ones((2, case.bias.shape[1]), np.float32),
    )
    for a, b in zip(normal.reference()[1:], plain.reference()[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


def test_gains_and_the_flag_go_together(cell: str) -> None:
    case = make_case(layer_norm=True, cell=cell)
    for change, message in (
        ({"gains": None}, "gains go with layer_norm, which is True"),
        ({"gains": case.gains[:1]}, "gains must have the shape"),
        ({"gains": case.gains * np.float32(np.inf)}, "gains must lie in"),
        ({"options": replace(case.options, layer_norm=False)}, "which is False"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(case, **change).reference()
