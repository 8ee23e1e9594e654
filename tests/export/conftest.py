"""One small model, exported once for all tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from tfpipeline.export import ExportReport, export
from tfpipeline.features import LogMel
from tfpipeline.layers import FactoredGRU

FRAMES, FEATURES, LABELS = 24, 40, ("yes", "no", "up")


def walk(samples: int, frames: int = FRAMES, seed: int = 0) -> np.ndarray:
    """Smooth random features: a random walk around zero, as log-mels of speech move."""
    steps = np.random.default_rng(seed).normal(size=(samples, frames, FEATURES))
    return (0.3 * np.cumsum(steps, axis=1)).astype(np.float32)


@dataclass(frozen=True)
class Exported:
    """An exported model, what it was exported from, and data that it has not seen."""

    model: keras.Model
    report: ExportReport
    held_out: np.ndarray


@pytest.fixture(scope="session")
def model() -> keras.Model:
    """Factored, stock and dense layers; a sequence between the recurrent layers."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            FactoredGRU(24, rank=8, return_sequences=True, name="first"),
            keras.layers.GRU(17, name="second"),
            keras.layers.Dense(9, activation="relu"),
            keras.layers.Dense(len(LABELS)),
        ]
    )


@pytest.fixture(scope="session")
def exported(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    path = tmp_path_factory.mktemp("export") / "kws.tflite"
    held_out = walk(12, seed=1)
    report = export(
        model,
        path,
        calibration=walk(40),
        verification=held_out,
        streaming="both",
        labels=LABELS,
        frontend=LogMel().to_config(),
    )
    return Exported(model, report, held_out)


@pytest.fixture()
def target(tmp_path: Path) -> Path:
    return tmp_path / "model.tflite"
