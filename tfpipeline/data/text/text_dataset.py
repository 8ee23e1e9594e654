"""A text for language models in memory, as numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfpipeline.data.arguments import check_count
from tfpipeline.data.text.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True)
class TextDataset:
    """What `load_text` and `load_python_text` return.

    Args:
        vocabulary: of the training text; words or characters that only validation or test have are
            `<unk>`.
        train, validation, test: int32 `(symbols,)`, the numbers of each text in its order.
        provenance: where the text comes from and what was done to it; values that JSON can hold.

    Example:
        >>> data = load_text("ptb")                                         # doctest: +SKIP
        >>> x, y = contiguous_batches(data.train, batch=20, steps=35)       # doctest: +SKIP
        >>> model.fit(x, y, batch_size=20, shuffle=False)                   # doctest: +SKIP
    """

    vocabulary: Vocabulary
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    provenance: dict[str, Any]

    def splits(self) -> dict[str, np.ndarray]:
        """Return the splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def unknown_share(self, split: str) -> float:
        """Return how much of a split is `<unk>`."""
        return float(np.mean(self.splits()[split] == self.vocabulary.unknown))

    def summary(self) -> str:
        """Return one line of counts."""
        counts = ", ".join(f"{len(ids)} {name}" for name, ids in self.splits().items())
        return (
            f"{self.provenance.get('name', 'text')}: {counts} {self.provenance['level']}s, "
            f"{len(self.vocabulary)} different ones; {self.unknown_share('test'):.2%} of the test "
            "are unknown."
        )


def contiguous_batches(
    numbers: np.ndarray, batch: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a text in `batch` lanes and these in pieces, for layers whose states go on.

    Row `r` of a batch goes on in row `r` of the next one, so with `stateful=True` a model reads
    each lane from its start to its end. Give both arrays to `model.fit(x, y, batch_size=batch,
    shuffle=False)`, and reset the states before each epoch. On JAX Keras (3.15) forgets the states
    of its stateful layers between the batches of `fit`; `tfpipeline.recipes.RollingModel` keeps
    them on every backend. What does not fill a batch at the end of the lanes is left out.

    Args:
        numbers: int32 `(symbols,)`.
        batch: lanes.
        steps: symbols of a piece.

    Returns:
        x and y, int32 `(batches * batch, steps)`, the batches one after the other: y is the symbol
        that follows each one of x.

    Raises:
        ValueError: impossible arguments, or a text that is too short for one batch.
    """
    check_count("contiguous_batches", "batch", batch)
    check_count("contiguous_batches", "steps", steps)
    numbers = np.asarray(numbers)
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(
            "contiguous_batches: numbers must be integers of the shape (symbols,); received "
            f"{numbers.dtype} of the shape {numbers.shape}."
        )
    count = max(len(numbers) - 1, 0) // batch // steps
    if not count:
        raise ValueError(
            f"contiguous_batches: numbers must be longer than batch * steps = {batch * steps}; "
            f"received {len(numbers)} of them, so take fewer lanes or steps."
        )
    lane = (len(numbers) - 1) // batch

    def cut(shift: int) -> np.ndarray:
        lanes = numbers[shift : shift + batch * lane].reshape(batch, lane)[:, : count * steps]
        pieces = lanes.reshape(batch, count, steps).transpose(1, 0, 2)
        return np.ascontiguousarray(pieces.reshape(count * batch, steps), np.int32)

    return cut(0), cut(1)
