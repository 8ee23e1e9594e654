"""Word vectors from the training sentences, without their labels: what tables start from."""

from __future__ import annotations

import numpy as np

from tfpipeline.metrics.table_spectrum import TableSpectrum

_WINDOW = 4
#: Root of the mean square of the numbers in a table that training starts from.
_SPREAD = 0.1


def word_vectors(ids: np.ndarray, vocabulary: int, width: int, contexts: int) -> np.ndarray:
    """Return vectors of words that occur near the same words.

    Levy and Goldberg (2014), "Neural word embedding as implicit matrix factorization": the positive
    pointwise mutual information of each word with the commonest words up to four words away, and of
    this matrix `U sqrt(S)`.

    Args:
        ids: `(sentences, steps)`; id 0 is padding.
        vocabulary: ids.
        width: of a vector.
        contexts: how many of the commonest words are looked for.

    Returns:
        float32 `(vocabulary, width)`; the row of padding is zeros.
    """
    frequent = np.argsort(-np.bincount(ids[ids > 0], minlength=vocabulary), kind="stable")
    count = min(max(contexts, width), vocabulary)
    column = np.full(vocabulary, -1)
    column[frequent[:count]] = np.arange(count)
    pairs = np.zeros(vocabulary * count, np.float64)
    for distance in range(1, min(_WINDOW, ids.shape[1] - 1) + 1):
        for word, near in (
            (ids[:, distance:], ids[:, :-distance]),
            (ids[:, :-distance], ids[:, distance:]),
        ):
            both = (word > 0) & (near > 0) & (column[near] >= 0)
            places = word[both].astype(np.int64) * count + column[near[both]]
            pairs += np.bincount(places, minlength=len(pairs))
    table = pairs.reshape(vocabulary, count)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / max(table.sum(), 1.0)
    found = np.zeros_like(table)
    np.log(np.divide(table, expected, out=found, where=table > 0), out=found, where=table > 0)
    left, _ = TableSpectrum(np.maximum(found, 0.0).astype(np.float32)).split(width)
    return as_start(left)


def as_start(table: np.ndarray) -> np.ndarray:
    """Return a table at the scale that training starts from, whatever it was made by."""
    present = table[np.any(table, axis=1)]
    size = np.sqrt(np.mean(np.square(present, dtype=np.float64))) if present.size else 1.0
    return (table * (_SPREAD / size)).astype(np.float32)
