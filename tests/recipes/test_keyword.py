from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tfpipeline.data import SpeechDataset, Split
from tfpipeline.features import LogMel
from tfpipeline.recipes import keyword
from tfpipeline.recipes.augmented_batches import Augmentation, AugmentedBatches, augment
from tfpipeline.recipes.streamed_accuracy import long_recordings, streamed_scores

pytestmark = pytest.mark.slow

STILL = Augmentation(0, 0, 0, 0, 0, 0)


def split(clips: int, seed: int) -> Split:
    """Three labels, told apart by which bands rise late in the clip."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, clips).astype(np.int32)
    features = rng.normal(0, 0.5, (clips, 24, 12)).astype(np.float32)
    for label in range(3):
        features[labels == label, 8:20, 4 * label : 4 * label + 4] += 2
    return Split(features, labels, tuple(str(i) for i in range(clips)))


@pytest.fixture(scope="module")
def dataset() -> SpeechDataset:
    return SpeechDataset(
        labels=("a", "b", "c"),
        train=split(240, 0),
        validation=split(40, 1),
        test=split(80, 2),
        log_mel=LogMel(),
        skipped=(),
        converted=(),
        source="made in a test",
    )


@pytest.fixture(scope="module")
def stage1(dataset):
    return keyword.train_stage1(dataset, keyword.KeywordConfig.quick())


def test_the_road_from_stage_1_to_stage_2(dataset, stage1, capsys):
    config = keyword.KeywordConfig.quick()
    model, history = stage1
    assert keyword.evaluate(model, dataset.test) > 0.9
    assert {"loss", "accuracy", "val_accuracy", "learning_rate"} <= set(history)
    assert len(history["gru_1/kernel/rank@0.9"]) == config.stage1_epochs

    small, report = keyword.compress(model, config)
    assert report.criterion == "explained_variance=0.9"
    assert small.count_params() < model.count_params()
    same, history = keyword.train_stage2(small, dataset, config)
    assert same is small and len(history["loss"]) == config.stage2_epochs
    assert not small.losses
    assert keyword.evaluate(small, dataset.test) > 0.9
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[0].startswith("stage 2  epoch  1/2  loss ")
    assert "validation" in lines[0] and "ranks" in lines[0]


def test_rolling_training_goes_through_both_stages(dataset):
    test = dataset.test
    config = keyword.KeywordConfig.quick().rolling()
    config = dataclasses.replace(config, stage1_epochs=8, batch_size=12)
    model, history = keyword.train_stage1(dataset, config)
    assert len(history["val_accuracy"]) == len(history["gru_1/kernel/rank@0.9"]) == 8
    small, _ = keyword.compress(model, config)
    steps = int(small.optimizer.iterations.numpy())
    assert steps == 8 * len(dataset.train) // 12
    keyword.train_stage2(small, dataset, config)
    assert int(small.optimizer.iterations.numpy()) > steps
    order = long_recordings(len(test))
    streamed = streamed_scores(small, test.features, order).argmax(axis=-1)
    assert (streamed == test.labels[order]).mean() > 0.9
    assert keyword.evaluate(small, test) > 0.9


def test_compress_takes_another_criterion(stage1):
    _, report = keyword.compress(stage1[0], keyword.KeywordConfig.quick(), rank=2)
    assert set(report.ranks.values()) == {2}


def test_same_seed_same_model(dataset, stage1):
    again, _ = keyword.train_stage1(dataset, keyword.KeywordConfig.quick())
    other, _ = keyword.train_stage1(dataset, keyword.KeywordConfig.quick(), seed=5)
    for one, same in zip(stage1[0].get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)
    assert np.abs(stage1[0].get_weights()[0] - other.get_weights()[0]).max() > 0.01


def test_an_uncompiled_model_is_compiled_for_stage_2(dataset, stage1):
    small, _ = keyword.compress(stage1[0], keyword.KeywordConfig.quick())
    bare = type(small).from_config(small.get_config())
    bare.set_weights(small.get_weights())
    config = dataclasses.replace(keyword.KeywordConfig.quick(), stage2_epochs=2)
    _, history = keyword.train_stage2(bare, dataset, config)
    assert len(history["loss"]) == 2


def test_predictions(dataset, stage1):
    predicted = keyword.predict(stage1[0], dataset.test)
    assert predicted.shape == (80,)
    accuracy = keyword.evaluate(stage1[0], dataset.test)
    assert accuracy == (predicted == dataset.test.labels).mean()


@pytest.mark.parametrize("name", ["stage1_epochs", "batch_size", "cycle_epochs"])
def test_bad_settings(name):
    with pytest.raises(ValueError, match=f"`{name}` must be positive"):
        keyword.KeywordConfig(**{name: 0})


def test_a_stage_is_a_whole_number_of_cycles():
    with pytest.raises(ValueError, match="`stage2_epochs` must be a multiple of cycle_epochs=3"):
        keyword.KeywordConfig(stage1_epochs=6, stage2_epochs=4, cycle_epochs=3)


def test_the_rate_falls_to_its_least_at_the_end_of_a_stage(stage1):
    config = keyword.KeywordConfig.quick()
    least = config.stage1_rate * config.decay ** (config.stage1_epochs // config.cycle_epochs)
    assert stage1[1]["learning_rate"][-1] == pytest.approx(least, rel=1e-5)


def test_no_augmentation_changes_nothing_but_order(dataset):
    batches = AugmentedBatches(dataset.train.features, dataset.train.labels, 100, STILL, 3)
    assert len(batches) == 3
    features, labels = (np.concatenate(part) for part in zip(*batches, strict=False))
    order = np.random.default_rng((3, 0, 0)).permutation(240)
    np.testing.assert_array_equal(features, dataset.train.features[order])
    np.testing.assert_array_equal(labels, dataset.train.labels[order])
    batches.on_epoch_end()
    assert (batches[0][1] != labels[:100]).any()


def test_augmentation_follows_from_seed_epoch_and_batch(dataset):
    made = [
        AugmentedBatches(dataset.train.features, dataset.train.labels, 16, Augmentation(), seed)
        for seed in (0, 0, 1)
    ]
    made[1][3]  # reading out of order must not matter
    np.testing.assert_array_equal(made[0][2][0], made[1][2][0])
    assert (made[0][2][0] != made[2][2][0]).any()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Augmentation(0, 0, 0, 0, 0, 0), "same"),
        (Augmentation(0.2, 0, 0, 0, 0, 0), "bands"),
        (Augmentation(0, 0.2, 0, 0, 0, 0), "frames"),
        (Augmentation(0, 0, 6, 0, 0, 0), "frames"),
        (Augmentation(0, 0, 0, 0.5, 0, 0), "level"),
        (Augmentation(0, 0, 0, 0, 3, 0), "mask"),
        (Augmentation(0, 0, 0, 0, 0, 5), "mask"),
    ],
    ids=str,
)
def test_each_variation_does_its_part_alone(how, expected):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 20, 10)).astype(np.float32)
    before = x.copy()
    y = augment(x, how, rng)
    np.testing.assert_array_equal(x, before)
    assert y.dtype == np.float32 and y.shape == x.shape
    assert (y == x).all() == (expected == "same")
    if expected == "frames":  # every frame is one of the clip's own
        for clip, varied in zip(x, y, strict=True):
            assert all((clip == frame).all(axis=1).any() for frame in varied)
    if expected == "bands":  # within the range of the frame it came from
        assert (y.max(axis=2) <= x.max(axis=2) + 1e-6).all()
    if expected == "level":
        np.testing.assert_allclose(np.ptp(y - x, axis=(1, 2)), 0, atol=1e-5)
    if expected == "mask":
        assert ((y == x) | (y == 0)).all() and (y == 0).any() and (y != 0).any()
