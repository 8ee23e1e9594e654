"""Brings transcripts to the letters that the recognizers of sentences write."""

from __future__ import annotations

import unicodedata

# What a transcript consists of: the apostrophe, the space and 26 letters.
LETTERS = "' abcdefghijklmnopqrstuvwxyz"
# Punctuation that is read aloud: without it the text would not be what was said.
_SPOKEN = frozenset("&%@#*\u2030\u00a7\u00b6")
# Unicode puts these beside accents and spacing marks, or calls them a letter.
_APOSTROPHES = frozenset("\u2018\u2019\u02bc\uff07`\u00b4")


def normalize_text(text: str) -> str:
    """Return a transcript in lower case, letters a to z, apostrophes and single spaces only.

    Accents fall away, punctuation and hyphens become spaces, apostrophes that stand alone go.
    Numbers and signs that are read aloud are not expanded.

    Raises:
        ValueError: a digit, a sign such as `%`, or a letter beyond a to z, which has no spelling.

    Example:
        >>> normalize_text("Don't stop -- the  café's open!")
        "don't stop the cafe's open"
    """
    plain = "".join("'" if character in _APOSTROPHES else character for character in text)
    # Compatibility forms (full width, ligatures) may decompose to capitals.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", plain).casefold())
    out = []
    for character in folded:
        if character in LETTERS:
            out.append(character)
            continue
        kind = unicodedata.category(character)
        if kind[0] in "NLSC" and not character.isspace() or character in _SPOKEN:
            raise ValueError(
                f"its text holds {_named(character, kind)}; spell out what was said with the "
                "letters a to z."
            )
        # Accents leave their letter behind, everything else parts words.
        out.append("" if kind[0] == "M" else " ")
    words = "".join(out).split()
    return " ".join(word for word in words if word.strip("'"))


def _named(character: str, kind: str) -> str:
    if kind[0] == "N":
        return f"the number {character!r}"
    if kind[0] == "L":
        return f"the letter {character!r}"
    return f"the character {character!r}"
