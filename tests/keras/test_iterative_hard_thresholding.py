"""Three-phase training: against a loop in NumPy, resumed, and under every optimizer."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT

import tfpipeline as tp
from tfpipeline.callbacks import (
    IterativeHardThresholding,
    KeepZeros,
    LearningRateMultipliers,
    PolynomialPruning,
)
from tfpipeline.callbacks.density import densities, gate_counts
from tfpipeline.callbacks.training_phases import phases_in_steps
from tfpipeline.callbacks.weight_masks import named_variables
from tfpipeline.layers.recurrent.recurrent_layer import RecurrentLayer
from tfpipeline.numerics.hard_threshold import hard_threshold_mask

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.
TENSORFLOW = keras.backend.backend() == "tensorflow"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
Y = (X @ RNG.normal(size=(6, 5)) + RNG.normal(size=(40, 5))).astype("float32")
STEPS = 5  # of an epoch
PROGRAM = Path(__file__).parents[1] / "support" / "prune_on_replicas.py"


def array(x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(x)


def small_model(optimizer: Any = None, jit: Any = JIT, **options: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(16), keras.layers.Dense(5, name="scores")]
    )
    model.compile(optimizer or keras.optimizers.Adam(0.02), "mse", jit_compile=jit, **options)
    return model


def fit(model: keras.Model, callbacks: list[Any], epochs: int = 6, **options: Any) -> Any:
    options = {"batch_size": 8, "epochs": epochs, "shuffle": False, "verbose": 0, **options}
    return model.fit(X, Y, callbacks=callbacks, **options).history


def in_steps(*phases: int, **options: Any) -> IterativeHardThresholding:
    options = {"density": 0.3, "unit": "steps", "every": 3, **options}
    return IterativeHardThresholding(phases=phases, **options)


class Recorder(keras.callbacks.Callback):
    """The kernels after each step, as the graph left them."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        self.kernels.append([array(v).copy() for v in self.model.trainable_variables])


def adam_in_numpy(w: np.ndarray, phases: tuple[int, int], density: float, every: int) -> Any:
    """Yield the weights of a linear model after each step, in float64."""
    m, v, kept = np.zeros_like(w), np.zeros_like(w), np.ones(w.shape, bool)
    for step, start in enumerate(itertools.cycle(range(0, 40, 8)), 1):
        x, y = X[start : start + 8].astype(float), Y[start : start + 8]
        gradient = 2 * x.T @ (x @ w - y) / y.size
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = 0.3 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        w = w - rate * m / (np.sqrt(v) + 1e-7)
        since = step - phases[0]
        if since == 0 or (since % every == 0 and 0 < since < phases[1]):
            kept = hard_threshold_mask(w.T, density).T
        w, m, v = w * kept, m * kept, v * kept
        yield w


@pytest.mark.parametrize("jit", [False, True] if TENSORFLOW else [True])
def test_three_phases_are_those_of_a_loop_in_numpy(jit):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, use_bias=False)])
    model.compile(keras.optimizers.Adam(0.3), "mse", jit_compile=jit)
    start = np.random.default_rng(1).uniform(-0.7, 0.7, (6, 5)).astype("float32")
    model.layers[0].kernel.assign(start)
    recorder = Recorder()
    fit(model, [in_steps(4, 14, 12, density=0.5), recorder])
    expected = adam_in_numpy(start.astype(float), (4, 14), 0.5, 3)
    supports = []
    for [found], loop in zip(recorder.kernels, expected, strict=False):
        np.testing.assert_array_equal(found != 0, loop != 0)
        np.testing.assert_allclose(found, loop, atol=1e-4)  # 30 steps of float32
        supports.append((found != 0).tobytes())
    assert len(supports) == 30
    # Only projections change it; those after steps 7 and 16 do not, the next would be after 19.
    changes = [step for step in range(2, 31) if supports[step - 1] != supports[step - 2]]
    assert changes == [4, 10, 13]


