"""Training of the keyword model in two stages: find the rank, cut, train on.

Stage 1 trains full-rank factors under a trace norm; `compress` cuts every matrix to the rank that
explains a set share of it; stage 2 trains the small model on without the trace norm. Kliegl et al.
(2018), section 3.1.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TextIO

import keras
import numpy as np

from tfpipeline.callbacks import CALR, RankMonitor
from tfpipeline.compress import TruncationReport, truncate
from tfpipeline.data import SpeechDataset, Split
from tfpipeline.models import keyword_gru
from tfpipeline.recipes.augmented_batches import Augmentation, AugmentedBatches
from tfpipeline.recipes.rolling_batches import RollingBatches
from tfpipeline.recipes.rolling_model import RollingModel

History = dict[str, list[float]]

_PREDICT_BATCH = 256
_ROLLING_STEPS = 1000


@dataclass(frozen=True)
class KeywordConfig:
    """Settings of both stages; the defaults fit a corpus of about 9,000 clips of one second.

    Args:
        seed: of weights, order of the data and augmentation.
        units: width of each GRU layer.
        stage1_epochs, stage2_epochs: passes over the training data.
        batch_size: clips of a batch.
        stage1_rate, stage2_rate: first upper bound of the learning rate in `CALR`.
        decay: factor of that bound after each cycle.
        cycle_epochs: epochs of one cycle; both stages last a whole number of cycles.
        trace_norm: strengths for input kernels and for recurrent kernels.
        explained_variance: share of each matrix that the cut keeps.
        dropout: of the inputs of the second and later GRU layers.
        augmentation: how training clips are varied.
        rolling_steps: train on clips laid end to end, whose states are carried on, for at most this
            many time steps; see `RollingModel`. 0 trains on single clips.
    """

    seed: int = 0
    units: tuple[int, ...] = (64, 64)
    stage1_epochs: int = 12
    stage2_epochs: int = 6
    batch_size: int = 64
    stage1_rate: float = 6e-3
    stage2_rate: float = 1.5e-3
    decay: float = 0.6
    cycle_epochs: int = 2
    trace_norm: tuple[float, float] = (3e-4, 3e-4)
    explained_variance: float = 0.9
    dropout: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    rolling_steps: int = 0

    def __post_init__(self) -> None:
        for name in ("stage1_epochs", "stage2_epochs", "batch_size", "cycle_epochs"):
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be positive; received {getattr(self, name)!r}.")
        for name in ("stage1_epochs", "stage2_epochs"):
            if getattr(self, name) % self.cycle_epochs:
                raise ValueError(
                    f"`{name}` must be a multiple of cycle_epochs={self.cycle_epochs}, so that the "
                    f"stage ends at a low learning rate; received {getattr(self, name)}."
                )

    def rolling(self) -> KeywordConfig:
        """Return the same for streams of up to ten seconds, ten clips."""
        return replace(self, rolling_steps=_ROLLING_STEPS)

    @classmethod
    def quick(cls, seed: int = 0) -> KeywordConfig:
        """Return settings for seconds on a small corpus: to see that everything works."""
        return cls(
            seed=seed,
            units=(32,),
            stage1_epochs=4,
            stage2_epochs=2,
            batch_size=32,
            stage1_rate=1e-2,
            augmentation=Augmentation(0.05, 0.05, 4, 0.1, 0, 0),
        )


def train_stage1(
    dataset: SpeechDataset, config: KeywordConfig, seed: int | None = None
) -> tuple[keras.Model, History]:
    """Train a full-rank factored model under the trace norm.

    Args:
        dataset: training and validation data; the test split is not looked at.
        config: the settings.
        seed: replaces the seed of `config`.

    Returns:
        The compiled model, and Keras' history by epoch with the ranks of `RankMonitor`.
    """
    seed = config.seed if seed is None else seed
    keras.utils.set_random_seed(seed)
    model = keyword_gru(
        num_labels=len(dataset.labels),
        num_features=dataset.train.features.shape[-1],
        units=config.units,
        trace_norm=config.trace_norm,
        dropout=config.dropout,
        seed=seed,
    )
    _compile(model, _adam(config.stage1_rate))
    history = _fit(
        model, dataset, config, "stage 1", config.stage1_epochs, config.stage1_rate, seed
    )
    return model, history


def compress(
    model: keras.Model, config: KeywordConfig, **criterion: Any
) -> tuple[keras.Model, TruncationReport]:
    """Cut every factored matrix to the rank that explains `config.explained_variance` of it.

    Args:
        model: trained in stage 1.
        config: the settings.
        criterion: `explained_variance`, `rank` or `budget_params` of `truncate`, in place of the
            one in `config`.
    """
    return truncate(model, **(criterion or {"explained_variance": config.explained_variance}))


def train_stage2(
    model: keras.Model, dataset: SpeechDataset, config: KeywordConfig, seed: int | None = None
) -> tuple[keras.Model, History]:
    """Train the cut model on, in place, without the trace norm.

    A compiled model goes on with its optimizer's state. Arguments and result as `train_stage1`.
    """
    seed = config.seed if seed is None else seed
    keras.utils.set_random_seed(seed + 1)
    if not model.compiled:
        _compile(model, _adam(config.stage2_rate))
    history = _fit(
        model, dataset, config, "stage 2", config.stage2_epochs, config.stage2_rate, seed + 1
    )
    return model, history


def scores(model: keras.Model, split: Split) -> np.ndarray:
    """Return the scores of each clip, float32 `(clips, labels)`."""
    return np.asarray(model.predict(split.features, batch_size=_PREDICT_BATCH, verbose=0))


def predict(model: keras.Model, split: Split) -> np.ndarray:
    """Return the label with the highest score for each clip, int64 `(clips,)`."""
    return scores(model, split).argmax(axis=-1)


def evaluate(model: keras.Model, split: Split) -> float:
    """Return the share of the clips whose label has the highest score."""
    return float(np.mean(predict(model, split) == split.labels))


def _compile(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # XLA makes TensorFlow's loop no faster on a CPU, and compiling takes as long as an epoch.
        jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
    )


def _adam(rate: float) -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(rate, global_clipnorm=1.0)


def _fit(
    model: keras.Model,
    dataset: SpeechDataset,
    config: KeywordConfig,
    label: str,
    epochs: int,
    rate: float,
    seed: int,
) -> History:
    train, validation = dataset.train, dataset.validation
    batches = AugmentedBatches(
        train.features, train.labels, config.batch_size, config.augmentation, seed
    )
    rates = CALR(
        rate,
        decay=config.decay,
        # One decay a cycle and no restart within the stage.
        n_decays=epochs // config.cycle_epochs,
        step_size=math.ceil(len(batches) * config.cycle_epochs / 2),
    )
    ranks = RankMonitor(config.explained_variance)
    held_out = (validation.features, validation.labels) if len(validation) else None
    trained: keras.Model = model
    data: keras.utils.PyDataset = batches
    if config.rolling_steps:
        data = rolled = RollingBatches(batches, config.rolling_steps, seed)
        trained = RollingModel(model, rolled.lanes)
        _compile(trained, model.optimizer)
    history = trained.fit(
        data,
        epochs=epochs,
        verbose=0,
        shuffle=False,  # the batches shuffle themselves
        validation_data=held_out,
        validation_batch_size=_PREDICT_BATCH,
        callbacks=[rates, ranks, EpochLines(label, epochs)],
    )
    return {name: [float(value) for value in values] for name, values in history.history.items()}


class EpochLines(keras.callbacks.Callback):
    """One line on standard error for each epoch: loss, accuracies, ranks and seconds."""

    def __init__(self, label: str, epochs: int, stream: TextIO | None = None) -> None:
        super().__init__()
        self.label = label
        self.epochs = epochs
        self._stream = stream
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        logs = logs or {}
        parts = [f"{self.label}  epoch {epoch + 1:2d}/{self.epochs}  loss {logs['loss']:.3f}"]
        parts.append(f"accuracy {100 * logs['accuracy']:5.1f} %")
        if "val_accuracy" in logs:
            parts.append(f"validation {100 * logs['val_accuracy']:5.1f} %")
        ranks = [f"{value:.0f}" for name, value in logs.items() if "/rank@" in name]
        if ranks:
            parts.append(f"ranks {' '.join(ranks)}")
        parts.append(f"{time.monotonic() - self._started:.1f} s")
        print("  ".join(parts), file=self._stream or sys.stderr, flush=True)
