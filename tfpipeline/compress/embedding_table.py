"""The table of an embedding in a model, wherever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.share_projection import check_kernel
from tfpipeline.layers import FactoredEmbedding, MappedRows


@dataclass(frozen=True)
class EmbeddingTable:
    """An embedding, and the map of the ids in front of it if there is one.

    Args:
        layer: `keras.layers.Embedding` or `FactoredEmbedding`.
        mapped: the `MappedRows` that has it, or None.
    """

    layer: Any
    mapped: Any = None

    @property
    def variable(self) -> Any:
        """What has a row for each id, or for the ids that share it: the left one of two factors."""
        return (
            self.layer.left if isinstance(self.layer, FactoredEmbedding) else self.layer._embeddings
        )

    @property
    def name(self) -> str:
        """`"<layer>/<variable>"`."""
        return f"{self.layer.name}/{self.variable.name}"

    @property
    def rows(self) -> np.ndarray:
        """Its numbers, `(rows, width)`."""
        return np.asarray(ops.convert_to_numpy(self.variable))

    @property
    def ids(self) -> int:
        """How many ids the model takes."""
        return int((self.mapped or self.layer).input_dim)

    @property
    def row_of(self) -> np.ndarray:
        """The row of each id."""
        if self.mapped is None:
            return np.arange(self.ids, dtype=np.int32)
        return np.asarray(ops.convert_to_numpy(self.mapped.row_of)).astype(np.int32)

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """Return rows as points that are as far apart as what the model reads of them.

        Of a factored table these are rows of the product, in coordinates of its own.
        """
        if not isinstance(self.layer, FactoredEmbedding):
            return rows
        right = np.asarray(ops.convert_to_numpy(self.layer.right), np.float64)
        turned = np.asarray(np.linalg.qr(right.T, mode="r"))
        return np.asarray(rows @ turned.T)


def embedding_layer(model: keras.Model, name: str | None, *kinds: Any) -> Any:
    """Return the layer of this name, or the only one.

    Args:
        model: built.
        name: of the layer; None for the only one.
        kinds: classes, the first being the one that an error names.

    Raises:
        CompressionError: there is no such layer, or there are several.
    """
    found = [one for one in model._flatten_layers() if type(one) in kinds]
    names = ", ".join(repr(one.name) for one in found) or "none"
    if name is None and len(found) == 1:
        return found[0]
    chosen = [one for one in found if one.name == name]
    if len(chosen) != 1:
        raise CompressionError(
            f"`layer` must name one keras.layers.{kinds[0].__name__} of {model.name!r}; received "
            f"{name!r}, and it has {names}."
        )
    return chosen[0]


def embedding_table(model: keras.Model, name: str | None) -> EmbeddingTable:
    """Return the table of the layer of this name, or the only one.

    Raises:
        CompressionError: as `embedding_layer`, and for a layer with LoRA or quantized weights, or
            weights that are not finite.
    """
    layer = embedding_layer(model, name, keras.layers.Embedding, FactoredEmbedding)
    check_kernel(layer)
    mapped = [
        one for one in model._flatten_layers() if isinstance(one, MappedRows) and one.layer is layer
    ]
    table = EmbeddingTable(layer, mapped[0] if mapped else None)
    if not np.isfinite(table.rows).all():
        raise CompressionError(
            f"{table.name!r} of {model.name!r} must hold finite numbers: train it again with a "
            "lower learning rate."
        )
    return table
