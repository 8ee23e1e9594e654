"""States that go on from batch to batch, while a model trains and while it listens."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from recurrent_kinds import KINDS, TOLERANCE

from tfpipeline.layers import QRNN, FactoredGRU
from tfpipeline.recipes.rolling_batches import RollingBatches
from tfpipeline.recipes.rolling_model import FEATURES, KEEP, RollingModel
from tfpipeline.recipes.streamed_accuracy import long_recordings, streamed_scores

pytestmark = pytest.mark.slow
LANES, FRAMES, WIDTH = 3, 5, 4


def small_model(seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((None, WIDTH)),
            FactoredGRU(5, rank=2, return_sequences=True),
            keras.layers.LSTM(4),
            keras.layers.Dense(2),
        ]
    )


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def keep(*values: int) -> np.ndarray:
    return np.array(values, np.float32)


def test_rolling_lanes_go_on_or_begin_anew_each_by_itself() -> None:
    model = small_model()
    x = noise(LANES, 3 * FRAMES, WIDTH)
    rolling = RollingModel(model, LANES)
    parts = np.split(x, 3, axis=1)
    keeps = (keep(0, 0, 0), keep(1, 0, 1), keep(1, 1, 0))
    for part, kept in zip(parts, keeps, strict=True):
        found = np.asarray(rolling.predict_on_batch({FEATURES: part, KEEP: kept}))
    for lane, start in enumerate((0, FRAMES, 2 * FRAMES)):
        expected = np.asarray(model.predict_on_batch(x[lane : lane + 1, start:]))[0]
        # The same sums, of another batch size.
        np.testing.assert_allclose(found[lane], expected, atol=1e-6)
    # The model itself is as it was: no state, any batch size, and so are features alone.
    assert not any(layer.stateful for layer in model.layers[:2])
    for alone in (model, rolling):
        again = np.asarray(alone.predict_on_batch(x[:2, :FRAMES]))
        expected = np.asarray(small_model().predict_on_batch(x[:2, :FRAMES]))
        np.testing.assert_allclose(again, expected, atol=1e-6)


# A window of the past is a state too.
LAYERS = {name: kind.layer for name, kind in KINDS.items()} | {"qrnn": partial(QRNN, 12, window=3)}


@pytest.mark.parametrize("name", LAYERS)
def test_every_recurrent_layer_goes_on(name: str) -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((None, WIDTH)), LAYERS[name](return_sequences=True)])
    x = noise(LANES, 2 * FRAMES, WIDTH)
    rolling = RollingModel(model, LANES)
    found = [
        np.asarray(rolling.predict_on_batch({FEATURES: part, KEEP: kept}))
        for part, kept in zip(np.split(x, 2, axis=1), (keep(0, 0, 0), keep(1, 0, 1)), strict=True)
    ]
    whole = np.asarray(model.predict_on_batch(x))
    afresh = np.asarray(model.predict_on_batch(x[:, FRAMES:]))
    expected = np.stack([whole[0, FRAMES:], afresh[1], whole[2, FRAMES:]])
    np.testing.assert_allclose(found[0], whole[:, :FRAMES], atol=TOLERANCE)
    np.testing.assert_allclose(found[1], expected, atol=TOLERANCE)
    assert np.abs(afresh[0] - whole[0, FRAMES:]).max() > 1e-3


def test_rolling_says_something_at_every_frame() -> None:
    model = small_model()
    x = noise(LANES, FRAMES, WIDTH)
    inputs = {FEATURES: x, KEEP: keep(0, 0, 0)}
    found = np.asarray(RollingModel(model, LANES, every_frame=True).predict_on_batch(inputs))
    assert found.shape == (LANES, FRAMES, 2)
    for end in range(1, FRAMES + 1):
        expected = np.asarray(model.predict_on_batch(x[:, :end]))
        np.testing.assert_allclose(found[:, end - 1], expected, atol=1e-6)


class Fixed(keras.utils.PyDataset):
    """The same batches each epoch."""

    def __init__(self, features: np.ndarray, labels: np.ndarray, lanes: int) -> None:
        super().__init__()
        self.features, self.labels, self.lanes = features, labels, lanes

    def __len__(self) -> int:
        return -(-len(self.labels) // self.lanes)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(index * self.lanes, (index + 1) * self.lanes)
        return self.features[part], self.labels[part]


class Totals(keras.utils.PyDataset):
    """Streams whose target is the sum of all that was heard since they began."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        rng = np.random.default_rng(3)
        self.x = rng.normal(size=(batches, LANES, FRAMES, 1)).astype(np.float32)
        self.keep = (rng.random((batches, LANES)) < 0.8).astype(np.float32)
        self.keep[0] = 0
        self.total = np.zeros((batches, LANES, 1), np.float32)
        total = np.zeros((LANES, 1))
        for i in range(batches):
            total = total * self.keep[i][:, None] + self.x[i].sum(axis=1)
            self.total[i] = total

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        return {FEATURES: self.x[index], KEEP: self.keep[index]}, self.total[index]


