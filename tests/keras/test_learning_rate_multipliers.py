from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import LearningRateMultipliers
from tfpipeline.layers import FactoredGRU

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.


def array(x):
    return keras.ops.convert_to_numpy(x)


def compiled(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 10)), FactoredGRU(6, name="gru")])
    model.compile(optimizer, "mse", jit_compile=JIT)
    return model


def steps(model, sequences, multipliers):
    """How far each variable goes in one step."""
    before = {v.name: array(v) for v in model.trainable_variables}
    callbacks = [] if multipliers is None else [LearningRateMultipliers(multipliers)]
    model.fit(sequences, np.ones((6, 6)), batch_size=6, verbose=0, callbacks=callbacks)
    return {v.name: array(v) - before[v.name] for v in model.trainable_variables}


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD, keras.optimizers.Adam])
def test_the_step_is_scaled(sequences, optimizer):
    whole = steps(compiled(optimizer(0.01)), sequences, None)
    multipliers = {"gru/recurrent_kernel": 0.1, "kernel_left": 0, "recurrent_kernel": 9.0}
    scaled = steps(compiled(optimizer(0.01)), sequences, multipliers)
    assert not scaled["kernel_left"].any() and whole["kernel_left"].any()
    factors = {"recurrent_kernel_left": 0.1, "recurrent_kernel_right": 0.1}
    for name in ("recurrent_kernel_left", "recurrent_kernel_right", "kernel_right", "bias"):
        # The step of a variable is the difference of two float32 numbers near 0.5.
        np.testing.assert_allclose(
            scaled[name], factors.get(name, 1.0) * whole[name], atol=2e-7, rtol=1e-3
        )


def test_it_ends_with_fit(sequences):
    model = compiled("sgd")
    model.fit(sequences, np.ones((6, 6)), verbose=0)  # a step that is compiled already
    assert not steps(model, sequences, {"kernel": 0.0})["kernel_left"].any()
    assert steps(model, sequences, None)["kernel_left"].any()


def test_loss_scaling(sequences):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = compiled("adam")
        assert not steps(model, sequences, {"kernel": 0.0})["kernel_left"].any()
    finally:
        keras.config.set_dtype_policy("float32")


def test_errors(sequences):
    with pytest.raises(ValueError, match="must be numbers that are not negative"):
        LearningRateMultipliers({"kernel": -1})
    with pytest.raises(ValueError, match="must be numbers that are not negative"):
        LearningRateMultipliers({"kernel": "0.1"})
    with pytest.raises(ValueError, match="must be a dict from names to numbers.*received 0.1"):
        LearningRateMultipliers(0.1)
    one, other = (
        f"'gru/{name}', '{name}', '{name}_left', '{name}_right'"
        for name in ("kernel", "recurrent_kernel")
    )
    with pytest.raises(ValueError, match=f"names 'kernal'; expected one of {one}, {other}.$"):
        steps(compiled("sgd"), sequences, {"kernal": 0.1})


def test_an_interrupted_fit_leaves_nothing_behind(sequences):
    class Interrupt(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise KeyboardInterrupt

    once, again = compiled("sgd"), compiled("sgd")
    with pytest.raises(KeyboardInterrupt):
        again.fit(
            sequences,
            np.ones((6, 6)),
            verbose=0,
            callbacks=[LearningRateMultipliers({"recurrent_kernel": 0.1}), Interrupt()],
        )
    expected = steps(once, sequences, {"recurrent_kernel": 0.1})
    for name, step in steps(again, sequences, {"recurrent_kernel": 0.1}).items():
        # A second application would be ten times as small; JAX rounds by the compilation.
        np.testing.assert_allclose(step, expected[name], rtol=1e-4, atol=1e-8)


OPTIMIZERS = {
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.5),
    "sgd_decay": lambda: keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=0.5),
    "lion": lambda: keras.optimizers.Lion(0.01, weight_decay=0.5),
    "ftrl": lambda: keras.optimizers.Ftrl(0.01),
    "adafactor": lambda: keras.optimizers.Adafactor(0.01, weight_decay=0.5),
    "adadelta": lambda: keras.optimizers.Adadelta(0.1),
    "nadam": lambda: keras.optimizers.Nadam(0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, centered=True),
    "ema": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5),
    "accumulated": lambda: keras.optimizers.AdamW(0.01, gradient_accumulation_steps=2),
    "loss_scale": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.AdamW(0.01)),
}
OPTIMIZERS |= {
    name.lower(): partial(getattr(keras.optimizers, name), 0.01, weight_decay=0.5)
    for name in ("Lamb", "Muon", "ScheduleFreeAdamW")
    if hasattr(keras.optimizers, name)
}
if hasattr(keras.optimizers, "MultiOptimizer"):
    OPTIMIZERS["several"] = lambda: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(
            keras.optimizers.AdamW(0.01), {".*recurrent.*": keras.optimizers.Ftrl(0.01)}
        )
    )


@pytest.mark.skipif(JIT is not False, reason="one optimizer is enough where each is compiled")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_multiplier_of_zero_freezes_under_every_optimizer(sequences, name):
    _stays(compiled(OPTIMIZERS[name]()), sequences)


def test_a_multiplier_of_zero_freezes_under_weight_decay(sequences):
    _stays(compiled(OPTIMIZERS["adamw"]()), sequences)


def _stays(model, sequences):
    before = {v.name: array(v) for v in model.trainable_variables}
    model.fit(
        sequences,
        np.ones((6, 6)),
        batch_size=2,
        epochs=2,
        verbose=0,
        callbacks=[LearningRateMultipliers({"recurrent_kernel": 0.0})],
    )
    for v in model.trainable_variables:
        assert np.array_equal(array(v), before[v.name]) == ("recurrent" in v.name), v.name
        assert np.isfinite(array(v)).all()


def test_a_frozen_matrix_meets_no_constraint(sequences):
    """Each projection to unit norm would round once more."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((None, 10)), FactoredGRU(6, recurrent_constraint="unit_norm", name="gru")]
    )
    model.compile("sgd", "mse", jit_compile=JIT)
    _stays(model, sequences)


def test_weight_decay_is_scaled_as_the_rate_is(sequences):
    """Alone: the gradients of a constant loss are zero."""

    def decayed(multipliers):
        model = compiled(keras.optimizers.SGD(0.1, weight_decay=0.5))
        model.compile(model.optimizer, lambda y, x: 0.0 * keras.ops.sum(x), jit_compile=JIT)
        before = {v.name: array(v) for v in model.trainable_variables}
        steps(model, sequences, multipliers)
        return {
            v.name: array(v) / np.where(before[v.name], before[v.name], 1)
            for v in model.trainable_variables
            if "kernel" in v.name
        }, model.optimizer.weight_decay

    found, left = decayed({"recurrent_kernel": 0.2, "kernel": 3.0})
    assert left == 0.5
    for name, ratio in found.items():
        factor = 0.2 if "recurrent" in name else 3.0
        np.testing.assert_allclose(ratio, 1 - 0.05 * factor, rtol=1e-6)
