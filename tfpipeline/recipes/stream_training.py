"""Trains a model on long recordings, to find words in streams that are never reset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from tfpipeline.recipes.keyword import EpochLines, History
from tfpipeline.recipes.recording_batches import RecordingBatches
from tfpipeline.recipes.rolling_model import RollingModel
from tfpipeline.recipes.stream_frames import StreamFrames

_WARM_UP = 0.05
_LAST_RATE = 0.05


@dataclass(frozen=True)
class StreamTraining:
    """Settings.

    Args:
        epochs: passes over the recordings.
        lanes: streams side by side.
        steps: time steps of a batch, through which gradients reach.
        rate: highest learning rate.
        gain: standard deviation of a level added to the features of a recording.
        seed: of order and levels.

    Raises:
        ValueError: a number that is not positive.
    """

    epochs: int = 12
    lanes: int = 32
    steps: int = 100
    rate: float = 2e-3
    gain: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "lanes", "steps", "rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be positive; received {getattr(self, name)!r}.")


def train_on_recordings(
    model: keras.Model,
    train: Sequence[StreamFrames],
    validation: Sequence[StreamFrames] = (),
    settings: StreamTraining | None = None,
    from_logits: bool = True,
) -> History:
    """Train a model in place, a label a frame, with states that are carried on.

    Args:
        model: gives a score for each of its labels at the end of a sequence, or at every step.
        train: recordings.
        validation: others; with them the weights of the epoch with the least loss are kept.
        settings: how.
        from_logits: whether scores are logits; else they are probabilities of a softmax.

    Returns:
        Keras' history by epoch.

    Raises:
        ValueError: a model that cannot go on (see `RollingModel`) or has other features or labels
            than the recordings, or too few recordings.
    """
    how = settings or StreamTraining()
    _check_fit(model, [*train, *validation])
    keras.utils.set_random_seed(how.seed)
    batches = RecordingBatches(train, how.lanes, how.steps, how.seed, how.gain)
    rolling = RollingModel(model, how.lanes, every_frame=True)
    steps = how.epochs * len(batches)
    warm_up = math.ceil(_WARM_UP * steps)
    rates = keras.optimizers.schedules.CosineDecay(
        how.rate / 20,
        max(1, steps - warm_up),
        alpha=_LAST_RATE,
        warmup_target=how.rate,
        warmup_steps=warm_up,
    )
    rolling.compile(
        keras.optimizers.Adam(rates, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits),
        weighted_metrics=["accuracy"],
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )
    callbacks: list[keras.callbacks.Callback] = [EpochLines("stream", how.epochs)]
    held_out = None
    if validation:
        held_out = RecordingBatches(validation, how.lanes, how.steps, how.seed)
        # It never stops; it ends with the weights of the best epoch.
        callbacks.append(
            keras.callbacks.EarlyStopping(
                "val_loss", mode="min", patience=how.epochs, restore_best_weights=True
            )
        )
    history = rolling.fit(
        batches,
        epochs=how.epochs,
        validation_data=held_out,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    ).history
    return {name: [float(value) for value in values] for name, values in history.items()}


def _check_fit(model: keras.Model, recordings: Sequence[StreamFrames]) -> None:
    features = {one.features.shape[-1] for one in recordings}
    if features != {model.input_shape[-1]}:
        raise ValueError(
            f"`model` takes {model.input_shape[-1]} features a frame, and the recordings have "
            f"{sorted(features)}; read them with the front end of the model."
        )
    labels = max(int(one.labels.max()) for one in recordings) + 1
    if labels > model.output_shape[-1]:
        raise ValueError(
            f"`model` has {model.output_shape[-1]} scores, and the recordings have {labels} "
            "labels; read them with the labels of the model."
        )
