"""Runs a Keras model and leaves it as it was: its states, counters and compiled functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_MISSING = object()


@contextmanager
def state_kept(model: keras.Model) -> Iterator[None]:
    """While open, the model may be called; afterwards all of its variables are as before.

    A call moves the states of stateful layers, and whatever a user's layer counts. States are no
    weights to Keras, and a user's variables may be in no list of its, so all attributes of all
    layers are looked through.
    """
    layers = [model, *model._flatten_layers(include_self=False)]
    values = [(variable, _value(variable)) for variable in _variables(layers)]
    without_states = [layer for layer in layers if vars(layer).get("states", _MISSING) is None]
    function = vars(model).get("predict_function", _MISSING)
    try:
        yield
    finally:
        for variable, value in values:
            if _value(variable).tobytes() != value.tobytes():
                variable.assign(value)
        for layer in without_states:
            # Called for the first time, it has states now, which Keras starts at zero.
            layer.reset_state()
        if function is not _MISSING:
            model.predict_function = function


def _value(variable: Any) -> np.ndarray:
    # A copy: on a CPU the array may be the variable's own memory.
    return np.array(keras.ops.convert_to_numpy(variable))


def _variables(layers: Iterable[keras.layers.Layer]) -> list[Any]:
    found: dict[int, Any] = {}
    for layer in layers:
        for variable in (*layer.variables, *_leaves(vars(layer).values(), depth=3)):
            found[id(variable)] = variable
    inner = {id(v.value) for v in found.values() if isinstance(v, keras.Variable)}
    return [variable for key, variable in found.items() if key not in inner]


def _leaves(values: Iterable[Any], depth: int) -> Iterator[Any]:
    """Variables among the values of attributes, and within lists and dicts of them."""
    for value in values:
        if isinstance(value, keras.Variable | tf.Variable):
            yield value
        elif isinstance(value, keras.random.SeedGenerator):
            yield value.state
        elif depth and isinstance(value, list | tuple | set):
            yield from _leaves(value, depth - 1)
        elif depth and isinstance(value, Mapping):
            yield from _leaves(value.values(), depth - 1)
