from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import GradualPruning, KeepZeros, PolynomialPruning, percentiles
from tfpipeline.callbacks.weight_masks import is_kernel

pytestmark = pytest.mark.slow

# XLA compiles longer than these tests run; JAX without it would go step by step.


def array(x):
    return keras.ops.convert_to_numpy(x)


def small_model(**options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((None, 10)), keras.layers.GRU(8, name="gru"), keras.layers.Dense(5)]
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=JIT,
        **options,
    )
    return model


def kernels(model):
    """By path, without the name of the model."""
    return {
        v.path.partition("/")[2]: array(v) for v in model.trainable_variables if "kernel" in v.name
    }


class Recorder(keras.callbacks.Callback):
    """Zeros of all kernels after each step, as the callbacks before it left them."""

    def __init__(self):
        super().__init__()
        self.zeros = []

    def on_train_batch_end(self, batch, logs=None):
        self.zeros.append({path: values == 0 for path, values in kernels(self.model).items()})


def test_narang_golden_values():
    schedule = GradualPruning(0.2, start=1000, ramp=5000, end=10000)
    assert schedule.theta(0.2) == pytest.approx(0.00173913, abs=5e-9)
    expected = {1100: 0.00175652, 4900: 0.06784348, 5000: 0.06960870, 9900: 0.19743478}
    for iteration, threshold in expected.items():
        assert schedule.threshold(iteration, 0.2) == pytest.approx(threshold, abs=5e-9)
    # With a slope of 1 the threshold rises after `ramp` as it did before.
    even = GradualPruning(0.2, start=0, ramp=5, end=10, freq=1, slope=1)
    assert even.theta(0.2) == pytest.approx(0.4 / 25)
    assert even.threshold(9, 0.2) - even.threshold(8, 0.2) == pytest.approx(even.theta(0.2))


def test_polynomial_schedule_is_that_of_the_toolkit():
    """0.9 + (0.3 - 0.9) (1 - p)^3, worked out by hand."""
    schedule = PolynomialPruning(0.3, 0.9, begin_step=100, end_step=500)
    expected = {0: 0.3, 100: 0.3, 200: 0.9 - 0.6 * 0.421875, 300: 0.825, 500: 0.9, 900: 0.9}
    for iteration, sparsity in expected.items():
        assert schedule.sparsity_at(iteration) == pytest.approx(sparsity, abs=1e-12)
    linear = PolynomialPruning(0.2, 0.6, begin_step=1, end_step=5, power=1)
    assert [linear.sparsity_at(i) for i in range(1, 6)] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])


def test_narang_masks_follow_the_threshold_and_only_grow(sequences, labels):
    model = small_model()
    q = percentiles(model)
    assert set(q) == set(kernels(model))
    pruning = GradualPruning(q, start=2, ramp=8, end=16, freq=2)
    recorder = Recorder()
    history = model.fit(
        sequences, labels, batch_size=1, epochs=4, verbose=0, callbacks=[pruning, recorder]
    ).history
    counts = [sum(z.sum() for z in zeros.values()) for zeros in recorder.zeros]
    # The first update after step 2 is after step 4; the last before step 16 is after step 14.
    assert counts[2] == 0 < counts[3] and counts[3] == counts[4] < counts[5]
    assert counts[12] < counts[13] == counts[-1]
    for before, after in zip(recorder.zeros, recorder.zeros[1:], strict=False):
        assert all((after[path] >= before[path]).all() for path in before)
    size = sum(values.size for values in kernels(model).values())
    assert history["sparsity"][-1] == pytest.approx(counts[-1] / size)
    assert 0.3 < history["sparsity"][-1] < 1
    threshold = pruning.threshold(14, q["gru/gru_cell/recurrent_kernel"])
    kept = ~recorder.zeros[13]["gru/gru_cell/recurrent_kernel"]
    np.testing.assert_array_equal(kept, pruning.masks["gru/gru_cell/recurrent_kernel"])
    assert threshold > 0 and array(model.layers[0].cell.bias).all()


