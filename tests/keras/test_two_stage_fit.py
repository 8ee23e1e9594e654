from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import CALR, LearningRateMultipliers, PolynomialPruning
from tfpipeline.compress import CompressionError, truncate, two_stage_fit
from tfpipeline.compress.stage_checks import Rehearsal, learning_rate, rehearse
from tfpipeline.compress.transition import Transition
from tfpipeline.layers import FactoredDense, FactoredGRU
from tfpipeline.models import keyword_gru

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.


def array(x):
    return keras.ops.convert_to_numpy(x)


def stage1(learning_rate=0.01):
    keras.utils.set_random_seed(0)
    model = keyword_gru(5, 10, (12,), trace_norm=(1e-2, 1e-2), seed=1)
    model.compile(
        keras.optimizers.Adam(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=JIT,
    )
    return model


@pytest.mark.filterwarnings("error:learning_rate_factor")
def test_both_stages(tmp_path, sequences, labels):
    model = stage1()
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            rates.append((epoch, float(self.model.optimizer.learning_rate)))

    result = two_stage_fit(
        model,
        sequences,
        labels,
        epochs=5,
        transition=2,
        criterion={"explained_variance": 0.8},
        learning_rate_factor=3,
        learning_rate_multipliers={"recurrent_kernel": 0.0},
        callbacks=[Rates()],
        validation_data=(sequences, labels),
        verbose=0,
    )
    # The epochs of stage 2 count on, at three times the last rate of stage 1.
    assert rates == [(e, pytest.approx(0.01 if e < 2 else 0.03)) for e in range(5)]
    assert rates[1][1] == float(np.float32(0.01))  # what the checks moved is back to the last bit
    assert result.transition_epoch == 2
    history = result.history
    assert history["stage"] == [1, 1, 2, 2, 2]
    assert len(history["val_loss"]) == len(history["gru_1/kernel/nu"]) == 5
    assert history["gru_1/recurrent_kernel/rank@0.9"][0] >= 1
    assert int(result.model.optimizer.iterations) == 5
    assert model.losses and not result.model.losses
    assert result.model.count_params() < model.count_params()
    assert result.report.ranks["gru_1/kernel"] == result.model.layers[0].rank
    result.model.save(tmp_path / "small.keras")
    loaded = keras.saving.load_model(tmp_path / "small.keras")
    np.testing.assert_array_equal(array(loaded(sequences)), array(result.model(sequences)))


def test_multipliers_act_in_stage_2(sequences, labels):
    """Stage 2 leaves a matrix with the multiplier 0 where the cut left it."""
    result = two_stage_fit(
        stage1(),
        sequences,
        labels,
        epochs=3,
        transition=1,
        criterion={"rank": 2},
        learning_rate_multipliers={"recurrent_kernel": 0.0},
        verbose=0,
    )
    norms = result.history["gru_1/recurrent_kernel/trace_norm"]
    assert norms[1] == norms[2]
    others = result.history["gru_1/kernel/trace_norm"]
    assert others[1] != others[2]


def logs(nu, rank):
    return {"loss": 1.0, "a/kernel/nu": nu, "b/kernel/nu": nu, "a/kernel/rank@0.9": rank}


def epochs_until(transition, measures):
    transition.set_model(keras.Sequential())
    transition.model.stop_training = False
    for epoch, measure in enumerate(measures):
        transition.on_epoch_end(epoch, logs(*measure))
        if transition.model.stop_training:
            return epoch + 1
    return None


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (4, 4),
        (1, 1),
        (7, 7),
        (np.int64(4), 4),
        ("nu_plateau", 5),
        ("rank_plateau", 6),
        (0.45, 3),
        (0.1, 7),
    ],
)
def test_transitions(when, expected):
    nus = [0.9, 0.6, 0.4, 0.399, 0.398, 0.397, 0.396, 0.395]
    ranks = [9, 8, 7, 6, 6, 6, 6, 6]
    transition = Transition(when, latest=7, patience=2)
    assert epochs_until(transition, zip(nus, ranks, strict=True)) == expected


@pytest.mark.parametrize(
    ("nus", "expected"),
    [
        # Patience begins anew with every fall,
        ([0.9, 0.9, 0.4, 0.4, 0.4, 0.4], 5),
        # and a fall by exactly the share is one.
        ([0.8, 0.4, 0.4, 0.4, 0.4, 0.4], 4),
    ],
)
def test_what_ends_the_patience_of_a_plateau(nus, expected):
    transition = Transition("nu_plateau", latest=6, patience=2, min_change=0.5)
    assert epochs_until(transition, [(nu, 1) for nu in nus]) == expected


