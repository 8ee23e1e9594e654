"""An embedding in which several ids may share a row."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.layers.factored.factored_embedding import FactoredEmbedding

# TensorFlow Lite gathers unsigned bytes, and of two and four bytes signed ones only.
_DTYPES = {8: "uint8", 16: "int16", 32: "int32"}
_KINDS = (keras.layers.Embedding, FactoredEmbedding)


@keras.saving.register_keras_serializable(package="tfpipeline")
class MappedRows(keras.layers.Wrapper):
    """Rows of a smaller table behind a map of the ids: `layer(row_of[ids])`.

    `compress.prune_rows` and `compress.cluster_rows` make it of a trained embedding, so that the
    inputs of the model stay what they were. Until another map is assigned an id reads the row
    `id % rows`: the hashing trick of Weinberger et al. (2009), "Feature hashing for large scale
    multitask learning", with the plainest of hashes.

    The map has one integer an id, of one byte for up to 256 rows, two for up to 32,768, else four.
    It is not trained; rows that several ids share are, by the gradients of all of them.

    Args:
        layer: `keras.layers.Embedding` or `FactoredEmbedding`; its `mask_zero` is about the ids
            that come in.
        input_dim: ids, at least as many as `layer` has rows.

    Call arguments:
        inputs: integers `(batch, ...)`, from 0 to `input_dim - 1`; the result is
            `(batch, ..., layer.output_dim)`.

    Raises:
        ValueError: for another kind of layer, or fewer ids than rows.

    Example:

    >>> words = MappedRows(keras.layers.Embedding(50, 8), input_dim=1000)
    >>> words(np.zeros((2, 5), "int32")).shape
    (2, 5, 8)
    """

    def __init__(self, layer: Any, input_dim: int, **options: Any) -> None:
        if not isinstance(layer, _KINDS):
            raise ValueError(
                "`layer` must be a keras.layers.Embedding or a FactoredEmbedding; received "
                f"{type(layer).__name__}."
            )
        whole = isinstance(input_dim, (int, np.integer)) and not isinstance(input_dim, bool)
        if not whole or input_dim < layer.input_dim:
            raise ValueError(
                f"`input_dim` must be an int of at least {layer.input_dim}, the rows of the layer; "
                f"received {input_dim!r}."
            )
        super().__init__(layer, **options)
        self.input_dim = int(input_dim)
        self.supports_masking = bool(layer.mask_zero)
        # Ids are not numbers to be cast.
        self.autocast = False

    @property
    def mask_zero(self) -> bool:
        """Whether id 0 is padding, which is masked."""
        return bool(self.layer.mask_zero)

    @property
    def output_dim(self) -> int:
        return int(self.layer.output_dim)

    def build(self, input_shape: Any = None) -> None:
        self.row_of = self.add_weight(
            name="row_of",
            shape=(self.input_dim,),
            dtype=_DTYPES[map_bits(self.layer.input_dim)],
            initializer=self._hashed,
            trainable=False,
        )
        super().build(input_shape)
        self.built = True

    def _hashed(self, shape: Any, dtype: Any = None) -> Any:
        return ops.cast(ops.arange(shape[0]) % self.layer.input_dim, dtype)

    def call(self, inputs: Any) -> Any:
        if inputs.dtype not in ("int32", "int64"):
            inputs = ops.cast(inputs, "int32")
        return self.layer(ops.cast(ops.take(self.row_of, inputs, axis=0), "int32"))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "input_dim": self.input_dim}


def map_bits(rows: int) -> int:
    """Return the bits of an id's entry in a map to so many rows: 8, 16 or 32."""
    return 8 if rows <= 1 << 8 else 16 if rows <= 1 << 15 else 32