OPTIMIZERS = {
    "nesterov": lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "sgd": lambda: keras.optimizers.SGD(0.01, weight_decay=0.1),
    "adamw": lambda: keras.optimizers.AdamW(0.02, weight_decay=0.1, amsgrad=True),
    "lion": lambda: keras.optimizers.Lion(0.01),
    "ftrl": lambda: keras.optimizers.Ftrl(0.1, l1_regularization_strength=0.001),
    "adagrad": lambda: keras.optimizers.Adagrad(0.1),
    "adafactor": lambda: keras.optimizers.Adafactor(0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, centered=True, momentum=0.9),
    "ema": lambda: keras.optimizers.Adam(
        0.02, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=7
    ),
    "accumulated": lambda: keras.optimizers.Adam(0.02, gradient_accumulation_steps=2),
    "loss_scale": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.02)),
}
OPTIMIZERS |= {
    name.lower(): lambda name=name: getattr(keras.optimizers, name)(0.01)
    for name in ("Lamb", "Muon", "ScheduleFreeAdamW")
    if hasattr(keras.optimizers, name)
}
if hasattr(keras.optimizers, "MultiOptimizer"):
    OPTIMIZERS["several"] = lambda: keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(
            keras.optimizers.Adam(0.02), {".*scores.*": keras.optimizers.SGD(0.01)}
        )
    )


@pytest.mark.skipif(not TENSORFLOW, reason="one optimizer is enough where each is compiled")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name):
    _has_support_and_no_past(OPTIMIZERS[name]())


@pytest.mark.skipif(TENSORFLOW, reason="all of them are tested here")
@pytest.mark.parametrize("name", ["ftrl", "loss_scale"])
def test_optimizers_on_another_backend(name):
    _has_support_and_no_past(OPTIMIZERS[name]())


def _has_support_and_no_past(optimizer):
    model = small_model(optimizer)
    recorder = Recorder()
    history = fit(model, [in_steps(10, 10, 10), recorder])
    assert not [name for name in vars(optimizer) if name == "update_step"]
    assert history["iht_phase"] == [1, 2, 2, 3, 3, 3]
    supports = [[v != 0 for v in kernels[::2]] for kernels in recorder.kernels]
    for index, layer in enumerate(model.layers):
        kernel = array(layer.kernel)
        assert np.isfinite(kernel).all() and array(layer.bias).all()
        assert 0.25 < (kernel != 0).mean() <= 0.31, layer.name
        late = [step[index] for step in supports[21:]]
        assert all((one == late[0]).all() for one in late)
        np.testing.assert_array_equal(kernel != 0, late[0])
        accumulators = 0
        for slot in optimizer.variables:
            if tuple(slot.shape) != kernel.shape or "gradient_accumulator" in slot.path:
                continue
            past = array(slot)[kernel == 0]
            assert (past == past[0]).all(), slot.path
            # 0.1 is how the accumulators of Ftrl and Adagrad begin.
            assert past[0] in (0, np.float32(0.1)), slot.path
            accumulators += past[0] != 0
        assert accumulators == (type(optimizer).__name__ in ("Ftrl", "Adagrad"))


def test_what_comes_back_has_no_past():
    """Its first step divides 0.1 g by sqrt(0.001 g^2), whatever gradients it had before."""
    model, recorder = small_model(keras.optimizers.Adam(0.3)), Recorder()
    fit(model, [in_steps(0, 30, 0, every=1), recorder])
    born = 0
    steps = itertools.pairwise(kernels[2] for kernels in recorder.kernels)
    for step, (before, after) in enumerate(steps, 2):
        back = np.abs(after[(before == 0) & (after != 0)])
        born += back.size
        rate = 0.3 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        # Less by the epsilon of Adam, where gradients are near 1e-3.
        np.testing.assert_allclose(back, rate * 0.1 / np.sqrt(0.001), rtol=0.01)
    assert born > 5


