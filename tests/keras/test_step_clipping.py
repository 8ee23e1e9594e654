"""Steps on the weights of SBN are clipped, and no others."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.callbacks import LearningRateMultipliers, StepClipping
from tfpipeline.layers import NormalizedDense, NormalizedLSTM
from tfpipeline.numerics.low_bit import stochastic_scale

X = np.random.default_rng(0).normal(size=(8, 4, 3)).astype("float32")
Y = np.ones((8, 2), "float32")


def array(x):
    return np.array(ops.convert_to_numpy(x))


def model_of(quantizer="SBN", rank=None):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            NormalizedLSTM(4, weight_quantizer=quantizer, normalization="layer", rank=rank, seed=0),
            NormalizedDense(2, weight_quantizer=quantizer and "STN", seed=0),
        ]
    )
    # Signs of gradients: each step is as long as the rate, beyond any limit.
    model.compile(keras.optimizers.Lion(5.0), "mse", jit_compile=JIT)
    return model


def steps(model, *callbacks):
    before = {w.path: array(w) for w in model.trainable_variables}
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=list(callbacks))
    return {w.path: array(w) - before[w.path] for w in model.trainable_variables}


@pytest.mark.slow
def test_steps_of_sbn_are_no_longer_than_its_scale():
    model = model_of()
    plain = model.optimizer.update_step
    for path, step in steps(model, StepClipping()).items():
        expected = 5.0
        if "lstm" in path and path.endswith("kernel"):
            expected = stochastic_scale(*step.shape)
        moved = np.abs(step[step != 0])
        np.testing.assert_allclose(moved, expected, rtol=1e-5, err_msg=path)
    # Once fit has ended, steps are the optimizer's own.
    assert model.optimizer.update_step == plain
    assert all(np.abs(s).max() == pytest.approx(5.0, rel=1e-5) for s in steps(model).values())


@pytest.mark.slow
def test_it_goes_with_multipliers():
    model = model_of(rank=2)
    slow = LearningRateMultipliers({"recurrent_kernel": 1e-3})
    found = {path.rpartition("/")[2]: s for path, s in steps(model, slow, StepClipping()).items()}
    np.testing.assert_allclose(np.abs(found["recurrent_kernel_left"]).max(), 5e-3, rtol=1e-3)
    left = found["kernel_left"]
    np.testing.assert_allclose(np.abs(left).max(), stochastic_scale(*left.shape), rtol=1e-5)
    assert "update_step" not in vars(model.optimizer)


def test_a_model_without_sbn_is_one_sentence():
    with pytest.raises(ValueError, match="found no weights of SBN in the model; expected a layer"):
        steps(model_of("STN"), StepClipping())
