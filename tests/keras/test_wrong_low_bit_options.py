"""Options of low-bit layers that do not go together: one sentence each, which says what to do."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import SecondMoments
from tfpipeline.layers import FastRNN, NormalizedDense, NormalizedGRU, NormalizedLSTM
from tfpipeline.normalizations import BatchSeparate, BatchShared

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")


def lstm(**options):
    layer = NormalizedLSTM(5, **options)
    layer.build((None, None, X.shape[-1]))
    return layer


def fit(layer, callbacks=(), optimizer="adam", **options):
    model = keras.Sequential([keras.Input(X.shape[1:]), layer])
    model.compile(optimizer, "mse", jit_compile=JIT)
    model.fit(X, np.ones((4, 5)), verbose=0, callbacks=list(callbacks), **options)


def one_step(cell):
    cell(X[:, 0], cell.get_initial_state(4), training=True)


#: What is done, and what the sentence has: argument, expected, received, next step.
WRONG = {
    "shared statistics, a batch of one": (
        lambda: lstm(normalization="batch_shared")(X[:1], training=True),
        ("`normalization`", "expected a batch of two or more", "received one", "use a larger"),
    ),
    "shared statistics, fit with batches of one": (
        lambda: fit(NormalizedLSTM(5, normalization="batch_shared"), batch_size=1),
        ("`normalization`", "expected a batch of two or more", "received one", "use a larger"),
    ),
    "a dense layer, a batch of one": (
        lambda: NormalizedDense(5, normalization="batch_shared")(X[:1, 0], training=True),
        ("`normalization`", "expected a batch of two or more", "received one", "use a larger"),
    ),
    "LAB without the callback": (
        lambda: fit(NormalizedLSTM(5, weight_quantizer="LAB")),
        ("weight_quantizer='LAB'", "expected tfpipeline.callbacks.SecondMoments()", "pass it"),
    ),
    "LAT without Adam": (
        lambda: fit(NormalizedLSTM(5, weight_quantizer="LAT"), [SecondMoments()], "sgd"),
        ("weight_quantizer='LAT'", "expected keras.optimizers.Adam", "received SGD", "compile"),
    ),
    "separate statistics are folded": (
        lambda: lstm(normalization=BatchSeparate(4)).export_step(),
        ("normalization='batch_separate'", "4 time steps would be 640 bytes", "train with"),
    ),
    "separate statistics of a dense layer": (
        lambda: NormalizedDense(5, normalization="batch_separate"),
        ("`normalization` of NormalizedDense", "must be", "received 'batch_separate'", "use"),
    ),
    "separate statistics, any number of steps": (
        lambda: lstm(normalization="batch_separate"),
        ("'batch_separate' needs the number of time steps", "give"),
    ),
    "a cell learns statistics": (
        lambda: one_step(lstm(normalization="batch_shared").cell),
        ("`normalization` of NormalizedLSTMCell needs the layer", "use the layer"),
    ),
    "a cell draws": (
        lambda: one_step(NormalizedGRU(5, weight_quantizer="SBN").cell),
        ("`weight_quantizer` of NormalizedGRUCell needs the layer", "use the layer"),
    ),
    "a GRU that resets before": (
        lambda: NormalizedGRU(5, reset_after=False),
        ("`reset_after`", "must be True", "leave it out"),
    ),
    "the state of a cell by weights": (
        lambda: NormalizedLSTM(5, normalization="weight", normalize_cell=True),
        ("`normalize_cell`", "expected normalization='layer'", "received 'weight'", "give one"),
    ),
    "the state of a cell is folded": (
        lambda: lstm(normalization="batch_shared", normalize_cell=True).export_step(),
        ("`normalize_cell`", "expected a layer without", "received True", "train with"),
    ),
    "bits of activations": (
        lambda: NormalizedLSTM(5, activation_bits=5),
        ("`activation_bits`", "must be an int from 1 to 4", "received 5"),
    ),
    "activations of few bits are exported": (
        lambda: lstm(activation_bits=2).export_step(),
        ("`activation_bits`", "expected None", "received 2", "train without"),
    ),
    "another normalization": (
        lambda: lstm(normalization="group"),
        ("`normalization`", "must be one of ['weight', 'layer'", "received 'group'"),
    ),
    "another quantizer": (
        lambda: FastRNN(5, weight_quantizer="ternary"),
        ("`weight_quantizer`", "must be one of ['BinaryConnect'", "received 'ternary'"),
    ),
    "momentum": (lambda: BatchShared(momentum=2), ("`momentum`", "must be", "received 2")),
    "epsilon": (lambda: BatchShared(epsilon=-1), ("`epsilon`", "must be", "received -1")),
    "gain": (lambda: BatchShared("one"), ("`initial_gain`", "must be", "received 'one'")),
    "time steps": (lambda: BatchSeparate(0), ("`time_steps`", "must be", "received 0")),
}
#: What works, and seldom is what was wanted.
ODD = {
    "an input of one feature": (
        lambda: NormalizedLSTM(5, normalization=None).build((None, None, 1)),
        ("`weight_quantizer`", "expects two features or more", "received one", "give it several"),
    ),
    "a dense layer of one feature": (
        lambda: NormalizedDense(5).build((None, 1)),
        ("`weight_quantizer`", "expects two features or more", "received one", "give it several"),
    ),
    "averages that never moved are folded": (
        lambda: lstm(normalization="batch_shared").export_step(),
        ("normalization='batch_shared'", "expected those of a training", "received none", "train"),
    ),
}


def check(message, parts):
    # Keras makes bold what is said inside of a call, and puts words of its own around it.
    bold = re.search(r"\x1b\[1m(.*)\x1b\[0m", message, re.DOTALL)
    sentence = bold[1] if bold else message
    for part in parts:
        assert part in sentence, sentence
    assert sentence.endswith(".") and ". " not in sentence and "\n" not in sentence


@pytest.mark.parametrize(("do", "parts"), WRONG.values(), ids=list(WRONG))
def test_wrong_options_are_one_sentence(do, parts):
    with pytest.raises(ValueError) as error:
        do()
    check(str(error.value), parts)


@pytest.mark.parametrize(("do", "parts"), ODD.values(), ids=list(ODD))
def test_odd_options_are_one_sentence(do, parts):
    with pytest.warns(UserWarning) as record:
        do()
    (message,) = {str(w.message) for w in record if issubclass(w.category, UserWarning)}
    check(message, parts)


@pytest.mark.parametrize("kind", [NormalizedGRU, NormalizedDense])
def test_last_batch_of_one_is_the_rest_of_the_samples(kind):
    """Five samples in batches of four: on JAX the last one is a graph of its own."""
    layer = kind(5, normalization="batch_shared")
    rows = np.concatenate([X, X[:1]])
    if kind is NormalizedDense:
        rows = rows[:, 0]
    model = keras.Sequential([keras.Input(rows.shape[1:]), layer])
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=JIT)
    averages = {}
    for samples in (4, 5):
        layer.set_weights([w * 0.0 if "moving" in v.name else w for v, w in weights_of(layer)])
        model.fit(rows[:samples], np.ones((samples, 5)), batch_size=4, shuffle=False, verbose=0)
        averages[samples] = [w for v, w in weights_of(layer) if "moving" in v.name]
    for alone, with_rest in zip(averages[4], averages[5], strict=True):
        assert np.abs(alone).max() > 0
        np.testing.assert_array_equal(alone, with_rest)


def weights_of(layer):
    return list(zip(layer.weights, layer.get_weights(), strict=True))
