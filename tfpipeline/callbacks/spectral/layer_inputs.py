"""What the recurrent layers of a model are called with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from keras import ops, tree

#: Sequences `(batch, time, features)`, mask `(batch, time)` or None, and first states.
Inputs = tuple[np.ndarray, Any, list[np.ndarray]]


def inputs_of(model: Any, x: Any, layers: Iterable[Any]) -> list[Inputs]:
    """Return what each layer gets at inference, in the order of the layers.

    Args:
        model: built.
        x: what it is called with.
        layers: recurrent ones of it, each called once.
    """
    found: dict[int, Inputs] = {}
    layers = list(layers)
    states = [s for layer in layers if layer.stateful for s in tree.flatten(layer.states)]
    before = [np.array(ops.convert_to_numpy(s)) for s in states]
    try:
        for layer in layers:
            layer.inner_loop = _recording(layer, found)
        model(x, training=False)
    finally:
        for layer in layers:
            vars(layer).pop("inner_loop", None)
        for state, value in zip(states, before, strict=True):
            state.assign(value)
    return [found[id(layer)] for layer in layers]


def _recording(layer: Any, found: dict[int, Inputs]) -> Any:
    loop = layer.inner_loop

    def record(sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        found[id(layer)] = (
            _values(sequences),
            None if mask is None else ops.convert_to_numpy(mask),
            [_values(s) for s in initial_state],
        )
        return loop(sequences, initial_state, mask, training=training)

    return record


def _values(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")), np.float64)
