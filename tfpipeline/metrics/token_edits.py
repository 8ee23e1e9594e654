"""Edit distance of batches inside a compiled training step, on any backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

# Tokens are int32 `(batch, n)` with a mask `(batch, n)` of those that count; the others are skipped
# where they stand, so that nothing needs a shape that depends on values.


def greedy_tokens(logits: Any, frames: Any, blank: int) -> tuple[Any, Any]:
    """Return the largest logit of each frame, and the mask that merges repeats and drops blanks."""
    best = ops.cast(ops.argmax(logits, axis=2), "int32")
    before = ops.pad(best[:, :-1], [(0, 0), (1, 0)], constant_values=blank)
    valid = ops.arange(ops.shape(best)[1], dtype="int32")[None, :] < frames[:, None]
    return best, (best != blank) & (best != before) & valid


def spelled(symbols: Any, mask: Any, grams: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Return the characters of each gram in place of it, `(batch, n * longest)`."""
    longest = max(map(len, grams))
    rows = [[0] * longest, *([*gram, *[0] * (longest - len(gram))] for gram in grams)]
    characters = ops.take(ops.convert_to_tensor(rows, dtype="int32"), symbols, axis=0)
    counts = mask[:, :, None] & (characters > 0)
    shape = (-1, ops.shape(symbols)[1] * longest)
    return ops.reshape(characters, shape), ops.reshape(counts, shape)


def word_tokens(tokens: Any, mask: Any, space: int) -> tuple[Any, Any]:
    """Return one token for each word, at the space that ends it; one column longer than `tokens`.

    A word's token is a 32-bit hash of its characters, so two different words of a reference and its
    hypothesis count as one with a probability of about 1 in 4 billion.
    """
    tokens = ops.pad(tokens, [(0, 0), (0, 1)], constant_values=space)
    mask = ops.pad(mask, [(0, 0), (0, 1)], constant_values=True)

    def step(word: Any, item: Any) -> Any:
        token, counts = item
        at_space = counts & (token == space)
        grown = ops.where(counts, word * 1000003 + token + 1, word)  # wraps around, as a hash may
        return ops.where(at_space, 0, grown), word

    columns = (ops.transpose(tokens), ops.transpose(mask))
    # What is collected has the type of the carry: the hash before each column.
    _, words = ops.scan(step, ops.zeros_like(tokens[:, 0]), columns)
    words = ops.transpose(words)
    return words, mask & (tokens == space) & (words != 0)


def count(mask: Any) -> Any:
    return ops.sum(ops.cast(mask, "int32"), axis=1)


def edit_distances(reference: Any, reference_mask: Any, tokens: Any, mask: Any) -> Any:
    """Return insertions, deletions and substitutions of each utterance, `(batch,)`, float32.

    The table of Wagner and Fischer, d(i, j) of i hypothesis and j reference columns, one diagonal
    i + j at a time: the entries of a diagonal depend on the two before it only. A column that does
    not count copies its neighbour.
    """
    length, width = ops.shape(tokens)[1], ops.shape(reference)[1]
    j = ops.arange(width + 1, dtype="int32")[None, :]
    reference = ops.pad(reference, [(0, 0), (1, 0)])
    reference_mask = ops.pad(reference_mask, [(0, 0), (1, 0)], constant_values=False)
    skipped = ops.logical_not(reference_mask)
    # d(0, j), on the diagonal j.
    first_row = ops.cumsum(ops.cast(reference_mask, "int32"), axis=1)
    far = ops.full_like(first_row[:, :1], length + width + 2)

    def step(carry: Any, diagonal: Any) -> Any:
        last, second_last = carry
        column = ops.clip(diagonal - j - 1, 0, length - 1)
        column = ops.broadcast_to(column, ops.shape(reference))
        token = ops.take_along_axis(tokens, column, axis=1)
        counts = ops.take_along_axis(mask, column, axis=1)
        left = ops.concatenate([far, last[:, :-1]], axis=1)  # d(i, j - 1)
        corner = ops.concatenate([far, second_last[:, :-1]], axis=1)  # d(i - 1, j - 1)
        edited = ops.minimum(
            ops.minimum(left, last) + 1, corner + ops.cast(token != reference, "int32")
        )
        values = ops.where(counts, edited, last)
        values = ops.where(skipped & (j > 0), left, values)
        values = ops.where(counts & (j == 0), last + 1, values)
        values = ops.where(j >= diagonal, first_row, values)
        return (values, last), (values, last)

    start = ops.zeros_like(first_row)
    diagonals = ops.arange(length + width + 1, dtype="int32")
    (last, _), _ = ops.scan(step, (start, start), diagonals)
    return ops.cast(last[:, -1], "float32")