@pytest.mark.parametrize("backup_first", [True, False])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path, backup_first):
    class Stop(keras.callbacks.Callback):
        seen = 0

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.seen += 1
            if self.seen == 3 * STEPS + 3:
                raise KeyboardInterrupt

    def make() -> IterativeHardThresholding:
        return IterativeHardThresholding(0.3, every=4)

    def callbacks(own: Any) -> list[Any]:
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        return [backup, own] if backup_first else [own, backup]

    whole = small_model()
    expected = fit(whole, [make()])
    with pytest.raises(KeyboardInterrupt):
        fit(small_model(), [*callbacks(make()), Stop()])
    model, own = small_model(), make()
    history = fit(model, callbacks(own))
    assert own.state == {"iteration": 30, "thresholding_begins": 10, "support_fixed": 20}
    for name in ("sparsity", "iht_phase"):
        assert history[name] == expected[name][3:]
    for one, other in zip(whole.weights, model.weights, strict=True):
        np.testing.assert_array_equal(array(one), array(other))


def test_a_new_callback_goes_on_from_a_state():
    """Phases stay where the first `fit` has put them."""
    whole, parts = small_model(), small_model()
    expected = fit(whole, [IterativeHardThresholding(0.3, every=4)], epochs=6)
    first = IterativeHardThresholding(0.3, (0.5, 0.5, 0), every=4)
    assert first.state == {
        "iteration": 0,
        "thresholding_begins": None,
        "support_fixed": None,
    }
    with pytest.warns(UserWarning, match="has not fixed the support, .* 20 steps: .* in phase 2"):
        # Boundaries of 10 and 20 of 4 epochs, which end early.
        fit(parts, [first, StopAfter(3)], epochs=4)
    assert first.state == {"iteration": 15, "thresholding_begins": 10, "support_fixed": 20}
    second = IterativeHardThresholding(0.3, every=4)
    second.load_state(first.state)
    history = fit(parts, [second], epochs=3)
    assert history["iht_phase"] == expected["iht_phase"][3:] == [3, 3, 3]
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(one != 0, other != 0)
        np.testing.assert_allclose(one, other, atol=1e-6)
    with pytest.raises(ValueError, match="`state` must have the key 'iteration' and 'thresh.*take"):
        second.load_state({"iteration": 3})


class StopAfter(keras.callbacks.Callback):
    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = epoch + 1 == self.epochs


@pytest.mark.parametrize(
    ("phases", "unit", "expected"),
    [
        ((1 / 3, 1 / 3, 1 / 3), "fractions", (10, 20)),
        ((0, 0.5, 0.5), "fractions", (0, 15)),
        ((0.01, 0.49, 0.5), "fractions", (1, 15)),
        ((2, 1, 9), "epochs", (10, 15)),
        ((2, 1, 9), "steps", (2, 3)),
        ((0, 0, 0), "steps", (0, 0)),
    ],
)
def test_phases_by_their_unit(phases, unit, expected):
    found = phases_in_steps(phases, unit, {"steps": 5, "epochs": 6})
    assert (found.thresholding_begins, found.support_fixed) == expected
    third = phases_in_steps((1 / 3, 1 / 3, 1 / 3), "fractions", {"steps": 5, "epochs": 2})
    # Of the batches 0..9, those below 10 / 3 and 20 / 3.
    assert (third.thresholding_begins, third.support_fixed) == (4, 7)


@pytest.mark.parametrize("unit", ["fractions", "epochs"])
def test_a_generator_needs_steps(unit):
    batches = ((X[i : i + 8], Y[i : i + 8]) for i in range(0, 40, 8))
    sparse = IterativeHardThresholding(0.3, (0, 0, 1), unit=unit)
    with pytest.raises(ValueError, match="`unit` must be 'steps' where .*received unit='" + unit):
        small_model().fit(batches, verbose=0, callbacks=[sparse])


