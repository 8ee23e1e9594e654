"""Writes custom_ops/spec/gru_golden.json from the numpy spec: python tests/native/make_golden.py

The case is made with integer arithmetic only, so that no random generator has to stay the same.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from tfpipeline.numerics.gru import QuantizedMatrix, gru_sequence_int8
from tfpipeline.numerics.gru_options import GruOptions

PATH = Path(__file__).resolve().parents[2] / "custom_ops" / "spec" / "gru_golden.json"


def integers(shape: tuple[int, ...], low: int, high: int, seed: int) -> np.ndarray:
    """Integers in [low, high] from a linear congruential sequence."""
    state, values = seed, []
    for _ in range(int(np.prod(shape))):
        state = (state * 1103515245 + 12345) % 2**31
        values.append(low + (state >> 8) % (high - low + 1))
    return np.array(values).reshape(shape)


def weights(rows: int, depth: int, seed: int) -> QuantizedMatrix:
    scales = (integers((rows,), 60, 160, seed + 1) / 16384).astype(np.float32)
    return QuantizedMatrix(integers((rows, depth), -127, 127, seed).astype(np.int8), scales)


def golden_case(name: str) -> dict[str, object]:
    """One case with everything an implementation needs; arrays as hexadecimal bytes."""
    factored, last_only = name != "plain", name == "factored backwards, last step"
    units, depth, rank_x, rank_h = 19, 6, 5 * factored, 7 * factored
    options = GruOptions(
        units=units,
        input_dim=depth,
        rank_x=rank_x,
        rank_h=rank_h,
        scale_a_x=0.0625 if factored else 1.0,
        scale_a_h=0.03125 if factored else 1.0,
        scale_h=float(np.float32(1 / 127)),
        return_sequences=not last_only,
        go_backwards=last_only,
    )
    x = integers((2, 5, depth), -128, 127, 7).astype(np.int8)
    h0 = (integers((2, units), -1000, 1000, 8) / 1024).astype(np.float32)
    bias = (integers((2, 3 * units), -500, 500, 9) / 1024).astype(np.float32)
    kernel = [weights(rank_x, depth, 10), weights(3 * units, rank_x, 20)]
    recurrent = [weights(rank_h, units, 30), weights(3 * units, rank_h, 40)]
    if not factored:
        kernel, recurrent = [weights(3 * units, depth, 10)], [weights(3 * units, units, 30)]
    y, last = gru_sequence_int8(
        x,
        h0,
        tuple(kernel),
        tuple(recurrent),
        bias,
        x_scale=0.015625,
        x_zero_point=-3,
        options=options,
    )

    def little_endian(array: np.ndarray) -> str:
        return array.astype(array.dtype.newbyteorder("<")).tobytes().hex()

    def matrices(values: list[QuantizedMatrix]) -> list[dict[str, object]]:
        return [
            {
                "shape": list(m.values.shape),
                "values": little_endian(m.values),
                "scales": little_endian(m.scales),
            }
            for m in values
        ]

    return {
        "name": name,
        "custom_options": options.pack().hex(),
        "x_scale": 0.015625,
        "x_zero_point": -3,
        "x": {"shape": list(x.shape), "values": little_endian(x)},
        "h0": {"shape": list(h0.shape), "values": little_endian(h0)},
        "kernel": matrices(kernel),
        "recurrent_kernel": matrices(recurrent),
        "bias": {"shape": list(bias.shape), "values": little_endian(bias)},
        "y": {"shape": list(y.shape), "values": little_endian(y)},
        "h": {"shape": list(last.shape), "values": little_endian(last)},
    }


def golden_text() -> str:
    names = ("plain", "factored", "factored backwards, last step")
    content = {"op": "tfpipeline.gru", "version": 1, "cases": [golden_case(n) for n in names]}
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    temporary = PATH.with_suffix(".tmp")
    temporary.write_text(golden_text(), encoding="utf-8")
    os.replace(temporary, PATH)
