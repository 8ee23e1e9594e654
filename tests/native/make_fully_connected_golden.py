"""Writes custom_ops/spec/fully_connected_golden.json from the numpy spec:

python tests/native/make_fully_connected_golden.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_golden import integers  # noqa: E402

from tfpipeline.numerics.fully_connected import (  # noqa: E402
    fully_connected_float,
    fully_connected_int8,
    pack_rows,
)
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions  # noqa: E402
from tfpipeline.numerics.fully_connected_uint8 import (  # noqa: E402
    fully_connected_uint8,
    sums_uint8,
)

PATH = Path(__file__).resolve().parents[2] / "custom_ops" / "spec" / "fully_connected_golden.json"
LEVELS = {"x_scale": 0.015625, "x_zero_point": -3, "y_scale": 0.125, "y_zero_point": 4}


def text(array: np.ndarray) -> dict[str, object]:
    """An array as JSON: its shape, and its bytes in hexadecimal."""
    data = array.astype(array.dtype.newbyteorder("<")).tobytes().hex()
    return {"shape": list(array.shape), "values": data}


def golden_case(kind: str, bits: int, activation: str) -> dict[str, object]:
    """One case with everything an implementation needs; arrays as hexadecimal bytes."""
    rows, depth, batch = 19, 11, 3
    options = FullyConnectedOptions(rows, depth, bits, activation)
    high = 2 ** (bits - 1)
    weights = integers((rows, depth), -high + (bits == 8), high - 1, bits).astype(np.int8)
    scales = (integers((rows,), 60, 160, 5) / (16 * high)).astype(np.float32)
    if kind == "int8":
        x = integers((batch, depth), -128, 127, 7).astype(np.int8)
        bias = integers((rows,), -900, 900, 9).astype(np.int32)
        y = fully_connected_int8(x, weights, scales, bias, activation=activation, **LEVELS)
    else:
        x = (integers((batch, depth), -1000, 1500, 7) / 1024).astype(np.float32)
        bias = (integers((rows,), -500, 500, 9) / 1024).astype(np.float32)
        y = fully_connected_float(x, weights, scales, bias, activation=activation)

    return {
        "name": f"{kind}, {bits} bits, {activation}",
        "custom_options": options.pack().hex(),
        **(LEVELS if kind == "int8" else {}),
        "x": text(x),
        "weights": text(pack_rows(weights, bits)),
        "scales": text(scales),
        "bias": text(bias),
        "y": text(y),
    }


def uint8_case(activation: str, raw: bool) -> dict[str, object]:
    """The same for uint8 vectors; the weights hold 0 and 255."""
    rows, depth, batch = 19, 11, 3
    levels = {"x_zero_point": 130, "w_zero_point": 121}
    scales = {"x_scale": 0.015625, "w_scale": 0.0078125, "y_scale": 0.046875, "y_zero_point": 77}
    weights = integers((rows, depth), 0, 255, 3).astype(np.uint8)
    weights[::5, 0], weights[1::5, 1] = 0, 255
    x = integers((batch, depth), 0, 255, 7).astype(np.uint8)
    bias = integers((rows,), -9000, 9000, 9).astype(np.int32)
    if raw:
        y: np.ndarray = sums_uint8(x, weights, bias, **levels)
    else:
        y = fully_connected_uint8(x, weights, bias, activation=activation, **levels, **scales)
    options = FullyConnectedOptions(rows, depth, 8, activation)
    return {
        "name": "uint8, raw sums" if raw else f"uint8, {activation}",
        "custom_options": options.pack().hex(),
        **levels,
        **scales,
        "x": text(x),
        "weights": text(weights),
        "bias": text(bias),
        "y": text(y),
    }


def golden_text() -> str:
    cases = [("int8", 8, "none"), ("int8", 4, "relu"), ("int8", 2, "relu6")]
    cases += [("float32", 8, "none"), ("float32", 4, "relu6"), ("float32", 2, "relu")]
    content = {
        "op": "tfpipeline.fully_connected",
        "version": 1,
        "cases": [golden_case(*case) for case in cases]
        + [uint8_case("none", False), uint8_case("relu6", False), uint8_case("none", True)],
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    temporary = PATH.with_suffix(".tmp")
    temporary.write_text(golden_text(), encoding="utf-8")
    os.replace(temporary, PATH)