def test_a_generator_with_steps():
    batches = ((X[i : i + 8], Y[i : i + 8]) for i in range(0, 40, 8))
    history = small_model().fit(batches, verbose=0, callbacks=[in_steps(2, 2, 1)]).history
    assert history["iht_phase"] == [3] and history["sparsity"][0] > 0.69


def test_the_first_projection_may_come_before_the_first_step():
    model, recorder = small_model(), Recorder()
    expected = [hard_threshold_mask(array(layer.kernel), 0.3) for layer in model.layers]
    fit(model, [in_steps(0, 0, 5), recorder], epochs=1)
    for kernels in recorder.kernels:
        for kept, values in zip(expected, kernels[::2], strict=True):
            np.testing.assert_array_equal(values != 0, kept)


def test_several_steps_of_one_execution():
    one, three = small_model(), small_model(steps_per_execution=3)
    for model in (one, three):
        sparse = in_steps(7, 9, 9)
        history = fit(model, [sparse])
        assert sparse.state["iteration"] == 30
        assert history["iht_phase"] == [1, 2, 2, 3, 3, 3]
    for ours, theirs in zip(three.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_array_equal(ours != 0, theirs != 0)
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_blocks_of_a_recurrent_kernel():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None, 7)),
            tp.layers.FactoredGRU(10, rank=6, return_sequences=True, name="factored_gru"),
            keras.layers.LSTM(10, name="lstm"),
            keras.layers.Dense(3, name="scores"),
        ]
    )
    model.compile("adam", "mse", jit_compile=JIT)
    x = RNG.normal(size=(16, 4, 7)).astype("float32")
    shares = {"lstm/recurrent_kernel": 0.5, "*gru*/kernel": 0.25, "recurrent_kernel_right": 0.4}
    sparse = IterativeHardThresholding(shares, (2, 2, 2), "steps", block=(8, 4))
    model.fit(x, np.zeros((16, 3)), batch_size=4, epochs=2, verbose=0, callbacks=[sparse])
    named = {v.path.split("/", 1)[1]: array(v) for v in model.trainable_variables}
    zeros = {name: (values == 0).any() for name, values in named.items() if "kernel" in name}
    gru = "factored_gru/factored_gru_cell/"
    assert [name for name, any_zero in zeros.items() if any_zero] == [
        gru + "kernel_left",
        gru + "kernel_right",
        gru + "recurrent_kernel_right",
        "lstm/lstm_cell/recurrent_kernel",
    ]
    for name, gates, share in (
        (gru + "kernel_left", 1, 0.25),
        (gru + "kernel_right", 3, 0.25),
        ("lstm/lstm_cell/recurrent_kernel", 4, 0.5),
    ):
        # What has been projected is its own projection.
        values = named[name].T
        kept = hard_threshold_mask(values, share, (8, 4), gates)
        np.testing.assert_array_equal(values[~kept], 0)
        assert (values[kept] != 0).all()


def test_gates_and_names():
    model = keras.Sequential(
        [
            keras.Input((None, 7)),
            keras.layers.Conv1D(6, 3, name="conv"),
            keras.layers.Bidirectional(keras.layers.GRU(5, return_sequences=True), name="both"),
            tp.layers.FactoredLSTM(4, rank=4, name="lstm"),
            tp.layers.FactoredDense(3, rank=2, name="scores"),
        ]
    )
    variables = named_variables(model)
    counts = gate_counts(model)
    found = [counts.get(id(variable), 1) for variable in variables.values()]
    assert found == [1, 3, 3, 3, 3, 1, 4, 1, 4, 1, 1]
    shares = densities({"both/*": 0.5, "kernel": 0.25, "lstm/recurrent_kernel": 0.125}, variables)
    expected = [0.25, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.25, 0.25]
    assert list(shares.values()) == expected
    assert set(densities(0.5, variables).values()) == {0.5}
    with pytest.raises(ValueError, match="`density` names 'kernal', 'left'; .*'conv/kernel'"):
        densities({"kernal": 0.1, "kernel": 0.2, "left": 0.3}, variables)


