"""Models with functions and classes of the user's that nobody registered."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.compress import CompressionError, factorize, truncate
from tfpipeline.layers import FactoredDense, FactoredGRU, FactoredLSTM
from tfpipeline.regularizers import TraceNorm

pytestmark = pytest.mark.slow

L = keras.layers
X = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
STEEP = 3.0


def bounded_relu(x: Any) -> Any:
    return keras.ops.minimum(keras.ops.relu(x), 1.0)


def relu(x: Any) -> Any:
    """Called like one of Keras', and another function."""
    return STEEP * keras.ops.tanh(x)


class Halved:
    def __call__(self, x: Any) -> Any:
        return x / 2


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (bounded_relu, bounded_relu),
        (relu, "relu"),
        (lambda x: x * 2, lambda x: keras.ops.sin(STEEP * x)),
        (Halved(), functools.partial(keras.ops.leaky_relu, negative_slope=0.3)),
    ],
    ids=["function", "called_like_keras", "lambdas", "objects"],
)
def test_own_activations_need_no_registration(first, second):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(6, activation=first, name="a", bias_initializer="normal"),
            FactoredDense(5, activation=second, name="c", bias_initializer="normal"),
            L.Lambda(lambda x: keras.ops.cos(x)),
        ]
    )
    expected = array(model(X))
    small, _ = truncate(model, rank="full")
    np.testing.assert_array_equal(array(small(X)), expected)
    np.testing.assert_allclose(array(factorize(model)(X)), expected, atol=5e-6)
    for layer, name in ((model, "a"), (small, "a")):
        assert layer.get_layer(name).activation is first
    assert model.get_layer("c").activation == small.get_layer("c").activation
    np.testing.assert_array_equal(array(model(X)), expected)


def test_own_activations_of_recurrent_layers():
    keras.utils.set_random_seed(0)
    sequences = np.random.default_rng(0).normal(size=(4, 5, 6)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((None, 6)),
            L.GRU(5, activation=bounded_relu, return_sequences=True, bias_initializer="normal"),
            L.LSTM(4, recurrent_activation=relu, bias_initializer="normal"),
            L.Dense(3, activation=bounded_relu),
        ]
    )
    expected = array(model(sequences))
    for joint in ("partial", "prabhavalkar"):
        factored = factorize(model, joint=joint)
        np.testing.assert_allclose(array(factored(sequences)), expected, atol=2e-5)
    layer = FactoredGRU.from_keras(model.layers[0])
    assert layer.activation is bounded_relu and layer.with_ranks(rank=2).activation is bounded_relu
    assert layer.collapse().activation is bounded_relu
    dense = FactoredDense.from_keras(model.layers[2])
    assert dense.collapse().activation is dense.with_ranks(rank=1).activation is bounded_relu


@pytest.mark.parametrize("layer", [L.GRU, FactoredGRU])
def test_own_activations_of_wrapped_layers(layer):
    """A wrapper makes its layer from a configuration when it is made, and so once more here."""
    keras.utils.set_random_seed(0)
    with keras.saving.custom_object_scope({"bounded_relu": bounded_relu}):
        wrapped = L.Bidirectional(layer(5, activation=bounded_relu, bias_initializer="normal"))
    model = keras.Sequential([keras.Input((None, 6)), wrapped, FactoredDense(4), L.Dense(3)])
    sequences = np.random.default_rng(0).normal(size=(4, 5, 6)).astype("float32")
    expected = array(model(sequences))
    np.testing.assert_array_equal(array(truncate(model, rank="full")[0](sequences)), expected)
    np.testing.assert_allclose(array(factorize(model)(sequences)), expected, atol=5e-6)


def test_a_compiled_model_within_a_model_is_left_alone():
    class Own(keras.optimizers.SGD):
        """Keras could not find it again."""

    inner = keras.Sequential([keras.Input((6,)), FactoredDense(6), L.Dense(4)], name="inner")
    inner.compile(Own(0.1), lambda y, x: keras.ops.sum(x))
    model = keras.Sequential([keras.Input((6,)), inner, L.Dense(2)])
    for smaller in (truncate(model, rank=2)[0], factorize(model)):
        assert not smaller.compiled and not smaller.get_layer("inner").compiled
    assert inner.compiled and isinstance(inner.optimizer, Own)


@keras.saving.register_keras_serializable(package="tests.own_objects")
class WritesItself(keras.Model):
    def __init__(self, dense: Any, **options: Any) -> None:
        super().__init__(**options)
        self.dense, self.scores = dense, L.Dense(3)

    def call(self, x: Any) -> Any:
        return self.scores(self.dense(x))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dense": keras.saving.serialize_keras_object(self.dense)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(keras.saving.deserialize_keras_object(config.pop("dense")), **config)


