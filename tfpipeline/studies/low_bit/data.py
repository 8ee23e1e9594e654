"""The pictures as arrays, made once and read by every run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from tfpipeline.data.dataset import Dataset, Samples
from tfpipeline.data.images.pixel_order import as_sequences, check_order
from tfpipeline.data.splits import SPLITS
from tfpipeline.studies.common.prepared_arrays import prepare_arrays
from tfpipeline.studies.low_bit.runs import PERMUTED, RunFiles

_PERMUTATION_SEED = 0


def prepare_pixels(files: RunFiles, data: Path | None) -> Path:
    """Write the pictures, once, and return their file.

    Args:
        files: of the study.
        data: a folder of `tfpipeline.data.load_pixel_mnist`; None takes scikit-learn's digits.

    Raises:
        StudyError: the folder of the study has other pictures.
    """
    return prepare_arrays(
        files.pixels, data, lambda data: _arrays_of(data, files.settings.train), "digits"
    )


def _arrays_of(data: Path | None, most: int | None) -> dict[str, np.ndarray]:
    from tfpipeline.data import load_digits, load_pixel_mnist

    found = load_digits() if data is None else load_pixel_mnist(data)
    arrays = {"labels": np.asarray(found.labels)}
    for split, part in found.splits().items():
        side = round(part.x.shape[1] ** 0.5)
        kept = slice(most if split == "train" else None)
        arrays[f"{split}_x"] = part.x[kept].reshape(-1, side, side)
        arrays[f"{split}_y"] = part.y[kept]
    return arrays


@lru_cache(4)
def read_pixels(files: RunFiles, order: str, border: bool) -> Dataset:
    """Return sequences of pixels.

    Args:
        files: of the study.
        order: of the pixels.
        border: whether those at the border are there: in a picture of 8 x 8 one on each side, in
            one of 28 x 28 four, where MNIST has nothing.

    Raises:
        ValueError: the pixels of a step do not divide those that are read.
    """
    features = files.settings.features
    with np.load(files.pixels) as stored:
        labels = tuple(map(str, stored["labels"]))
        parts = []
        for split in SPLITS:
            pictures = stored[f"{split}_x"]
            cut = 0 if border else max(1, pictures.shape[1] // 7)
            pictures = pictures[:, cut : pictures.shape[1] - cut, cut : pictures.shape[2] - cut]
            count = pictures.shape[1] * pictures.shape[2]
            check_order("read_pixels", count, features, _PERMUTATION_SEED)
            x = as_sequences(pictures, features, order == PERMUTED, _PERMUTATION_SEED)
            parts.append(Samples(x, stored[f"{split}_y"]))
    train, validation, test = parts
    return Dataset(labels, train, validation, test, {"name": files.pixels.name})
