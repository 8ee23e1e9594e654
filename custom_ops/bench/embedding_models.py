"""Text models as exported files whose tables are then grown to any number of words.

An export of a few words takes seconds, and the file of 400,000 differs from it in the table and its
scales only, whose numbers do not matter for times.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export.flatbuffer.packing import AlignedBuffer, pack_model
from tfpipeline.numerics.embedding_options import OP_NAME, EmbeddingOptions

_FEW = 500
"""Words of the model that is exported; no other size of it is the same."""
FIRST_LAYERS = ("dense", "gru")


@dataclass(frozen=True)
class Kind:
    """One way to store and run a table.

    Args:
        name: In the results.
        mode: `quantize` of the export.
        low_rank: Whether the table is two factors.
        fused: Whether the file has our ops.
    """

    name: str
    mode: str
    low_rank: bool
    fused: bool


STOCK = Kind("float32 table, stock", "float32", False, False)
KINDS = (
    STOCK,
    Kind("low rank, int8x4, fused", "int8x4", True, True),
    Kind("low rank, int4, fused", "int4", True, True),
    Kind("low rank, int8x4, stock", "int8x4", True, False),
    Kind("whole table, int4, stock", "int4", False, False),
)


def export_few(
    kind: Kind, first: str, width: int, rank: int, units: int, words: int, folder: Path
) -> Path:
    """Return the file of a model of a few words, not trained.

    Args:
        kind: How.
        first: "dense" or "gru", the layer behind the lookup.
        width, rank: Of the table, and of its factors where it has them.
        units: Of the first layer.
        words: Of a sentence.
        folder: Where to.
    """
    import keras

    from tfpipeline.export import Tolerances, export
    from tfpipeline.layers import FactoredEmbedding

    keras.utils.set_random_seed(0)
    options = {"embeddings_initializer": "normal"}
    table = (
        FactoredEmbedding(_FEW, width, rank=rank, **options)
        if kind.low_rank
        else keras.layers.Embedding(_FEW, width, **options)
    )
    layer = {
        "dense": keras.layers.Dense(units, activation="relu"),
        "gru": keras.layers.GRU(units),
    }[first]
    model = keras.Sequential([keras.Input((words,), dtype="int32"), table, layer])
    ids = np.random.default_rng(0).integers(0, _FEW, (16, words)).astype(np.int32)
    report = export(
        model,
        folder / f"{first}_{kind.mode}_{kind.low_rank}.tflite",
        quantize=kind.mode,
        calibration=ids,
        forms=("fused",) if kind.fused else ("portable",),
        tolerances=Tolerances(0.0, 10.0, 10.0),
    )
    path = report.fused if kind.fused else report.portable
    assert path is not None
    return path


def grow(source: Path, target: Path, vocabulary: int) -> int:
    """Write a file with a table of `vocabulary` rows, and return the bytes of its embedding."""
    content = schema.ModelT.InitFromPackedBuf(source.read_bytes())
    rng, grown = np.random.default_rng(1), 0
    (graph, *_) = content.subgraphs
    for tensor in graph.tensors:
        data = content.buffers[tensor.buffer].data
        if data is None or len(tensor.shape) == 0 or tensor.shape[0] != _FEW:
            continue
        rows = np.asarray(data).reshape(_FEW, -1)
        tensor.shape = np.array([vocabulary, *tensor.shape[1:]], np.int32)
        chosen = rows[rng.integers(0, _FEW, vocabulary)]
        content.buffers[tensor.buffer] = AlignedBuffer(chosen.tobytes())
    for op in graph.operators:
        code = content.operatorCodes[op.opcodeIndex].customCode
        if (code or b"").decode() == OP_NAME:
            old = EmbeddingOptions.unpack(bytes(op.customOptions))
            new = EmbeddingOptions(
                vocabulary, old.width, old.units, old.table_bits, old.product_bits
            )
            op.customOptions = np.frombuffer(new.pack(), np.uint8)
    for number, buffer in enumerate(content.buffers):
        if buffer.data is not None and len(buffer.data) and not isinstance(buffer, AlignedBuffer):
            content.buffers[number] = AlignedBuffer(bytes(buffer.data))
    for tensor in graph.tensors:
        data = content.buffers[tensor.buffer].data
        if data is not None and _is_of_the_embedding(tensor, vocabulary):
            grown += len(data)
    target.write_bytes(pack_model(content))
    return grown


def _is_of_the_embedding(tensor: Any, vocabulary: int) -> bool:
    if len(tensor.shape) and tensor.shape[0] == vocabulary:
        return True
    # The second factor, packed or not.
    name = tensor.name.decode()
    return "embedding" in name and name.endswith(("/weights", "/product"))
