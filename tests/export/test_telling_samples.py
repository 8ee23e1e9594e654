"""Samples that could not show a fault, and the part of them that is held back to show one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.export import Source, Tolerances, VerificationError, export
from tfpipeline.export.samples.positions import as_slices, every_fourth, spread_positions
from tfpipeline.export.samples.sets import GIVEN, HELD_BACK, SHARED, SampleSets, read_sets
from tfpipeline.export.trace.signature import signature_of

L = keras.layers
FEATURES = 6


def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((FEATURES,)), L.Dense(4, bias_initializer="normal", name="scores")]
    )


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, FEATURES)).astype(np.float32)


def sets_of(model: keras.Model, calibration: Any, verification: Any) -> SampleSets:
    return read_sets(partial(signature_of, model), calibration, verification, None, None)[1]


def repeated() -> Iterator[np.ndarray]:
    for _ in range(50):
        yield noise(1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        (np.zeros((16, FEATURES), np.float32), "calibration samples, because all 16 are alike and"),
        (np.repeat(noise(1), 200, axis=0), "calibration samples, because all 50 are alike:"),
        (repeated, "calibration samples, because all 50 are alike: a file that ignores"),
        (noise(1), "calibration samples, because there is only one: a file that ignores"),
        (1e-9 * noise(20), r"the same values \('scores' is \[.*\]\): expected samples on which"),
    ],
)
def test_what_shows_nothing_is_refused(target: Path, calibration: Any, message: str) -> None:
    """The outputs of such samples are one vector, whose entries differ from each other."""
    with pytest.raises(VerificationError, match=message):
        export(model(), target, calibration=calibration)
    assert not list(target.parent.glob("model*"))
    # Who asks for no proof gets none.
    loose = Tolerances(relative_error=1.0, agreement=0.0)
    if not callable(calibration) and len(calibration) == 16:
        assert export(model(), target, calibration=calibration, tolerances=loose).portable


def test_real_verification_samples_find_out_what_calibration_cannot(target: Path) -> None:
    zeros = np.zeros((16, FEATURES), np.float32)
    message = r"calibrate with more typical samples, because verification samples reach \d+"
    with pytest.raises(VerificationError, match=message):
        export(model(), target, calibration=zeros, verification=noise(64))


@pytest.mark.parametrize(
    ("count", "calibrate", "verify", "where"),
    [
        (40, 40, 40, SHARED),
        (63, 63, 63, SHARED),
        (64, 48, 16, HELD_BACK),
        (200, 150, 50, HELD_BACK),
        (5000, 256, 85, HELD_BACK),
    ],
)
def test_a_quarter_is_held_back(count: int, calibrate: int, verify: int, where: str) -> None:
    x = noise(count)
    sets = sets_of(model(), x, None)
    (samples,), (held_out,) = sets.samples.values(), sets.held_out.values()
    assert (len(samples), len(held_out), sets.held_out_are) == (calibrate, verify, where)
    assert sets.is_held_out == (where == HELD_BACK)
    if where == HELD_BACK:
        both = {row.tobytes() for row in samples} & {row.tobytes() for row in held_out}
        assert not both


def test_samples_are_taken_from_all_of_an_array(tmp_path: Path) -> None:
    """A sorted array: all kinds calibrate, and all kinds verify."""
    x = np.repeat(np.arange(2000, dtype=np.float32)[:, None], FEATURES, axis=1)
    np.save(tmp_path / "sorted.npy", x)
    for source in (x, {"x": x}, tmp_path / "sorted.npy", Source(x, "corpus")):
        sets = sets_of(model(), source, None)
        for values in (*sets.samples.values(), *sets.held_out.values()):
            steps = np.diff(values[:, 0])
            assert values[0, 0] < 30 and values[-1, 0] > 1980 and steps.max() < 32
    sets = sets_of(model(), x, noise(7))
    assert sets.held_out_are == GIVEN
    assert len(sets.samples["x"]) == 256 and sets.samples["x"][-1, 0] > 1980


def test_several_inputs_stay_together() -> None:
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    two = keras.Model([a, b], L.Add()([a, b]))
    x = np.repeat(np.arange(900, dtype=np.float32)[:, None], 2, axis=1)
    sets = sets_of(two, {"a": x, "b": 2 * x}, None)
    for samples in (sets.samples, sets.held_out):
        np.testing.assert_array_equal(2 * samples["a"], samples["b"])


def test_the_report_says_which_samples_were_which(target: Path) -> None:
    report = export(model(), target, calibration=noise(100), forms=("portable",))
    assert report.verification["samples"] == 25 and report.calibration["samples"] == 75
    assert report.verification["held_out"] and report.verification["samples_are"] == "held back"
    assert report.verification["list"][:2] == ["3", "7"]
    assert report.calibration["list"][:2] == ["0:3", "4:7"]
    assert "25 verification samples, held back from the calibration" in str(report)
    files = tuple(f"{i}.wav" for i in range(100))
    report = export(model(), target, calibration=Source(noise(100), "corpus", files=files))
    assert report.verification["list"] == [f"{i}.wav" for i in range(3, 100, 4)]
    few = export(model(), target, calibration=noise(20))
    assert not few.verification["held_out"] and few.verification["samples_are"] == "shared"
    assert "20 verification samples, the calibration's own" in str(few)


def test_positions() -> None:
    assert spread_positions(5, 9) == (0, 1, 2, 3, 4)
    assert spread_positions(10, 4) == (0, 2, 5, 7)
    assert every_fourth(7, 8) == () and every_fourth(9, 8) == (3, 7)
    assert as_slices([0, 1, 2, 4, 5, 7]) == ["0:3", "4:6", "7"]
    assert as_slices([]) == [] and as_slices(range(7)) == ["0:7"]
