"""How much the study of language models trains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the text.

    Args:
        vocabulary: the commonest words that are kept, with `<unk>`; None for all.
        words: of the training text, from its beginning; None for all.
        units: of each recurrent layer, and of the embedding.
        batch_size: pieces of the text in a batch, shuffled anew in each epoch.
        steps: words of a piece. Its states begin with zeros, for training and for testing: those of
            FastGRNN are not bounded, and carried on through the text they outgrow what it learns.
        epochs: passes over the training text.
        rates: highest learning rates that are tried for each cell with the first seed; a rate rises
            in a twentieth of the epochs and falls along a cosine.
        ranks: of FastGRNN's two kernels in low rank.
        density: share of their factors that is kept.
        decays: strengths of weight decay that are tried.
        drops: shares of dropped recurrent weights that are tried.
        penalties: pairs of AR and TAR that are tried.
        seeds: of every model, three or more.
    """

    vocabulary: int | None = 1000
    words: int | None = 100_000
    units: int = 64
    batch_size: int = 32
    steps: int = 35
    epochs: int = 8
    rates: tuple[float, ...] = (5e-3, 1e-2)
    ranks: tuple[int, int] = (16, 16)
    density: float = 0.3
    decays: tuple[float, ...] = (0.1, 0.5)
    drops: tuple[float, ...] = (0.2, 0.5)
    penalties: tuple[tuple[float, float], ...] = ((0.1, 0.1), (1.0, 1.0))
    seeds: tuple[int, ...] = (0, 1, 2)


QUICK = Settings()
# As large as the models of the paper, whose vocabulary has 10,000 words.
FULL = Settings(
    vocabulary=10_000,
    words=None,
    units=256,
    epochs=40,
    rates=(1e-3, 3e-3, 6e-3),
    ranks=(64, 64),
    seeds=(0, 1, 2, 3, 4),
)
