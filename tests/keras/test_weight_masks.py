"""What all pruning callbacks share: steps that count, zeros that stay free, steps compiled."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import KeepZeros, PolynomialPruning

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.
X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def small_model(kernel: str = "glorot_uniform") -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(6, kernel_initializer=kernel, use_bias=False)]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=JIT)
    return model


def fit(model: keras.Model, callbacks: list[Any], epochs: int = 1) -> None:
    model.fit(X, X, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks)


class Recorder(keras.callbacks.Callback):
    """Zeros after each step, as the graph left them, and the function that did it."""

    def __init__(self) -> None:
        super().__init__()
        self.zeros: list[np.ndarray] = []
        self.functions: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        self.zeros.append(array(self.model.layers[0].kernel) == 0)
        self.functions.append(self.model.train_function)


def test_steps_of_an_interrupted_fit_count_once():
    keep, model = KeepZeros(), small_model()

    def begin() -> None:
        keep.set_model(model)
        keep.on_train_begin()
        keep.on_epoch_begin(0)

    begin()
    model.optimizer.iterations.assign(7)
    assert keep.state == {"iteration": 7}
    model.optimizer.iterations.assign(9)  # where it stops
    begin()
    assert keep.state == {"iteration": 9}
    model.optimizer.iterations.assign(12)  # where it stops again, and a state is loaded
    keep.load_state({"iteration": 3})
    begin()
    assert keep.state == {"iteration": 3}
    model.optimizer.iterations.assign(14)
    keep.on_train_end()
    model.optimizer.iterations.assign(20)  # of a `fit` without it
    assert keep.state == {"iteration": 5}


def test_a_step_that_was_compiled_before_is_compiled_again_once():
    model, recorder = small_model(), Recorder()
    fit(model, [])
    before = model.train_function
    kernel = model.layers[0].kernel
    kernel.assign(np.where(np.eye(6), 0, array(kernel)))
    fit(model, [KeepZeros(), recorder], epochs=2)
    assert all((zeros == np.eye(6)).all() for zeros in recorder.zeros)
    assert {id(one) for one in recorder.functions} == {id(recorder.functions[0])} != {id(before)}
    fit(model, [])
    assert array(kernel).all()


def test_the_first_update_compiles_nothing():
    model, recorder = small_model(), Recorder()
    fit(model, [PolynomialPruning(0.5, 0.5, 3, 4, frequency=1), recorder])
    assert [zeros.mean() for zeros in recorder.zeros] == [0, 0, 0.5, 0.5, 0.5]
    assert len({id(one) for one in recorder.functions}) == 1


def test_zeros_before_the_first_update_are_free():
    """Those of a kernel that begins with zeros, in the step of the first update too."""
    model = small_model("zeros")
    with pytest.warns(UserWarning, match="has not reached final_sparsity=0.5"):
        fit(model, [PolynomialPruning(0.0, 0.5, begin_step=1, end_step=400)])
    assert array(model.layers[0].kernel).all()
