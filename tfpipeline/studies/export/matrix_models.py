"""The models of the export matrix: one of each kind that export promises, with data for it.

Their bodies are random and their heads are fitted, which takes no training and gives scores with
margins as a trained model's: how often a file chooses the same label then means something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

FRAMES, FEATURES, CLASSES, WORDS = 24, 12, 3, 30
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
    keras.backend.clear_session()
    kind = MODELS[name]
    labels = np.arange(2 * samples) % CLASSES
    inputs = kind.data(labels, np.random.default_rng(seed))
    model, body, head = kind.build()
    model(_cut(inputs, slice(0, 1)))  # Builds the subclassed one.
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


def _sequences(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return random walks around the pattern of a class, as features of speech move."""
    steps = rng.normal(size=(len(labels), FRAMES, FEATURES))
    patterns = rng.normal(size=(CLASSES, 1, FEATURES))
    return (1.5 * patterns[labels] + 0.15 * np.cumsum(steps, axis=1)).astype(np.float32)


def _vectors(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _sequences(labels, rng)[:, FRAMES // 2]


def _texts(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Words of which each class prefers its own third."""
    own = rng.integers(0, WORDS // CLASSES, (len(labels), FRAMES)) * CLASSES + labels[:, None]
    any_word = rng.integers(0, WORDS, own.shape)
    return np.where(rng.random(own.shape) < 0.8, own, any_word).astype(np.int32)


def _sequences_and_vectors(labels: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"mel": _sequences(labels, rng), "speaker": _vectors(labels, rng)[:, :5]}


def _recurrent(layer: Callable[..., Any], *, sequences: bool) -> Callable[[], Any]:
    """Two recurrent layers and a head, of the last frame or of each."""

    def construct() -> Any:
        import keras

        first = layer(20, return_sequences=True, name="first")
        second = layer(14, return_sequences=sequences, name="second")
        x = keras.Input((None, FEATURES), name="features")
        return _with_head(x, second(first(x)))

    return construct


def _with_head(inputs: Any, features: Any) -> Any:
    import keras

    head = keras.layers.Dense(CLASSES, name="scores")
    model = keras.Model(inputs, head(features))
    return model, keras.Model(inputs, features), head


def _keras(name: str) -> Callable[..., Any]:
    def layer(*args: Any, **options: Any) -> Any:
        import keras

        return getattr(keras.layers, name)(*args, **options)

    return layer


def _factored(name: str, **own: Any) -> Callable[..., Any]:
    def layer(*args: Any, **options: Any) -> Any:
        from tfpipeline import layers

        return getattr(layers, name)(*args, **own, **options)

    return layer


def _dense() -> Any:
    import keras

    x = keras.Input((FEATURES,), name="features")
    first = _factored("FactoredDense", rank=5)(32, activation="relu", name="first")
    second = _factored("FactoredDense", rank=4)(16, activation="tanh", name="second")
    return _with_head(x, second(first(x)))


def _conv_recurrent() -> Any:
    """Return a causal convolution, batch normalization, a GRU, a residual connection."""
    import keras

    x = keras.Input((None, FEATURES), name="features")
    convolved = keras.layers.Conv1D(16, 3, padding="causal", name="convolution")(x)
    normalized = keras.layers.BatchNormalization(name="normalization")(convolved)
    rectified = keras.layers.ReLU(name="relu")(normalized)
    recurrent = keras.layers.GRU(16, return_sequences=True, name="recurrent")(rectified)
    return _with_head(x, keras.layers.Add(name="residual")([recurrent, rectified]))


def _bidirectional() -> Any:
    import keras

    x = keras.Input((None, FEATURES), name="features")
    gru = keras.layers.GRU(10, return_sequences=True, name="gru")
    first = keras.layers.Bidirectional(gru, name="both_ways")(x)
    lstm = keras.layers.LSTM(8, name="lstm")
    return _with_head(x, keras.layers.Bidirectional(lstm, name="both_ways_again")(first))


def _text() -> Any:
    import keras

    words = keras.Input((None,), dtype="int32", name="words")
    embedded = keras.layers.Embedding(WORDS, 12, name="embedding")(words)
    return _with_head(words, keras.layers.GRU(14, name="recurrent")(embedded))


def _subclassed() -> Any:
    import keras

    class TwoScales(keras.Model):
        """A GRU beside a dense layer of the same frames."""

        def __init__(self) -> None:
            super().__init__(name="two_scales")
            self.fast = keras.layers.Dense(10, activation="relu", name="fast")
            self.slow = keras.layers.GRU(10, return_sequences=True, name="slow")
            self.scores = keras.layers.Dense(CLASSES, name="scores")

        def body(self, inputs: Any) -> Any:
            return keras.ops.concatenate([self.fast(inputs), self.slow(inputs)], axis=-1)

        def call(self, inputs: Any) -> Any:
            return self.scores(self.body(inputs))

    model = TwoScales()
    return model, model.body, model.scores


def _several() -> Any:
    """Two inputs, only one with a time axis, and two outputs."""
    import keras

    mel = keras.Input((None, FEATURES), name="mel")
    speaker = keras.Input((5,), name="speaker")
    heard = keras.layers.LSTM(12, name="heard")(mel)
    known = keras.layers.Dense(4, activation="relu", name="known")(speaker)
    features = keras.layers.Concatenate(name="joined")([heard, known])
    head = keras.layers.Dense(CLASSES, name="word")
    age = keras.layers.Dense(1, name="age")
    inputs = {"mel": mel, "speaker": speaker}
    model = keras.Model(inputs, {"word": head(features), "age": age(features)})
    return model, keras.Model(inputs, features), head


@dataclass(frozen=True)
class _Kind:
    title: str
    build: Callable[[], Any]
    data: Callable[[np.ndarray, np.random.Generator], Data]


MODELS: Mapping[str, _Kind] = {
    "factored_gru": _Kind(
        "two `FactoredGRU`, rank 6",
        _recurrent(_factored("FactoredGRU", rank=6), sequences=False),
        _sequences,
    ),
    "factored_lstm": _Kind(
        "two `FactoredLSTM`, rank 6",
        _recurrent(_factored("FactoredLSTM", rank=6), sequences=True),
        _sequences,
    ),
    "gru": _Kind("two `keras.layers.GRU`", _recurrent(_keras("GRU"), sequences=True), _sequences),
    "lstm": _Kind(
        "two `keras.layers.LSTM`", _recurrent(_keras("LSTM"), sequences=False), _sequences
    ),
    "factored_simple_rnn": _Kind(
        "two `FactoredSimpleRNN`, rank 6",
        _recurrent(_factored("FactoredSimpleRNN", rank=6), sequences=True),
        _sequences,
    ),
    "simple_rnn": _Kind(
        "two `keras.layers.SimpleRNN`",
        _recurrent(_keras("SimpleRNN"), sequences=False),
        _sequences,
    ),
    "factored_dense": _Kind("two `FactoredDense`, no time axis", _dense, _vectors),
    "conv_recurrent": _Kind(
        "causal `Conv1D`, `BatchNormalization`, `GRU`, a residual connection",
        _conv_recurrent,
        _sequences,
    ),
    "bidirectional": _Kind("`Bidirectional` GRU and LSTM", _bidirectional, _sequences),
    "text": _Kind("`Embedding` and `GRU`", _text, _texts),
    "subclassed": _Kind("a subclassed `keras.Model`, GRU and `Dense`", _subclassed, _sequences),
    "several": _Kind("two inputs, two outputs, `LSTM`", _several, _sequences_and_vectors),
}
"""By the name of the matrix' rows."""
