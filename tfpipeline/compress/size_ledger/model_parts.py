"""The arrays of a Keras model, with the zeros that are in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import keras
import numpy as np

from tfpipeline.compress.built_model import check_built
from tfpipeline.compress.size_ledger.parts import Part
from tfpipeline.layers import FactoredEmbedding, MappedRows

_EMBEDDINGS = (keras.layers.Embedding, FactoredEmbedding, MappedRows)
#: Arrays of these that entries are picked from; the right factor is multiplied.
_LOOKED_UP = ("embeddings", "embeddings_left", "row_of")
#: Ends of the names of what a layer does not need once it is trained.
_ONLY_TRAINING = ("_second_moment",)
#: Ends of the names of arrays that may have two axes, and are no matrices.
_NO_MATRICES = ("bias", "_moving_mean", "_moving_variance")


def parts_of(
    model: keras.Model, exclude: Collection[str] = (), embeddings: bool = False
) -> tuple[list[Part], list[Part]]:
    """Return the arrays that count, and those that do not.

    Args:
        model: built.
        exclude: names of layers that do not count, with all that is in them.
        embeddings: whether embeddings count.

    Raises:
        CompressionError: the model is not built.
        ValueError: `exclude` names a layer that the model does not have.
    """
    check_built(model)
    layers = list(model._flatten_layers(include_self=False))
    unknown = sorted(set(exclude) - {layer.name for layer in layers})
    if unknown:
        raise ValueError(
            f"`exclude` names {', '.join(map(repr, unknown))}, but the layers of this model are "
            f"{', '.join(repr(layer.name) for layer in layers)}."
        )
    left_out = {
        id(weight)
        for layer in layers
        if layer.name in exclude or (isinstance(layer, _EMBEDDINGS) and not embeddings)
        for weight in layer.weights
    }
    looked_up = {
        id(weight)
        for layer in layers
        if isinstance(layer, _EMBEDDINGS)
        for weight in layer.weights
        if weight.name in _LOOKED_UP
    }
    names = _names(model, layers)
    counted: list[Part] = []
    others: list[Part] = []
    for weight, name in zip(model.weights, names, strict=True):
        left = id(weight) in left_out or weight.name.endswith(_ONLY_TRAINING)
        (others if left else counted).append(_part(name, weight, id(weight) in looked_up))
    return counted, others


def _part(name: str, weight: Any, looked_up: bool) -> Part:
    values = keras.ops.convert_to_numpy(weight)
    # The bias of a GRU or a FastGRNN has two rows, but is a bias.
    matrix = values.ndim > 1 and not weight.name.endswith(_NO_MATRICES)
    density = float(np.count_nonzero(values) / values.size) if values.size else 1.0
    bits = 8 * values.dtype.itemsize if looked_up and values.dtype.kind in "iu" else None
    # Of the entries of a map any may be 0.
    density = 1.0 if bits else density
    return Part(name, tuple(map(int, values.shape)), density, matrix, looked_up, bits)


def _names(model: keras.Model, layers: list[Any]) -> list[str]:
    """Return the path of each weight, without the model and the cells of recurrent layers."""
    cells = {layer.cell.name for layer in layers if hasattr(layer, "cell")}
    short = []
    for weight in model.weights:
        *where, name = weight.path.split("/")
        if len(where) > 1 and where[0] == model.name:
            where = where[1:]
        kept = [*where[:1], *(part for part in where[1:] if part not in cells)]
        short.append("/".join([*kept, name]))
    # Where cells are stacked, only the whole path tells them apart.
    found = Counter(short)
    return [
        name if found[name] == 1 else weight.path
        for name, weight in zip(short, model.weights, strict=True)
    ]
