"""Training on long recordings: labels of frames, lanes that go on, and words that are found."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tfpipeline.data import write_wav
from tfpipeline.data.audio.label_track import LabelledInterval
from tfpipeline.data.audio.label_track_writer import write_label_track
from tfpipeline.data.errors import DataError
from tfpipeline.features import LogMel
from tfpipeline.recipes import (
    FrameLabels,
    RecordingBatches,
    RollingModel,
    StreamTraining,
    read_stream_frames,
    train_on_recordings,
)
from tfpipeline.recipes.rolling_model import FEATURES, KEEP
from tfpipeline.recipes.stream_frames import StreamFrames

LABELS = ("_silence_", "_unknown_", "yes", "no")


def test_labels_of_frames() -> None:
    ends = np.arange(1, 11) / 10
    spoken = [LabelledInterval(0.15, 0.3, "yes"), LabelledInterval(0.35, 0.65, "tree")]
    labels, weights = FrameLabels(LABELS, hold=0.2, release=0.1).of_frames(ends, spoken)
    # Silent until the word ends; then "yes" for 0.2 s; then nothing asked for 0.1 s; a word that
    # is no label is background.
    assert labels.tolist() == [1, 1, 2, 2, 1, 1, 1, 1, 1, 1]
    assert weights.tolist() == [1, 0, 1, 1, 0, 1, 1, 1, 1, 1]


def test_a_word_that_begins_in_the_hold_of_another() -> None:
    ends = np.arange(1, 9) / 10
    spoken = [LabelledInterval(0.05, 0.2, "yes"), LabelledInterval(0.25, 0.5, "no")]
    labels, weights = FrameLabels(LABELS, hold=0.2, release=0.1).of_frames(ends, spoken)
    assert labels.tolist() == [1, 2, 2, 1, 3, 3, 1, 1]
    assert weights.tolist() == [0, 1, 1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"background": "noise"}, "`background` must be one of _silence_, .* received 'noise'"),
        ({"hold": 0.0}, "`hold` must be positive, in seconds; received 0.0"),
        ({"release": -1.0}, "`release` must be positive"),
    ],
)
def test_what_cannot_be(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrameLabels(LABELS, **arguments)


def numbered(frames: int, first: int) -> StreamFrames:
    """Features that count the frames."""
    numbers = np.arange(first, first + frames)
    features = np.repeat(numbers[:, None], 2, axis=1).astype(np.float32)
    return StreamFrames(features, (numbers % 3).astype(np.int32), np.ones(frames, np.float32))


def test_lanes_go_on_and_no_frame_comes_twice() -> None:
    batches = RecordingBatches([numbered(70, 0), numbered(50, 70)], lanes=3, steps=5, seed=1)
    assert len(batches) == 8
    for _ in range(3):
        seen = [batches[i] for i in range(len(batches))]
        assert [x[KEEP].tolist() for x, *_ in seen] == [[0.0] * 3] + [[1.0] * 3] * 7
        lanes = np.concatenate([x[FEATURES][..., 0] for x, *_ in seen], axis=1)
        labels = np.concatenate([y for _, y, _ in seen], axis=1)
        np.testing.assert_array_equal(labels, lanes % 3)
        assert sorted(lanes.ravel().tolist()) == list(range(120))
        # One after the other, but where a recording ends.
        jumps = np.count_nonzero(np.diff(lanes, axis=1) != 1)
        assert jumps <= 2
        order = lanes.tolist()
        batches.on_epoch_end()
        assert np.concatenate([batches[i][0][FEATURES][..., 0] for i in range(8)], 1).tolist() != (
            order
        )
    again = RecordingBatches([numbered(70, 0), numbered(50, 70)], lanes=3, steps=5, seed=1)
    np.testing.assert_array_equal(
        again[0][0][FEATURES],
        RecordingBatches([numbered(70, 0), numbered(50, 70)], 3, 5, 1)[0][0][FEATURES],
    )


def test_too_few_frames() -> None:
    with pytest.raises(ValueError, match="at least 160 frames, for 32 lanes of 5 steps; .* 120"):
        RecordingBatches([numbered(120, 0)], steps=5)


def test_recordings_of_a_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write_wav(tmp_path / "a.wav", rng.normal(0, 0.1, 16000).astype(np.float32))
    write_label_track(tmp_path / "a.txt", [LabelledInterval(0.2, 0.5, "yes")])
    write_wav(tmp_path / "b.wav", rng.normal(0, 0.1, 8000).astype(np.float32))
    found = read_stream_frames(tmp_path, LogMel(), FrameLabels(LABELS))
    assert [one.features.shape for one in found] == [(98, 40), (48, 40)]
    # A frame ends 10 ms times its number and 25 ms after the first: 48 is the first one behind 0.5.
    expected = np.where((np.arange(98) >= 48) & (np.arange(98) < 78), 2, 1)
    np.testing.assert_array_equal(found[0].labels, expected)
    assert (found[0].weights[18:48] == 0).all() and found[0].weights[:17].all()
    assert (found[1].labels == 1).all() and found[1].weights.all()

    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.wav").unlink()
    write_wav(tmp_path / "b.wav", np.zeros(100, np.float32))
    with pytest.raises(DataError, match="shorter than a frame"):
        read_stream_frames(tmp_path, LogMel(), FrameLabels(LABELS))


@pytest.mark.slow
def test_a_model_learns_when_something_ends() -> None:
    """A bump in the features, which counts from its end on, for four steps."""
    rng = np.random.default_rng(0)

    def recording() -> StreamFrames:
        x = rng.normal(0, 0.1, (400, 3)).astype(np.float32)
        labels, weights = np.zeros(400, np.int32), np.ones(400, np.float32)
        for begin in range(int(rng.integers(5, 20)), 380, 25):
            x[begin : begin + 6, 1] += 1
            weights[begin : begin + 12] = 0
            labels[begin + 6 : begin + 10] = 1
            weights[begin + 6 : begin + 10] = 1
        return StreamFrames(x, labels, weights)

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(12), keras.layers.Dense(2)])
    settings = StreamTraining(epochs=12, lanes=4, steps=20, rate=0.03, gain=0.0)
    train, validation = [recording() for _ in range(4)], [recording() for _ in range(2)]
    history = train_on_recordings(model, train, validation, settings)
    assert len(history["val_loss"]) == 12
    # The weights of the best epoch are kept.
    held_out = RecordingBatches(validation, 4, 20)
    rolling = RollingModel(model, 4, every_frame=True)
    right, asked = 0.0, 0.0
    for i in range(len(held_out)):
        x, y, weight = held_out[i]
        found = np.asarray(rolling.predict_on_batch(x)).argmax(axis=-1)
        # Of the frames where a word is right: the rest is easy.
        right += float((weight * (found == y) * (y == 1)).sum())
        asked += float((weight * (y == 1)).sum())
    assert asked > 60 and right / asked > 0.9
    with pytest.raises(ValueError, match="`epochs` must be positive; received 0"):
        StreamTraining(epochs=0)


def test_recordings_of_another_model() -> None:
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(2), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="takes 3 features a frame, and the recordings have .2.;"):
        train_on_recordings(model, [numbered(200, 0)], settings=StreamTraining(lanes=2))
    narrow = keras.Sequential([keras.Input((None, 2)), keras.layers.GRU(2), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="has 2 scores, and the recordings have 3 labels"):
        train_on_recordings(narrow, [numbered(200, 0)], settings=StreamTraining(lanes=2))
