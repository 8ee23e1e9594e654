from __future__ import annotations

import keras
import numpy as np
import pytest
from jit import JIT

from tfpipeline.callbacks import CALR, CyclicalLR

# XLA compiles longer than these tests run; JAX without it would go step by step.


def tiny_model(**compile_options):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=JIT, **compile_options)
    return model


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))


def rates(calr, steps, epochs, model=None):
    model = model or tiny_model()
    recorder = Recorder()
    x, y = np.zeros((steps, 2)), np.zeros((steps, 1))
    history = model.fit(x, y, batch_size=1, epochs=epochs, verbose=0, callbacks=[calr, recorder])
    return recorder.rates, history.history["learning_rate"]


def test_triangle_golden():
    calr = CALR(1e-3, lb=1e-8, decay=1.0, step_size=1000)
    expected = {0: 1e-8, 500: 5.00005e-4, 1000: 1e-3, 1500: 5.00005e-4, 2000: 1e-8}
    for iteration, rate in expected.items():
        assert calr.learning_rate(iteration) == pytest.approx(rate, rel=1e-9)


def test_without_decay_it_is_the_triangular_policy():
    own = CyclicalLR(1e-3, lb=1e-8, step_size=1000)
    for iteration, rate in {0: 1e-8, 500: 5.00005e-4, 1000: 1e-3, 1500: 5.00005e-4}.items():
        assert own.learning_rate(iteration) == pytest.approx(rate, rel=1e-9)
    got, _ = rates(CyclicalLR(1.0, lb=0.2, step_size=2), 3, 3)
    np.testing.assert_allclose(got, [0.6, 1.0, 0.6, 0.2] * 2 + [0.6], rtol=1e-6)
    with pytest.raises(ValueError, match="`lb` must be below ub=1"):
        CyclicalLR(1.0, lb=1.0)


def test_upper_bounds_by_epoch_as_the_authors_have_them():
    """1e-3 ... 1e-7, then a restart in place of 1e-8; the triangle runs on over epochs."""
    steps, half, it, ub0 = 3, 4, 0, 1e-3
    expected, tops = [], []
    for epoch in range(11):
        top = ub0 * 0.1 ** (epoch % 5)
        tops.append(top)
        for _ in range(steps):
            it += 1
            c = it % (2 * half)
            low = ub0 * 0.1**5
            expected.append(
                low + (top - low) * c / half if c < half else top - (top - low) * (c - half) / half
            )
    got, _ = rates(CALR(1e-3, step_size=half, decay_every="epoch"), steps, 11)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_decay_every_cycle_and_restart():
    got, last = rates(CALR(1.0, n_decays=2, decay=0.5, step_size=2), 5, 4)
    # lb = 0.25; tops 1, 0.5, then 1 again; batch 4 (c = 0) is at the lower bound.
    cycle = [0.625, 1.0, 0.625, 0.25, 0.375, 0.5, 0.375, 0.25]
    expected = (cycle * 3)[:20]
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    np.testing.assert_allclose(last, expected[4::5], rtol=1e-6)


def test_default_cycle_is_two_epochs():
    got, _ = rates(CALR(1.0, decay=0.5), 4, 2)
    assert np.argmax(got) == 3 and got[3] == 1.0 and got[7] == pytest.approx(0.5**5)


@pytest.mark.slow
def test_resumes():
    settings = {"ub": 1.0, "n_decays": 3, "decay": 0.5, "step_size": 3}
    whole, _ = rates(CALR(**settings), 4, 6)
    first = CALR(**settings)
    start, _ = rates(first, 4, 2)
    second = CALR(**settings)
    second.load_state(first.state)
    rest, _ = rates(second, 4, 4)
    np.testing.assert_allclose(start + rest, whole, rtol=1e-6)
    assert second.state == {"iteration": 24, "decays": 1}
    # The same object used again goes on too.
    again, _ = rates(first, 4, 4)
    np.testing.assert_allclose(again, rest, rtol=1e-6)


def test_period_from_lb_does_not_hang_on_rounding():
    # 1e-3 * 0.1 ** 5 is not 1e-8 in floating point; the count must be 5 all the same.
    assert CALR(1e-3, lb=1e-8).period == 5
    assert CALR(1e-3, lb=1e-3 * 0.1**5).period == 5
    assert CALR(1e-3, lb=2e-8).period == 5
    assert CALR(1e-3).lower_bound == pytest.approx(1e-8)
    # One decay goes below this bound already; without decay every cycle is like the first.
    assert CALR(1.0, lb=0.9).period == 1
    assert CALR(1.0, lb=0.9, decay=1).period == 1
    assert CALR(1.0, lb=0.9).lower_bound == 0.9
    # So near to `ub` that less than the tolerance of the count is left.
    assert CALR(1.0, lb=1 - 1e-12).period == 1