def test_polynomial_masks_reach_the_final_sparsity_and_survive_saving(tmp_path, sequences, labels):
    model = small_model()
    pruning = PolynomialPruning(0.2, 0.75, begin_step=0, end_step=8, frequency=4)
    recorder = Recorder()
    model.fit(sequences, labels, batch_size=1, epochs=2, verbose=0, callbacks=[pruning, recorder])
    for path, zeros in recorder.zeros[-1].items():
        assert zeros.sum() == zeros.size - round(zeros.size * 0.25), path
    # The first masks act before the first step.
    first = recorder.zeros[0]["gru/gru_cell/kernel"]
    assert first.sum() == first.size - round(first.size * 0.8)
    model.save(tmp_path / "pruned.keras")
    loaded = keras.saving.load_model(tmp_path / "pruned.keras")
    before = kernels(loaded)
    loaded.fit(sequences, labels, batch_size=2, epochs=2, verbose=0, callbacks=[KeepZeros()])
    for path, values in kernels(loaded).items():
        np.testing.assert_array_equal(values == 0, before[path] == 0)
        assert (values != before[path]).any()


@pytest.mark.parametrize(
    ("pruning", "steps"),
    [
        (PolynomialPruning(0.2, 0.8, begin_step=3, end_step=11, frequency=4), [3, 7, 11]),
        (PolynomialPruning(0.2, 0.8, begin_step=3, end_step=10, frequency=4), [3, 7]),
        (PolynomialPruning(0.2, 0.8, begin_step=0, end_step=3, frequency=1), [0, 1, 2, 3]),
        (PolynomialPruning(0.2, 0.8, begin_step=50, end_step=300), [50, 150, 250]),
        (GradualPruning(0.1, start=4, ramp=6, end=12, freq=4), [8]),
        (GradualPruning(0.1, start=3, ramp=6, end=13, freq=4), [4, 8, 12]),
        (GradualPruning(0.1, start=0, ramp=0, end=3, freq=1), [1, 2]),
        (GradualPruning(0.1, start=100, ramp=200, end=400), [200, 300]),
        (KeepZeros(), [0]),
    ],
)
def test_the_steps_that_change_masks(pruning, steps):
    pruning.set_model(small_model())
    assert pruning.first_update() == (None if type(pruning) is KeepZeros else steps[0])
    changed = []
    for step in range(450):
        pruning.masks = {}
        pruning.update(step)
        if pruning.masks:
            assert list(pruning.masks) == list(kernels(pruning.model))
            changed.append(step)
    assert changed == steps


@pytest.mark.parametrize(("end", "updates"), [(6, True), (5, True), (4, False), (3, False)])
def test_a_schedule_without_updates_has_no_first_one(end, updates):
    first = GradualPruning(0.1, start=0, ramp=1, end=end, freq=4).first_update()
    assert first == 4 if updates else first > 10**9


