"""How much the study of character language models with few bits trains."""

from __future__ import annotations

from dataclasses import dataclass

NORMALIZATIONS = (None, "weight", "layer", "batch_shared")


@dataclass(frozen=True)
class Settings:
    """Everything that changes a result, beside the text.

    Args:
        level: `"character"` or `"word"`: what a symbol is.
        vocabulary: the commonest words that are kept, with `<unk>`; None for all symbols.
        symbols: of the training text, from its beginning; None for all.
        tested: of the validation and the test text.
        units: of each recurrent layer.
        lanes: pieces of the text that are read side by side: sequences of a batch.
        steps: symbols of a batch in each lane. Gradients end there, states go on.
        epochs: passes over the training text.
        rate: highest learning rate, from which it falls along a cosine.
        quantizers: that are compared.
        cells: that are compared, each with the normalizations that each quantizer is tried with.
        stacked: pairs of a quantizer and a normalization that are trained with two layers too.
        seeds: of every setting, three or more.
    """

    level: str = "character"
    vocabulary: int | None = None
    symbols: int | None = 200_000
    tested: int | None = 20_000
    units: int = 64
    lanes: int = 32
    steps: int = 25
    epochs: int = 3
    rate: float = 1e-2
    quantizers: tuple[str | None, ...] = (None, "BinaryConnect", "TerConnect", "TWN", "LAT")
    cells: tuple[tuple[str, tuple[str | None, ...]], ...] = (
        ("lstm", NORMALIZATIONS),
        ("gru", (None, "weight")),
    )
    stacked: tuple[tuple[str | None, str | None], ...] = ((None, None), ("TWN", "weight"))
    seeds: tuple[int, ...] = (0, 1, 2)


QUICK = Settings()
# As large as the models of the paper.
FULL = Settings(
    symbols=None,
    tested=None,
    units=512,
    lanes=64,
    steps=100,
    epochs=40,
    rate=2e-3,
    cells=(("lstm", NORMALIZATIONS), ("gru", NORMALIZATIONS)),
)

WORDS_QUICK = Settings(
    level="word",
    vocabulary=1000,
    symbols=100_000,
    epochs=4,
    quantizers=(None, "BinaryConnect", "TerConnect", "Alternating"),
    cells=(("lstm", NORMALIZATIONS),),
    stacked=(),
)
WORDS_FULL = Settings(
    level="word",
    vocabulary=10_000,
    symbols=None,
    tested=None,
    units=300,
    lanes=20,
    steps=35,
    epochs=40,
    rate=2e-3,
    quantizers=(None, "BinaryConnect", "BWN", "TerConnect", "TWN", "LAT", "Alternating"),
    cells=(("lstm", NORMALIZATIONS), ("gru", NORMALIZATIONS)),
    stacked=(),
)
