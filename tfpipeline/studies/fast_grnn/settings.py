"""How much the studies of FastGRNN train."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recipe:
    """How a model is trained on one kind of data.

    Args:
        epochs: passes over the training data.
        batch_size: sequences.
        rate: highest learning rate where a study does not search it, reached after a twentieth of
            the epochs; it falls along a cosine.
        rates: that a study tries where it searches, on validation data.
    """

    epochs: int
    batch_size: int
    rate: float
    rates: tuple[float, ...]


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the corpus.

    Args:
        train, validation, test: clips of the synthesized corpus of commands; at most so many of
            another.
        seeds: of every setting, three or more.
        commands, digits: how models are trained on spoken commands, and on digits.
        short: epochs on commands, in studies of many settings that compare with each other only.
    """

    train: int = 8000
    validation: int = 1000
    test: int = 1000
    seeds: tuple[int, ...] = (0, 1, 2)
    commands: Recipe = field(default_factory=lambda: Recipe(40, 64, 4e-3, (2e-3, 4e-3)))
    digits: Recipe = field(default_factory=lambda: Recipe(60, 32, 4e-3, (2e-3, 4e-3)))
    short: int = 20


QUICK = Settings()
FULL = Settings(
    commands=Recipe(120, 64, 4e-3, (1e-3, 2e-3, 4e-3, 8e-3)),
    digits=Recipe(200, 32, 4e-3, (1e-3, 2e-3, 4e-3, 8e-3)),
    seeds=(0, 1, 2, 3, 4),
    short=60,
)
