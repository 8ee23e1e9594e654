from __future__ import annotations

import keras
import numpy as np
import pytest

from tfpipeline.regularizers import ActivationRegularizer


def penalty(h, ar, tar):
    changes = np.diff(h.astype(np.float64), axis=1)
    return ar * np.mean(np.square(h, dtype=np.float64)) + tar * np.mean(changes**2)


@pytest.mark.parametrize(("ar", "tar"), [(2.0, 0.0), (0.0, 1.5), (2.0, 1.5), (0.0, 0.0)])
def test_activation_penalty_is_that_of_numpy(sequences, ar, tar):
    one = ActivationRegularizer(ar, tar)
    layer = keras.layers.GRU(4, return_sequences=True, activity_regularizer=one)
    h = keras.ops.convert_to_numpy(layer(sequences))
    assert float(sum(layer.losses)) == pytest.approx(penalty(h, ar, tar), rel=1e-5)
    assert float(one(h)) == pytest.approx(len(h) * penalty(h, ar, tar), rel=1e-5)
    half = keras.ops.convert_to_tensor(300 * h, "float16")
    expected = len(h) * penalty(keras.ops.convert_to_numpy(half), ar, tar)
    assert float(one(half)) == pytest.approx(expected, rel=1e-5)


def test_activation_penalty_behind_dropout(sequences):
    dropout = keras.layers.Dropout(0.5, activity_regularizer=ActivationRegularizer(ar=2.0))
    dropped = keras.ops.convert_to_numpy(dropout(sequences, training=True))
    assert float(sum(dropout.losses)) == pytest.approx(penalty(dropped, 2.0, 0.0), rel=1e-5)
    assert (dropped == 0).mean() > 0.3


def no_loss(targets, outputs):
    return 0.0 * keras.ops.mean(outputs)


def test_activation_penalty_trains_and_is_saved(tmp_path, sequences):
    """A step of SGD on the penalty alone, against its gradient in NumPy."""
    one = ActivationRegularizer(ar=2.0, tar=1.5)
    layer = keras.layers.Dense(4, use_bias=False, activity_regularizer=one)
    model = keras.Sequential([keras.Input((9, 10)), layer])
    before = keras.ops.convert_to_numpy(layer.kernel)
    model.compile(keras.optimizers.SGD(1.0), no_loss)
    model.train_on_batch(sequences, np.zeros((6, 9, 4), "float32"))
    expected = 0.0
    for strength, x in ((2.0, sequences), (1.5, np.diff(sequences, axis=1))):
        x = x.reshape(-1, 10)
        expected = expected + 2 * strength * x.T @ (x @ before) / (4 * len(x))
    change = before - keras.ops.convert_to_numpy(layer.kernel)
    # Differences of float32 numbers.
    np.testing.assert_allclose(change, expected, rtol=1e-4, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    again = loaded.layers[0].activity_regularizer
    assert (type(again), again.ar, again.tar) == (ActivationRegularizer, 2.0, 1.5)


def test_errors(sequences):
    with pytest.raises(ValueError, match="`ar` must be a finite number that is not negative"):
        ActivationRegularizer(-1)
    with pytest.raises(ValueError, match="`tar` must be a finite number that is not negative"):
        ActivationRegularizer(0, float("nan"))
    with pytest.raises(ValueError, match=r"`tar` must be 0 .* received the shape \(6, 4\)"):
        keras.layers.GRU(4, activity_regularizer=ActivationRegularizer(tar=1))(sequences)
    last = keras.layers.GRU(4, activity_regularizer=ActivationRegularizer(ar=1))
    last(sequences)
    assert float(sum(last.losses)) > 0