def test_rolling_fit_learns_what_only_a_carried_state_knows() -> None:
    # A layer that adds up, and one that learns to say what it has: all of it, exactly.
    ones = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}
    adds = keras.layers.SimpleRNN(1, activation="linear", trainable=False, **ones)
    says = keras.layers.Dense(1, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((None, 1)), adds, says])
    rolling = RollingModel(model, LANES)
    rolling.compile(keras.optimizers.SGD(0.01), "mse")
    data = Totals(60)
    clips = data.x.reshape(-1, FRAMES, 1)
    totals = clips.sum(axis=1)
    history = rolling.fit(
        data, epochs=4, shuffle=False, verbose=0, validation_data=(clips[:7], totals[:7])
    ).history
    assert history["loss"][-1] < 1e-3 * np.var(data.total)
    # Validation clips begin anew, whatever their number; and it is the model that has learned.
    assert history["val_loss"][-1] < 1e-3 * np.var(totals)
    found = np.asarray(model.predict_on_batch(clips))
    np.testing.assert_allclose(found, totals, atol=0.1)
    assert [tuple(w.shape) for w in rolling.trainable_weights] == [(1, 1), (1,)]


def test_streams_are_of_drawn_lengths_and_follow_from_the_seed() -> None:
    source = Fixed(noise(50, FRAMES, WIDTH), np.arange(50), 4)
    batches, same = (RollingBatches(source, 3 * FRAMES + 2, seed=5) for _ in range(2))
    assert (batches.lanes, batches.most_clips, len(batches)) == (4, 3, 13)

    def keeps(of: RollingBatches) -> np.ndarray:
        return np.stack([of[i][0][KEEP] for i in range(len(of))])

    first = keeps(batches)
    assert not first[0].any()
    for lane in first.T:
        begins = [*np.flatnonzero(lane == 0), len(lane)]
        assert set(np.diff(begins)) <= {1, 2, 3}
    assert len({tuple(lane) for lane in first.T}) > 1
    np.testing.assert_array_equal(keeps(same), first)
    batches.on_epoch_end()
    assert (keeps(batches) != first).any()
    # The last batch has two clips of its own, and two of the first.
    inputs, labels = batches[12]
    assert labels.tolist() == [48, 49, 0, 1]
    np.testing.assert_array_equal(inputs[FEATURES][2:], source.features[:2])


def test_streamed_scores_are_those_of_one_long_clip() -> None:
    model = small_model()
    x = noise(11, FRAMES, WIDTH)
    order = long_recordings(len(x), seed=1, recordings=2)
    assert order.shape == (2, 5) and len(np.unique(order)) == 10
    found = streamed_scores(model, x, order)
    for row, clips in enumerate(order):
        for count in range(1, 6):
            long = x[clips[:count]].reshape(1, -1, WIDTH)
            expected = np.asarray(model.predict_on_batch(long))[0]
            np.testing.assert_allclose(found[row, count - 1], expected, atol=1e-6)


def test_a_rolling_model_is_saved_and_loaded(tmp_path: Any) -> None:
    rolling = RollingModel(small_model(), LANES)
    inputs = {FEATURES: noise(LANES, FRAMES, WIDTH), KEEP: keep(1, 1, 1)}
    rolling.predict_on_batch(inputs)
    rolling.save(tmp_path / "rolling.keras")
    again = keras.saving.load_model(tmp_path / "rolling.keras")
    expected = np.asarray(rolling.predict_on_batch(inputs))
    np.testing.assert_allclose(np.asarray(again.predict_on_batch(inputs)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([keras.layers.Dense(2)], "must have a recurrent layer"),
        ([keras.layers.GRU(2, go_backwards=True)], "one direction"),
        ([keras.layers.Bidirectional(keras.layers.GRU(2))], "one direction"),
    ],
)
def test_a_model_that_cannot_roll_is_refused(layers: list[Any], message: str) -> None:
    model = keras.Sequential([keras.Input((None, WIDTH)), *layers])
    with pytest.raises(ValueError, match=message):
        RollingModel(model, LANES)


def test_wrong_rolling_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="`lanes`"):
        RollingModel(small_model(), 0)
    with pytest.raises(ValueError, match="`model` must be built"):
        RollingModel(keras.Sequential([keras.layers.GRU(2)]), 2)
    with pytest.raises(ValueError, match="`max_steps`"):
        RollingBatches(Fixed(noise(4, FRAMES, WIDTH), np.arange(4), 2), FRAMES - 1)
