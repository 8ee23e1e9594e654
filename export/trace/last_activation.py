"""The last activation of each output of a Keras model, through layers that only move values."""

from __future__ import annotations

from typing import Any

import keras

SOFTMAX, LOG_SOFTMAX, SIGMOID, LINEAR = "softmax", "log_softmax", "sigmoid", "linear"
OTHER = "other"
"""An activation that no scores of classes have, such as ReLU or tanh."""
CONCATENATED = "concatenated"
"""Several vectors side by side."""
UNKNOWN = "unknown"
"""Code that is not Keras' own."""

_NAMES = {
    "softmax": SOFTMAX,
    "softmax_v2": SOFTMAX,  # tf.nn.softmax
    "log_softmax": LOG_SOFTMAX,
    "log_softmax_v2": LOG_SOFTMAX,
    "sigmoid": SIGMOID,
    "hard_sigmoid": SIGMOID,
    "linear": LINEAR,
}
_OPERATIONS = {
    "Softmax": SOFTMAX,
    "LogSoftmax": LOG_SOFTMAX,
    "Sigmoid": SIGMOID,
    "HardSigmoid": SIGMOID,
}
_MOVES = {
    *("Reshape", "Flatten", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise"),
    *("GaussianDropout", "AlphaDropout", "ActivityRegularization", "Identity", "Masking"),
    *("Cropping1D", "Cropping2D", "UpSampling1D", "UpSampling2D", "RepeatVector"),
    *("AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("MaskedAveragePooling1D", "Squeeze", "ExpandDims", "GetItem", "Cast", "Mean", "Copy"),
}
"""Layers and operations after which an entry is still of the kind that it was."""
_DEEPEST = 64


def last_activations(model: keras.Model) -> list[str] | None:
    """Return the last activation of each output, in the order of `model.outputs`.

    Returns:
        For each output one of the names above; None for a subclassed model, whose graph nobody
        knows.
    """
    outputs = getattr(model, "outputs", None)
    if not outputs:
        return None
    return [_of_tensor(tensor, 0) for tensor in outputs]


def _of_tensor(tensor: Any, depth: int) -> str:
    history = getattr(tensor, "_keras_history", None)
    if history is None or depth > _DEEPEST:
        return UNKNOWN
    operation = history.operation
    inner = getattr(operation, "outputs", None)
    if isinstance(operation, keras.Model):
        return _of_tensor(inner[history.tensor_index], depth + 1) if inner else UNKNOWN
    found = _of_operation(operation, tensor)
    if found is not None:
        return found
    inputs = operation._inbound_nodes[history.node_index].input_tensors
    kind = type(operation).__name__
    if kind in ("Concatenate", "Stack"):
        return CONCATENATED
    if kind == "Average":
        kinds = {_of_tensor(one, depth + 1) for one in inputs}
        return kinds.pop() if len(kinds) == 1 else OTHER
    before = _of_tensor(inputs[0], depth + 1) if inputs else UNKNOWN
    moved = bool(inputs) and inputs[0].shape[-1:] != tensor.shape[-1:]
    # A part of a distribution, or several of them in one vector, is none.
    return OTHER if moved and before in (SOFTMAX, LOG_SOFTMAX) else before


def _of_operation(operation: Any, tensor: Any) -> str | None:
    """Return what an operation makes of whatever it is given; None where it only moves values."""
    kind = type(operation).__name__
    if isinstance(operation, keras.layers.InputLayer):
        return LINEAR
    if not _is_keras(operation):
        own = getattr(operation, "activation", None)
        return UNKNOWN if own is None else _of_function(own)
    if isinstance(operation, keras.layers.TimeDistributed):
        return _of_layer(operation.layer, tensor)
    if isinstance(operation, keras.layers.Softmax) or kind in ("Softmax", "LogSoftmax"):
        axes = operation.axis if isinstance(operation.axis, list | tuple) else [operation.axis]
        last = {axis % len(tensor.shape) for axis in axes} == {len(tensor.shape) - 1}
        return _OPERATIONS[kind] if last else OTHER
    if kind in _OPERATIONS:
        return _OPERATIONS[kind]
    if isinstance(operation, keras.layers.Activation):
        found = _of_function(operation.activation)
        return None if found == LINEAR else found
    if kind in _MOVES or kind in ("Concatenate", "Stack", "Average"):
        return None
    if isinstance(operation, keras.layers.Lambda):
        return UNKNOWN
    recurrent = keras.layers.RNN | keras.layers.Bidirectional
    if isinstance(operation, recurrent) or hasattr(operation, "export_step"):
        return OTHER
    if hasattr(operation, "activation"):
        return _of_function(operation.activation)
    return OTHER if kind in ("ReLU", "LeakyReLU", "PReLU", "ELU", "Relu", "Tanh") else LINEAR


def _of_layer(layer: Any, tensor: Any) -> str:
    """Return the last activation of a layer outside of the graph, as inside TimeDistributed."""
    if isinstance(layer, keras.Model):
        if getattr(layer, "outputs", None):
            return _of_tensor(layer.outputs[0], 1)
        return UNKNOWN
    return _of_operation(layer, tensor) or UNKNOWN


def _of_function(activation: Any) -> str:
    if activation is None:
        return LINEAR
    if isinstance(activation, keras.Layer):
        return _OPERATIONS.get(type(activation).__name__, OTHER)
    return _NAMES.get(getattr(activation, "__name__", ""), OTHER)


def _is_keras(operation: Any) -> bool:
    """Return whether its class is Keras' own or ours, and so does what its name says."""
    return type(operation).__module__.partition(".")[0] in ("keras", "tfpipeline")
