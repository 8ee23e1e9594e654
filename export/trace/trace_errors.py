"""What TensorFlow says when it cannot make a graph of a model, in words that name a next step."""

from __future__ import annotations

import re

import keras

from tfpipeline.export.errors import reason_of

_OUTSIDE = re.compile(r"references an 'untracked' resource.*?name=\"(.*?)\".*?type=\"(.*?)\"", re.S)


def sentence_for(error: Exception, model: keras.Model, frames: int | None) -> str:
    """One sentence for whatever tracing or saving `model` at `frames` time steps raised."""
    outside = _OUTSIDE.search(str(error))
    if outside is not None:
        return _outside_of_model(model, *outside.groups())
    at = "" if frames is None else f" at {frames} time steps"
    return f"the model cannot be traced as a graph{at}: {reason_of(error)}"


def _outside_of_model(model: keras.Model, name: str, kind: str) -> str:
    if "lookup" in kind:
        layers = [
            layer.name
            for layer in model._flatten_layers(include_self=False)
            if hasattr(layer, "lookup_table")
        ]
        who = f"layer {layers[0]!r}" if layers else "the model"
        return (
            f"{who} looks values up in a table, for which TensorFlow Lite has no builtin op: "
            "expected a model of numbers; take the lookup out of the model, and apply it to the "
            "inputs first"
        )
    return (
        f"the model uses the variable {name!r}, which is none of its weights: expected a model "
        "that gives the same scores for the same inputs; make it with add_weight in a layer, and "
        "leave out random numbers, which keep their seed in such a variable"
    )
