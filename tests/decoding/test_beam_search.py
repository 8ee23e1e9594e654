"""The beam search against the sum over all paths, written out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tfpipeline.decoding import Alphabet, beam_search, greedy_decode

ALPHABET = Alphabet(" ab")


def all_texts(logits: np.ndarray) -> dict[str, float]:
    """log p of every text that the frames can give."""
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    found: dict[str, float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        text = ALPHABET.decode(symbol for symbol, _ in itertools.groupby(path) if symbol)
        found[text] = found.get(text, 0.0) + math.prod(p[np.arange(len(path)), path])
    return {text: math.log(value) for text, value in found.items()}


def length_model(history: tuple[str, ...], word: str) -> float:
    """Something that depends on the word, on its history and on its order."""
    return -len(word) * 0.7 - 0.3 * sum(i * len(past) for i, past in enumerate(history, start=1))


def score_of_words(text: str, alpha: float, beta: float) -> float:
    words = text.split()
    rated = sum(length_model(tuple(words[:i]), word) for i, word in enumerate(words))
    return alpha * rated + beta * len(words)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("with_model", [False, True])
def test_a_wide_beam_is_the_sum_over_all_paths(seed, with_model):
    logits = np.random.default_rng(seed).normal(size=(1, 6, 4)) * 2
    [found] = beam_search(
        logits,
        alphabet=ALPHABET,
        beam_width=10**6,
        n_best=10**6,
        language_model=length_model if with_model else None,
        alpha=0.8,
        beta=1.5,
    )
    expected = all_texts(logits[0])
    assert len(found) == len({h.text for h in found}) == len(expected)
    for text, score, log_probability in found:
        words = score_of_words(text, 0.8, 1.5) if with_model else 0
        # Sums of up to 4 ** 6 terms in another order, in float64.
        assert log_probability == pytest.approx(expected[text], abs=1e-9)
        assert score == pytest.approx(expected[text] + words, abs=1e-9)
    scores = [h.score for h in found]
    assert scores == sorted(scores, reverse=True)


def test_a_text_of_many_paths_beats_the_best_path():
    # Each frame prefers the blank, yet one "a" somewhere is more probable than none.
    logits = np.log(np.array([[[0.6, 0.0001, 0.3999, 0.0001]] * 2]))
    assert greedy_decode(logits, None, ALPHABET) == [""]
    assert beam_search(logits, None, ALPHABET)[0][0].text == "a"


def test_a_language_model_changes_the_text():
    logits = np.zeros((1, 2, 4))
    logits[0, 0, 2], logits[0, 1, 3] = 5.0, 4.9  # "ab", by a hair
    logits[0, 1, 2] = 4.8
    assert beam_search(logits, None, ALPHABET)[0][0].text == "ab"

    def prefers_a(history, word):
        return 0.0 if word == "a" else -5.0

    found = beam_search(logits, None, ALPHABET, language_model=prefers_a, alpha=1.0)
    assert found[0][0].text == "a"
    ignored = beam_search(logits, None, ALPHABET, language_model=prefers_a, alpha=0.0, beta=0.0)
    assert ignored[0][0].text == "ab"


def test_frames_after_the_end_do_not_count():
    logits = np.random.default_rng(0).normal(size=(3, 8, 4))
    frames = [8, 5, 0]
    found = beam_search(logits, frames, ALPHABET, beam_width=8)
    for row, count, hypotheses in zip(logits, frames, found, strict=True):
        assert [hypotheses] == beam_search(row[None, :count], None, ALPHABET, beam_width=8)
    assert found[2] == [("", 0.0, 0.0)]


def test_pruning_keeps_the_best_and_ties_are_stable():
    logits = np.random.default_rng(1).normal(size=(4, 30, 4)) * 4
    wide = beam_search(logits, None, ALPHABET, beam_width=64)
    close = beam_search(logits, None, ALPHABET, beam_width=64, margin=12.0)
    assert [h[0].text for h in wide] == [h[0].text for h in close]
    # A beam of one keeps what is best so far.
    assert all(len(h) == 1 for h in beam_search(logits, None, ALPHABET, beam_width=1, n_best=5))
    # All symbols equal: the first one of the equal ones.
    flat = beam_search(np.zeros((1, 1, 4)), None, ALPHABET, n_best=4)[0]
    assert [h.text for h in flat] == ["", " ", "a", "b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"beam_width": 0}, "`beam_width`"),
        ({"n_best": 1.5}, "`n_best`"),
        ({"margin": 0.0}, "`margin`"),
        ({"alphabet": Alphabet("ab", grams=["ab"])}, "`alphabet`"),
        ({"margin": "3"}, "`margin`"),
        ({"frames": [9]}, "`frames`"),
        ({"language_model": 3}, "`language_model` must be a function"),
        ({"alphabet": Alphabet("abc"), "language_model": length_model}, "`language_model`"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        beam_search(np.zeros((1, 3, 4)), **{"alphabet": ALPHABET, **arguments})


def test_the_language_model_decides_what_a_narrow_beam_keeps():
    """The first word is rated when the space ends it, and before the frames after that."""

    def likes_b(history, word):
        return 0.0 if word == "b" else -3.0

    # "a" is a little more probable than "b"; the space, a blank and "a" after it are certain.
    logits = np.full((1, 5, 4), -20.0)
    logits[0, 0, [2, 3]] = 1.0, 0.5
    logits[0, 1, 1] = logits[0, 2, 0] = logits[0, 3, 2] = logits[0, 4, 0] = 5.0
    options = {"alphabet": ALPHABET, "alpha": 1.0, "beta": 0.0, "n_best": 2}
    for width, expected in ((2, ["b a", "a a"]), (1, ["a a"])):
        [found] = beam_search(logits, **options, beam_width=width, language_model=likes_b)
        assert [hypothesis.text for hypothesis in found] == expected
    [[best, _]] = beam_search(logits, **options, beam_width=2)
    assert best.text == "a a"
    # A prefix that a space has ended counts with its rating when it grows ...
    [found] = beam_search(logits, **options, beam_width=2, language_model=likes_b, margin=1.0)
    assert [hypothesis.text for hypothesis in found] == ["b a"]
    # ... and when it stays: "a " is 0.3 behind "b " then, and would be 1.3 ahead without a sign.
    stays = logits[:, :3]
    [found] = beam_search(
        stays,
        **options,
        beam_width=2,
        language_model=lambda history, word: 0.0 if word == "b" else -0.8,
        margin=1.0,
    )
    assert [hypothesis.text for hypothesis in found] == ["b ", "a "]
