"""Traces a Keras model with its recurrent layers as opaque marker ops.

The converter cannot quantize recurrence, and does not need to: each recurrent layer becomes one
custom op `tfpipeline.marker` that carries nothing but a number, while every other layer is
converted as usual. The two lowerings later replace the markers by what they stand for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers.flexbuffers
import keras
import numpy as np
import tensorflow as tf

from tfpipeline.export.errors import ExportError
from tfpipeline.layers.export_protocol import RecurrentStep

MARKER = "tfpipeline.marker"


@dataclass(frozen=True)
class MarkedLayer:
    """A recurrent layer of the model: its name and what it computes."""

    name: str
    step: RecurrentStep


def marked_layers(model: keras.Model) -> list[tuple[keras.layers.Layer, MarkedLayer]]:
    """Finds the recurrent layers, in the model's order; a marker's number is its index here."""
    found: list[tuple[keras.layers.Layer, MarkedLayer]] = []
    _collect(model, found)
    return found


def _collect(layer: Any, found: list[tuple[keras.layers.Layer, MarkedLayer]]) -> None:
    for child in layer._flatten_layers(include_self=False, recursive=False):
        step = _step_of(child)
        if step is None:
            _collect(child, found)
        elif all(child is not other for other, _ in found):
            _check(child.name, step)
            found.append((child, MarkedLayer(child.name, step)))


def _step_of(layer: keras.layers.Layer) -> RecurrentStep | None:
    if hasattr(layer, "export_step"):
        step: RecurrentStep = layer.export_step()
        return step
    if type(layer) is keras.layers.GRU:
        return _step_of_keras_gru(layer)
    if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
        raise ExportError(
            f"layer {layer.name!r} is a {type(layer).__name__}, which export does not support yet: "
            "expected FactoredGRU or keras.layers.GRU; replace the layer"
        )
    return None


def _step_of_keras_gru(layer: keras.layers.GRU) -> RecurrentStep:
    """What a stock GRU computes: Keras itself has no export protocol."""
    cell = layer.cell
    kernel, recurrent = (np.asarray(w) for w in (cell.kernel, cell.recurrent_kernel))
    bias = np.zeros((2, 3 * cell.units), np.float32)
    if cell.use_bias:
        bias[:] = np.asarray(cell.bias).reshape(-1, 3 * cell.units)
    return RecurrentStep(
        cell="gru",
        units=cell.units,
        kernel=(kernel,),
        recurrent_kernel=(recurrent,),
        bias=bias,
        activation=keras.activations.serialize(cell.activation),
        recurrent_activation=keras.activations.serialize(cell.recurrent_activation),
        reset_after=cell.reset_after,
        return_sequences=layer.return_sequences,
        return_state=layer.return_state,
        go_backwards=layer.go_backwards,
        stateful=layer.stateful,
    )


def _check(name: str, step: RecurrentStep) -> None:
    if step.cell != "gru":
        raise ExportError(f"layer {name!r} has cell {step.cell!r}: export supports 'gru' so far")
    expected = {
        "activation": ("tanh", step.activation),
        "recurrent_activation": ("sigmoid", step.recurrent_activation),
        "reset_after": (True, step.reset_after),
        "return_state": (False, step.return_state),
        "go_backwards": (False, step.go_backwards),
    }
    for option, (wanted, found) in expected.items():
        if found != wanted:
            raise ExportError(
                f"layer {name!r} has {option}={found!r}: export supports {option}={wanted!r} so "
                "far; rebuild the layer with it"
            )


@contextlib.contextmanager
def _replaced_by_markers(layers: list[keras.layers.Layer]) -> Iterator[None]:
    """While open, calling one of `layers` emits its marker; instances are restored on exit."""
    try:
        for index, layer in enumerate(layers):
            layer.call = _marker_call(layer, index)
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("call", None)


def _marker_call(layer: Any, index: int) -> Any:
    units, sequences = layer.units, layer.return_sequences

    @tf.function(
        experimental_implements=(
            f'name: "{MARKER}" attr {{key: "tfl_fusable_op" value {{b: true}}}} '
            f'attr {{key: "index" value {{i: {index}}}}}'
        ),
        autograph=False,
    )
    def marker(x: tf.Tensor) -> tf.Tensor:
        # The body is never run: it only gives the op its type, and keeps x alive.
        shape = (x.shape[0], x.shape[1], units) if sequences else (x.shape[0], units)
        return tf.zeros(shape) + tf.reduce_sum(x)

    def call(
        inputs: tf.Tensor, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> tf.Tensor:
        for argument, value in (("initial_state", initial_state), ("mask", mask)):
            if value is not None:
                raise ExportError(
                    f"layer {layer.name!r} is called with {argument}, which export does not "
                    "support yet; remove it (Masking and Embedding(mask_zero=True) make masks)"
                )
        output = marker(inputs)
        batch, frames = inputs.shape[:2]
        output.set_shape((batch, frames, units) if sequences else (batch, units))
        return output

    return call


def save_marked(model: keras.Model, directory: Path, frames: dict[str, int]) -> list[MarkedLayer]:
    """Saves the model with markers as one SavedModel for each entry of `frames`.

    Args:
        model: A built model with one input of shape `(batch, time, features)` and one output.
        directory: Existing folder; a SavedModel `directory/<key>` is written for each key.
        frames: Number of time steps by key, such as `{"whole": 98, "step": 1}`.

    Variables become constants while tracing, so that the result has none.
    """
    found = marked_layers(model)
    features = input_features(model)
    variables = model.variables
    constants = [tf.constant(np.asarray(keras.ops.convert_to_numpy(v))) for v in variables]

    def scores(x: tf.Tensor) -> dict[str, tf.Tensor]:
        with keras.StatelessScope(state_mapping=list(zip(variables, constants, strict=True))):
            return {"scores": model(x, training=False)}

    with _replaced_by_markers([layer for layer, _ in found]):
        for key, count in frames.items():
            module = tf.Module()
            module.scores = tf.function(scores, autograph=False)
            spec = tf.TensorSpec((1, count, features), tf.float32, name="x")
            try:
                traced = module.scores.get_concrete_function(spec)
            except ValueError as error:
                raise ExportError(
                    f"the model cannot be called with {count} time steps: expected an Input of "
                    f"shape (None, {features}); {str(error).splitlines()[0]}"
                ) from error
            tf.saved_model.save(module, str(directory / key), signatures=traced)
    return [layer for _, layer in found]


def input_features(model: keras.Model) -> int:
    """The size of the feature axis of the model's one input `(batch, time, features)`."""
    inputs = model.inputs or []
    outputs = model.outputs or []
    if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 3:
        raise ExportError(
            "model must have one input of shape (batch, time, features) and one output, received "
            f"inputs {[tuple(x.shape) for x in inputs]} and {len(outputs)} outputs: "
            "build it as a Sequential or functional model with such an Input"
        )
    features = inputs[0].shape[-1]
    if features is None:
        raise ExportError(
            "model has an input with an unknown number of features: give Input((None, features))"
        )
    return int(features)


def marker_index(custom_options: bytes) -> int:
    """The number that a marker op of the converted graph carries."""
    index: int = flatbuffers.flexbuffers.Loads(custom_options)["index"]
    return index
