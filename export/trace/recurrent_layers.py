"""Reads the recurrent layers of a Keras model: ours through their protocol, Keras' own directly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.numerics.cells import CELLS
from tfpipeline.protocol import RecurrentStep

_NONE: Mapping[str, object] = MappingProxyType({})


def recurrent_step(layer: keras.layers.Layer) -> RecurrentStep | None:
    """What a recurrent layer computes; None for other layers.

    Raises:
        ExportError: it is recurrent, but of a kind that export does not know.
    """
    step = _step_of(layer)
    if step is not None:
        _check(layer.name, step)
    return step


def _step_of(layer: keras.layers.Layer) -> RecurrentStep | None:
    if hasattr(layer, "export_step"):
        step: RecurrentStep = layer.export_step()
        return step
    if type(layer) in _KERAS_LAYERS:
        return _KERAS_LAYERS[type(layer)](layer)
    if isinstance(layer, keras.layers.RNN):
        raise ExportError(
            f"layer {layer.name!r} is a {type(layer).__name__}, which export does not support yet: "
            "expected FactoredGRU, FactoredLSTM, keras.layers.GRU or keras.layers.LSTM; replace "
            "the layer"
        )
    return None


def _keras_step(
    layer: Any, cell_name: str, bias: np.ndarray, attributes: Mapping[str, object] = _NONE
) -> RecurrentStep:
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
        attributes=attributes,
    )


def _step_of_keras_gru(layer: keras.layers.GRU) -> RecurrentStep:
    bias = np.zeros((2, 3 * layer.cell.units), np.float32)
    return _keras_step(layer, "gru", bias, {"reset_after": layer.cell.reset_after})


def _step_of_keras_lstm(layer: keras.layers.LSTM) -> RecurrentStep:
    bias = np.zeros((1, 4 * layer.cell.units), np.float32)
    return _keras_step(layer, "lstm", bias)


_KERAS_LAYERS: dict[type, Callable[[Any], RecurrentStep]] = {
    keras.layers.GRU: _step_of_keras_gru,
    keras.layers.LSTM: _step_of_keras_lstm,
}


def _check(name: str, step: RecurrentStep) -> None:
    if step.cell not in CELLS:
        raise ExportError(
            f"layer {name!r} has cell {step.cell!r}: export supports {', '.join(CELLS)} so far"
        )
    expected = {"activation": "tanh", "recurrent_activation": "sigmoid", "return_state": False}
    if step.recurrent_activation is None:
        del expected["recurrent_activation"]
    found_of = {option: getattr(step, option) for option in expected} | dict(step.attributes)
    for option, wanted in {**expected, **CELLS[step.cell].requires}.items():
        found = found_of.get(option)
        if found != wanted:
            raise ExportError(
                f"layer {name!r} has {option}={found!r}: export supports {option}={wanted!r} so "
                "far; rebuild the layer with it"
            )
