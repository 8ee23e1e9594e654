"""What both losses and the error rates say of labels and logits that are none."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.losses import CTC, GramCTC, pack_labels
from tfpipeline.losses.grams import frames_needed
from tfpipeline.metrics import CharacterErrorRate, WordErrorRate

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
GRAMS = [(1,), (2,), (3,), (1, 2)]
# Frames and label of one utterance; the logits have 6 frames, and symbols up to 4.
GOOD = [6, 1, 2, 3]
BAD = {
    "blank inside": [6, 1, 0, 2],
    "negative inside": [6, 1, -1, 2],
    "blank first": [6, 0, 1, 2],
    "too many frames": [7, 1, 2, 3],
    "negative frames": [-1, 1, 2, 3],
    "unknown symbol": [6, 1, 2, 5],
}
LOSSES = pytest.mark.parametrize(
    "loss", [CTC(reduction=None), GramCTC(GRAMS, reduction=None)], ids=["ctc", "gram_ctc"]
)


def array(x: Any) -> np.ndarray:
    return ops.convert_to_numpy(x)


def value_and_slope(loss: Any, y: Any, logits: Any, weights: Any = None) -> tuple[Any, Any]:
    """The loss of each utterance, and the slope of their sum."""
    y, logits = np.array(y, "int32"), np.asarray(logits, "float32")

    def total(x: Any) -> tuple[Any, Any]:
        values = loss(y, x, weights)
        return ops.sum(values), values

    if keras.backend.backend() == "jax":
        import jax

        (_, values), slope = jax.jit(jax.value_and_grad(total, has_aux=True))(logits)
        return np.asarray(values), np.asarray(slope)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        x = tf.convert_to_tensor(logits)
        tape.watch(x)
        summed, values = total(x)
    return values.numpy(), tape.gradient(summed, x).numpy()


def brute_force(logits: np.ndarray, label: list[int], grams: Any = None) -> float:
    """-log of the summed probability of all paths that give the label."""
    with np.errstate(over="ignore"):
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        symbols = [symbol for symbol, _ in itertools.groupby(path) if symbol]
        spelled = symbols if grams is None else [c for s in symbols for c in grams[s - 1]]
        if spelled == label:
            total += np.prod([p[frame, symbol] for frame, symbol in enumerate(path)])
    return float("inf") if total == 0 else -np.log(total)


@LOSSES
def test_ctc_of_a_label_that_is_none_is_nan_and_spoils_no_weight(loss):
    logits = RNG.normal(size=(len(BAD) + 1, 6, 5))
    values, slope = value_and_slope(loss, [*BAD.values(), GOOD], logits)
    assert dict(zip([*BAD, "good"], np.isnan(values), strict=True)) == {
        **dict.fromkeys(BAD, True),
        "good": False,
    }
    assert not slope[:-1].any() and slope[-1].any() and np.isfinite(slope).all()


@pytest.mark.parametrize("name", BAD)
def test_error_rate_of_a_label_that_is_none_is_nan(name):
    logits = RNG.normal(size=(2, 6, 5)).astype("float32")
    for metric in (CharacterErrorRate(), CharacterErrorRate(grams=GRAMS), WordErrorRate(3)):
        metric.update_state(np.array([GOOD, GOOD], "int32"), logits)
        assert np.isfinite(array(metric.result()))
        metric.update_state(np.array([GOOD, BAD[name]], "int32"), logits)
        assert np.isnan(array(metric.result()))


def test_gram_ctc_of_a_character_that_no_gram_spells_is_nan():
    """Below the largest character, and above it; and the metric's the same."""
    grams = [(1,), (3,), (1, 3)]
    logits = RNG.normal(size=(3, 6, 4)).astype("float32")
    y = [[6, 1, 3, 0], [6, 1, 2, 0], [6, 4, 1, 0]]
    values, slope = value_and_slope(GramCTC(grams, reduction=None), y, logits)
    assert np.isnan(values).tolist() == [False, True, True]
    assert slope[0].any() and not slope[1:].any()
    for row, unknown in zip(y, (False, True, True), strict=True):
        metric = CharacterErrorRate(grams=grams)
        metric.update_state(np.array([row], "int32"), logits[:1])
        assert np.isnan(array(metric.result())) == unknown


