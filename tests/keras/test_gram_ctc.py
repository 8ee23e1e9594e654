"""The loss over grams against all paths, written out, and against CTC."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from tfpipeline.decoding import Alphabet, character_error_rate, greedy_decode
from tfpipeline.losses import CTC, GramCTC, pack_labels

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
GRAMS = [(1,), (2,), (1, 2), (1, 1), (2, 1, 2)]
LABELS = [[], [1], [1, 2], [1, 1, 1], [1, 1, 1, 1], [2, 1, 2, 1], [2, 1, 2, 2, 1, 2]]


def brute_force(logits: np.ndarray, label: list[int]) -> float:
    """Adds up every path of the frames whose grams spell the label."""
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    total = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        collapsed = [symbol for symbol, _ in itertools.groupby(path) if symbol]
        if [c for symbol in collapsed for c in GRAMS[symbol - 1]] == label:
            total += np.exp(sum(log_p[frame, symbol] for frame, symbol in enumerate(path)))
    return -np.log(total) if total else 0.0


def values_of(y: np.ndarray, logits: np.ndarray, loss: Any) -> np.ndarray:
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(loss)(y, logits))
    return ops.convert_to_numpy(loss(y, logits))


def gradient_of(y: np.ndarray, logits: np.ndarray, loss: Any) -> np.ndarray:
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(lambda x: loss(y, x)))(logits))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        x = tf.convert_to_tensor(logits)
        tape.watch(x)
        value = loss(y, x)
    return tape.gradient(value, x).numpy()


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Every label in every number of frames, also in those that do not hold it."""
    rows = [[n, *label, *[0] * (6 - len(label))] for label in LABELS for n in range(1, 6)]
    logits = RNG.normal(size=(len(rows), 5, 1 + len(GRAMS))) * 2
    return np.array(rows, "int32"), logits


def test_gram_ctc_is_the_sum_over_all_paths_of_all_cuts():
    y, logits = batch()
    found = values_of(y, logits.astype("float32"), GramCTC(GRAMS, reduction=None))
    labels = [label for label in LABELS for _ in range(5)]
    expected = [
        brute_force(x[: row[0]], label) for x, row, label in zip(logits, y, labels, strict=True)
    ]
    assert 0 < expected.count(0.0) < len(expected) / 3
    # float32 against float64, 5 frames.
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def test_gram_ctc_gradient_is_the_slope_of_all_paths():
    y = pack_labels([[1, 1, 1], [2, 1, 2]], [3, 3], grams=GRAMS)
    logits = RNG.normal(size=(2, 4, 1 + len(GRAMS)))
    found = gradient_of(y, logits.astype("float32"), GramCTC(GRAMS, reduction="sum"))
    assert not found[:, 3].any()
    step = 1e-5
    for row, frame, symbol in itertools.product(range(2), range(3), range(6)):
        up, down = (logits[row, :3].copy() for _ in range(2))
        up[frame, symbol] += step
        down[frame, symbol] -= step
        label = y[row, 1:].tolist()
        slope = (brute_force(up, label) - brute_force(down, label)) / (2 * step)
        # The difference quotient in float64 is exact to step squared; the rest is float32.
        assert found[row, frame, symbol] == pytest.approx(slope, abs=2e-6)


def test_gram_ctc_of_infeasible_labels_is_zero_and_finite():
    y, logits = batch()
    y[0, 0] = 0
    slope = gradient_of(y, logits.astype("float32"), GramCTC(GRAMS, reduction="sum"))
    values = values_of(y, logits.astype("float32"), GramCTC(GRAMS, reduction=None))
    assert np.isfinite(slope).all()
    np.testing.assert_array_equal(slope.any(axis=(1, 2)), values > 0)


def test_single_characters_are_ctc():
    frames = [40, 31, 5]
    labels = [RNG.integers(1, 8, n).tolist() for n in (12, 15, 0)]
    labels[0][3:6] = [7, 7, 7]
    y = pack_labels(labels, frames)
    logits = (RNG.normal(size=(3, 40, 8)) * 3).astype("float32")
    singles = [(c,) for c in range(1, 8)]
    np.testing.assert_allclose(
        values_of(y, logits, GramCTC(singles, reduction=None)),
        values_of(y, logits, CTC(reduction=None)),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        gradient_of(y, logits, GramCTC(singles, reduction="sum")),
        gradient_of(y, logits, CTC(reduction="sum")),
        # The loss is about 100, with float32 steps of 8e-6: the relative error of any share of it.
        atol=1e-4,
    )


def test_frames_that_grams_need():
    # 1 1 | 1 is two symbols, 1 | 1 | 1 five frames; 212 | 212 needs a blank between.
    for label, needed in (([1, 1, 1], 2), ([2, 1, 2, 2, 1, 2], 3), ([2, 2], 3), ([2, 1, 2], 1)):
        assert pack_labels([label], needed, grams=GRAMS)[0, 0] == needed
        with pytest.raises(ValueError, match=f"needs {needed}"):
            pack_labels([label], needed - 1, grams=GRAMS)
    with pytest.raises(ValueError, match="`grams`"):
        pack_labels([[3]], 5, grams=GRAMS)


@pytest.mark.parametrize(
    ("grams", "message"),
    [
        ([], "`grams`"),
        (None, "`grams` must be a sequence of character indices for each symbol; received None"),
        ([(1,), ()], "`grams`"),
        ([(0,)], "1 or more"),
        ([(1,), (1,)], "twice"),
        ([(1,), (1, 2)], r"\[2\]"),
        ([(c,) for c in range(1, 99)] + [(1,) * 6], "shorter"),
    ],
)
def test_gram_errors(grams, message):
    with pytest.raises(ValueError, match=message):
        GramCTC(grams)


def test_gram_ctc_round_trip():
    loss = GramCTC(GRAMS, reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.grams, again.reduction, again.blank) == (loss.grams, "sum", 0)
    with pytest.raises(ValueError, match="5 grams"):
        loss(np.zeros((1, 3)), np.zeros((1, 4, 3)))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "compiled"])
def test_gram_ctc_trains_where_ctc_has_too_few_frames(jit_compile):
    """Two characters a frame: half as many frames as the text has characters."""
    keras.utils.set_random_seed(0)
    alphabet = Alphabet("ab", grams=["ab", "ba", "aa", "bb"])
    pairs = RNG.integers(3, 7, (256, 6))
    texts = [alphabet.decode(row) for row in pairs]
    # Two frames a pair: one would leave no room for the blank between equal grams.
    frames = np.repeat(np.eye(8)[pairs], 2, axis=1)
    frames[:, 1::2] = np.eye(8)[0]
    x = (frames + RNG.normal(0, 0.1, frames.shape)).astype("float32")
    y = pack_labels([alphabet.encode(t) for t in texts], 12, grams=alphabet.gram_indices)
    model = keras.Sequential([keras.Input((12, 8)), keras.layers.Dense(len(alphabet))])
    model.compile(
        keras.optimizers.Adam(0.1), GramCTC(alphabet.gram_indices), jit_compile=jit_compile
    )
    model.fit(x, y, epochs=8, verbose=0)
    found = greedy_decode(model.predict(x, verbose=0), None, alphabet)
    assert character_error_rate(texts, found) < 0.03
