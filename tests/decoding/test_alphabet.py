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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Alphabet(""), "`characters`"),
        (lambda: Alphabet("aba"), "'a'"),
        (lambda: Alphabet().encode("Hello"), "'H' in 'Hello'"),
        (lambda: Alphabet().decode([1, 0]), "received 0"),
        (lambda: Alphabet().decode([29]), "received 29"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