class Scripted(keras.callbacks.Callback):
    """Says what validation would: of 6 epochs the second is best, and the fifth of phase III."""

    def __init__(self, name: str, values: list[float]) -> None:
        super().__init__()
        self.name, self.values, self.weights = name, values, []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs[self.name] = self.values[epoch]
        self.weights.append(self.model.get_weights())


@pytest.mark.parametrize(
    ("name", "values", "mode", "best"),
    [
        ("val_mean_absolute_error", [3, 0, 3, 3, 1, 2], "auto", 4),
        ("val_score", [3, 9, 3, 3, 5, 4], "max", 4),
        ("val_loss", [0, 0, 0, 7, 9, 9], "auto", 3),
        ("val_score", [0, 0, 0, float("nan"), 9, 8], "min", 5),
    ],
)
def test_the_best_epoch_is_one_of_the_final_support(name, values, mode, best):
    model = small_model(metrics=["mean_absolute_error"])
    scripted = Scripted(name, values)
    fit(model, [scripted, in_steps(10, 10, 10, restore_best=name, mode=mode)])
    for one, other in zip(model.get_weights(), scripted.weights[best], strict=True):
        np.testing.assert_array_equal(one, other)
    assert (array(model.layers[0].kernel) != 0).mean() < 0.31


def test_selection_needs_validation():
    sparse = in_steps(0, 5, 5, restore_best="val_loss")
    with pytest.warns(UserWarning, match="keeps the last weights: .* has 'val_loss'; give valid"):
        fit(small_model(), [sparse])
    other = in_steps(0, 5, 5, restore_best="val_accuracy")
    with pytest.raises(ValueError, match="`restore_best` must be one of 'val_loss'; .*accuracy"):
        fit(small_model(), [other], validation_data=(X, Y))
    unclear = in_steps(0, 5, 5, restore_best="val_score")
    with pytest.raises(ValueError, match="`mode` must be 'max' or 'min' for 'val_score'"):
        fit(small_model(), [Scripted("val_score", [1.0] * 6), unclear])


def test_callbacks_leave_each_other_alone():
    """Each masks its own kernel, and multipliers of the rate act below both."""
    model = small_model()

    def own(name: str) -> Any:
        return lambda variable: variable.name == "kernel" and name in variable.path

    multipliers = LearningRateMultipliers({})
    pruning = PolynomialPruning(0.5, 0.5, 0, 4, frequency=1, select=own("scores"))
    fit(model, [in_steps(2, 2, 2, density={"dense*/kernel": 0.25}), pruning, multipliers])
    zeros = [(array(layer.kernel) == 0).mean() for layer in model.layers]
    assert zeros == [0.75, 0.5]


def test_an_interrupted_fit_ends_with_the_next():
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    model, sparse = small_model(), in_steps(2, 0, 40)
    with pytest.raises(KeyboardInterrupt):
        fit(model, [sparse, Interrupt()])
    assert sparse.state["iteration"] == STEPS
    zeros = array(model.layers[0].kernel) == 0
    assert zeros.mean() > 0.69
    fit(model, [KeepZeros(select=lambda v: v is model.layers[0].kernel)], epochs=1)
    np.testing.assert_array_equal(array(model.layers[0].kernel) == 0, zeros)
    assert array(model.layers[1].kernel).all()
    assert "update_step" not in vars(model.optimizer)


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = small_model()
        history = fit(model, [in_steps(5, 10, 15)])
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert history["sparsity"][-1] == pytest.approx(0.7, abs=0.01)


