"""The numpy spec against brute force in plain Python, and the rules of quantization."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recurrent_models import CELLS, make_case, real

from tfpipeline.numerics.gru import gru_sequence_float
from tfpipeline.numerics.gru_options import GruOptions
from tfpipeline.numerics.quantize import (
    channel_scales,
    dequantize_affine,
    quantize_affine,
    quantize_channels,
    requantize,
)
from tfpipeline.numerics.recurrent_options import SIZE


def brute_force_gru(x, h, w, u, bias) -> list[list[float]]:
    """One sequence, one number at a time, straight from the equations."""
    units = len(h)
    states = []
    for frame in x:
        p_x = [sum(f * w[i][j] for i, f in enumerate(frame)) + bias[0][j] for j in range(3 * units)]
        p_h = [sum(v * u[i][j] for i, v in enumerate(h)) + bias[1][j] for j in range(3 * units)]
        after = []
        for j in range(units):
            z = 1 / (1 + math.exp(-(p_x[j] + p_h[j])))
            r = 1 / (1 + math.exp(-(p_x[units + j] + p_h[units + j])))
            n = math.tanh(p_x[2 * units + j] + r * p_h[2 * units + j])
            after.append(z * h[j] + (1 - z) * n)
        h = after
        states.append(h)
    return states


@pytest.mark.parametrize("go_backwards", [False, True])
def test_float_gru_equals_brute_force(go_backwards: bool) -> None:
    rng = np.random.default_rng(0)
    x, h0 = rng.standard_normal((2, 6, 3)), rng.standard_normal((2, 4))
    w, u, bias = (rng.standard_normal(s) for s in ((3, 12), (4, 12), (2, 12)))
    states, last, taps = gru_sequence_float(x, h0, (w,), (u,), bias, go_backwards=go_backwards)
    assert taps is None
    for b in range(2):
        frames = x[b, ::-1] if go_backwards else x[b]
        expected = brute_force_gru(frames.tolist(), h0[b].tolist(), w, u, bias)
        # float64 against float64 in another order of additions
        np.testing.assert_allclose(states[b], expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(last, states[:, -1])


def test_taps_are_the_inner_values() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 5, 3))
    left, right = rng.standard_normal((3, 2)), rng.standard_normal((2, 12))
    first, second = rng.standard_normal((4, 3)), rng.standard_normal((3, 12))
    bias = rng.standard_normal((2, 12))
    states, _, taps = gru_sequence_float(x, 0.0, (left, right), (first, second), bias, taps=True)
    before = np.concatenate([np.zeros((2, 1, 4)), states[:, :-1]], axis=1)
    np.testing.assert_allclose(taps.a_x, x @ left, atol=1e-13)
    np.testing.assert_allclose(taps.a_h, before @ first, atol=1e-13)
    np.testing.assert_allclose(taps.p_x, x @ left @ right + bias[0], atol=1e-13)
    np.testing.assert_allclose(taps.p_h, before @ first @ second + bias[1], atol=1e-12)
    np.testing.assert_array_equal(taps.h, states)
    plain = gru_sequence_float(x, 0.0, (left @ right,), (first @ second,), bias, taps=True)
    np.testing.assert_allclose(plain[0], states, atol=1e-12)
    assert plain[2].a_x is None and plain[2].a_h is None


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize(
    ("ranks", "mean", "worst"),
    [
        # Only activations are rounded: half a step of 1/127 for y, and what feeds back.
        ((0, 0), 0.006, 0.06),
        # Two more roundings a step, of inner vectors with 127 levels over their whole range.
        ((12, 16), 0.02, 0.3),
    ],
)
def test_int8_layer_is_near_the_float_layer(
    cell: str, ranks: tuple[int, int], mean: float, worst: float
) -> None:
    shape = {"units": 32, "input_dim": 16, "rank_x": ranks[0], "rank_h": ranks[1], "time": 40}
    case = make_case(**shape, seed=2, cell=cell)
    x = (case.x.astype(np.float64) - case.x_zero_point) * case.x_scale
    states = case.cell.sequence_float(
        x, *case.first, real(case.kernel), real(case.recurrent_kernel), case.bias
    )[0]
    error = np.abs(case.reference()[0] * case.options.scale_h - states)
    assert error.mean() < mean and error.max() < worst


def test_int8_gru_one_step_by_hand() -> None:
    case = make_case(units=2, input_dim=3, time=1, seed=4)
    w, u = case.kernel[0], case.recurrent_kernel[0]
    q = [
        max(-127, min(127, round(float(np.float32(v) * np.float32(127))))) for v in case.first[0][0]
    ]
    p_x = [
        sum((int(x) - 5) * int(k) for x, k in zip(case.x[0, 0], row, strict=True))
        * float(scale)
        * case.x_scale
        + b
        for row, scale, b in zip(w.values, w.scales, case.bias[0], strict=True)
    ]
    p_h = [
        sum(v * int(k) for v, k in zip(q, row, strict=True)) * float(scale) / 127 + b
        for row, scale, b in zip(u.values, u.scales, case.bias[1], strict=True)
    ]
    _, last = case.reference()
    for j in range(2):
        z = 1 / (1 + math.exp(-(p_x[j] + p_h[j])))
        r = 1 / (1 + math.exp(-(p_x[2 + j] + p_h[2 + j])))
        n = math.tanh(p_x[4 + j] + r * p_h[4 + j])
        # float32 against float64: a few roundings of numbers near 1
        assert abs(z * float(case.first[0][0, j]) + (1 - z) * n - last[0, j]) < 2e-6


def test_backwards_is_forwards_on_reversed_frames(cell: str) -> None:
    case = make_case(units=8, input_dim=4, batch=2, go_backwards=True, cell=cell)
    turned = replace(
        case, x=case.x[:, ::-1].copy(), options=replace(case.options, go_backwards=False)
    )
    for a, b in zip(case.reference(), turned.reference(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_shapes_that_do_not_fit_are_refused(cell: str) -> None:
    case = make_case(units=8, input_dim=4, cell=cell)
    for change, message in (
        ({"x": case.x[:, :, :3]}, "x must have 4 features"),
        (
            {"kernel": case.recurrent_kernel, "recurrent_kernel": case.kernel},
            "kernel must hold matrices",
        ),
        ({"bias": case.bias[0]}, "bias must have the shape"),
        ({"lengths": np.array([1, 2, 3])}, r"lengths must have the shape \(1,\); got \(3,\)"),
        (
            {"options": replace(case.options, weight_bits=(8, 8, 2, 8))},
            "recurrent_kernel holds weights that 2 bits do not hold",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            replace(case, **change).reference()


def test_channel_scales_and_their_floor() -> None:
    w = np.array([[0.5, -2.54], [0, 0], [1.27, 0.1]], np.float32)
    scales = channel_scales(w)
    assert scales.dtype == np.float32
    np.testing.assert_allclose(scales, [0.02, 2.0**-40, 0.01], rtol=1e-6)
    q = quantize_channels(w, scales)
    np.testing.assert_array_equal(q, [[25, -127], [0, 0], [127, 10]])
    np.testing.assert_allclose(channel_scales(w.T, axis=1), scales)
    np.testing.assert_array_equal(quantize_channels(w.T, scales, axis=1), q.T)
    assert np.abs(quantize_channels(w, channel_scales(w, bits=4), bits=4)).max() == 7


def test_rounding_is_to_even_and_saturates() -> None:
    np.testing.assert_array_equal(requantize([1, 3, 5, -1, -3], 0.5), [0, 2, 2, 0, -2])
    np.testing.assert_array_equal(requantize([10**6, -(10**6)], 1.0), [127, -127])
    np.testing.assert_array_equal(
        quantize_affine([0.5, 1.5, -0.5, 999, -999], 1.0, 3), [3, 5, 3, 127, -128]
    )
    np.testing.assert_array_equal(dequantize_affine([3, 5], 0.5, 3), [0.0, 1.0])


def test_values_are_divided_by_the_scale_in_float32() -> None:
    # Beside a tie, where a product with the rounded reciprocal lands on the other level.
    for value, scale, level in [(-35.25, 0.3, -117), (1.5499999523162842, 0.1, 15)]:
        x = np.array([[value, -value]], np.float32)
        np.testing.assert_array_equal(quantize_affine(x, scale), [[level, -level]])
        np.testing.assert_array_equal(quantize_channels(x, [scale]), [[level, -level]])
        assert np.rint(x[0, 0] * (np.float32(1.0) / np.float32(scale))) != level


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quantize_affine([1.0], 0.0), "scale must be positive"),
        (lambda: quantize_affine([1.0], 1.0, 300), "zero_point must lie"),
        (lambda: quantize_affine([np.nan], 1.0), "x must be finite"),
        (lambda: channel_scales([[np.inf]]), "w must be finite"),
        (lambda: channel_scales([[1.0]], bits=1), "bits must lie"),
        (lambda: quantize_channels([[1.0]], [1.0, 2.0]), "scales must have the shape"),
    ],
)
def test_quantize_errors_name_the_argument(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@given(
    units=st.integers(1, 16384),
    input_dim=st.integers(1, 65536),
    rank_x=st.integers(0, 16384),
    rank_h=st.integers(0, 16384),
    scale_h=st.floats(2.0**-40, 2.0**40, width=32),
    return_sequences=st.booleans(),
    go_backwards=st.booleans(),
    recurrent_activation=st.sampled_from(["sigmoid", "hard_sigmoid"]),
    activation=st.sampled_from(["tanh", "hard_tanh"]),
    steps_at_once=st.integers(1, 8),
    weight_bits=st.tuples(*[st.sampled_from([8, 4, 2])] * 4),
    layer_norm=st.booleans(),
)
def test_options_survive_packing(**values: object) -> None:
    options = GruOptions(**values)  # type: ignore[arg-type]
    assert GruOptions.unpack(options.pack()) == options and len(options.pack()) == SIZE


def test_options_have_the_documented_bytes() -> None:
    data = GruOptions(
        units=96, input_dim=40, rank_h=32, scale_a_h=0.5, scale_h=0.25, return_sequences=False
    ).pack()
    expected = "54465047 0100 4000 00000000 60000000 28000000 00000000 20000000"
    expected += "0000803f 0000003f 0000803e 01 01" + "00" * 22
    assert data == bytes.fromhex(expected.replace(" ", ""))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d[:-1], "must have 64 bytes"),
        (lambda d: b"NOPE" + d[4:], "must begin with"),
        (lambda d: d[:4] + b"\x02" + d[5:], "upgrade tfpipeline"),
        (lambda d: d[:8] + b"\x04" + d[9:], "not in its spec"),
        (lambda d: d[:-1] + b"\x01", "not in its spec"),
        (lambda d: d[:40] + b"\x03" + d[41:], "not in its spec"),
        (lambda d: d[:42] + b"\x09" + d[43:], "steps_at_once must lie"),
        (lambda d: d[:46] + b"\x03" + d[47:], "weight_bits must be four of 8, 4 or 2"),
        (lambda d: d[:12] + bytes(4) + d[16:], "units must lie"),
    ],
)
def test_foreign_options_are_refused(edit, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GruOptions.unpack(edit(GruOptions(units=8, input_dim=4).pack()))


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="rank_x must lie"):
        GruOptions(units=8, input_dim=4, rank_x=-1)
    with pytest.raises(ValueError, match="scale_h must lie"):
        GruOptions(units=8, input_dim=4, scale_h=0.0)
    with pytest.raises(ValueError, match="activation must be one of tanh, hard_tanh; got 'relu'"):
        GruOptions(units=8, input_dim=4, activation="relu")