def test_a_measure_is_that_of_all_matrices():
    """The mean of nu, and the sum of the ranks at 0.9; nothing whose name begins alike."""
    transition = Transition(0.5, latest=9)
    transition.set_model(keras.Sequential())
    for nus, ends in (((0.9, 0.1), False), ((0.7, 0.29), True), ((0.5, 0.5), False)):
        transition.model.stop_training = False
        measures = {
            "num_errors": 90.0,
            "a/kernel/nu": nus[0],
            "b/kernel/nu": nus[1],
            "a/kernel/rank@0.9": 0,
        }
        transition.on_epoch_end(0, measures)
        assert transition.model.stop_training == ends
    transition = Transition("rank_plateau", latest=9, patience=1, min_change=0.2)
    transition.set_model(keras.Sequential())
    stopped = []
    for ranks in ((6, 6), (9, 0), (2, 6)):
        transition.model.stop_training = False
        measures = {
            "a/kernel/nu": 0.1,
            "a/kernel/rank@0.95": 70 - sum(ranks),
            "a/kernel/rank@0.9": ranks[0],
            "b/kernel/rank@0.9": ranks[1],
        }
        transition.on_epoch_end(0, measures)
        stopped.append(transition.model.stop_training)
    assert stopped == [False, False, True]  # 12, then 9, and 8 is no fifth less


@pytest.mark.parametrize("when", [0, 8, True, 0.0, 1.0, -0.5, "nu", None])
def test_no_such_transition(when):
    with pytest.raises(ValueError, match="`transition` must be an epoch from 1 to 7, 'nu_plat"):
        Transition(when, latest=7)


@pytest.mark.parametrize("patience", [0, -1, True, 1.0, "3"])
def test_patience_is_a_positive_int(patience):
    with pytest.raises(ValueError, match="`patience` must be a positive int; received"):
        Transition("nu_plateau", latest=7, patience=patience)
    assert Transition("nu_plateau", latest=7, patience=1).patience == 1


def test_the_defaults_of_a_plateau():
    """Three epochs without a fall by a hundredth."""
    assert epochs_until(Transition("nu_plateau", latest=9), [(1.0, 1), *[(0.991, 1)] * 8]) == 4
    falls = [(1.0, 1), (0.98, 1), (0.96, 1), (0.94, 1), (0.92, 1)]
    assert epochs_until(Transition("nu_plateau", latest=9), falls) is None


def test_a_plateau_is_the_same_from_outside():
    """`two_stage_fit` hands on what it takes when nothing is said."""
    outer, inner = (inspect.signature(f).parameters for f in (two_stage_fit, Transition))
    for name in ("patience", "min_change"):
        assert outer[name].default == inner[name].default


def test_a_plateau_starts_stage_2(sequences, labels):
    """At this learning rate nothing moves, so the ranks stay from the first epoch on."""
    result = two_stage_fit(
        stage1(1e-9),
        sequences,
        labels,
        epochs=12,
        transition="rank_plateau",
        criterion={"budget_params": 700},
        patience=2,
        verbose=0,
    )
    assert result.transition_epoch == 3
    assert result.history["stage"] == [1] * 3 + [2] * 9
    assert result.model.count_params() <= 700


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 1}, "`epochs` must be an int of at least 2"),
        ({"transition": 4}, "`transition` must be an epoch from 1 to 3, 'nu_plateau'"),
        ({"transition": "soon"}, "received 'soon'"),
        ({"latest_transition": 4}, "`latest_transition` must be an epoch from 1 to 3"),
        ({"learning_rate_factor": 0}, "`learning_rate_factor` must be a positive number"),
        ({"latest_transition": 0}, "`latest_transition` must be an epoch from 1 to 3; received 0"),
        ({"latest_transition": True}, "`latest_transition` must be an epoch"),
        ({"latest_transition": 2.0}, "`latest_transition` must be an epoch"),
        # Until then a transition is late.
        ({"latest_transition": 2, "transition": 3}, "`transition` must be an epoch from 1 to 2"),
        ({"epochs": True}, "`epochs` must be an int"),
        ({"epochs": 4.0}, "`epochs` must be an int"),
        ({"patience": 0}, "`patience` must be a positive int"),
        ({"min_change": 0}, "`min_change` must be a share"),
    ],
)
def test_errors(sequences, labels, options, message):
    given = {"epochs": 4, "transition": 1, "criterion": {"rank": 2}, **options}
    with pytest.raises(ValueError, match=message):
        two_stage_fit(stage1(), sequences, labels, **given)


