"""Traces a Keras model with its recurrent layers as opaque marker ops.

The converter cannot quantize recurrence, and does not need to: each recurrent layer becomes one
custom op `tfpipeline.marker` that carries nothing but a number, while every other layer is
converted as usual. The two lowerings later replace the markers by what they stand for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flatbuffers.flexbuffers
import keras
import numpy as np
import tensorflow as tf

from tfpipeline.export.cells import CELLS
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
    if type(layer) in _KERAS_LAYERS:
        return _KERAS_LAYERS[type(layer)](layer)
    if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
        raise ExportError(
            f"layer {layer.name!r} is a {type(layer).__name__}, which export does not support yet: "
            "expected FactoredGRU, keras.layers.GRU or keras.layers.LSTM; replace the layer"
        )
    return None


def _keras_step(layer: Any, cell_name: str, bias: np.ndarray, **own: Any) -> RecurrentStep:
    """What a stock layer computes: Keras itself has no export protocol."""
    cell = layer.cell
    if cell.use_bias:
        # A GRU without reset_after has one row, and is refused by name later.
        bias[:] = np.asarray(cell.bias).reshape(-1, bias.shape[1])
    return RecurrentStep(
        cell=cell_name,
        units=cell.units,
        kernel=(np.asarray(cell.kernel),),
        recurrent_kernel=(np.asarray(cell.recurrent_kernel),),
        bias=bias,
        activation=keras.activations.serialize(cell.activation),
        recurrent_activation=keras.activations.serialize(cell.recurrent_activation),
        return_sequences=layer.return_sequences,
        return_state=layer.return_state,
        go_backwards=layer.go_backwards,
        stateful=layer.stateful,
        **own,
    )


def _step_of_keras_gru(layer: keras.layers.GRU) -> RecurrentStep:
    bias = np.zeros((2, 3 * layer.cell.units), np.float32)
    return _keras_step(layer, "gru", bias, reset_after=layer.cell.reset_after)


def _step_of_keras_lstm(layer: keras.layers.LSTM) -> RecurrentStep:
    bias = np.zeros((1, 4 * layer.cell.units), np.float32)
    return _keras_step(layer, "lstm", bias, reset_after=None)


_KERAS_LAYERS: dict[type, Callable[[Any], RecurrentStep]] = {
    keras.layers.GRU: _step_of_keras_gru,
    keras.layers.LSTM: _step_of_keras_lstm,
}


def _check(name: str, step: RecurrentStep) -> None:
    if step.cell not in CELLS:
        raise ExportError(
            f"layer {name!r} has cell {step.cell!r}: export supports {', '.join(CELLS)} so far"
        )
    expected = {
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "return_state": False,
        "go_backwards": False,
        **CELLS[step.cell].requires,
    }
    for option, wanted in expected.items():
        found = getattr(step, option)
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
