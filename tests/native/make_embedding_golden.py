"""Writes custom_ops/spec/embedding_golden.json from the numpy spec:

python tests/native/make_embedding_golden.py
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from embedding_models import EmbeddingCase  # noqa: E402
from make_factored_golden import factor  # noqa: E402
from make_fully_connected_golden import text  # noqa: E402
from make_golden import SPEC, integers  # noqa: E402

from tfpipeline.numerics.embedding_options import OP_NAME, EmbeddingOptions, Mean  # noqa: E402
from tfpipeline.numerics.fully_connected import pack_rows  # noqa: E402

PATH = SPEC / "embedding_golden.json"
LEVELS = {"y_scale": 0.03125, "y_zero_point": 4}


def golden_case(
    kind: str, bits: tuple[int, int], units: int, mean: Mean = Mean.NONE
) -> dict[str, object]:
    """One case with everything an implementation needs; arrays as hexadecimal bytes."""
    vocabulary, width = 23, 11
    options = EmbeddingOptions(vocabulary, width, units, *bits, mean)
    table = factor(vocabulary, width, bits[0], 3)
    product = factor(units, width, bits[1], 5) if units else None
    ids = integers((2, 5), 0, vocabulary - 1, 7).astype(np.int32)
    if mean >= Mean.MASKED:
        ids[:, 3:] = 0
    levels = LEVELS if kind == "int8" else {}
    case = EmbeddingCase(options, table, product, ids, **levels)
    parts = [kind, f"{bits[0]} bits", f"{units} units, {bits[1]} bits" if units else "plain"]
    if mean != Mean.NONE:
        parts.append(f"mean {mean.value}")
    content = {
        "name": ", ".join(parts),
        "custom_options": options.pack().hex(),
        **levels,
        "ids": text(ids),
        "table": {**text(pack_rows(table.values, bits[0])), "scales": text(table.scales)},
    }
    if product is not None:
        packed = pack_rows(product.values, bits[1])
        content["product"] = {**text(packed), "scales": text(product.scales)}
    return {**content, "y": text(case.reference())}


def golden_text() -> str:
    cases = [("float32", (8, 0), 0), ("float32", (4, 0), 0), ("float32", (4, 8), 19)]
    cases += [("int8", (2, 0), 0), ("int8", (8, 4), 19), ("int8", (4, 8), 19), ("int8", (2, 2), 19)]
    cases += [("float32", (8, 0), 0, Mean.PLAIN), ("float32", (4, 8), 19, Mean.MASKED)]
    cases += [("float32", (2, 0), 0, Mean.MASKED_OR_NAN), ("int8", (8, 0), 0, Mean.MASKED)]
    cases += [("int8", (4, 2), 19, Mean.PLAIN)]
    content = {"op": OP_NAME, "version": 1, "cases": [golden_case(*case) for case in cases]}
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    temporary = PATH.with_suffix(".tmp")
    temporary.write_text(golden_text(), encoding="utf-8")
    os.replace(temporary, PATH)
