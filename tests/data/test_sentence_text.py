from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tfpipeline.data import normalize_text
from tfpipeline.data.sentences.sentence_text import LETTERS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HELLO  World", "hello world"),
        ("Don\u2019t \u2018stop\u2019", "don't 'stop'"),
        ("good-bye -- all. (aside)", "good bye all aside"),
        ("caf\u00e9 na\u00efve e\u0301", "cafe naive e"),
        ("\ufb01ne \uff26ull stra\u00dfe", "fine full strasse"),
        ("Henry \u2167", "henry viii"),
        ("a\tb\nc\u00a0d\u2028e", "a b c d e"),
        ("the boys' ' dogs", "the boys' dogs"),
        ("", ""),
        (" ... ", ""),
    ],
)
def test_what_texts_become(text: str, expected: str) -> None:
    assert normalize_text(text) == expected


@pytest.mark.parametrize("text", ["16", "a1b", "\u00bd", "x\u00b2", "\u0663"])
def test_numbers_are_not_expanded(text: str) -> None:
    with pytest.raises(ValueError, match="holds the number"):
        normalize_text(text)


@pytest.mark.parametrize("text", ["%", "a & b", "$", "a+b", "\u20ac", "#"])
def test_signs_that_are_read_aloud_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds the character .* spell out"):
        normalize_text(text)


@pytest.mark.parametrize("text", ["\u0431", "\u00f8", "\u4e2d", "a\x00b", "a\ud800", "a\x7f"])
def test_other_letters_and_control_characters_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds the (letter|character)"):
        normalize_text(text)


@given(st.text())
@example("\u0130\u0345\u037a")
@example("\ufdfa \u2121")
def test_any_text_becomes_words_of_the_letters_or_is_refused(text: str) -> None:
    try:
        out = normalize_text(text)
    except ValueError:
        return
    assert set(out) <= set(LETTERS)
    assert out == " ".join(out.split(" ")).strip()
    assert "  " not in out
    assert all(word.strip("'") for word in out.split(" ") if out)
    assert normalize_text(out) == out


@given(st.text(alphabet=LETTERS + LETTERS.upper() + '.,;:!?-"()\t\n\u2019'))
def test_english_text_is_never_refused_and_keeps_its_letters(text: str) -> None:
    def letters(words: str) -> str:
        return "".join(c for c in words.lower() if "a" <= c <= "z")

    assert letters(normalize_text(text)) == letters(text)
