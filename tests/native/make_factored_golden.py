"""Writes custom_ops/spec/factored_fully_connected_golden.json from the numpy spec:

python tests/native/make_factored_golden.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from factored_models import FactoredCase  # noqa: E402
from make_fully_connected_golden import LEVELS, text  # noqa: E402
from make_golden import SPEC, integers  # noqa: E402

from tfpipeline.numerics.factored import QuantizedFactor  # noqa: E402
from tfpipeline.numerics.factored_options import OP_NAME, FactoredOptions  # noqa: E402
from tfpipeline.numerics.fully_connected import pack_rows  # noqa: E402

PATH = SPEC / "factored_fully_connected_golden.json"


def factor(rows: int, depth: int, bits: int, seed: int) -> QuantizedFactor:
    high = 2 ** (bits - 1)
    values = integers((rows, depth), -high + (bits == 8), high - 1, seed).astype(np.int8)
    return QuantizedFactor(
        values, (integers((rows,), 60, 160, seed + 1) / (16 * high)).astype(np.float32)
    )


def golden_case(kind: str, bits: tuple[int, int], activation: str) -> dict[str, object]:
    """One case with everything an implementation needs; arrays as hexadecimal bytes."""
    rows, depth, rank, batch = 19, 11, 5, 3
    is_int8 = kind == "int8"
    inner = (0.0625, -9) if is_int8 else (0.0, 0)
    options = FactoredOptions(rows, depth, rank, *bits, activation, *inner)
    first, last = factor(rank, depth, bits[0], 3), factor(rows, rank, bits[1], 5)
    if is_int8:
        x = integers((batch, depth), -128, 127, 7).astype(np.int8)
        bias = integers((rows,), -900, 900, 9).astype(np.int32)
    else:
        x = (integers((batch, depth), -1000, 1500, 7) / 1024).astype(np.float32)
        bias = (integers((rows,), -500, 500, 9) / 1024).astype(np.float32)
    case = FactoredCase(options, first, last, bias, x, **(LEVELS if is_int8 else {}))
    return {
        "name": f"{kind}, {bits[0]} and {bits[1]} bits, {activation}",
        "custom_options": options.pack().hex(),
        **(LEVELS if is_int8 else {}),
        "x": text(x),
        "first": {**text(pack_rows(first.values, bits[0])), "scales": text(first.scales)},
        "last": {**text(pack_rows(last.values, bits[1])), "scales": text(last.scales)},
        "bias": text(bias),
        "y": text(case.reference()),
    }


def golden_text() -> str:
    cases = [("int8", (8, 8), "none"), ("int8", (8, 4), "relu"), ("int8", (2, 8), "relu6")]
    cases += [("float32", (8, 8), "none"), ("float32", (4, 2), "relu")]
    content = {"op": OP_NAME, "version": 1, "cases": [golden_case(*case) for case in cases]}
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    temporary = PATH.with_suffix(".tmp")
    temporary.write_text(golden_text(), encoding="utf-8")
    os.replace(temporary, PATH)
