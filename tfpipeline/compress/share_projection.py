"""Prabhavalkar's joint form: one projection for a recurrent layer and the layer after it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import keras
import numpy as np
from keras import ops

from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.own_objects import own_objects
from tfpipeline.compress.rebuild import Pairs, copy_trainable
from tfpipeline.layers import TWINS
from tfpipeline.layers.copying import take_over
from tfpipeline.layers.factored.ranks import Rank

# Layers whose kernel multiplies what comes in.
_FOLLOWERS = [plain for plain in TWINS if plain is not keras.layers.Embedding]


def share_projections(
    model: keras.Model, names: Set[str], rank: Rank
) -> tuple[keras.Model, Pairs, Pairs]:
    """Rebuild a Sequential model with `joint="prabhavalkar"` in the recurrent layers of `names`.

    With U = P Z the balanced split of a recurrent kernel's best approximation, the layer gives out
    h P, and the next layer's kernel W becomes the Z' with the least |P Z' - W|. Prabhavalkar et al.
    (2016), "On the compression of recurrent neural networks", section 3.

    Returns:
        The model, the pairs of variables that are the same, and those that are replaced.
    """
    if type(model) is not keras.Sequential:
        raise CompressionError(
            f"`joint` must not be 'prabhavalkar' for a {type(model).__name__} model, because each "
            f"recurrent layer needs one next layer: expected keras.Sequential; use 'partial'."
        )
    with own_objects(model):
        new = _with_projections(model, names, rank)
    kept: Pairs = []
    replaced: Pairs = []
    for source, target in zip(model.layers, new.layers, strict=True):
        for ours, theirs in _variable_pairs(source, target):
            alike = ours.shape == theirs.shape and np.array_equal(
                ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs)
            )
            (kept if alike else replaced).append((ours, theirs))
    copy_trainable(list(zip(model.layers, new.layers, strict=True)), [*kept, *replaced])
    return new, kept, replaced


def _variable_pairs(source: Any, target: Any) -> Pairs:
    """Each variable of a layer of the new model, with the one that it comes from."""
    if type(target) is type(source):
        return list(zip(source.weights, target.weights, strict=True))
    by_name = {weight.name: weight for weight in source.weights}
    return [
        (by_name[weight.name.removesuffix("_left").removesuffix("_right")], weight)
        for weight in target.weights
    ]


def _with_projections(model: keras.Sequential, names: Set[str], rank: Rank) -> keras.Model:
    new = keras.Sequential([keras.Input(batch_shape=model.input_shape)], name=model.name)
    projection: np.ndarray | None = None
    for layer in model.layers:
        if projection is not None:
            _check_follower(layer)
        weights = [ops.convert_to_numpy(weight) for weight in layer.get_weights()]
        if projection is not None:
            weights[0] = np.linalg.pinv(projection.astype(np.float64)) @ weights[0]
        if _is_recurrent(layer) and layer.name in names:
            if layer is model.layers[-1] or layer.return_state:
                raise CompressionError(
                    f"`joint` must not be 'prabhavalkar' for layer {layer.name!r}, because its "
                    f"output would change and no layer after it makes up for that; name the other "
                    f"layers in `layers`."
                )
            target = _projecting(layer, rank)
            new.add(target)
            target.cell.assign_kernels(weights[0], weights[1])
            if layer.cell.bias is not None:
                take_over(target.cell.bias, layer.cell.bias)
            projection = ops.convert_to_numpy(target.cell.projection)
        else:
            target = type(layer).from_config(layer.get_config())
            new.add(target)
            target.set_weights(weights)
            projection = None
    return new


def twins(word: str, kinds: Iterable[Any] = TWINS) -> str:
    """Return the names of Keras' layers that have a factored twin, with `word` before the last."""
    *first, last = [plain.__name__ for plain in kinds]
    return f"{', '.join(first)} {word} {last}"


def check_kernel(layer: Any) -> None:
    """Raise unless the layer's kernel is one variable, which LoRA and quantization change."""
    lora, quantized = (
        getattr(layer, "lora_enabled", False),
        getattr(layer, "quantization_mode", None),
    )
    if lora or quantized:
        raise CompressionError(
            f"`model` must have plain kernels where it is factorized; {layer.name!r} is changed by "
            f"its {'enable_lora' if lora else 'quantize'}(): call that on the smaller model, or "
            f"name the other layers in `layers`."
        )


def _is_recurrent(layer: Any) -> bool:
    return type(layer) in TWINS and isinstance(layer, keras.layers.RNN)


def _projecting(layer: Any, rank: Rank) -> Any:
    config = layer.get_config()
    for argument in ("kernel_regularizer", "recurrent_regularizer"):
        config[argument] = None
    return TWINS[type(layer)].from_config({**config, "joint": "prabhavalkar", "rank": rank})


def _check_follower(layer: Any) -> None:
    if type(layer) not in _FOLLOWERS:
        raise CompressionError(
            f"`joint` must not be 'prabhavalkar' before layer {layer.name!r}, a "
            f"{type(layer).__name__}: expected a {twins('or', _FOLLOWERS)} next, whose kernel can "
            f"share the projection; name the other layers in `layers`."
        )
    check_kernel(layer)
