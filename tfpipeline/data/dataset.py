"""Sequences and their labels in memory, as arrays: what the readers of public sets return."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Samples:
    """Training, validation or test data.

    Args:
        x: float32 `(samples, steps, features)`.
        y: int32 `(samples,)`, indices into the dataset's `labels`.
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Sequences with one label each.

    Args:
        labels: names of the classes.
        train, validation, test: the splits.
        provenance: where the samples come from and what was done to them; values that JSON can
            hold.
        mean, std: float32 `(features,)`, what training data was normalized with, for the device;
            None where nothing was.

    Example:
        >>> data = load_har("UCI HAR Dataset")                              # doctest: +SKIP
        >>> model.fit(data.train.x, data.train.y,                           # doctest: +SKIP
        ...           validation_data=(data.validation.x, data.validation.y))
    """

    labels: tuple[str, ...]
    train: Samples
    validation: Samples
    test: Samples
    provenance: dict[str, Any]
    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    def splits(self) -> dict[str, Samples]:
        """Return the splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def stacked(self, steps: int) -> Dataset:
        """Return the dataset with each `steps` steps laid side by side as one step.

        So the same samples are shorter sequences of more features (the lengths T of Kusupati et
        al., 2018, are made like this). Steps left over at the end are dropped.

        Raises:
            ValueError: `steps` is no whole number from 1 to the length of the sequences.
        """
        length, features = self.train.x.shape[1:]
        whole = isinstance(steps, int) and not isinstance(steps, bool)
        if not whole or not 1 <= steps <= length:
            raise ValueError(
                f"Dataset.stacked: steps must be a whole number from 1 to {length}, the length of "
                f"the sequences; received {steps!r}."
            )
        count = length // steps

        def stack(split: Samples) -> Samples:
            kept = split.x[:, : count * steps]
            return Samples(kept.reshape(len(split), count, steps * features), split.y)

        return dataclasses.replace(
            self,
            train=stack(self.train),
            validation=stack(self.validation),
            test=stack(self.test),
            provenance={**self.provenance, "stacked": steps},
            mean=None if self.mean is None else np.tile(self.mean, steps),
            std=None if self.std is None else np.tile(self.std, steps),
        )

    def summary(self) -> str:
        """Return one line of counts and shapes."""
        counts = ", ".join(f"{len(split)} {name}" for name, split in self.splits().items())
        steps, features = self.train.x.shape[1:]
        return (
            f"{self.provenance.get('name', 'data')}: {counts} samples of {steps} steps x "
            f"{features} features, {len(self.labels)} classes."
        )


def normalized(
    labels: tuple[str, ...],
    train: Samples,
    validation: Samples,
    test: Samples,
    provenance: dict[str, Any],
) -> Dataset:
    """Return the dataset with each feature at mean 0 and deviation 1 over the training data."""
    mean = train.x.mean(axis=(0, 1), dtype=np.float64)
    # Where a feature never varies nothing is divided by nothing.
    std = np.maximum(train.x.std(axis=(0, 1), dtype=np.float64), 1e-6)
    mean, std = mean.astype(np.float32), std.astype(np.float32)

    def normalize(split: Samples) -> Samples:
        return Samples((split.x - mean) / std, split.y)

    return Dataset(
        labels,
        normalize(train),
        normalize(validation),
        normalize(test),
        {**provenance, "normalization": "mean 0 and deviation 1 of each feature, by training data"},
        mean,
        std,
    )