def test_more_errors(sequences, labels):
    given = {"epochs": 2, "transition": 1, "criterion": {"rank": 2}, "verbose": 0}
    with pytest.raises(ValueError, match="must be compiled"):
        two_stage_fit(keyword_gru(5, 10, (6,)), sequences, labels, **given)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(ValueError, match="follows a schedule"):
        two_stage_fit(stage1(schedule), sequences, labels, **given, learning_rate_factor=3)
    with pytest.raises(CompressionError, match="exactly one of"):
        two_stage_fit(stage1(), sequences, labels, **{**given, "criterion": {}})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": {"explained_varience": 0.9}}, "`criterion` must be a dict of the arguments"),
        ({"criterion": 0.9}, "`criterion` must be a dict .*; received 0.9"),
        ({"criterion": {"explained_variance": 1.9}}, "`explained_variance` must be a share"),
        ({"criterion": {"budget_params": 3}}, "`budget_params` must be at least"),
        ({"learning_rate_multipliers": {"kernal": 0.1}}, "names 'kernal'"),
        ({"initial_epoch": 1}, "`initial_epoch` must be left to two_stage_fit"),
        ({"callbacks": None}, "`callbacks` must be a list"),
        ({"learning_rate_factor": "3"}, "`learning_rate_factor` must be a positive number"),
    ],
)
def test_what_stage_2_refuses_is_said_before_stage_1(sequences, labels, options, message):
    model = stage1()
    given = {"epochs": 2, "transition": 1, "criterion": {"rank": 2}, "verbose": 0, **options}
    with pytest.raises(ValueError, match=message):
        two_stage_fit(model, sequences, labels, **given)
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("epochs", "options", "reached"),
    [
        *((2, {}, 1), (5, {}, 2), (5, {"transition": 4}, 4)),
        *((5, {"latest_transition": 1}, 1), (5, {"latest_transition": 3}, 3)),
    ],
)
def test_stage_1_ends_at_half_of_the_epochs_at_the_latest(
    sequences, labels, epochs, options, reached
):
    model = keras.Sequential([keras.Input((10,)), FactoredDense(5)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=JIT)
    result = two_stage_fit(
        model,
        sequences[:, 0],
        labels,
        epochs=epochs,
        criterion={"rank": 2},
        verbose=0,
        callbacks=(),
        **{"transition": 1e-9, **options},
    )
    assert result.transition_epoch == reached
    assert result.history["stage"] == [1] * reached + [2] * (epochs - reached)


def test_an_epoch_without_a_value_has_none_in_the_history(sequences, labels):
    model = keras.Sequential([keras.Input((10,)), FactoredDense(5)])
    model.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=JIT
    )
    data = sequences[:, 0], labels
    history = two_stage_fit(
        model,
        *data,
        epochs=3,
        transition=2,
        criterion={"rank": 2},
        validation_data=data,
        validation_freq=2,
        verbose=0,
    ).history
    assert [value is None for value in history["val_loss"]] == [True, False, True]
    assert None not in history["loss"] and history["stage"] == [1, 1, 2]


@pytest.mark.parametrize(
    ("rate", "callbacks"),
    [
        (keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.5), []),
        (
            0.3,
            [keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 * 0.5**epoch)],
        ),
    ],
    ids=["schedule", "callback"],
)
def test_a_schedule_goes_on_through_both_stages(sequences, labels, rate, callbacks):
    rates = []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: rates.append(learning_rate(look.model))
    )
    two_stage_fit(
        stage1(rate),
        sequences,
        labels,
        epochs=3,
        transition=1,
        criterion={"rank": 2},
        callbacks=[*callbacks, look],
        verbose=0,
    )
    assert rates == pytest.approx([0.01, 0.005, 0.0025])


