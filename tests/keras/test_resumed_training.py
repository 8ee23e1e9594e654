"""Callbacks that count steps, in runs that were stopped, cut short, or averaged."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import CALR, GradualPruning, KeepZeros, PolynomialPruning
from tfpipeline.callbacks.restored_steps import RestoredSteps

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.
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


def test_steps_done_in_another_process_are_seen_once_a_fit():
    model = small_model()

    def skipped(steps: RestoredSteps, before: int, restored: int, count: int) -> int:
        model.optimizer.iterations.assign(before)
        steps.set_model(model)
        model.optimizer.iterations.assign(restored)
        return steps.skipped(model, count)

    steps = RestoredSteps()
    # A new callback on a model with 7 steps behind it, and a second `fit` with it.
    assert skipped(steps, 7, 7, count=0) == 0
    assert skipped(steps, 12, 12, count=5) == 0
    # Restored to what is ahead of both, and then behind.
    assert skipped(steps, 12, 15, count=5) == 3
    assert steps.skipped(model, 5) == 0
    assert skipped(steps, 15, 10, count=8) == -5
    # A new process: the callback's first `fit` is the one that is restored.
    assert skipped(RestoredSteps(), 0, 15, count=0) == 15
    assert skipped(RestoredSteps(), 4, 15, count=1) == 11


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


def test_calr_begins_an_epoch_again_with_its_own_bound(tmp_path):
    """Of an epoch whose last batch was kept Keras does all batches once more."""
    upper = []

    class Watch(keras.callbacks.Callback):
        def __init__(self, calr):
            super().__init__()
            self.calr = calr

        def on_train_batch_begin(self, batch, logs=None):
            upper.append(self.calr.upper_bound)

        def on_train_batch_end(self, batch, logs=None):
            if len(upper) == 3 * STEPS:
                raise KeyboardInterrupt

    def callbacks():
        calr = CALR(1.0, n_decays=9, decay=0.5, step_size=4, decay_every="epoch")
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=STEPS)
        return [backup, calr, Watch(calr)]

    with pytest.raises(KeyboardInterrupt):
        fit(small_model(), callbacks())
    assert upper[-1] == 0.25
    fit(small_model(), callbacks(), epochs=4)
    assert upper[3 * STEPS :] == [0.25] * STEPS + [0.125] * STEPS


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


@pytest.mark.parametrize(
    ("decay_every", "steps", "epoch", "restored", "decays"),
    [
        ("cycle", 5, 3, 15, 1),  # of 8 batches
        ("epoch", 5, 4, 15, 3),
        ("epoch", 5, 9, 40, 1),  # eight, and seven are a period
        ("epoch", None, 4, 15, 4),  # as many as `fit` says
        ("epoch", None, 4, 0, 0),  # nothing was restored
    ],
)
def test_calr_catches_up_with_what_was_restored(decay_every, steps, epoch, restored, decays):
    calr = CALR(1.0, n_decays=7, decay=0.5, step_size=4, decay_every=decay_every)
    model = small_model()
    calr.set_model(model)
    calr.set_params({"steps": steps})
    calr.on_train_begin()
    model.optimizer.iterations.assign(restored)
    calr.on_epoch_begin(epoch)
    assert calr.state == {"iteration": restored, "decays": decays}
    calr.on_train_batch_begin(0)
    assert calr.state["iteration"] == restored + 1
    assert float(model.optimizer.learning_rate) == pytest.approx(calr.learning_rate(restored + 1))


@pytest.mark.parametrize(
    ("decay_every", "begun", "restored", "decays"),
    [("epoch", 3, 15, 3), ("epoch", 3, 10, 2), ("cycle", 2, 16, 2), ("cycle", 2, 15, 1)],
)
def test_calr_goes_back_to_what_was_restored(decay_every, begun, restored, decays):
    """In one process: from three batches of the fourth epoch, in cycles of 8 batches."""
    calr = CALR(1.0, n_decays=7, decay=0.5, step_size=4, decay_every=decay_every)
    model = small_model()
    calr.load_state({"iteration": 18, "decays": begun})
    model.optimizer.iterations.assign(18)
    calr.set_model(model)
    calr.set_params({"steps": 5})
    calr.on_train_begin()
    model.optimizer.iterations.assign(restored)
    calr.on_epoch_begin(3)
    assert calr.state == {"iteration": restored, "decays": decays}


def test_calr_counts_batches_that_loss_scaling_leaves_out():
    """In an epoch of unknown length, of one step an execution."""
    calr, model = CALR(1.0, step_size=40), small_model()
    calr.set_model(model)
    calr.on_train_begin()
    calr.on_epoch_begin(0)
    for batch in range(5):
        calr.on_train_batch_begin(batch)
        calr.on_train_batch_end(batch)
    model.optimizer.iterations.assign(3)
    calr.on_epoch_end(0)
    assert calr.state["iteration"] == 5


@pytest.mark.parametrize(("steps", "counted", "at_the_end"), [(5, 5, 5), (None, 6, 4)])
def test_calr_counts_what_the_last_execution_had(steps, counted, at_the_end):
    """Keras names the last batch that it could have had; the optimizer knows of how many it was."""
    calr, model = CALR(1.0, step_size=40), small_model(steps_per_execution=3)
    model.optimizer.iterations.assign(7)
    calr.set_model(model)
    calr.set_params({"steps": steps})
    calr.on_train_begin()
    calr.on_epoch_begin(0)
    calr.on_train_batch_end(2)
    assert calr.state["iteration"] == 3
    calr.on_train_batch_end(5)
    assert calr.state["iteration"] == counted
    model.optimizer.iterations.assign(11)
    logs: dict[str, float] = {}
    calr.on_epoch_end(0, logs)
    assert calr.state["iteration"] == at_the_end
    assert logs["learning_rate"] == pytest.approx(calr.learning_rate(at_the_end))


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


@pytest.mark.parametrize(("done", "said"), [(0, False), (1, True), (3, True), (4, False)])
def test_calr_warns_below_the_first_upper_bound_only(recwarn, done, said):
    calr = CALR(1.0, step_size=4)
    calr.load_state({"iteration": done, "decays": 0})
    calr.on_train_end()
    assert len(recwarn) == said


@pytest.mark.parametrize(
    ("schedule", "done", "message"),
    [
        (PolynomialPruning(0.0, 0.9, 1, 9, frequency=5), 5, "at end_step=9: .* after 5 steps"),
        # Steps 1 and 6; (3 / 8)^3 of 0.9 is left, which is 0.047.
        (PolynomialPruning(0.0, 0.9, 1, 9, frequency=5), 6, "update is at step 6, for 0.853"),
        (PolynomialPruning(0.0, 0.9, 1, 11, frequency=5), 10, "at end_step=11: .* after 10"),
        (PolynomialPruning(0.0, 0.9, 1, 11, frequency=5), 11, None),
        # A hundredth too little is near enough: (9 / 40)^3 of 0.9 is 0.0103, (8 / 40)^3 is 0.0072.
        (PolynomialPruning(0.0, 0.9, 0, 40, frequency=31), 31, "for 0.890"),
        (PolynomialPruning(0.0, 0.9, 0, 40, frequency=32), 32, None),
        (PolynomialPruning(0.9, 0.0, 0, 40, frequency=31), 31, "for 0.010"),
        (GradualPruning(0.1, 1, 3, 15, freq=5), 9, "step 10, before end=15: .* after 9 steps"),
        (GradualPruning(0.1, 1, 3, 15, freq=5), 10, None),
        (GradualPruning(0.1, 1, 3, 16, freq=5), 10, "step 15, before end=16"),
        (GradualPruning(0.1, 5, 6, 10, freq=5), 99, "between start=5 and end=10 is a multiple"),
        (GradualPruning(0.1, 4, 6, 10, freq=5), 5, None),
    ],
)
def test_the_last_update_is_known(schedule, done, message):
    said = schedule.unfinished(done)
    assert said is None if message is None else re.search(message, said)


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
