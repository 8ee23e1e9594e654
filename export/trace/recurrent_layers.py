"""Reads the recurrent layers of a Keras model: ours through their protocol, Keras' own directly."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.export.recurrent.gate_names import gate_function, known_functions
from tfpipeline.numerics.activations import FUNCTIONS
from tfpipeline.numerics.cells import CELLS, Cell
from tfpipeline.protocol import RecurrentStep


def recurrent_step(layer: keras.layers.Layer) -> RecurrentStep | None:
    """Return what a recurrent layer computes; None for other layers.

    Raises:
        ExportError: it is recurrent, but of a kind that export does not know.
    """
    step = _step_of(layer)
    if step is not None:
        _check(layer.name, step)
    return step


def _step_of(layer: keras.layers.Layer) -> RecurrentStep | None:
    if hasattr(layer, "export_step"):
        try:
            step: RecurrentStep = layer.export_step()
        except ValueError as error:
            raise ExportError(f"layer {layer.name!r} cannot be exported: {error}") from error
        return step
    cell = _stock_cell(type(layer))
    if cell is not None:
        return _keras_step(layer, cell)
    if isinstance(layer, keras.layers.RNN):
        known = [f"keras.layers.{name}" for name in dir(keras.layers) if _cell_named(name)]
        raise ExportError(
            f"layer {layer.name!r} is a {type(layer).__name__}, which export does not support yet: "
            f"expected {', '.join(known)} or their factored twins; replace the layer"
        )
    return None


def _stock_cell(kind: type) -> Cell | None:
    """Return the cell of a class of Keras itself; None for all other classes."""
    ours = getattr(keras.layers, kind.__name__, None) is kind
    return _cell_named(kind.__name__) if ours else None


def _cell_named(layer: str) -> Cell | None:
    """Return the cell `simple_rnn` of a layer `SimpleRNN`."""
    cells = {name.replace("_", ""): cell for name, cell in CELLS.items()}
    return cells.get(layer.lower())


def _keras_step(layer: Any, kind: Cell) -> RecurrentStep:
    """Return what a stock layer computes: Keras itself has no export protocol."""
    cell = layer.cell
    bias = np.zeros((kind.bias_rows, kind.rows(cell.units)), np.float32)
    if cell.use_bias:
        # A GRU without reset_after has one row, and is refused by name later.
        bias[:] = np.asarray(cell.bias).reshape(-1, bias.shape[1])
    gates = getattr(cell, "recurrent_activation", None)
    return RecurrentStep(
        cell=kind.name,
        units=cell.units,
        kernel=(np.asarray(cell.kernel),),
        recurrent_kernel=(np.asarray(cell.recurrent_kernel),),
        bias=bias,
        activation=keras.activations.serialize(cell.activation),
        recurrent_activation=None if gates is None else keras.activations.serialize(gates),
        return_sequences=layer.return_sequences,
        return_state=layer.return_state,
        go_backwards=layer.go_backwards,
        stateful=layer.stateful,
        attributes={name: getattr(cell, name) for name in kind.requires},
    )


def _check(name: str, step: RecurrentStep) -> None:
    if step.cell not in CELLS:
        raise ExportError(
            f"layer {name!r} has cell {step.cell!r}: export supports {', '.join(CELLS)} so far"
        )
    for option in ("activation", "recurrent_activation"):
        found = getattr(step, option)
        if found is not None and gate_function(found) not in FUNCTIONS:
            raise ExportError(
                f"layer {name!r} has {option}={found!r}: export supports "
                f"{', '.join(known_functions())}; rebuild the layer with one of them"
            )
    expected = {"return_state": False}
    found_of = {option: getattr(step, option) for option in expected} | dict(step.attributes)
    for option, wanted in {**expected, **CELLS[step.cell].requires}.items():
        found = found_of.get(option)
        if found != wanted:
            raise ExportError(
                f"layer {name!r} has {option}={found!r}: export supports {option}={wanted!r} so "
                "far; rebuild the layer with it"
            )
