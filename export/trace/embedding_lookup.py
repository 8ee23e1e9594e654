"""Embeddings as export calls them: ids count from 0, and nothing turns negative ones around.

`keras.ops.take` counts negative ids from the end of the table, as Python does. In a file that costs
three ops a lookup and hides an id that no word has, such as -1; without it the runtimes' kernels
refuse the id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def lookup_call(layer: keras.layers.Layer) -> Callable[..., Any] | None:
    """Return a call of an embedding that takes no negative ids; None for other layers.

    Layers of this package offer `call_gathered(inputs, gather)`. Of Keras' own the plain ones are
    called so, not those that were quantized in Keras or that a subclass calls in another way.
    """
    gathered = getattr(layer, "call_gathered", None)
    if gathered is not None:
        return lambda inputs: gathered(inputs, _gather)
    embedding = keras.layers.Embedding
    if not isinstance(layer, embedding) or type(layer).call is not embedding.call:
        return None
    if layer.quantization_mode is not None:
        return None

    def call(inputs: Any) -> Any:
        ids = keras.ops.convert_to_tensor(inputs)
        if keras.backend.standardize_dtype(ids.dtype) not in ("int32", "int64"):
            ids = keras.ops.cast(ids, "int32")
        return keras.ops.cast(_gather(layer.embeddings, ids), layer.compute_dtype)

    return call


def _gather(table: Any, ids: Any) -> Any:
    return tf.gather(keras.ops.convert_to_tensor(table), ids)