def test_steps_that_loss_scaling_leaves_out_are_none():
    """The first of them overflow; the masks begin where the callback says, all the same."""
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-4), initial_scale=3e38)
    model = small_model(scaled, loss_weights=100.0)
    recorder = Recorder()
    pruning = PolynomialPruning(0.5, 0.5, 1, 2, frequency=1)
    fit(model, [pruning, recorder])
    assert 15 < int(scaled.inner_optimizer.iterations) < 28
    assert (recorder.kernels[-1][0] != recorder.kernels[0][0]).any()
    assert all((kernels[0] == 0).mean() == 0.5 for kernels in recorder.kernels[1:])


@pytest.mark.skipif(not TENSORFLOW, reason="a strategy of TensorFlow")
def test_two_replicas_prune_as_one_device():
    run = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    one, two = (json.loads(line) for line in run.stdout.splitlines()[-2:])
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert one["phases"] == two["phases"] == [2, 3, 3]
    for ours, theirs in zip(two["weights"], one["weights"], strict=True):
        np.testing.assert_array_equal(np.array(ours) != 0, np.array(theirs) != 0)
        # Sums over 16 rows in another order, twelve steps of float32 training.
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert (np.array(one["weights"][0]) != 0).sum() == np.ceil(0.3 * 6 * 8)
    assert two["on_each_replica"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"density": 0}, r"`density` must be the share of weights that is kept, in \(0, 1\]"),
        ({"density": 1.5}, "`density` must be the share"),
        ({"density": {"kernel": "0.3"}}, "`density` must be the share"),
        ({"density": {}}, "`density` must be the share"),
        ({"phases": (0.5, 0.5)}, "`phases` must be three fractions that sum up to 1"),
        ({"phases": (0.5, 0.5, 0.5)}, "`phases` must be three fractions"),
        ({"phases": (-0.5, 0.5, 1)}, "`phases` must be three fractions"),
        ({"phases": (1, 2.5, 1), "unit": "epochs"}, "`phases` must be three ints .*unit='epochs'"),
        ({"unit": "batches"}, "`unit` must be one of fractions, epochs, steps; .*'batches'"),
        ({"every": 0}, "`every` must be an int of at least 1"),
        ({"block": 8}, r"`block` must be None or two ints \(outputs, inputs\)"),
        ({"block": (8, 4.0)}, "`block` must be None or two ints"),
        ({"block": (8, 0)}, "`block` must be an int of at least 1"),
        ({"restore_best": "accuracy"}, "`restore_best` must name a metric of validation data"),
        ({"restore_best": "val_loss", "mode": "best"}, "`mode` must be one of auto, max, min"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        IterativeHardThresholding(**{"density": 0.3, **arguments})


LAYERS = [
    layer
    for layer in vars(tp.layers).values()
    if isinstance(layer, type) and issubclass(layer, RecurrentLayer) and layer is not RecurrentLayer
]


@pytest.mark.skipif(not TENSORFLOW, reason="Keras would compile each of them")
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_every_recurrent_layer(layer):
    model = keras.Sequential([keras.Input((4, 9)), layer(8, rank=4, name="recurrent")])
    model.compile("adam", "mse", jit_compile=JIT)
    x, y = RNG.normal(size=(16, 4, 9)).astype("float32"), np.zeros((16, 8), "float32")
    sparse = IterativeHardThresholding(0.25, (2, 2, 2), "steps", every=1, block=(8, 4))
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[sparse])
    counts = gate_counts(model)
    # A gain of a normalization is named after its kernel.
    kernels = [v for v in model.trainable_variables if "kernel" in v.name and len(v.shape) > 1]
    assert len(kernels) > 1
    for variable in kernels:
        gates = counts.get(id(variable), 1)
        if variable.name.endswith("_right"):
            assert gates == variable.shape[-1] // 8 >= 1
        matrix = array(variable).reshape(-1, variable.shape[-1]).T
        np.testing.assert_array_equal(matrix != 0, hard_threshold_mask(matrix, 0.25, (8, 4), gates))
