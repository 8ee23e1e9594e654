"""A model of text for the device, where a length says what a mask says in training."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.compress.rebuild import copy_trainable, layer_pairs, rebuild
from tfpipeline.layers import FactoredEmbedding
from tfpipeline.layers.copying import take_over

_TABLES = (keras.layers.Embedding, FactoredEmbedding)


def without_masks(model: keras.Model) -> keras.Model:
    """Return the model with `mask_zero=False` in its embeddings, which export can take.

    Recurrent layers of exported files have no mask. With `export(..., length="bounded")` they stop
    at a given length instead: padding behind the words is passed over as the mask does it, and the
    scores are the same. Weights are copied; the model is not changed.

    Args:
        model: built Sequential or functional model, such as `lstm` gives it. One that averages over
            time, such as `dan`, needs its mask on the device too and is exported as it is.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: no embedding of it masks anything.
        CompressionError: (a ValueError) for a model that its configuration does not give again.

    Example:

    >>> export(without_masks(model), "text.tflite", calibration=ids, length="bounded")
    """
    masked = [
        layer.name
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, _TABLES) and layer.mask_zero
    ]
    if not masked:
        raise ValueError(
            f"without_masks: model must have an embedding with mask_zero=True; {model.name!r} has "
            "none: export it as it is."
        )
    again = rebuild(model, lambda config: _unmasked(config, set(masked)), "without masks")
    layers = layer_pairs(model, again)
    pairs = list(zip(model.variables, again.variables, strict=True))
    for source, target in pairs:
        take_over(target, source)
    copy_trainable(layers, pairs)
    return again


def _unmasked(config: Any, names: set[str]) -> Any:
    """Return a configuration in which the embeddings of these names mask nothing."""
    if isinstance(config, (list, tuple)):
        return type(config)(_unmasked(item, names) for item in config)
    if not isinstance(config, dict):
        return config
    found = {key: _unmasked(value, names) for key, value in config.items()}
    if found.get("name") in names and "mask_zero" in found:
        found["mask_zero"] = False
    return found