class SetsTheRate(keras.callbacks.Callback):
    """To the rate that is there already, before stage 2 begins."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"callbacks": [CALR(0.01, step_size=2)]}, "must be 1 with CALR, .* received 3"),
        (
            {"callbacks": [keras.callbacks.LearningRateScheduler(lambda epoch: 0.01)]},
            "must be 1 with LearningRateScheduler",
        ),
        ({"callbacks": [SetsTheRate()]}, "with a callback that sets the rate itself; .* rate 0.01"),
        (
            {"callbacks": [keras.callbacks.BackupAndRestore("backup")]},
            "`callbacks` must not have a BackupAndRestore",
        ),
        (
            {"callbacks": [PolynomialPruning(0.1, 0.5, 0, 4)]},
            "must not have a PolynomialPruning .* 'gru_1/.*kernel_left' is one",
        ),
    ],
    ids=["calr", "scheduler", "callback", "backup", "pruning"],
)
def test_callbacks_that_stage_2_cannot_have_are_refused(sequences, labels, options, message):
    model = stage1()
    with pytest.raises(ValueError, match=message):
        two_stage_fit(
            model,
            sequences,
            labels,
            epochs=2,
            transition=1,
            criterion={"rank": 2},
            learning_rate_factor=3,
            verbose=0,
            **options,
        )
    assert int(model.optimizer.iterations) == 0


def test_a_callback_that_lowers_the_rate_goes_with_the_factor(sequences, labels):
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=1, min_delta=100
    )
    result = two_stage_fit(
        stage1(),
        sequences,
        labels,
        epochs=5,
        transition=2,
        criterion={"rank": 2},
        learning_rate_factor=3,
        callbacks=[plateau],
        verbose=0,
    )
    # What the logs of an epoch have is the rate it was trained with.
    rates = [0.01, 0.01, 0.015, 0.015, 0.0075]
    assert result.history["learning_rate"] == [pytest.approx(rate) for rate in rates]


def test_a_callback_that_sets_the_rate_late_is_said(sequences, labels):
    class Late(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch:
                self.model.optimizer.learning_rate = 0.02

    with pytest.warns(UserWarning, match="rate of stage 2 to 0.03, .* changed it to 0.02"):
        two_stage_fit(
            stage1(),
            sequences,
            labels,
            epochs=2,
            transition=1,
            criterion={"rank": 2},
            learning_rate_factor=3,
            callbacks=[Late()],
            verbose=0,
        )


def test_a_frozen_layer_and_an_own_activation_go_through_both_stages(sequences, labels):
    def bounded(x):
        return keras.ops.minimum(keras.ops.relu(x), 1.0)

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None, 10)),
            keras.layers.Dense(12, activation=bounded, bias_initializer="normal"),
            FactoredGRU(12, bias_initializer="normal"),
            keras.layers.Dense(5),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=JIT)
    model.fit(sequences, labels, verbose=0)
    model.layers[0].trainable = False
    optimizer = model.optimizer if JIT is False else keras.optimizers.Adam(0.01)
    model.compile(optimizer, loss, jit_compile=JIT)
    frozen = array(model.layers[0].kernel)
    pruning = PolynomialPruning(
        0.5, 0.5, 0, 1, select=lambda v: v.name == "kernel" and v.shape == (12, 5)
    )
    result = two_stage_fit(
        model,
        sequences,
        labels,
        epochs=4,
        transition=2,
        criterion={"rank": 3},
        callbacks=[pruning],
        verbose=0,
    )
    np.testing.assert_array_equal(array(result.model.layers[0].kernel), frozen)
    assert result.model.layers[0].activation is bounded
    assert result.history["stage"] == [1, 1, 2, 2]
    assert (array(result.model.layers[2].kernel) == 0).mean() == 0.5


def test_what_only_a_cut_shows_is_said_before_stage_1(sequences, labels):
    class OwnCompile(keras.Sequential):
        def compile(self, rate):
            super().compile(keras.optimizers.SGD(rate), "mse", jit_compile=JIT)

    own = OwnCompile([keras.Input((10,)), FactoredDense(10)])
    own.compile(0.1)
    projecting = keras.Sequential(
        [keras.Input((None, 10)), FactoredGRU(6, rank=4, joint="prabhavalkar"), FactoredDense(5)]
    )
    projecting.compile("sgd", "mse", jit_compile=JIT)
    unbuilt = keras.Sequential([FactoredDense(10)])
    unbuilt.compile("sgd", "mse", jit_compile=JIT)
    epochs = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    for model, x, criterion, message in (
        (own, sequences[:, 0], {"rank": 2}, "must be compiled by keras.Model.compile"),
        (projecting, sequences, {"explained_variance": 0.9}, "the ranks are chosen after stage 1"),
        (unbuilt, sequences[:, 0], {"budget_params": 1}, "`budget_params` must be at least"),
    ):
        with pytest.raises(CompressionError, match=message):
            two_stage_fit(
                model,
                x,
                np.zeros((6, model.layers[-1].units)),
                epochs=2,
                transition=1,
                criterion=criterion,
                callbacks=[count],
                verbose=0,
            )
    assert not epochs


def test_the_criterion_has_every_argument_of_the_cut(sequences, labels):
    criterion = {"budget_bytes": 800, "weight_bits": 6, "keep_regularizers": True}
    model = stage1()
    options = {"epochs": 2, "transition": 1, "verbose": 0}
    result = two_stage_fit(model, sequences, labels, criterion=criterion, **options)
    assert result.model.losses  # stage 2 is regularized as well
    assert result.report.ranks == truncate(model, **criterion)[1].ranks
    assert result.report.ranks != truncate(model, **{**criterion, "weight_bits": 8})[1].ranks


def test_a_multiplier_of_no_matrix_is_said_before_an_unbuilt_model_trains(sequences):
    model = keras.Sequential([FactoredDense(10)])
    model.compile("sgd", "mse", jit_compile=JIT)
    epochs = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    with pytest.raises(ValueError, match="`multipliers` names 'kernal'"):
        two_stage_fit(
            model,
            sequences[:, 0],
            np.zeros((6, 10)),
            epochs=2,
            transition=1,
            criterion={"rank": 2},
            learning_rate_multipliers={"kernal": 0.1},
            callbacks=[count],
            verbose=0,
        )
    # TensorFlow builds the model in its first step, JAX before that.
    assert not epochs and int(model.optimizer.iterations) <= (JIT is False)


def test_a_model_that_fit_builds_is_rehearsed_once(sequences):
    class Counts(LearningRateMultipliers):
        calls = 0

        def by_variable(self, model):
            self.calls += 1
            return super().by_variable(model)

    model = keras.Sequential([FactoredDense(10)])
    model.compile("sgd", "mse", jit_compile=JIT)
    counts = Counts({"kernel": 1.0})
    rehearsal = Rehearsal({"rank": 2}, [counts])
    rehearsal.set_model(model)
    rehearsal.on_train_begin()
    assert counts.calls == 0
    model.build((None, 10))
    for batch in range(3):
        rehearsal.on_train_batch_end(batch)
        assert counts.calls == 1


def test_a_rehearsal_refuses_only_what_the_cut_meets():
    projecting = keras.Sequential(
        [
            keras.Input((None, 10)),
            FactoredGRU(6, rank=4, joint="prabhavalkar", name="gru"),
            FactoredDense(5, name="scores"),
        ]
    )
    projecting.compile("sgd", "mse", jit_compile=JIT)
    other = PolynomialPruning(0.1, 0.5, 0, 4, select=lambda v: "gru" in v.path)
    rehearse(projecting, {"rank": {"scores/kernel": 2}}, [other])
    rehearse(projecting, {"explained_variance": 1}, [keras.callbacks.TerminateOnNaN()])
    with pytest.raises(CompressionError, match="'gru/.*' is one: give `rank` for the other"):
        rehearse(projecting, {"budget_params": 10**6}, [])
    with pytest.raises(CompressionError, match="PolynomialPruning .*; 'scores/kernel_left' is one"):
        own = PolynomialPruning(0.1, 0.5, 0, 4, select=lambda v: v.name == "kernel_left")
        rehearse(projecting, {"rank": {"scores/kernel": 2}}, [other, own])


def test_a_rehearsal_leaves_the_random_numbers_alone(sequences, labels):
    """Dropout and initializers draw their seeds from them."""
    import random

    model = keras.Sequential(
        [
            keras.Input((10,)),
            FactoredDense(10),
            keras.layers.Dense(
                5, kernel_initializer=lambda *a, **k: np.random.normal(size=(10, 5))
            ),
        ]
    )
    model.compile("sgd", "mse", jit_compile=JIT)
    keras.utils.set_random_seed(7)
    rehearse(model, {"rank": 2}, [])
    after = random.random(), np.random.random()
    keras.utils.set_random_seed(7)
    assert after == (random.random(), np.random.random())
