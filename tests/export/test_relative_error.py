"""Errors against what each channel moves, checked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tfpipeline.export.verify.relative_error import (
    RelativeErrors,
    Scales,
    is_constant,
    relative_error,
    relative_errors,
    worst_channel,
)

KERAS = np.array([[1.0, 10.0], [3.0, 30.0]] * 4)
"""Deviations of 1 and 10."""


def errors(found: np.ndarray, expected: np.ndarray, **options: bool) -> RelativeErrors:
    return relative_errors(found, expected, Scales.of(expected, **options))


def test_the_error_is_the_root_of_the_mean_square() -> None:
    off = np.zeros_like(KERAS)
    off[0] = (0.4, -8.0)
    off[1] = (-0.8, 0.0)
    off[2] = (0.9, 8.0)
    found = errors(KERAS + off, KERAS)
    # (0.16 + 0.64 + 0.81) / 8 over a deviation of 1, 128 / 8 over one of 10.
    assert found.channels == pytest.approx((math.sqrt(1.61 / 8), math.sqrt(128.0 / 8) / 10.0))
    # All of them: (0.16 + 0.64 + 0.81 + 128) / 16 over (1 + 100) / 2.
    assert found.overall == pytest.approx(math.sqrt(129.61 / 16 / 50.5))
    assert found.channel == found.channels[worst_channel(found.channels)] == found.channels[0]


def test_every_sample_counts_in_its_channel() -> None:
    keras = np.random.default_rng(0).normal(size=(30, 5, 2))
    found = keras.copy()
    found[7, :, 1] += 5.0
    outlier = errors(found, keras)
    # One of 30 samples is 5 deviations off.
    assert outlier.channels == (0.0, pytest.approx(5.0 / math.sqrt(30) / keras[..., 1].std()))
    # A channel that moves in one sample only is lost where the file does not follow it there.
    keras = np.tile(KERAS, (2, 1))
    keras[:, 1] = 0.0
    keras[5, 1] = 1.0
    lost = keras.copy()
    lost[:, 1] = keras[:, 1].mean()
    assert errors(lost, keras).channel == pytest.approx(1.0)


def test_a_lost_channel_beside_a_large_one_has_an_error_of_one() -> None:
    keras = KERAS * np.array([1.0, 1000.0])
    lost = keras.copy()
    lost[:, 0] = keras[:, 0].mean()
    found = errors(lost, keras)
    assert found.channels == pytest.approx((1.0, 0.0))  # all deviations are equal here
    assert found.overall < 1e-3 and found.channel == pytest.approx(1.0)


def test_scores_of_classes_share_one_scale() -> None:
    """A rare class that hardly moves is no less exact than the others."""
    keras = np.array([[0.9, 0.1, 0.0], [0.1, 0.89, 0.01]] * 4)
    off = np.array([0.0, 0.01, -0.01])
    apart, together = errors(keras + off, keras), errors(keras + off, keras, comparable=True)
    assert apart.channel == pytest.approx(2.0)
    spread = math.sqrt((0.4**2 + 0.395**2 + 0.005**2) / 3)
    assert together.channels == pytest.approx((0.0, 0.01 / spread, 0.01 / spread))


def test_the_mean_of_each_channel_has_an_error_of_one() -> None:
    """Whatever lies between the means of the channels, which a constant file would know too."""
    keras = np.random.default_rng(0).normal(size=(50, 7, 3)) + np.array([0.0, 100.0, -5.0])
    mean = np.broadcast_to(keras.mean(axis=(0, 1)), keras.shape)
    for comparable in (False, True):
        found = errors(mean, keras, comparable=comparable)
        assert found.overall == pytest.approx(1.0)
    assert relative_error(mean, keras) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("column", "scale"),
    [
        ([5.0, 5.0005] * 4, 5.0005),  # hardly moves: its size
        ([0.0] * 8, math.sqrt(0.5)),  # zero: what the output moves
        ([0.0, 1e-4] * 4, 5e-5),  # moves as much as it is large: itself
    ],
)
def test_a_channel_that_hardly_moves(column: list[float], scale: float) -> None:
    lively = np.array([1.0, 3.0] * 4)
    scales = Scales.of(np.stack([lively, np.array(column)], axis=1))
    assert scales.channels[0] == pytest.approx(1.0)
    assert scales.channels[1] == pytest.approx(scale, rel=1e-3)
    assert not scales.constant


def test_the_liveliest_channel_counts_by_itself_however_large_it_is() -> None:
    # 101325 Pa that move by 50 only are what this model is about.
    pressure = np.array([101275.0, 101375.0] * 4)
    assert Scales.of(pressure[:, None]).channels == pytest.approx([50.0])


def test_of_few_positions_the_whole_output_is_the_scale() -> None:
    found = errors(KERAS[:6] + 0.1, KERAS[:6])
    assert found.channels == ()
    assert found.channel == found.overall == pytest.approx(0.1 / KERAS[:6].std())


def test_few_positions_of_many_say_as_little() -> None:
    """The last part of a stream, against what the whole stream deviates."""
    scales = Scales.of(np.tile(KERAS, (4, 1)))
    assert relative_errors(KERAS[:6] + 0.1, KERAS[:6], scales).channels == ()
    assert len(relative_errors(KERAS + 0.1, KERAS, scales).channels) == 2


def test_axes_of_one_at_the_end_are_no_channels() -> None:
    bands = np.random.default_rng(0).normal(size=(20, 3)) * np.array([1.0, 0.01, 1.0])
    lost = bands * np.array([1.0, 0.0, 1.0])
    for shape in ((20, 3), (20, 3, 1), (20, 1, 3, 1)):
        found = errors(lost.reshape(shape), bands.reshape(shape))
        assert (
            len(found.channels) == 3 and worst_channel(found.channels) == 1 and found.channel > 0.9
        )


def test_time_steps_are_no_channels() -> None:
    """A probability at each of six time steps, the first of which is always the same."""
    course = np.random.default_rng(0).normal(size=(20, 6, 1))
    course[:, 0] = 0.5
    found = relative_errors(course + 0.1, course, Scales.of(course, time_axis=True))
    assert found.channels == pytest.approx((0.1 / course.std(),))


@pytest.mark.parametrize(
    ("values", "constant"),
    [
        (np.array([[1.0, 2.0], [1.0, 2.0]]), True),
        (np.array([[1.0, 2.0], [1.0, 2.1]]), False),
        (np.array([[4.0], [4.0000005]], np.float32), True),
        # A course over time that is the same for all samples.
        (np.tile(np.arange(6.0).reshape(1, 3, 2), (4, 1, 1)), True),
        (np.arange(6.0).reshape(1, 3, 2), False),
        (np.array([[1.0, 2.0]]), True),
        (np.array([-4.0, -4.0]), True),
        (np.zeros((3, 1)), True),
    ],
)
def test_what_is_constant_over_samples(values: np.ndarray, constant: bool) -> None:
    assert is_constant(values) == constant
    assert Scales.of(values).constant == constant


def test_a_constant_is_compared_by_its_size() -> None:
    keras = np.tile(np.array([4.0, 0.0, -2.0]), (9, 1))
    assert Scales.of(keras).channels == pytest.approx([4.0, 4.0, 2.0])
    assert Scales.of(np.zeros((3, 2))).channels == pytest.approx([1.0, 1.0])


def test_no_number_is_worse_than_any() -> None:
    found = KERAS.copy()
    found[0, 1] = np.nan
    broken = errors(found, KERAS)
    assert worst_channel(broken.channels) == 1 and not broken.channel <= 1e9


def test_booleans_are_right_or_wrong() -> None:
    """Neither the deviation of a threshold that rarely fires nor a square root makes more of it."""
    expected = np.zeros((20, 2), bool)
    expected[:10, 0] = True
    found = expected.copy()
    found[3, 0], found[5:7, 1] = False, True
    of = Scales.of(expected)
    assert relative_errors(found, expected, of).channels == (0.05, 0.1)
    assert relative_errors(found, expected, of).overall == 0.075
