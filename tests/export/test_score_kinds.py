"""What the entries of an output are, from the model, its loss and the labels of the user."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.export.trace.signature import signature_of
from tfpipeline.export.verify.score_kinds import Scores, scores_of_outputs
from tfpipeline.losses import CTC, GramCTC

L = keras.layers
FEATURES = 4
PROBABILITIES = Scores("probabilities", True, comparable=True)
INDEPENDENT = Scores("independent", False)
LOGITS = Scores("logits", True, comparable=True)
NO_SCORES = Scores(None, False)
UNKNOWN = Scores(None, None)


def of(model: keras.Model, **more: Any) -> dict[str, Scores]:
    example = np.zeros((2, 5, FEATURES), np.float32)
    return scores_of_outputs(model, signature_of(model, example), **more)


def sequence(*last: Any) -> keras.Model:
    return keras.Sequential([keras.Input((None, FEATURES)), L.GRU(3, return_sequences=True), *last])


def one(model: keras.Model, **more: Any) -> Scores:
    (found,) = of(model, **more).values()
    return found


def nested() -> list[Any]:
    inner = keras.Sequential([keras.Input((None, 3)), L.Dense(5), L.Softmax()])
    return [keras.Sequential([keras.Input((None, 3)), inner, L.Dropout(0.1)])]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (lambda: [L.Dense(5, activation="softmax")], PROBABILITIES),
        (lambda: [L.Dense(5), L.Softmax()], PROBABILITIES),
        (lambda: [L.Dense(5), L.Activation("softmax", dtype="float32")], PROBABILITIES),
        (lambda: [L.Dense(5, activation="softmax"), L.Activation("linear")], PROBABILITIES),
        (lambda: [L.Dense(5, activation=L.Softmax())], PROBABILITIES),
        (lambda: [L.TimeDistributed(L.Dense(5, activation="softmax"))], PROBABILITIES),
        (lambda: [L.Conv1D(5, 1, activation="softmax")], PROBABILITIES),
        (lambda: [L.Dense(5, activation="softmax"), L.GlobalAveragePooling1D()], PROBABILITIES),
        (nested, PROBABILITIES),
        (lambda: [L.TimeDistributed(nested()[0])], PROBABILITIES),
        (lambda: [L.Dense(5, activation="log_softmax")], LOGITS),
        (lambda: [L.Dense(5, activation="sigmoid")], INDEPENDENT),
        (lambda: [L.Dense(5, activation="sigmoid"), L.Reshape((-1, 1))], INDEPENDENT),
        # Over time: no distribution over the entries of the last axis.
        (lambda: [L.Dense(5), L.Softmax(axis=1)], NO_SCORES),
        (lambda: [L.Dense(5, activation="softmax"), L.Reshape((-1,))], NO_SCORES),
        (lambda: [L.Dense(5, activation="relu")], NO_SCORES),
        (lambda: [L.Dense(5), L.ReLU()], NO_SCORES),
        (lambda: [], NO_SCORES),
        (lambda: [L.Dense(5)], UNKNOWN),
    ],
)
def test_the_last_activation(last: Any, expected: Scores) -> None:
    assert one(sequence(*last())) == expected


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), LOGITS),
        (keras.losses.CategoricalCrossentropy(from_logits=True), LOGITS),
        (CTC(), LOGITS),
        (keras.losses.CTC(), LOGITS),
        (keras.losses.CategoricalHinge(), Scores(None, True, comparable=True)),
        (keras.losses.BinaryCrossentropy(from_logits=True), Scores(None, False, comparable=True)),
        ("mse", NO_SCORES),
        ("mean_absolute_error", NO_SCORES),
        (keras.losses.Huber(), NO_SCORES),
        (keras.losses.MeanSquaredError(), NO_SCORES),
        (keras.losses.mean_squared_error, NO_SCORES),
        (lambda y, p: (y - p) ** 2, UNKNOWN),
    ],
)
def test_the_loss_of_a_linear_output(loss: Any, expected: Scores) -> None:
    model = sequence(L.Dense(5))
    model.compile("sgd", loss)
    assert one(model) == expected


def test_our_gram_ctc_takes_logits() -> None:
    model = sequence(L.Dense(5))
    model.compile("sgd", GramCTC(grams=[(1,), (2,), (1, 2)]))
    assert one(model) == LOGITS


def test_labels_make_a_linear_output_logits_but_no_regression() -> None:
    model = sequence(L.Dense(2))
    assert one(model, labels=["yes", "no"]) == LOGITS
    model.compile("sgd", "mse")
    assert one(model, labels=["pressure", "temperature"]) == NO_SCORES
    assert one(sequence(L.Dense(2, activation="softmax")), labels=["a", "b"]) == PROBABILITIES
    many = sequence(L.Dense(2, activation="sigmoid"))
    assert one(many, labels=["a", "b"]) == Scores("independent", True, comparable=True)


def test_labels_of_channels_that_move_by_different_amounts_make_no_classes_of_them() -> None:
    """An error is then judged against what each of them moves."""
    noise = np.random.default_rng(0).normal(size=(20, 2))
    model = sequence(L.Dense(2))
    (name,) = of(model)
    named = {"labels": ["pressure", "temperature"]}
    assert one(model, **named, outputs={name: noise}).comparable
    assert not one(model, **named, outputs={name: noise * [500.0, 5.0]}).comparable


def test_every_output_has_its_own_loss() -> None:
    x = keras.Input((None, FEATURES))
    h = L.GRU(3)(x)
    b, a = L.Dense(5, name="word")(h), L.Dense(5, name="speed")(h)
    model = keras.Model(x, {"word": b, "speed": a})
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", {"word": loss, "speed": "mse"})
    assert of(model) == {"speed": NO_SCORES, "word": LOGITS}
    model = keras.Model(x, [b, a])
    model.compile("sgd", [loss, "mse"])
    assert of(model) == {"word": LOGITS, "speed": NO_SCORES}
    model = keras.Model(x, L.Concatenate()([b, a]))
    assert one(model) == NO_SCORES
    model = keras.Model(x, L.Average()([L.Softmax()(b), L.Softmax()(a)]))
    assert one(model) == PROBABILITIES
    model = keras.Model(x, keras.ops.softmax(b)[:, None, :])
    assert one(model) == PROBABILITIES


class Hidden(keras.Model):
    """A subclassed model, whose last activation nobody sees."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = L.Dense(5)

    def call(self, x: Any) -> Any:
        return keras.ops.softmax(self.dense(x))


def test_values_show_what_a_subclassed_model_hides() -> None:
    model = Hidden()
    x = np.random.default_rng(0).normal(size=(6, 5, FEATURES)).astype(np.float32)
    values = {"scores": np.asarray(model(x))}
    assert one(model) == UNKNOWN
    assert one(model, labels=list("abcde"), outputs=values) == PROBABILITIES
    # By the loss, where the values are not at hand.
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert one(model) == PROBABILITIES
    logits = {"scores": 3.0 * np.log(values["scores"])}
    assert one(Hidden(), labels=list("abcde"), outputs=logits) == LOGITS
