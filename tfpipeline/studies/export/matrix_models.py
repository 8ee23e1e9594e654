"""The models of the export matrix: one of each kind that export promises, with data for it.

Their bodies are random and their heads are fitted, which takes no training and gives scores with
margins as a trained model's: how often a file chooses the same label then means something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfpipeline.studies.export import matrix_data
from tfpipeline.studies.export import matrix_layers as layers
from tfpipeline.studies.export.matrix_data import CLASSES

_RIDGE = 1e-2

Data = Any
"""Model inputs: an array, or a dict of arrays by name."""


@dataclass(frozen=True)
class MatrixModel:
    """One model and its data.

    Args:
        model: A Keras model.
        calibration: Inputs that set the scales.
        verification: Other inputs of the same kind.
    """

    model: Any
    calibration: Data
    verification: Data


def build(name: str, ternary: bool, seed: int = 0, samples: int = 100) -> MatrixModel:
    """Build the model called `name`.

    Args:
        name: A key of `MODELS`.
        ternary: Round the weights of every layer to -s, 0 and s, for formats of two bits.
        seed: Of weights and data.
        samples: Number of calibration samples, and of verification samples.
    """
    import keras

    keras.utils.set_random_seed(seed)
    # A name that Keras counts up would depend on what was built before.
    keras.backend.clear_session(free_memory=False)
    kind = MODELS[name]
    labels = np.arange(2 * samples) % CLASSES
    inputs = kind.data(labels, np.random.default_rng(seed))
    model, body, head = kind.parts()
    if not model.built:  # The subclassed one.
        model(_cut(inputs, slice(0, 1)))
    if ternary:
        for layer in model._flatten_layers(include_self=False):
            _make_ternary(layer)
    _fit(head, np.asarray(body(inputs)), labels)
    if ternary:
        _make_ternary(head)
    return MatrixModel(
        model, _cut(inputs, slice(0, samples)), _cut(inputs, slice(samples, 2 * samples))
    )


def _cut(inputs: Data, part: slice) -> Data:
    if isinstance(inputs, dict):
        return {name: values[part] for name, values in inputs.items()}
    return inputs[part]


def _fit(head: Any, features: np.ndarray, labels: np.ndarray) -> None:
    """Ridge regression of a Dense layer onto +3 for the right label and -3 for the others."""
    if features.ndim == 3:
        labels = np.repeat(labels, features.shape[1])
    x = np.c_[features.reshape(-1, features.shape[-1]), np.ones(len(labels))].astype(np.float64)
    y = 6.0 * np.eye(CLASSES)[labels] - 3.0
    solution = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ y)
    head.set_weights([solution[:-1].astype(np.float32), solution[-1].astype(np.float32)])


def _make_ternary(layer: Any) -> None:
    """Every output channel of every kernel becomes -s, 0 or s, s its mean magnitude."""
    if layer._layers:
        return
    weights = []
    for variable, values in zip(layer.weights, layer.get_weights(), strict=True):
        if values.ndim >= 2 and "bias" not in variable.name and "embedding" not in variable.name:
            axes = tuple(range(values.ndim - 1))
            size = np.abs(values).mean(axis=axes, keepdims=True)
            values = np.where(np.abs(values) < 0.7 * size, 0.0, np.sign(values) * size)
        weights.append(values)
    layer.set_weights(weights)


@dataclass(frozen=True)
class Kind:
    """A model of the matrix.

    Args:
        title: What it is made of.
        parts: Makes it, without its head, and the head.
        data: Makes its inputs, for labels.
        quick: Whether a quick matrix tries it in every mode and at every number of time steps; in
            one file otherwise, as what it has for itself is its cell.
    """

    title: str
    parts: Callable[[], layers.Parts]
    data: Callable[[np.ndarray, np.random.Generator], Data] = matrix_data.sequences
    quick: bool = True


def _of_cell(title: str, name: str, **own: Any) -> Kind:
    return Kind(title, layers.single(layers.ours(name, **own)), quick=False)


_TERNARY = {"weight_quantizer": "TerConnect", "normalization": "weight"}

MODELS: Mapping[str, Kind] = {
    "factored_gru": Kind(
        "two `FactoredGRU`, rank 6",
        layers.recurrent(layers.ours("FactoredGRU", rank=6), sequences=False),
    ),
    "factored_lstm": Kind(
        "two `FactoredLSTM`, rank 6",
        layers.recurrent(layers.ours("FactoredLSTM", rank=6), sequences=True),
    ),
    "gru": Kind("two `keras.layers.GRU`", layers.recurrent(layers.stock("GRU"), sequences=True)),
    "lstm": Kind(
        "two `keras.layers.LSTM`", layers.recurrent(layers.stock("LSTM"), sequences=False)
    ),
    "factored_simple_rnn": Kind(
        "two `FactoredSimpleRNN`, rank 6",
        layers.recurrent(layers.ours("FactoredSimpleRNN", rank=6), sequences=True),
    ),
    "simple_rnn": Kind(
        "two `keras.layers.SimpleRNN`",
        layers.recurrent(layers.stock("SimpleRNN"), sequences=False),
    ),
    "fast_rnn": _of_cell("`FastRNN`", "FastRNN"),
    "fast_grnn": _of_cell("`FastGRNN`, ranks 6", "FastGRNN", rank=6, recurrent_rank=6),
    "ugrnn": _of_cell("`UGRNN`", "UGRNN"),
    "qrnn": _of_cell("`QRNN`, fo-pooling, window 2", "QRNN", pooling="fo", window=2),
    "normalized_lstm": _of_cell(
        "`NormalizedLSTM`, ternary weights, weight normalization", "NormalizedLSTM", **_TERNARY
    ),
    "normalized_gru": _of_cell(
        "`NormalizedGRU`, ternary weights, weight normalization", "NormalizedGRU", **_TERNARY
    ),
    # With biases of 1 its states are so alike that 4 bits are too few for the head fitted to them.
    "low_bit_fast_grnn": _of_cell(
        "`FastGRNN`, ternary weights", "FastGRNN", weight_quantizer="TWN", bias_initializer="zeros"
    ),
    "factored_dense": Kind("two `FactoredDense`, no time axis", layers.dense, matrix_data.vectors),
    "conv_recurrent": Kind(
        "causal `Conv1D`, `BatchNormalization`, `GRU`, a residual connection",
        layers.conv_recurrent,
    ),
    "bidirectional": Kind("`Bidirectional` GRU and LSTM", layers.bidirectional),
    "text": Kind("`Embedding` and `GRU`", layers.text, matrix_data.texts),
    "subclassed": Kind("a subclassed `keras.Model`, GRU and `Dense`", layers.subclassed),
    "several": Kind(
        "two inputs, two outputs, `LSTM`", layers.several, matrix_data.sequences_and_vectors
    ),
}
"""By the name of the matrix' rows."""