@LOSSES
def test_ctc_of_a_diverged_model_is_nan_also_for_labels_that_do_not_fit(loss):
    logits = RNG.normal(size=(3, 6, 5))
    logits[0, 2, 1] = np.nan
    logits[1, 1, 4] = np.nan  # a symbol that the label has not
    logits[2, 5, 1] = np.nan  # beyond the utterance
    values, slope = value_and_slope(loss, [GOOD, [2, 3, 3, 3], [5, 1, 2, 3]], logits)
    assert np.isnan(values).tolist() == [True, True, False]
    assert np.isfinite(slope[2]).all() and slope[2, :5].any()
    huge, slope = value_and_slope(loss, [GOOD], 1e32 * logits[2:, ::-1, ::-1])
    assert not np.isfinite(huge).any() or huge > 1e28


@LOSSES
def test_ctc_of_logits_of_minus_infinity_is_finite_where_the_probability_is(loss):
    logits = RNG.normal(size=(4, 6, 5))
    logits[:, 2, 1] = -np.inf
    logits[:, :, 3] = -np.inf
    labels = [[1, 2], [2, 2], [], [1, 3]]
    y = pack_labels(labels, 6, max_label=3)
    values, slope = value_and_slope(loss, y, logits)
    grams = getattr(loss, "grams", None)
    expected = [brute_force(x, row, grams) for x, row in zip(logits, labels, strict=True)]
    assert np.isfinite(expected).tolist() == [True, True, True, False]
    np.testing.assert_allclose(values, expected, rtol=2e-6)
    assert np.isfinite(slope).all() and slope[:3].any(axis=(1, 2)).all()
    # p - occupancy sums to 0 in each frame, and what cannot be has no slope.
    np.testing.assert_allclose(slope.sum(axis=2), 0, atol=2e-6)
    assert not slope[:3, :, 3].any() and not slope[3].any()


@LOSSES
def test_ctc_gradient_follows_what_is_made_of_the_loss(loss):
    logits = RNG.normal(size=(3, 6, 5))
    y = [GOOD, [5, 2, 2, 0], [4, 3, 1, 0]]
    values, slope = value_and_slope(loss, y, logits)
    weights = np.array([2.0, 0.5, 0.0], "float32")
    weighted, scaled = value_and_slope(loss, y, logits, weights)
    np.testing.assert_allclose(weighted, weights * values, rtol=1e-6)
    np.testing.assert_allclose(scaled, weights[:, None, None] * slope, rtol=1e-6, atol=1e-9)
    assert slope.any(axis=(1, 2)).all()


@LOSSES
def test_ctc_of_no_frames_is_zero_whatever_the_label(loss):
    logits = RNG.normal(size=(2, 6, 5))
    values, slope = value_and_slope(loss, [[0, 0, 0, 0], [0, 1, 0, 0]], logits)
    assert values.tolist() == [0, 0] and not slope.any()


def test_gram_ctc_knows_which_labels_fit_without_the_probabilities():
    """The count inside the compiled loss against the plain one, at each length."""
    grams = [(1,), (2,), (1, 2), (1, 1), (2, 1, 2)]
    labels = [list(row) for n in range(6) for row in itertools.product((1, 2), repeat=n)]
    rows, fits = [], []
    for label in labels:
        needed = max(frames_needed(label, tuple(grams)), 1)
        for frames in {needed - 1, needed}:
            rows.append([frames, *label, *[0] * (5 - len(label))])
            fits.append(frames == needed)
    values, _ = value_and_slope(
        GramCTC(grams, reduction=None), rows, RNG.normal(size=(len(rows), 9, 6))
    )
    np.testing.assert_array_equal(values > 0, fits)


@pytest.mark.parametrize("grams", [None, GRAMS], ids=["ctc", "gram_ctc"])
def test_ctc_that_diverges_stops_and_is_no_best_model(tmp_path, grams):
    """Features that are not normalized and too high a rate: the usual way to get there."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    labels = [rng.integers(1, 4, rng.integers(2, 5)).tolist() for _ in range(16)]
    x = 1e3 * rng.normal(size=(16, 12, 4)).astype("float32")
    y = pack_labels(labels, 12, grams=grams)
    model = keras.Sequential(
        [keras.Input((12, 4)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(5)]
    )
    model.compile(
        keras.optimizers.SGD(1e20), CTC() if grams is None else GramCTC(grams), jit_compile=JIT
    )
    best = tmp_path / "best.keras"
    losses = model.fit(
        x,
        y,
        epochs=5,
        batch_size=8,
        verbose=0,
        callbacks=[
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.ModelCheckpoint(best, monitor="loss", save_best_only=True),
        ],
    ).history["loss"]
    assert len(losses) < 5 and not np.isfinite(losses[-1]) and 0 not in losses
