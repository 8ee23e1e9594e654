"""How much the studies of few bits train on pixels."""

from __future__ import annotations

from dataclasses import dataclass

#: All that are compared, by the names of `tfpipeline.quantizers`; None for full precision.
QUANTIZERS = (
    *(None, "BinaryConnect", "BWN", "LAB", "TerConnect", "TWN", "LAT", "Alternating", "SBN"),
    "STN",
)
NORMALIZATIONS = (None, "weight", "layer", "batch_shared", "batch_separate")


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the pictures.

    Args:
        train: pictures to train with at most; None for all.
        features: pixels of a step. Of one, the input kernel stays in full precision.
        units: of the recurrent layer.
        epochs: passes over the training pictures.
        batch_size: pictures.
        rate: highest learning rate, from which it falls along a cosine.
        watched: pictures on which gradients are measured.
        quantizers, normalizations: of `low-bit-grid`, each with each.
        permuted: quantizers that it trains in the permuted order too.
        gains: of `shared-batch-norm`: numbers, or `"uniform"` for draws from 0 to 1.
        cells: of `gradient-norms`.
        seeds: of every setting, three or more.
    """

    train: int | None = None
    features: int = 2
    units: int = 48
    epochs: int = 20
    batch_size: int = 64
    rate: float = 1e-2
    watched: int = 4
    quantizers: tuple[str | None, ...] = QUANTIZERS
    normalizations: tuple[str | None, ...] = NORMALIZATIONS
    permuted: tuple[str | None, ...] = (None, "BinaryConnect", "TerConnect")
    gains: tuple[float | str, ...] = (0.1, 1.0, "uniform")
    cells: tuple[str, ...] = ("lstm", "gru", "fast_rnn", "fast_grnn")
    seeds: tuple[int, ...] = (0, 1, 2)


QUICK = Settings()
# As large as the models of the paper.
FULL = Settings(
    features=1,
    units=100,
    epochs=200,
    batch_size=100,
    rate=2e-3,
    permuted=QUANTIZERS,
    seeds=(0, 1, 2, 3, 4),
)
