"""The same values in another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.builder import GraphBuilder
from tfpipeline.export.quantize.quantization import Quantization


def reshape(
    graph: GraphBuilder,
    name: str,
    x: int,
    shape: Sequence[int],
    dtype: Any,
    q: Quantization | None,
) -> int:
    """Add a RESHAPE."""
    target = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    result = graph.tensor(name, shape, dtype, q)
    options = schema.ReshapeOptionsT(newShape=np.array(shape, np.int32))
    graph.operator("RESHAPE", [x, target], [result], options)
    return result
