from __future__ import annotations

import numpy as np
import pytest

from tfpipeline.decoding import Alphabet, greedy_decode


def one_hot(*paths: list[int], symbols: int = 3) -> np.ndarray:
    return np.eye(symbols)[np.array(paths)]


def test_greedy_decode():
    alphabet = Alphabet("ab")
    logits = one_hot([1, 1, 0, 1, 2, 2], [0, 2, 2, 0, 0, 1], [0] * 6)
    assert greedy_decode(logits, None, alphabet) == ["aab", "ba", ""]
    assert greedy_decode(logits, [3, 2, 0], alphabet) == ["a", "b", ""]


def test_the_default_alphabet_is_english():
    assert greedy_decode(one_hot([9, 0, 10], symbols=29)) == ["hi"]


@pytest.mark.parametrize(
    ("logits", "frames", "message"),
    [
        (np.zeros((2, 4)), None, "`logits`"),
        (np.zeros((2, 4, 5)), None, r"\(batch, frames, 3\)"),
        (np.zeros((2, 4, 3)), [4], "`frames`"),
        (np.zeros((2, 4, 3)), [4, 5], "`frames`"),
        (np.full((2, 4, 3), np.nan), [0, 4], "finite .* utterance 1 has none in frame 0"),
        (np.full((2, 4, 3), -np.inf), None, "training diverged"),
    ],
)
def test_errors(logits, frames, message):
    with pytest.raises(ValueError, match=message):
        greedy_decode(logits, frames, Alphabet("ab"))
