"""Reads MNIST pixel by pixel."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.data.dataset import Dataset, Samples
from tfpipeline.data.errors import DataError
from tfpipeline.data.images.idx_file import read_idx
from tfpipeline.data.images.pixel_order import PERMUTATION_SEED, as_sequences, check_order

SIDE = 28
_NAMES = {"train": "train", "test": "t10k"}
# As the files were published, and as some copies of them are named.
_SPELLINGS = ("{}-idx{}-ubyte", "{}-idx{}-ubyte.gz", "{}.idx{}-ubyte", "{}.idx{}-ubyte.gz")


def load_pixel_mnist(
    root: str | os.PathLike[str],
    features: int = 1,
    permuted: bool = False,
    permutation_seed: int = PERMUTATION_SEED,
    validation_share: float = 1 / 6,
) -> Dataset:
    """Load MNIST as sequences of pixels, with values from 0 to 1.

    The folder holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`
    and `t10k-labels-idx1-ubyte`, plain or `.gz`, itself or in a folder `raw`. Sets of the same form
    (Fashion-MNIST) are read as well; the labels are the digits 0 to 9.

    Args:
        root: the folder.
        features: pixels of a step: 1 for pixel by pixel (784 steps), 28 for row by row (28 steps),
            7 for 112 steps, or any other number that divides 784.
        permuted: whether the pixels of all pictures come in one fixed random order.
        permutation_seed: which one; `tfpipeline.data.pixel_permutation` returns it.
        validation_share: of the training pictures, the last ones.

    Returns:
        A dataset with x float32 `(pictures, 784 / features, features)`.

    Raises:
        DataError: a file is missing or broken, or images and labels do not fit.
        ValueError: impossible arguments.
    """
    check_order("load_pixel_mnist", SIDE * SIDE, features, permutation_seed)
    if not (is_number(validation_share) and 0.0 <= validation_share < 1.0):
        raise ValueError(
            f"load_pixel_mnist: validation_share must be in [0, 1); received {validation_share!r}."
        )
    folder = Path(root)
    whole, test = (
        _read(folder, split, features, permuted, permutation_seed) for split in ("train", "test")
    )
    held = round(len(whole) * validation_share)
    if held == len(whole):
        raise DataError(f"{folder}: {len(whole)} training pictures are too few to split.")
    first = len(whole) - held
    return Dataset(
        tuple("0123456789"),
        Samples(whole.x[:first], whole.y[:first]),
        Samples(whole.x[first:], whole.y[first:]),
        test,
        {
            "name": "permuted pixel MNIST" if permuted else "pixel MNIST",
            "source": str(folder),
            "features": features,
            "permutation_seed": permutation_seed if permuted else None,
        },
    )


def _read(folder: Path, split: str, features: int, permuted: bool, seed: int) -> Samples:
    images_path, images = _find(folder, split, "images", 3, f"{SIDE} x {SIDE} pixels of uint8")
    labels_path, labels = _find(folder, split, "labels", 1, "digits of uint8")
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise DataError(
            f"{images_path}: holds {images.dtype} of the shape {images.shape}; expected uint8 "
            f"(pictures, {SIDE}, {SIDE})."
        )
    if labels.dtype != np.uint8 or labels.shape != (len(images),) or not len(images):
        raise DataError(
            f"{labels_path}: holds {labels.dtype} of the shape {labels.shape}; expected uint8, a "
            f"digit for each of the {len(images)} pictures of {images_path.name}."
        )
    if labels.max() > 9:
        raise DataError(f"{labels_path}: holds {labels.max()}; expected digits from 0 to 9.")
    x = as_sequences(images, features, permuted, seed)
    x /= np.float32(255)
    return Samples(x, labels.astype(np.int32))


def _find(folder: Path, split: str, what: str, axes: int, holds: str) -> tuple[Path, np.ndarray]:
    """Read the images or labels of a split from the first file that is there."""
    stem = f"{_NAMES[split]}-{what}"
    names = [spelling.format(stem, axes) for spelling in _SPELLINGS]
    places = [place / name for place in (folder, folder / "raw") for name in names]
    path = next((place for place in places if place.exists()), places[0])
    return path, read_idx(path, f"MNIST's {split} {what} ({holds}), here or as {names[1]}")
