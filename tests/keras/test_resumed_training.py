"""Callbacks that count steps, in runs that were stopped, cut short, or averaged."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.callbacks import CALR, GradualPruning, KeepZeros, PolynomialPruning

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.
JIT = False if keras.backend.backend() == "tensorflow" else "auto"
X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
STEPS = 5  # of an epoch


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def small_model(optimizer: Any = None, **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16, bias_initializer="normal"),
            keras.layers.Dense(6, bias_initializer="normal"),
        ]
    )
    model.compile(optimizer or keras.optimizers.Adam(0.01), "mse", jit_compile=JIT, **options)
    return model


def fit(model: keras.Model, callbacks: list[Any], epochs: int = 6) -> dict[str, list[float]]:
    options = {"batch_size": 8, "epochs": epochs, "shuffle": False, "verbose": 0}
    return model.fit(X, X, callbacks=callbacks, **options).history


class Stop(keras.callbacks.Callback):
    """As a machine does that goes down in the middle of an epoch."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if int(self.model.optimizer.iterations) == 0 and batch == 0:
            self.seen = 0
        self.seen += 1
        if self.seen == 3 * STEPS + 3:
            raise KeyboardInterrupt


def stopped_and_resumed(make: Any, folder: Any, backup_first: bool) -> tuple[Any, Any, Any]:
    """A run of six epochs that stops in the fourth, and a new process that goes on."""

    def callbacks(own: Any) -> list[Any]:
        backup = keras.callbacks.BackupAndRestore(folder / "backup")
        return [backup, own] if backup_first else [own, backup]

    with pytest.raises(KeyboardInterrupt):
        fit(small_model(), [*callbacks(make()), Stop()])
    model, own = small_model(), make()
    return model, own, fit(model, callbacks(own))


@pytest.mark.parametrize("backup_first", [True, False])
def test_pruning_goes_on_after_backup_and_restore(tmp_path, backup_first):
    def make() -> PolynomialPruning:
        return PolynomialPruning(0.3, 0.9, 0, 6 * STEPS, frequency=STEPS)

    whole = small_model()
    expected = fit(whole, [make()])
    model, pruning, history = stopped_and_resumed(make, tmp_path, backup_first)
    assert pruning.state == {"iteration": 6 * STEPS}
    assert history["sparsity"] == expected["sparsity"][3:]
    for one, other in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("decay_every", ["cycle", "epoch"])
def test_calr_goes_on_after_backup_and_restore(tmp_path, decay_every):
    def make() -> CALR:
        return CALR(0.01, n_decays=4, decay=0.5, step_size=4, decay_every=decay_every)

    whole = make()
    expected = fit(small_model(), [whole])
    _, calr, history = stopped_and_resumed(make, tmp_path, decay_every == "cycle")
    assert calr.state == whole.state and whole.state["iteration"] == 6 * STEPS
    assert history["learning_rate"] == expected["learning_rate"][3:]


def test_the_same_callback_is_set_back_to_what_was_restored(tmp_path):
    """In one process: the steps after the last backup are done again, and counted once."""
    calr = CALR(0.01, n_decays=4, decay=0.5, step_size=4)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    model = small_model()
    with pytest.raises(KeyboardInterrupt):
        fit(model, [backup, calr, Stop()])
    assert calr.state["iteration"] == 3 * STEPS + 3
    fit(model, [backup, calr])
    assert calr.state["iteration"] == 6 * STEPS


def test_a_new_callback_on_a_trained_model_begins_anew():
    model = small_model()
    fit(model, [CALR(0.01, step_size=4)], epochs=2)
    calr, pruning = CALR(0.01, step_size=4), PolynomialPruning(0.0, 0.5, 0, STEPS, frequency=1)
    history = fit(model, [calr, pruning], epochs=1)
    assert calr.state["iteration"] == STEPS
    assert history["sparsity"][-1] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("known", [True, False], ids=["array", "generator"])
def test_steps_of_one_execution_need_not_divide_the_epoch(known):
    calr = CALR(0.01, n_decays=3, decay=0.5, step_size=4)
    model = small_model(steps_per_execution=3)
    if known:
        fit(model, [calr], epochs=4)
    else:
        for _ in range(4):
            batches = ((X[i : i + 8], X[i : i + 8]) for i in range(0, 40, 8))
            model.fit(batches, verbose=0, callbacks=[calr])
    assert calr.state == {"iteration": 4 * STEPS, "decays": 2}


@pytest.mark.parametrize("frequency", [None, 3])
def test_moving_averages_are_pruned(frequency):
    """They replace the weights when training ends, and every `frequency` steps."""
    optimizer = keras.optimizers.Adam(
        0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=frequency
    )
    model = small_model(optimizer)
    fit(model, [PolynomialPruning(0.0, 0.75, 0, 20, frequency=5)])
    zeros = [array(layer.kernel) == 0 for layer in model.layers]
    assert [z.mean() for z in zeros] == [0.75, 0.75]
    if keras.backend.backend() == "jax":  # where Keras cannot fit a model with averages twice
        return
    fit(model, [KeepZeros()], epochs=1)
    for layer, before in zip(model.layers, zeros, strict=True):
        np.testing.assert_array_equal(array(layer.kernel) == 0, before)
        assert array(layer.bias).all()


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            PolynomialPruning(0.0, 0.9, 0, 400, frequency=5),
            r"final_sparsity=0.9 at end_step=400: .* after 10 steps; the sparsity is 0.0\d\d",
        ),
        (
            PolynomialPruning(0.0, 0.9, 0, 9, frequency=5),
            "with frequency=5 its last update is at step 5, for 0.82.*, and not at end_step=9",
        ),
        (
            GradualPruning(0.1, 0, 5, 400, freq=5),
            "has not reached its last update at step 395, before end=400: .* after 10 steps",
        ),
        (GradualPruning(0.1, 1, 3, 4, freq=9), "has pruned nothing: .* start=1 and end=4 .*freq=9"),
        (CALR(1.0, step_size=40), "a learning rate of 0.25 and not ub=1: .* after 10 batches"),
    ],
    ids=["polynomial", "frequency", "gradual", "nothing", "calr"],
)
def test_a_schedule_that_did_not_end_is_said(callback, message):
    with pytest.warns(UserWarning, match=message):
        fit(small_model(), [callback], epochs=2)


def test_a_schedule_that_ended_is_not_mentioned(recwarn):
    own = [
        PolynomialPruning(0.0, 0.9, 0, 10, frequency=5),
        GradualPruning(0.01, 0, 5, 10, freq=5),
        CALR(0.01, step_size=10),
    ]
    fit(small_model(), own, epochs=2)
    said = [str(w.message) for w in recwarn if issubclass(w.category, UserWarning)]
    assert not [text for text in said if "Pruning" in text or "CALR" in text]


def test_calr_names_what_has_no_one_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 10, 0.9)
    wrapped = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(schedule))
    with pytest.raises(ValueError, match="CALR sets the learning rate itself: .* not a schedule"):
        fit(small_model(wrapped), [CALR(0.01)])
    if hasattr(keras.optimizers, "MultiOptimizer"):
        several = keras.optimizers.MultiOptimizer(
            keras.optimizers.OptimizerMap(keras.optimizers.Adam())
        )
        with pytest.raises(ValueError, match="CALR sets one learning rate: .* MultiOptimizer"):
            fit(small_model(several), [CALR(0.01)])
