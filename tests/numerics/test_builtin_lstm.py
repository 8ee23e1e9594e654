"""The builtin integer LSTM in numpy against an LSTM in floating point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfpipeline.numerics.builtin_lstm import BuiltinLstm

CELLS, INPUTS, TIME, BATCH = 24, 10, 12, 3
Arrays = dict[str, list[np.ndarray]]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def levels(values: np.ndarray, scale: float, dtype: type) -> np.ndarray:
    ends = np.iinfo(dtype)
    return np.clip(np.rint(values / scale), ends.min, ends.max).astype(dtype)


def float_lstm(
    x: np.ndarray, real: dict[int, np.ndarray], outputs: int, clips: tuple[float, float]
) -> np.ndarray:
    """The equations, with peephole, projection and normalization: `(batch, time, outputs)`."""
    h, c = np.zeros((len(x), outputs)), np.zeros((len(x), CELLS))

    def gate(i: int, step: np.ndarray, peephole: int | None) -> np.ndarray:
        value = step @ real[1 + i].T + h @ real[5 + i].T
        if peephole in real:
            value = value + real[peephole] * c
        if 20 + i in real:
            value = (value - value.mean(1, keepdims=True)) / value.std(1, keepdims=True)
            value = value * real[20 + i]
        return value + real[12 + i]

    ys = []
    for step in x.transpose(1, 0, 2):
        f, g = sigmoid(gate(1, step, 10)), np.tanh(gate(2, step, None))
        i = sigmoid(gate(0, step, 9)) if 1 in real else 1 - f
        c = f * c + i * g
        if clips[0]:
            c = np.clip(c, -clips[0], clips[0])
        h = sigmoid(gate(3, step, 11)) * np.tanh(c)
        if 16 in real:
            h = h @ real[16].T + real[17]
            h = np.clip(h, -clips[1], clips[1]) if clips[1] else h
        ys.append(h)
    return np.stack(ys, axis=1)


def quantized(
    rng: np.random.Generator, outputs: int, form: dict[str, Any]
) -> tuple[BuiltinLstm, dict[int, np.ndarray]]:
    """A layer in integers, and the real numbers that these stand for."""
    x_scale, h_scale, hidden_scale, cell_scale, norm_scale = (
        0.03,
        1 / 64,
        1 / 128,
        2.0**-12,
        2.0**-12,
    )
    constants: dict[int, np.ndarray] = {}
    scales: dict[int, float] = {}
    real: dict[int, np.ndarray] = {}

    def add(i: int, values: np.ndarray, scale: float, dtype: type) -> None:
        constants[i], scales[i] = levels(values, scale, dtype), scale
        real[i] = constants[i] * scale

    for gate in range(int(form.get("coupled", False)), 4):
        add(1 + gate, rng.standard_normal((CELLS, INPUTS)) / 3, 0.01, np.int8)
        add(5 + gate, rng.standard_normal((CELLS, outputs)) / 4, 0.008, np.int8)
        if form.get("norm"):
            add(20 + gate, rng.uniform(0.5, 1.5, CELLS), 2.0**-14, np.int16)
            add(12 + gate, rng.standard_normal(CELLS) / 2, 2.0**-14 * 2.0**-10, np.int32)
        else:
            add(12 + gate, rng.standard_normal(CELLS) / 2, 0.01 * x_scale, np.int32)
    for i in (9, 10, 11) if form.get("peephole") else ():
        if i > 9 or not form.get("coupled"):
            add(i, rng.standard_normal(CELLS) / 2, 1e-4, np.int16)
    if form.get("projection"):
        add(16, rng.standard_normal((outputs, CELLS)) / 4, 0.008, np.int8)
        add(17, rng.standard_normal(outputs) / 9, 0.008 * hidden_scale, np.int32)
    else:
        hidden_scale = h_scale
    layer = BuiltinLstm(
        constants,
        scales,
        x_scale=x_scale,
        x_zero_point=4,
        h_scale=h_scale,
        h_zero_point=0,
        hidden_scale=hidden_scale,
        hidden_zero_point=0,
        cell_scale=cell_scale,
        cell_clip=form.get("cell_clip", 0.0),
        proj_clip=form.get("proj_clip", 0.0),
        norm_scales=(norm_scale,) * 4,
    )
    return layer, real


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"coupled": True},
        {"peephole": True},
        {"cell_clip": 0.5},
        {"projection": 9, "proj_clip": 0.75},
        {"norm": True},
        {"coupled": True, "peephole": True, "norm": True, "projection": 24},
    ],
    ids=lambda form: "-".join(form) or "plain",
)
@pytest.mark.parametrize("time_major", [False, True])
def test_integers_stand_for_the_equations(form: dict[str, Any], time_major: bool) -> None:
    rng = np.random.default_rng(7)
    outputs = form.get("projection", CELLS)
    layer, real = quantized(rng, outputs, form)
    x = rng.integers(-128, 128, (BATCH, TIME, INPUTS)).astype(np.int8)
    clips = (layer.cell_clip, layer.proj_clip)
    expected = float_lstm((x - 4.0) * layer.x_scale, real, outputs, clips)
    h, cell = np.zeros((BATCH, outputs), np.int8), np.zeros((BATCH, CELLS), np.int16)
    given = x.transpose(1, 0, 2) if time_major else x
    y, h, cell = layer.run(given, h, cell, time_major=time_major)
    y = y.transpose(1, 0, 2) if time_major else y
    np.testing.assert_array_equal(y[:, -1], h)
    # An output is rounded to a step of 1/64, and the next step multiplies what that left over.
    error = np.abs(y * layer.h_scale - expected)
    assert np.abs(expected).max() > 0.4
    assert error.max() < 4 / 64 and error.mean() < 0.6 / 64
    if clips[0]:
        assert np.abs(cell * layer.cell_scale).max() <= clips[0]


def test_states_carry_on() -> None:
    rng = np.random.default_rng(3)
    layer, _ = quantized(rng, CELLS, {"peephole": True})
    x = rng.integers(-128, 128, (BATCH, TIME, INPUTS)).astype(np.int8)
    h, cell = np.zeros((BATCH, CELLS), np.int8), np.zeros((BATCH, CELLS), np.int16)
    whole = layer.run(x, h, cell)
    parts = []
    for t in range(TIME):
        y, h, cell = layer.run(x[:, t : t + 1], h, cell)
        parts.append(y)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole[0])
    np.testing.assert_array_equal(cell, whole[2])
