"""What a layer that is made from another takes from it: values, and the caller's own objects."""

from __future__ import annotations

import types
from typing import Any

import keras
from keras import ops


def is_own(value: Any) -> bool:
    """Return whether Keras could not find it again: an own function, or an object to be called."""
    if not callable(value) or isinstance(value, (type, keras.Layer, keras.Variable)):
        return False
    kind = value if isinstance(value, types.FunctionType) else type(value)
    if str(getattr(kind, "__module__", "")).partition(".")[0] == "keras":
        return False
    return bool(keras.saving.get_registered_name(kind) == kind.__name__)


def with_own_objects(config: dict[str, Any], layer: Any) -> dict[str, Any]:
    """Return the configuration of `layer` with the caller's own objects in place of their names.

    A layer made from it in the same process has the same activation, also where that is a lambda or
    a function that is called like one of Keras.
    """
    own = {name: getattr(layer, name, None) for name in config}
    return {**config, **{name: value for name, value in own.items() if is_own(value)}}


def take_over(target: Any, source: Any) -> None:
    """Assign the value of `source` as an array of its own.

    On JAX the two would otherwise hold the same array, and training either frees it for both.
    """
    target.assign(ops.copy(ops.convert_to_tensor(source)))
