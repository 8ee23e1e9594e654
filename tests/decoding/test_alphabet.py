from __future__ import annotations

import pytest

from tfpipeline.decoding import Alphabet


def test_the_default_has_29_symbols():
    alphabet = Alphabet()
    assert len(alphabet) == 29
    assert alphabet.space == 1
    text = "it's a test"
    assert alphabet.decode(alphabet.encode(text)) == text
    assert min(alphabet.encode(text)) == 1


def test_another_alphabet():
    alphabet = Alphabet("äb")
    assert alphabet.encode("bä") == [2, 1]
    assert alphabet.space is None
    assert alphabet == Alphabet("äb") != Alphabet("bä")
    assert len({alphabet, Alphabet("äb")}) == 1


def test_grams_are_symbols_after_the_characters():
    alphabet = Alphabet("abc", grams=["ab", "cab"])
    assert len(alphabet) == 6
    assert alphabet.gram_indices == ((1,), (2,), (3,), (1, 2), (3, 1, 2))
    assert alphabet.encode("cab") == [3, 1, 2]
    assert alphabet.decode([5, 3, 4]) == "cabcab"
    assert alphabet != Alphabet("abc")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Alphabet(""), "`characters`"),
        (lambda: Alphabet("aba"), "'a'"),
        (lambda: Alphabet("ab", grams=["a"]), "`grams`"),
        (lambda: Alphabet("ab", grams=["ab", "ab"]), "`grams`"),
        (lambda: Alphabet("ab", grams=["ac"]), "'c'"),
        (lambda: Alphabet().encode("Hello"), "'H' in 'Hello'"),
        (lambda: Alphabet().decode([1, 0]), "received 0"),
        (lambda: Alphabet().decode([29]), "received 29"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
