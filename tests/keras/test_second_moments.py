"""LAB and LAT get the second moments of Adam, step by step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.callbacks import SecondMoments
from tfpipeline.layers import FastRNN, NormalizedLSTM

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).normal(size=(8, 4, 3)).astype("float32")
Y = np.ones((8, 2), "float32")


def array(x):
    return np.array(ops.convert_to_numpy(x))


def model_of(quantizer="LAB", optimizer="adam", **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            NormalizedLSTM(4, weight_quantizer=quantizer, normalization="weight"),
            keras.layers.Dense(2),
        ]
    )
    model.compile(optimizer, "mse", jit_compile=JIT, **options)
    return model


@pytest.mark.parametrize("quantizer", ["LAB", "LAT"])
def test_moments_are_those_of_adam_after_every_step(quantizer):
    model = model_of(quantizer)
    cell = model.layers[0].cell
    pairs = cell.quantized.second_moments()
    assert [tuple(moment.shape) for _, moment in pairs] == [(3, 16), (4, 16)]
    assert all((array(moment) == 1).all() for _, moment in pairs)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(array(pairs[0][1]))

    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[SecondMoments(), Watch()])
    adam = model.optimizer
    for variable, moment in pairs:
        expected = array(adam._velocities[adam._get_variable_index(variable)])
        np.testing.assert_array_equal(array(moment), expected)
        assert expected.min() >= 0 and expected.max() > 0
    assert len(seen) == 4 and all(np.any(a != b) for a, b in zip(seen, seen[1:], strict=False))
    # They act: other moments, other scales, and so other weights.
    codes = cell.weight_quantizer.codes
    latent, moment = pairs[1]
    weighted, plain = codes(latent, 4, moment=moment), codes(latent, 4)
    assert np.any(weighted.scale != plain.scale)
    np.testing.assert_array_equal(array(cell.recurrent_kernel), weighted.values())


def test_wrong_optimizers_and_models_are_one_sentence():
    for optimizer in ("sgd", "rmsprop"):
        with pytest.raises(ValueError, match="second moments of Adam: expected"):
            model_of(optimizer=optimizer).fit(X, Y, verbose=0, callbacks=[SecondMoments()])
    with pytest.raises(ValueError, match=r"expected tfpipeline.callbacks.SecondMoments\(\)"):
        model_of().fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="found nothing that weighs by second moments"):
        model_of("BWN").fit(X, Y, verbose=0, callbacks=[SecondMoments()])
    with pytest.raises(ValueError, match="compile the model with steps_per_execution=1"):
        model_of(steps_per_execution=2).fit(X, Y, verbose=0, callbacks=[SecondMoments()])


def test_other_cells_and_wrapped_optimizers():
    model = keras.Sequential(
        [keras.Input((4, 3)), FastRNN(4, weight_quantizer="LAB"), keras.layers.Dense(2)]
    )
    adam = keras.optimizers.AdamW(0.01)
    model.compile(keras.optimizers.LossScaleOptimizer(adam), "mse", jit_compile=JIT)
    model.fit(X, Y, verbose=0, callbacks=[SecondMoments()])
    for variable, moment in model.layers[0].cell.quantized.second_moments():
        expected = array(adam._velocities[adam._get_variable_index(variable)])
        np.testing.assert_array_equal(array(moment), expected)