def test_one_is_the_least_of_what_is_counted():
    calr = CALR(1.0, n_decays=1, decay=0.5, step_size=1)
    assert (calr.period, calr.lower_bound, calr.upper_bound) == (1, 0.5, 1.0)
    assert [calr.learning_rate(i) for i in (1, 2, 3)] == [1.0, 0.5, 1.0]


def test_a_state_is_taken_over():
    calr = CALR(1.0, n_decays=3, decay=0.5, step_size=4)
    calr.load_state({"iteration": 19, "decays": 2})
    assert calr.state == {"iteration": 19, "decays": 2}
    assert calr.upper_bound == 0.25
    assert [calr.learning_rate(i) for i in (4, 6, 8)] == [0.25, 0.1875, 0.125]


def test_a_state_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"'iteration' and 'decays'; received \['iteration'\]"):
        CALR(1.0).load_state({"iteration": 3})


def test_several_steps_in_one_execution():
    calr = CALR(1.0, n_decays=2, decay=0.5, step_size=3)
    rates(calr, 4, 5, tiny_model(steps_per_execution=2))
    assert calr.state == {"iteration": 20, "decays": 1}


def test_a_loop_of_ones_own_needs_no_parameters_of_fit():
    calr, model = CALR(1.0, n_decays=2, decay=0.5, step_size=2), tiny_model()
    calr.set_model(model)
    calr.on_train_begin()
    got = []
    for epoch in range(2):
        calr.on_epoch_begin(epoch)
        for batch in range(3):
            calr.on_train_batch_begin(batch)
            got.append(float(model.optimizer.learning_rate))
            calr.on_train_batch_end(batch)
        calr.on_epoch_end(epoch)
    assert got == pytest.approx([0.625, 1.0, 0.625, 0.25, 0.375, 0.5])


def test_numbers_of_numpy_are_numbers():
    calr = CALR(np.float32(1.0), n_decays=np.int64(2), decay=np.float32(0.5), step_size=np.int32(4))
    assert (calr.period, calr.lower_bound, calr.learning_rate(2)) == (2, 0.25, 0.625)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ub": 0}, "`ub` must be a positive number"),
        ({"ub": True}, "`ub` must be a positive number"),
        ({"ub": "1"}, "`ub` must be a positive number"),
        ({"ub": float("inf")}, "`ub` must be a positive number"),
        ({"ub": float("nan")}, "`ub` must be a positive number"),
        ({"ub": 1e-3, "decay": 1.5}, "`decay` must be in"),
        ({"ub": 1e-3, "decay": 0.0}, "`decay` must be"),
        ({"ub": 1e-3, "decay": 1.0}, "`lb` must be given"),
        ({"ub": 1e-3, "lb": 1e-2}, "`lb` must be below"),
        ({"ub": 1e-3, "lb": 1e-3}, "`lb` must be below"),
        ({"ub": 1e-3, "lb": 0}, "`lb` must be a positive number"),
        ({"ub": 1e-3, "lb": 1e-5, "n_decays": 2}, "give one of them"),
        ({"ub": 1e-3, "n_decays": 0}, "`n_decays` must be a positive int"),
        ({"ub": 1e-3, "n_decays": True}, "`n_decays` must be a positive int"),
        ({"ub": 1e-3, "n_decays": 1.5}, "`n_decays` must be a positive int"),
        ({"ub": 1e-3, "step_size": 0.5}, "`step_size` must be a positive int"),
        ({"ub": 1e-3, "step_size": 1.5}, "`step_size` must be a positive int"),
        ({"ub": 1e-3, "step_size": 0}, "`step_size` must be a positive int"),
        ({"ub": 1e-3, "step_size": True}, "`step_size` must be a positive int"),
        ({"ub": 1e-3, "decay_every": "day"}, "'cycle' or 'epoch'"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        CALR(**options)


def test_a_schedule_in_the_optimizer_is_named():
    model = tiny_model()
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(1.0, 10)), "mse")
    with pytest.raises(ValueError, match="not a schedule"):
        model.fit(np.zeros((2, 2)), np.zeros((2, 1)), verbose=0, callbacks=[CALR(1.0)])


def test_unknown_epoch_length_is_named():
    def data():
        yield np.zeros((1, 2)), np.zeros((1, 1))

    with pytest.raises(ValueError, match="`step_size` must be given"):
        tiny_model().fit(data(), verbose=0, callbacks=[CALR(1.0)])
    with pytest.raises(ValueError, match="not known before training"):
        CALR(1.0).learning_rate(1)
