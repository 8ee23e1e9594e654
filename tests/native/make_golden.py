"""Writes custom_ops/spec/*_golden.json from the numpy spec: python tests/native/make_golden.py

The cases are made with integer arithmetic only, so that no random generator has to stay the same.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from recurrent_models import example_parameters, state_names

from tfpipeline.numerics.cells import CELLS
from tfpipeline.numerics.recurrent import QuantizedMatrix, sequence_int8
from tfpipeline.numerics.recurrent_options import RecurrentOptions

SPEC = Path(__file__).resolve().parents[2] / "custom_ops" / "spec"


def golden_path(cell: str) -> Path:
    return SPEC / f"{cell}_golden.json"


def integers(shape: tuple[int, ...], low: int, high: int, seed: int) -> np.ndarray:
    """Integers in [low, high] from a linear congruential sequence."""
    state, values = seed, []
    for _ in range(int(np.prod(shape))):
        state = (state * 1103515245 + 12345) % 2**31
        values.append(low + (state >> 8) % (high - low + 1))
    return np.array(values).reshape(shape)


def weights(rows: int, depth: int, seed: int, bits: int) -> QuantizedMatrix:
    scales = (integers((rows,), 60, 160, seed + 1) / 16384 * 2 ** (8 - bits)).astype(np.float32)
    low = -127 if bits == 8 else -(2 ** (bits - 1))
    values = integers((rows, depth), low, 2 ** (bits - 1) - 1, seed)
    return QuantizedMatrix(values.astype(np.int8), scales)


def golden_case(cell: str, name: str) -> dict[str, object]:
    """One case with everything an implementation needs; arrays as hexadecimal bytes."""
    kind = CELLS[cell]
    in_planes = name == "planes"
    factored, last_only = (
        not (name == "plain" or in_planes),
        name == "factored backwards, last step",
    )
    every_option = name == "every option"
    bits = (4, 8, 2, 4) if every_option else (2, 8, 2, 8) if in_planes else (8, 8, 8, 8)
    planes_x, planes_h = (2, 3 if kind.recurrent else 1) if in_planes else (1, 1)
    units, depth, rank_x = 19, 6, 5 * factored
    rank_h = 7 * factored * kind.recurrent
    rows = kind.rows(units)
    backwards = last_only or every_option
    window = 1 if kind.recurrent or backwards else 2
    options = RecurrentOptions(
        cell=cell,
        units=units,
        input_dim=depth,
        rank_x=rank_x,
        rank_h=rank_h,
        scale_a_x=0.0625 if factored else 1.0,
        scale_a_h=0.03125 if factored else 1.0,
        scale_h=float(np.float32(1 / 127)),
        return_sequences=not last_only,
        go_backwards=backwards,
        recurrent_activation="hard_sigmoid" if every_option else "sigmoid",
        activation="hard_tanh" if every_option else "tanh",
        steps_at_once=2 if every_option else 4,
        weight_bits=bits,
        layer_norm=every_option,
        parameters=example_parameters(kind),
        window=window,
        planes_x=planes_x,
        planes_h=planes_h,
    )
    gains = (integers((2, rows), -500, 2000, 50) / 1024).astype(np.float32)
    lengths = np.array([3, 5], np.int32) if every_option else None
    x = integers((2, 4 + window, depth), -128, 127, 7).astype(np.int8)
    first = [
        (integers((2, units), -1000, 1000, 8 + 100 * i) / 1024).astype(np.float32)
        for i in range(len(kind.states))
    ]
    bias = (integers((kind.stored_rows, rows), -500, 500, 9) / 1024).astype(np.float32)
    kernel = [weights(rank_x, window * depth, 10, bits[0]), weights(rows, rank_x, 20, bits[1])]
    recurrent = [weights(rank_h, units, 30, bits[2]), weights(rows, rank_h, 40, bits[3])]
    if not factored:
        kernel = [weights(planes_x * rows, window * depth, 10, bits[0])]
        recurrent = [weights(planes_h * rows, units, 30, bits[2])]
    if not kind.recurrent:
        recurrent = []
    y, last = sequence_int8(
        x,
        first,
        tuple(kernel),
        tuple(recurrent),
        bias,
        x_scale=0.015625,
        x_zero_point=-3,
        options=options,
        lengths=lengths,
        gains=gains if every_option else None,
    )

    def little_endian(array: np.ndarray) -> str:
        return array.astype(array.dtype.newbyteorder("<")).tobytes().hex()

    def tensor(array: np.ndarray) -> dict[str, object]:
        return {"shape": list(array.shape), "values": little_endian(array)}

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
        "x": tensor(x),
        **({} if lengths is None else {"lengths": tensor(lengths)}),
        **{f"{n}0": tensor(v) for n, v in zip(state_names(kind), first, strict=True)},
        "kernel": matrices(kernel),
        "recurrent_kernel": matrices(recurrent),
        "bias": tensor(bias),
        **({"gains": tensor(gains)} if every_option else {}),
        "y": tensor(y),
        **{n: tensor(v) for n, v in zip(state_names(kind), last, strict=True)},
    }


def golden_text(cell: str) -> str:
    names = ("plain", "factored", "factored backwards, last step", "every option", "planes")
    cases = [golden_case(cell, name) for name in names]
    content = {"op": CELLS[cell].op_name, "version": 1, "cases": cases}
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    for each in CELLS:
        temporary = golden_path(each).with_suffix(".tmp")
        temporary.write_text(golden_text(each), encoding="utf-8")
        os.replace(temporary, golden_path(each))
