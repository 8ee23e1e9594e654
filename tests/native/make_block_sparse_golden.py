"""Writes custom_ops/spec/block_sparse_golden.json from the numpy spec:

python tests/native/make_block_sparse_golden.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_fully_connected_golden import LEVELS, text  # noqa: E402
from make_golden import integers  # noqa: E402

from tfpipeline.numerics.block_sparse import encode_blocks, pad_scales  # noqa: E402
from tfpipeline.numerics.fully_connected import fully_connected_int8  # noqa: E402
from tfpipeline.numerics.fully_connected_options import FullyConnectedOptions  # noqa: E402

PATH = Path(__file__).resolve().parents[2] / "custom_ops" / "spec" / "block_sparse_golden.json"


def golden_case(name: str, rows: int, depth: int, parts: int, kept: int) -> dict[str, object]:
    """A matrix and what a file holds of it; with one part, a layer that multiplies with it too."""
    shape = -(-rows // parts // 8) * parts, -(-depth // 4)
    blocks = integers(shape, 0, 9, rows) < kept
    whole = blocks.reshape(parts, -1, shape[1]).repeat(8, axis=1)[:, : rows // parts]
    mask = whole.repeat(4, axis=2)[:, :, :depth].reshape(rows, depth)
    values = (integers((rows, depth), -127, 127, depth) * mask).astype(np.int8)
    scales = (integers((rows,), 60, 160, 5) / 2048).astype(np.float32)
    stored = encode_blocks(values, parts)
    case = {
        "name": name,
        "parts": parts,
        "values": text(values),
        "scales": text(scales),
        "tensor": {
            "shape": list(stored.shape),
            "scales": text(pad_scales(scales, parts)),
            "traversal_order": [0, 1, 2, 3],
            "block_map": [0, 1],
            "dense_rows": len(stored.segments) - 1,
            "array_segments": stored.segments.tolist(),
            "array_indices": stored.indices.tolist(),
            "block_shape": [8, 4],
            "data": stored.blocks.tobytes().hex(),
        },
    }
    if parts == 1:
        x = integers((3, depth), -128, 127, 7).astype(np.int8)
        bias = integers((rows,), -900, 900, 9).astype(np.int32)
        y = fully_connected_int8(x, values, scales, bias, activation="none", **LEVELS)
        options = FullyConnectedOptions(rows, depth).pack().hex()
        case["fully_connected"] = {
            "custom_options": options,
            **LEVELS,
            "x": text(x),
            "bias": text(bias),
            "y": text(y),
        }
    return case


def golden_text() -> str:
    cases = [
        golden_case("rows and columns that end within blocks", 19, 11, 1, 5),
        golden_case("three gates of ten units", 30, 10, 3, 4),
        golden_case("zeros only", 9, 5, 1, 0),
    ]
    return json.dumps({"spec": "block_sparse", "cases": cases}, indent=1) + "\n"


def main() -> None:
    temporary = PATH.with_suffix(".tmp")
    temporary.write_text(golden_text(), encoding="utf-8")
    os.replace(temporary, PATH)


if __name__ == "__main__":
    main()
