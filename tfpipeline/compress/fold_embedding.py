"""The second factor of an embedding, multiplied into the layer that reads it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.compress.built_model import check_built
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.rebuild import copy_trainable, layer_pairs, rebuild
from tfpipeline.layers import (
    TWINS,
    UGRNN,
    FactoredEmbedding,
    FastGRNN,
    FastRNN,
    MappedRows,
    MaskedAveragePooling1D,
)
from tfpipeline.layers.copying import take_over

# A product with a matrix may come after these as well as before.
_LINEAR = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.GlobalAveragePooling1D,
    MaskedAveragePooling1D,
    keras.layers.AveragePooling1D,
)
# What multiplies its input by one kernel: Keras' layers that have a twin of ours, and the twins.
_TABLES = (keras.layers.Embedding, FactoredEmbedding)
_READERS = (
    *(kind for pair in TWINS.items() for kind in pair if kind not in _TABLES),
    *(FastRNN, FastGRNN, UGRNN),
)
_KERNELS = ("kernel", "kernel_left")


def fold_embedding(model: keras.Model, layer: str | None = None) -> keras.Model:
    """Return the model with a narrow plain embedding in place of a factored one.

    Where `x L R` is multiplied by a kernel W next, it computes `x L (R W)`: the table keeps the
    rank's width and the next layer reads that. The same function to rounding, with fewer numbers
    and products; for the device, after training. Between the two may be dropout and averages over
    time, so that the mean of a deep averaging network is taken of narrow rows.

    All columns of the table are scaled to the same largest number, and W by the inverse: files have
    one scale for a table, which would round narrow columns as coarsely as wide ones.

    Args:
        model: built Sequential or functional model with a `FactoredEmbedding`, in a `MappedRows`
            or not; it is not changed.
        layer: name of the embedding; None takes the only one.

    Returns:
        The model, not compiled.

    Raises:
        CompressionError: (a ValueError) for a model without such a layer or with several, and where
            something else than one dense or recurrent layer reads it.

    Example:

    >>> small, _ = factorize_embedding(model, reduction=0.9)
    >>> export(fold_embedding(small), "text.tflite", calibration=ids)
    """
    check_built(model)
    if not hasattr(getattr(model, "_functional", None) or model, "_nodes_by_depth"):
        raise CompressionError(
            f"`model` must be Sequential or functional; {model.name!r} is a "
            f"{type(model).__name__}: export it as it is."
        )
    embedding = _factored(model, layer)
    reader = _reader_of(model, embedding)
    rank = int(embedding.left.shape[1])
    folded = rebuild(model, lambda config: _narrow(config, embedding.name, rank), "folded")
    left = ops.convert_to_numpy(embedding.left).astype(np.float64)
    widths = np.abs(left).max(axis=0)
    widths = np.where(widths > 0, widths / max(widths.max(), 1e-30), 1.0)
    right = widths[:, None] * ops.convert_to_numpy(embedding.right)
    kernels = {id(variable) for variable in reader.variables if variable.name in _KERNELS}
    layers = layer_pairs(model, folded)
    before = [variable for variable in model.variables if variable is not embedding.right]
    pairs = list(zip(before, folded.variables, strict=True))
    for source, target in pairs:
        if id(source) in kernels:
            kernel = ops.convert_to_numpy(source)
            target.assign((right @ kernel.astype(np.float64)).astype(kernel.dtype))
        elif source is embedding.left:
            target.assign(left / widths)
        else:
            take_over(target, source)
    copy_trainable(layers, pairs)
    return folded


def _factored(model: keras.Model, name: str | None) -> Any:
    found = [one for one in model._flatten_layers() if isinstance(one, FactoredEmbedding)]
    chosen = found if name is None else [one for one in found if one.name == name]
    if len(chosen) != 1:
        names = ", ".join(repr(one.name) for one in found) or "none"
        raise CompressionError(
            f"`layer` must name one FactoredEmbedding of {model.name!r}; received {name!r}, and it "
            f"has {names}: make one with tfpipeline.compress.factorize_embedding."
        )
    return chosen[0]


def _reader_of(model: keras.Model, embedding: Any) -> Any:
    """Return the only layer that multiplies the rows."""
    # A layer keeps the nodes of every graph that it was ever called in.
    graph = getattr(model, "_functional", None) or model
    own = {id(node) for nodes in graph._nodes_by_depth.values() for node in nodes}
    maps = [one for one in model._flatten_layers() if isinstance(one, MappedRows)]
    layer = next((one for one in maps if one.layer is embedding), embedding)
    while True:
        calls = [node for node in layer._inbound_nodes if id(node) in own]
        after = [node.operation for node in layer._outbound_nodes if id(node) in own]
        if len(after) != 1 or len(calls) != 1:
            names = ", ".join(repr(one.name) for one in after) or "nothing in the model"
            raise CompressionError(
                f"layer {embedding.name!r} can be folded where one layer reads it, once; "
                f"{layer.name!r} is read by {names}."
            )
        (layer,) = after
        inner = layer
        if isinstance(layer, keras.layers.Bidirectional):
            inner = layer.forward_layer
        options = [getattr(inner, name, None) for name in ("weight_quantizer", "normalization")]
        # Other forms have no factor of the input's kernel alone, or one for each gate.
        alone = getattr(inner, "joint", "partial") in ("partial", "prabhavalkar")
        if type(inner) in _READERS and options == [None, None] and alone:
            return layer
        if type(layer) not in _LINEAR:
            expected = ", ".join(kind.__name__ for kind in _READERS)
            raise CompressionError(
                f"layer {embedding.name!r} can be folded into one of {expected}, plain or in a "
                f"Bidirectional, with joint='partial'; {layer.name!r}, a {type(layer).__name__}, "
                "is next: export the model as it is."
            )


def _narrow(config: Any, name: str, rank: int) -> Any:
    """Return a configuration with a plain embedding of this width in place of the factored one."""
    if isinstance(config, (list, tuple)):
        return type(config)(_narrow(item, name, rank) for item in config)
    if not isinstance(config, dict):
        return config
    inner = config.get("config")
    if isinstance(inner, dict) and inner.get("name") == name and "rank" in inner:
        left_out = ("rank", "joint", "embeddings_regularizer")
        kept = {key: value for key, value in inner.items() if key not in left_out}
        return {
            **config,
            "module": "keras.layers",
            "class_name": "Embedding",
            "registered_name": None,
            "config": {**kept, "output_dim": rank},
        }
    found = {key: _narrow(value, name, rank) for key, value in config.items()}
    # The shapes that layers were built with are no longer true.
    return {key: value for key, value in found.items() if key != "build_config"}