def test_percentiles_are_those_of_a_kind_of_kernels():
    model = small_model()
    values = {name: np.abs(value).ravel() for name, value in kernels(model).items()}
    recurrent = values.pop("gru/gru_cell/recurrent_kernel")
    others = np.concatenate([*values.values()])
    for share, options in ((90, {}), (50, {"share": 50})):
        expected = dict.fromkeys(values, np.percentile(others, share))
        expected["gru/gru_cell/recurrent_kernel"] = np.percentile(recurrent, share)
        assert percentiles(model, **options) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("sparsity", "kept"), [(0.55, 4), (0.61, 4), (0.65, 4), (0.73, 3), (0.99, 1)]
)
def test_the_number_of_weights_that_are_kept_is_rounded(sparsity, kept):
    """round(10 (1 - sparsity)), at least one: 4.5 to the even 4, 3.9, 3.5, 2.7 and 0.1."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=JIT)
    before = np.abs(array(model.layers[0].kernel)).ravel()
    pruning = PolynomialPruning(sparsity, sparsity, 0, 1)
    pruning.set_model(model)
    pruning.update(0)
    [mask] = pruning.masks.values()
    assert mask.sum() == kept
    assert before[mask.ravel()].min() > before[~mask.ravel()].max()


@pytest.mark.parametrize(
    ("shape", "name", "expected"),
    [
        ((3, 2), "kernel", True),
        ((3, 3, 2, 2), "depthwise_kernel", True),
        ((3, 2), "bias", False),  # of a GRU
        ((3,), "kernel_scale", False),
    ],
)
def test_what_is_a_kernel(shape, name, expected):
    assert is_kernel(keras.Variable(np.zeros(shape), name=name)) is expected


@pytest.mark.parametrize("state", [{"iteration": -1}, {"iteration": True}, {"iteration": 0.5}])
def test_a_state_counts_steps(state):
    with pytest.raises(ValueError, match="`iteration` must be an int of at least 0"):
        KeepZeros().load_state(state)


def test_a_loaded_state_keeps_what_is_zero_when_training_begins():
    model, pruning = small_model(), PolynomialPruning(0.0, 0.5, 100, 200)
    kernel = model.layers[1].kernel
    pruning.set_model(model)
    pruning.mask_zeros()
    pruning.load_state({"iteration": 5})
    assert not pruning.masks

    def begin(epoch: int) -> np.ndarray:
        # Zeros that the callback did not make: 0 before the first `fit`, 1 and 2 after it.
        values = array(kernel).copy()
        values[epoch] = 0
        kernel.assign(values)
        pruning.on_epoch_begin(epoch)
        [*_, mask] = pruning.masks.values()
        return (~mask).sum(axis=1) == 5

    pruning.on_train_begin()
    assert begin(0).tolist() == [True] + 7 * [False]
    assert begin(1).tolist() == [True] + 7 * [False]
    pruning.set_model(model)
    pruning.on_train_begin()
    assert begin(2).tolist() == [True] + 7 * [False]
    assert pruning.sparsity() == pytest.approx(3 * 5 / (10 * 24 + 8 * 24 + 8 * 5))
    assert pruning.state == {"iteration": 5}


def test_several_fits_count_on(sequences, labels):
    model = small_model()
    pruning = PolynomialPruning(0.0, 0.5, begin_step=0, end_step=8, frequency=4)
    sparsity = []
    for _ in range(3):
        history = model.fit(sequences, labels, batch_size=2, verbose=0, callbacks=[pruning]).history
        sparsity += history["sparsity"]
    # After 3, 6 and 9 steps; 0.4375 = 0.5 - 0.5 (1 - 4 / 8)^3.
    assert sparsity == pytest.approx([0, 0.4375, 0.5], abs=0.01)


def test_selection(sequences, labels):
    model = small_model()
    model.fit(
        sequences,
        labels,
        verbose=0,
        callbacks=[
            PolynomialPruning(0.5, 0.5, 0, 1, select=lambda v: v.name == "recurrent_kernel")
        ],
    )
    zeros = {path: (values == 0).mean() for path, values in kernels(model).items()}
    assert zeros.pop("gru/gru_cell/recurrent_kernel") == 0.5
    assert not any(zeros.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"q": -1}, "`q` must be a positive number"),
        ({"start": -1}, "`start` must be an int of at least 0"),
        ({"ramp": 1}, "`ramp` must be an int of at least 10"),
        ({"end": 20}, "`end` must be an int of at least 21"),
        ({"freq": 0}, "`freq` must be an int of at least 1"),
        ({"slope": 0.5}, "`slope` must be a number of at least 1"),
    ],
)
def test_narang_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        GradualPruning(**{"q": 0.1, "start": 10, "ramp": 20, "end": 40, **arguments})


def test_polynomial_errors():
    with pytest.raises(ValueError, match=r"`final_sparsity` must be in \[0, 1\)"):
        PolynomialPruning(0.5, 1.0, 0, 10)
    with pytest.raises(ValueError, match="`end_step` must be an int of at least 11"):
        PolynomialPruning(0.5, 0.9, 10, 10)
    with pytest.raises(ValueError, match="`frequency`"):
        PolynomialPruning(0.5, 0.9, 0, 10, frequency=0)


def test_model_errors(sequences, labels):
    prune = PolynomialPruning(0.5, 0.5, 0, 1)
    with pytest.raises(ValueError, match="acts after every step"):
        small_model(steps_per_execution=2).fit(sequences, labels, verbose=0, callbacks=[prune])
    with pytest.raises(ValueError, match="found no kernel"):
        small_model().fit(
            sequences,
            labels,
            verbose=0,
            callbacks=[PolynomialPruning(0.5, 0.5, 0, 1, select=lambda v: False)],
        )
    with pytest.raises(ValueError, match="`q` must have a number for 'gru/gru_cell/kernel'"):
        small_model().fit(
            sequences,
            labels,
            verbose=0,
            callbacks=[GradualPruning({"other": 1.0}, 0, 0, 10, freq=1)],
        )


def test_a_new_callback_goes_on_where_another_stopped(sequences, labels):
    """As after a restart: the same epochs and masks as without it."""

    def pruning():
        return PolynomialPruning(0.2, 0.8, begin_step=0, end_step=8, frequency=2)

    whole, halves, saved = small_model(), small_model(), {"iteration": 0}
    options = {"batch_size": 2, "shuffle": False, "verbose": 0}
    expected = whole.fit(sequences, labels, epochs=3, callbacks=[pruning()], **options).history
    sparsity = []
    for epoch in range(3):
        callback = pruning()
        callback.load_state(saved)
        history = halves.fit(sequences, labels, callbacks=[callback], **options).history
        saved = callback.state
        sparsity += history["sparsity"]
        assert saved == {"iteration": 3 * (epoch + 1)}
    assert sparsity == expected["sparsity"] and sparsity[0] < sparsity[-1]
    for one, other in zip(whole.get_weights(), halves.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    with pytest.raises(ValueError, match="`state` must have the key 'iteration' only"):
        pruning().load_state({"decays": 3})


def test_masks_of_another_model_are_refused(sequences, labels):
    pruning = PolynomialPruning(0.5, 0.5, 0, 1)
    small_model().fit(sequences, labels, verbose=0, callbacks=[pruning])
    other = keras.Sequential(
        [keras.Input((None, 10)), keras.layers.GRU(4, name="gru"), keras.layers.Dense(5)]
    )
    other.compile("sgd", "mse", jit_compile=JIT)
    with pytest.raises(ValueError, match=r"masks of another model: expected 'gru.* of shape \(10"):
        other.fit(sequences, np.zeros((6, 5)), verbose=0, callbacks=[pruning])


def test_masks_of_layers_with_one_name(sequences):
    """In a model that is loaded or rebuilt, Keras gives both of them the same path."""

    def part(units):
        return keras.Sequential(
            [keras.Input((None, 10)), keras.layers.Dense(units, name="dense")], name=f"part{units}"
        )

    built = keras.Sequential([keras.Input((None, 10)), part(10), part(4)])
    model = keras.Sequential.from_config(built.get_config())
    model.compile("sgd", "mse", jit_compile=JIT)
    pruning = PolynomialPruning(0.5, 0.5, 0, 1)
    model.fit(sequences, np.zeros((6, 9, 4)), verbose=0, callbacks=[pruning])
    for variable in model.trainable_variables:
        if variable.name == "kernel":
            assert (array(variable) == 0).mean() == 0.5
    assert len(percentiles(model)) == len(pruning.masks) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GradualPruning("a", 0, 1, 2), "`q` must be a positive number"),
        (lambda: GradualPruning(float("inf"), 0, 1, 2), "`q` must be a positive number"),
        (lambda: GradualPruning(0.1, 0, 1, 2, slope="2"), "`slope` must be a number"),
        (lambda: PolynomialPruning("0.5", 0.9, 0, 9), r"`initial_sparsity` must be in \[0, 1\)"),
        (lambda: PolynomialPruning(0.5, 0.9, 0, 9, power=-1), "`power` must be a positive number"),
        (lambda: PolynomialPruning(0.5, 0.9, 0, 9, power=0), "`power` must be a positive number"),
        (lambda: PolynomialPruning(0.5, 0.9, 0, 9, power="3"), "`power` must be a positive number"),
        (lambda: PolynomialPruning(-0.1, 0.9, 0, 9), r"`initial_sparsity` must be in \[0, 1\)"),
        (lambda: PolynomialPruning(0.5, 0.9, 0.0, 9), "`begin_step` must be an int of at least 0"),
        (lambda: PolynomialPruning(0.5, 0.9, True, 9), "`begin_step` must be an int of at least 0"),
        (lambda: GradualPruning(0, 0, 1, 2), "`q` must be a positive number"),
        (lambda: GradualPruning({"a": 0.1, "b": 0}, 0, 1, 2), "`q` must be a positive number"),
    ],
)
def test_what_is_no_number_is_said_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()
