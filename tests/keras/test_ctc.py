"""The CTC loss against all paths, written out; against TensorFlow's; and in training."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from tfpipeline.losses import CTC, pack_labels
from tfpipeline.metrics import CharacterErrorRate

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype("float64")
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def brute_force(logits: np.ndarray, label: list[int], blank: int) -> float:
    """Adds up every path of the frames that collapses to the label."""
    log_p = log_softmax(logits)
    total = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        collapsed = [symbol for symbol, _ in itertools.groupby(path) if symbol != blank]
        if collapsed == label:
            total += np.exp(sum(log_p[frame, symbol] for frame, symbol in enumerate(path)))
    return -np.log(total) if total else 0.0


def values_of(y: np.ndarray, logits: np.ndarray, **options: Any) -> np.ndarray:
    """The loss of each utterance; on JAX in one compilation, where it would be dozens."""
    loss = CTC(**{"reduction": None, **options})
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(loss)(y, logits))
    return ops.convert_to_numpy(loss(y, logits))


def gradient_of(y: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """The slope of the summed loss, on any backend."""
    loss = CTC(reduction="sum")
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(lambda x: loss(y, x)))(logits))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        x = tf.convert_to_tensor(logits)
        tape.watch(x)
        value = loss(y, x)
    return tape.gradient(value, x).numpy()


@pytest.mark.parametrize("blank", [0, 2])
def test_ctc_is_the_sum_over_all_paths(blank):
    labels, frames = [], []
    symbols = [s for s in range(4) if s != blank]
    first, second = symbols[0], symbols[1]
    for label in ([], [first], [first, second], [first, first], [second, first, second]):
        for count in range(max(1, len(label) + (label == [first, first])), 6):
            labels.append(label)
            frames.append(count)
    logits = RNG.normal(size=(len(labels), 5, 4)).astype("float32") * 2
    y = pack_labels(labels, frames, blank)
    found = values_of(y, logits, blank=blank)
    expected = [
        brute_force(x[:n], label, blank) for x, n, label in zip(logits, frames, labels, strict=True)
    ]
    # float32 against float64, 5 frames.
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def test_ctc_gradient_is_the_slope_of_all_paths():
    labels = [[1, 1], [2, 3], []]
    logits = RNG.normal(size=(3, 4, 4))
    y = pack_labels(labels, [4, 3, 2])
    found = gradient_of(y, logits.astype("float32"))
    step = 1e-5
    for row, frame, symbol in itertools.product(range(3), range(4), range(4)):
        moved = [logits[row, : y[row, 0]].copy() for _ in range(2)]
        for sign, values in zip((1, -1), moved, strict=True):
            if frame < y[row, 0]:
                values[frame, symbol] += sign * step
        up, down = (brute_force(values, labels[row], 0) for values in moved)
        # The difference quotient in float64 is exact to step squared; the rest is float32.
        assert found[row, frame, symbol] == pytest.approx((up - down) / (2 * step), abs=2e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="calls TensorFlow itself")
@pytest.mark.parametrize("compiled", [False, True])
def test_ctc_equals_tensorflow(compiled):
    import tensorflow as tf

    frames = np.array([60, 47, 33], "int32")
    labels = [RNG.integers(1, 29, n).tolist() for n in (25, 18, 9)]
    labels[0][3:6] = [7, 7, 7]
    y = pack_labels(labels, frames)
    logits = tf.constant(RNG.normal(size=(3, 60, 29)) * 3, tf.float32)
    lengths = np.array([len(label) for label in labels], "int32")

    @tf.function(jit_compile=compiled)
    def both(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            ours = CTC(reduction=None)(y, x)
            theirs = tf.nn.ctc_loss(y[:, 1:], x, lengths, frames, False, blank_index=0)
        return ours, theirs, tape.gradient(ours, x), tape.gradient(theirs, x)

    ours, theirs, our_slope, their_slope = both(logits)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    # The loss is about 200, with float32 steps of 1.5e-5: the relative error of any share of it.
    np.testing.assert_allclose(our_slope, their_slope, atol=1e-4)


def test_ctc_ignores_padding_of_both_axes():
    logits = RNG.normal(size=(2, 12, 5)).astype("float32")
    y = pack_labels([[1, 2, 2], [4]], [9, 12])
    wider = np.pad(y, ((0, 0), (0, 7)))
    longer = np.concatenate([logits, np.full((2, 6, 5), 50, "float32")], axis=1)
    changed = longer.copy()
    changed[0, 9:] = RNG.normal(size=(9, 5)) * 100
    expected = values_of(y, logits)
    for other in (longer, changed):
        # Other shapes, other order of the sums.
        np.testing.assert_allclose(values_of(wider, other), expected, rtol=1e-6)
    minus_one = np.where(wider == 0, -1, wider)
    np.testing.assert_array_equal(values_of(minus_one, longer), values_of(wider, longer))
    slope = gradient_of(wider, changed)
    assert not slope[0, 9:].any() and not slope[1, 12:].any() and slope[:, :9].any()


def test_ctc_of_labels_that_do_not_fit_is_zero_and_finite():
    logits = RNG.normal(size=(4, 6, 5)).astype("float32")
    y = np.array([[2, 1, 2, 3], [3, 1, 1, 2], [0, 1, 0, 0], [4, 1, 1, 2]], "int32")
    values = values_of(y, logits)
    slope = gradient_of(y, logits)
    assert values[:3].tolist() == [0, 0, 0] and values[3] > 0
    assert not slope[:3].any() and slope[3].any() and np.isfinite(slope).all()


def test_ctc_of_more_frames_than_logits_is_nan():
    y = pack_labels([[1], [1]], [7, 6])
    values = values_of(y, np.zeros((2, 6, 5), "float32"))
    assert np.isnan(values[0]) and np.isfinite(values[1])


def test_ctc_of_a_symbol_without_a_logit_is_nan():
    y = pack_labels([[1, 5], [4]], 6)
    values = values_of(y, np.zeros((2, 6, 5), "float32"))
    assert np.isnan(values[0]) and np.isfinite(values[1])


def test_ctc_of_empty_labels_is_the_path_of_blanks():
    logits = RNG.normal(size=(2, 4, 5)).astype("float32")
    expected = [-log_softmax(row)[:, 0].sum() for row in logits]
    y = pack_labels([[], []], 4)
    np.testing.assert_allclose(values_of(y, logits), expected, rtol=1e-5)
    assert np.isfinite(gradient_of(y, logits)).all()


def test_ctc_of_extreme_logits_is_finite():
    logits = np.where(RNG.random((2, 200, 29)) < 0.5, 1e4, -1e4).astype("float32")
    y = pack_labels([RNG.integers(1, 29, 60), RNG.integers(1, 29, 3)], 200)
    assert np.isfinite(values_of(y, logits)).all()
    assert np.isfinite(gradient_of(y, logits)).all()


def test_ctc_keeps_labels_in_mixed_precision():
    # 2**8 and more are not whole in bfloat16, nor 2**11 in float16.
    logits = RNG.normal(size=(1, 300, 300)).astype("float32")
    y = pack_labels([[255, 257, 299]], 299)
    half = ops.cast(logits, "bfloat16")
    found = values_of(y, half)
    expected = values_of(y, ops.cast(half, "float32"))
    assert found == expected


def test_ctc_round_trip_and_errors():
    loss = CTC(blank=3, reduction="sum", name="c")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert (again.blank, again.reduction, again.name) == (3, "sum", "c")
    with pytest.raises(ValueError, match="`blank`"):
        CTC(blank=-1)
    with pytest.raises(ValueError, match="pack_labels"):
        CTC()(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="one of the 6 symbols that CTC gets .* received 9"):
        CTC(blank=9)(np.zeros((2, 3)), np.zeros((2, 4, 6)))


def test_pack_labels():
    packed = pack_labels([[3, 1, 1], [2], []], [9, 7, 1], max_label=4)
    assert packed.tolist() == [[9, 3, 1, 1, 0], [7, 2, 0, 0, 0], [1, 0, 0, 0, 0]]
    assert packed.dtype == np.int32
    assert pack_labels([[0, 1]], 3, blank=2).tolist() == [[3, 0, 1]]
    for arguments, message in (
        (([[1, 0]], 5), "blank"),
        (([[1, 1]], 2), "needs 3"),
        (([[1, 2]], 2, 0, 1), "`max_label`"),
        (([[1], [2]], [5, 5, 5]), "`frames` must be one int, or one for each of the 2 labels"),
        (([[1]], 5.5), "`frames` must be one int"),
    ):
        with pytest.raises(ValueError, match=message):
            pack_labels(*arguments)


def toy_speech(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three "sounds" of a few noisy frames each, in an order that is the label."""
    rng = np.random.default_rng(seed)
    x = np.zeros((count, 24, 4), "float32")
    labels, frames = [], []
    for row in range(count):
        label = rng.integers(1, 4, rng.integers(1, 5)).tolist()
        spans = [[0, 0, symbol, symbol, symbol] for symbol in label]
        path = np.concatenate(spans)
        x[row, np.arange(path.size), path] = 1
        labels.append(label)
        frames.append(path.size)
    return x + rng.normal(0, 0.1, x.shape).astype("float32"), pack_labels(labels, frames)


@pytest.mark.parametrize(
    ("jit_compile", "masked"), [(False, False), (True, True)], ids=["graph", "compiled-masked"]
)
def test_ctc_trains_to_a_low_error_rate(jit_compile, masked):
    keras.utils.set_random_seed(1)
    x, y = toy_speech(256, 0)
    if masked:
        x[np.arange(24)[None] >= y[:, :1]] = 0
    model = keras.Sequential(
        [
            keras.Input((None, 4)),
            *([keras.layers.Masking()] if masked else []),
            keras.layers.GRU(16, return_sequences=True),
            keras.layers.Dense(4),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.02),
        CTC(),
        metrics=[CharacterErrorRate()],
        jit_compile=jit_compile,
    )
    history = model.fit(x, y, batch_size=32, epochs=8, verbose=0)
    scores = model.evaluate(*toy_speech(64, 1), return_dict=True, verbose=0)
    assert history.history["cer"][0] > 0.3
    assert scores["cer"] < 0.03
