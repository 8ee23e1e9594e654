"""Names of models and layers: scopes in a graph, and what users call several layers by."""

from __future__ import annotations

import re
from typing import Any

import keras

from tfpipeline.export.errors import ExportError

_FIRST = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
_INNER = re.compile(r"[A-Za-z0-9_.\\/>-]*")


def check_names(model: keras.Model) -> None:
    """Refuse names before TensorFlow does.

    Keras opens a scope of its own before TensorFlow's, and does not close it where that fails: in
    such a process all layers that are made later would have the name in front of their own.

    Raises:
        ExportError: naming the first.
    """
    if not _FIRST.fullmatch(model.name):
        raise ExportError(_sentence("model", "the model", model.name))
    for layer in model._flatten_layers(include_self=False):
        if not _INNER.fullmatch(layer.name):
            raise ExportError(_sentence("layer", "layer", layer.name))


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


def _sentence(what: str, who: str, name: str) -> str:
    allowed = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    if not allowed[0].isalnum():
        allowed = what + allowed
    return (
        f"{who} {name!r} has a name of which TensorFlow can make no graph: expected A to Z, digits "
        f"and _ . - only, with a letter or digit in front; rename it: "
        f"{what}.name = {allowed!r}"
    )
