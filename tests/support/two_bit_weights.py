"""The integers of two bits that a file holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema


def two_bit_weights(path: Path) -> list[np.ndarray]:
    """Codes of every constant of two bits, by the order of the file."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    found = []
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if tensor.type == schema.TensorType.INT2 and data is not None:
                bits = np.unpackbits(np.asarray(data, np.uint8), bitorder="little")
                values = (bits[::2] + 2 * bits[1::2]).astype(np.int8)
                values = np.where(values > 1, values - 4, values)
                found.append(values[: np.prod(tensor.shape)].reshape(tensor.shape))
    return found
