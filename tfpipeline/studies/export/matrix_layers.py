"""Models of the export matrix, untrained, each with its body and its head apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfpipeline.studies.export.matrix_data import CLASSES, FEATURES, WORDS

Parts = tuple[Any, Any, Any]
"""A model, what it is without its head, and that head, a Dense layer."""


def recurrent(layer: Callable[..., Any], *, sequences: bool) -> Callable[[], Parts]:
    """Two recurrent layers and a head, of the last frame or of each."""

    def construct() -> Parts:
        import keras

        first = layer(20, return_sequences=True, name="first")
        second = layer(14, return_sequences=sequences, name="second")
        x = keras.Input((None, FEATURES), name="features")
        return _with_head(x, second(first(x)))

    return construct


def single(layer: Callable[..., Any]) -> Callable[[], Parts]:
    """One recurrent layer and a head of the last frame."""

    def construct() -> Parts:
        import keras

        x = keras.Input((None, FEATURES), name="features")
        return _with_head(x, layer(16, name="recurrent")(x))

    return construct


def _with_head(inputs: Any, features: Any) -> Parts:
    import keras

    head = keras.layers.Dense(CLASSES, name="scores")
    model = keras.Model(inputs, head(features))
    return model, keras.Model(inputs, features), head


def stock(name: str) -> Callable[..., Any]:
    def layer(*args: Any, **options: Any) -> Any:
        import keras

        return getattr(keras.layers, name)(*args, **options)

    return layer


def ours(name: str, **own: Any) -> Callable[..., Any]:
    def layer(*args: Any, **options: Any) -> Any:
        from tfpipeline import layers

        return getattr(layers, name)(*args, **own, **options)

    return layer


def dense() -> Parts:
    import keras

    x = keras.Input((FEATURES,), name="features")
    first = ours("FactoredDense", rank=5)(32, activation="relu", name="first")
    second = ours("FactoredDense", rank=4)(16, activation="tanh", name="second")
    return _with_head(x, second(first(x)))


def conv_recurrent() -> Parts:
    """Return a causal convolution, batch normalization, a GRU, a residual connection."""
    import keras

    x = keras.Input((None, FEATURES), name="features")
    convolved = keras.layers.Conv1D(16, 3, padding="causal", name="convolution")(x)
    normalized = keras.layers.BatchNormalization(name="normalization")(convolved)
    rectified = keras.layers.ReLU(name="relu")(normalized)
    recurrent = keras.layers.GRU(16, return_sequences=True, name="recurrent")(rectified)
    return _with_head(x, keras.layers.Add(name="residual")([recurrent, rectified]))


def bidirectional() -> Parts:
    import keras

    x = keras.Input((None, FEATURES), name="features")
    gru = keras.layers.GRU(10, return_sequences=True, name="gru")
    first = keras.layers.Bidirectional(gru, name="both_ways")(x)
    lstm = keras.layers.LSTM(8, name="lstm")
    return _with_head(x, keras.layers.Bidirectional(lstm, name="both_ways_again")(first))


def text() -> Parts:
    import keras

    words = keras.Input((None,), dtype="int32", name="words")
    embedded = keras.layers.Embedding(WORDS, 12, name="embedding")(words)
    return _with_head(words, keras.layers.GRU(14, name="recurrent")(embedded))


def subclassed() -> Parts:
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


def several() -> Parts:
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
