"""Which layers are part of which: what a user calls by one name may be several layers."""

from __future__ import annotations

from typing import Any

import keras


def parents_of_layers(model: keras.Model) -> dict[str, tuple[str, ...]]:
    """Return the names of the layers that hold a layer, from inside out, by the name of each layer.

    Without inputs and without the cells of recurrent layers, which compute nothing of their own.
    """
    found: dict[str, tuple[str, ...]] = {}

    def collect(parent: Any, holders: tuple[str, ...]) -> None:
        for layer in parent._flatten_layers(include_self=False, recursive=False):
            if isinstance(layer, keras.layers.InputLayer):
                continue
            found[layer.name] = holders + found.get(layer.name, ())
            if not isinstance(layer, keras.layers.RNN) and not hasattr(layer, "export_step"):
                collect(layer, (layer.name, *holders))

    collect(model, ())
    return found
