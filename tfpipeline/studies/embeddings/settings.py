"""How much the studies of embeddings train."""

from __future__ import annotations

from dataclasses import dataclass

#: What `sentences.load` knows by name.
DATA = ("books", "documentation", "synthetic")
MODELS = ("lstm", "dan")
#: Learning rates that `lr` compares; see `schedules`.
SCHEDULES = (
    *("calr", "calr_published", "clr", "constant", "step", "cosine", "sgdr", "adagrad", "adam"),
)
#: What everything else is trained with.
DEFAULT_SCHEDULE = "adam_cosine"


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the sentences.

    Args:
        train, tested: sentences to train with, and to validate and to test on, at most; None for
            all.
        vocabulary: words, padding and the unknown one included, at most.
        steps: words of a sentence that are read: its last ones.
        width: of the embeddings.
        units: of the LSTM.
        hidden: of the dense layers of the deep averaging network.
        dropout: before the scores.
        batch_size: sentences.
        first, second: epochs before and after a table is made smaller; models that stay as they are
            have both.
        rate: highest learning rate of all studies but `lr`, where it falls along a cosine.
        parts: of an epoch, after each of which the validation accuracy is taken.
        contexts: words that word vectors are made from.
        removed: components that Raunak's projection takes away each time.
        lr_epochs: of `lr`.
        lr_rates: tried there, by schedule; those of `"sgd"` for all that are not named.
        reductions: shares of the table that factors of low rank leave out.
        projections: methods of offline projections.
        projected: shares of the width that they leave out.
        rows: shares of the rows that pruning and clustering keep.
        compositions: shares of the rows that are kept, and of what remains that factors leave out.
        bits: of post-training quantization.
        models: that are trained.
        seeds: of every setting, three or more.
    """

    train: int | None = 10_000
    tested: int | None = 1500
    vocabulary: int = 6000
    steps: int = 16
    width: int = 100
    units: int = 48
    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.3
    batch_size: int = 64
    first: int = 4
    second: int = 4
    rate: float = 3e-3
    parts: int = 4
    contexts: int = 1000
    removed: int = 2
    lr_epochs: int = 5
    lr_rates: tuple[tuple[str, tuple[float, ...]], ...] = (
        ("sgd", (0.1, 0.3, 1.0)),
        # It falls so fast that it may start higher.
        ("calr_published", (0.3, 1.0, 3.0)),
        ("adagrad", (0.03, 0.1, 0.3, 1.0)),
        ("adam", (1e-3, 3e-3, 1e-2, 3e-2)),
    )
    reductions: tuple[float, ...] = (0.5, 0.75, 0.9, 0.95)
    projections: tuple[str, ...] = ("u", "us", "raunak", "pca")
    projected: tuple[float, ...] = (0.9,)
    rows: tuple[float, ...] = (0.25, 0.1)
    compositions: tuple[tuple[float, float], ...] = ((0.25, 0.75),)
    bits: tuple[int, ...] = (16, 8, 4, 2)
    models: tuple[str, ...] = MODELS
    seeds: tuple[int, ...] = (0, 1, 2)

    def rates_of(self, schedule: str) -> tuple[float, ...]:
        """Return the learning rates that `lr` tries with a schedule."""
        tried = dict(self.lr_rates)
        return tried.get(schedule, tried["sgd"])


QUICK = Settings()
# As large as the models of the paper.
FULL = Settings(
    train=None,
    tested=None,
    vocabulary=20_000,
    steps=40,
    width=300,
    units=150,
    hidden=(1024, 512),
    dropout=0.4,
    first=10,
    second=10,
    rate=1e-3,
    contexts=4000,
    removed=7,
    lr_epochs=20,
    projected=(0.5, 0.75, 0.9, 0.95),
    rows=(0.5, 0.25, 0.1),
    compositions=((0.5, 0.75), (0.25, 0.75), (0.5, 0.9)),
    seeds=(0, 1, 2, 3, 4),
)