def test_a_model_of_an_own_class_with_a_configuration_is_cut():
    model = WritesItself(FactoredDense(5, name="dense"), name="own")
    expected = array(model(X))
    small, _ = truncate(model, rank="full")
    np.testing.assert_array_equal(array(small(X)), expected)
    smaller, report = truncate(model, rank=2)
    assert report.ranks == {"dense/kernel": 2} and smaller.dense.rank == 2
    assert type(smaller) is WritesItself


def test_every_penalty_of_factors_leaves_with_the_cut():
    class Stronger(TraceNorm):
        """Neither registered nor with the arguments of its base."""

        def __init__(self, strength: float, name: str = "") -> None:
            super().__init__(2 * strength)

    class OwnL1(keras.regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return keras.ops.sum(keras.ops.abs(x))

    options = {"kernel_regularizer": Stronger(0.1), "recurrent_regularizer": TraceNorm(0.2)}
    model = keras.Sequential(
        [
            keras.Input((None, 6)),
            FactoredGRU(6, return_sequences=True, bias_regularizer=OwnL1(), **options),
            L.Bidirectional(FactoredLSTM(4, **{**options, "kernel_regularizer": TraceNorm(0.1)})),
            FactoredDense(3, kernel_regularizer=Stronger(0.1)),
        ]
    )
    assert len(model.losses) == 15
    assert len(truncate(model, rank=2)[0].losses) == 1
    assert len(truncate(model, rank=2, keep_regularizers=True)[0].losses) == 15


def test_a_layer_in_two_places_stays_one():
    layer = FactoredDense(6, bias_initializer="normal")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, layer(layer(inputs)))
    small, _ = truncate(model, rank="full")
    np.testing.assert_array_equal(array(small(X)), array(model(X)))
    assert truncate(model, rank=2)[0].count_params() == 2 * 12 + 6


class TiedTo(L.Layer):
    """Multiplies by the transposed kernel of another layer."""

    def __init__(self, other: Any, **options: Any) -> None:
        super().__init__(**options)
        self.other = other

    def build(self, shape: Any) -> None:
        self.kernel = self.other.kernel

    def call(self, x: Any) -> Any:
        return keras.ops.matmul(x, keras.ops.transpose(self.kernel))


class WritesItsLayer(TiedTo):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "other": keras.saving.serialize_keras_object(self.other)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        other = keras.saving.deserialize_keras_object(config.pop("other"))
        return cls(other, **config)


def tied(kind: Any) -> keras.Model:
    inputs = keras.Input((6,))
    first = L.Dense(5, name="first")
    return keras.Model(inputs, kind(first, name="last")(FactoredDense(5)(first(inputs))))


def shared_kernel() -> keras.Model:
    model = keras.Sequential(
        [keras.Input((6,)), FactoredDense(6), L.Dense(6, name="p"), L.Dense(6, name="q")]
    )
    second = model.get_layer("q")
    second._tracker.unlock()
    second._kernel = model.get_layer("p")._kernel
    return model


class OwnModel(keras.Model):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.dense = FactoredDense(units)
        self.scores = L.Dense(3)

    def call(self, x: Any) -> Any:
        return self.scores(self.dense(x))


def own_model() -> keras.Model:
    model = OwnModel(5)
    model(X)
    return model


def two_classes() -> keras.Model:
    kinds = [type("Scale", (L.Layer,), {"call": lambda self, x, k=k: k * x}) for k in (2, 3)]
    layers = [*(kind() for kind in kinds), L.Dense(4), FactoredDense(4)]
    return keras.Sequential([keras.Input((6,)), *layers])


class Silent(L.Layer):
    """Fails without a word."""

    def call(self, x: Any) -> Any:
        return x

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        raise ValueError


def silent() -> keras.Model:
    return keras.Sequential(
        [keras.Input((6,)), Silent(name="silent"), L.Dense(4), FactoredDense(4)]
    )


@pytest.mark.parametrize("change", [lambda m: truncate(m, rank=2), factorize])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (shared_kernel, "'p' and 'q' of .* share '.*kernel': use one layer in both places"),
        (
            lambda: tied(TiedTo),
            r"'last' in .*, a TiedTo, is not \(Object TiedTo was .*\): complete its get_config",
        ),
        (lambda: tied(WritesItsLayer), "has 4 layers and came back with 5: use a Sequential"),
        (own_model, "'own_model.*', a OwnModel, is not .*: use a Sequential or functional model"),
        (two_classes, "two are called 'Scale': register one"),
        (silent, r"'silent' in .*, a Silent, is not \(ValueError\(\)\): complete its get_config"),
    ],
    ids=["kernel", "layer", "layer-written", "subclass", "classes", "silent"],
)
def test_what_a_configuration_does_not_give_again_is_one_sentence(make, message, change):
    with pytest.raises(CompressionError, match=message) as raised:
        change(make())
    assert len(str(raised.value)) < 600 and "\n" not in str(raised.value)
