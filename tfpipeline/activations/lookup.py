"""Activations by their plain names, which Keras looks up among its own only."""

from __future__ import annotations

from typing import Any

import keras

from tfpipeline.activations.piecewise_linear import quant_sigmoid, quant_sigmoid4, quant_tanh

_BY_NAME = {function.__name__: function for function in (quant_tanh, quant_sigmoid, quant_sigmoid4)}


def get(identifier: Any) -> Any:
    """Return an activation of ours by its name, else what `keras.activations.get` returns.

    Args:
        identifier: a name, a configuration, a function, or None for the linear one.
    """
    return keras.activations.get(named(identifier))


def named(value: Any) -> Any:
    """Return our function of that name; any other value as it is."""
    return _BY_NAME.get(value, value) if isinstance(value, str) else value
