"""Plain text of the detailed orthographic transcripts (`.dot`) of the Wall Street Journal corpora.

The mark-up is that of NIST's specification of 1993, which comes with WSJ0 as `dot_spec.doc`:
sounds in square brackets, also `[x/]` ... `[/x]` around words and `[<x]`, `[x>]` on a neighbour;
`<word>` spoken, then taken back; `*word*` mispronounced; `wo(rd)-` broken off; `!word` stressed;
`wo:rd` drawn out; `~` a recording that is cut off; `((word))` guessed; `.` a pause; a backslash
before a sign that belongs to a word; and punctuation that was read aloud as `,COMMA`.
"""

from __future__ import annotations

import re

_SOUND = re.compile(r"\[[^\[\]\s]*\]")
# Punctuation that was read aloud: its sign and its name. Fragments begin with a hyphen, and words
# with an apostrophe, so there the names are told apart.
_SPOKEN = re.compile(
    r"(?:-+(?=DASH|HYPHEN)|'(?=(?:SINGLE|OPEN|CLOSE)-)|[^-\w\s'<*\[~]+)([A-Z]{2}[A-Z-]*)"
)
_DRAWN_OUT = re.compile(r"(?<=[^\W\d_]):|:(?=[^\W\d_])")


def dot_text(text: str) -> str:
    """Return what was said, without mark-up.

    Raises:
        ValueError: it cannot be written with letters: words broken off, guessed, or cut off.
    """
    words = []
    for token in _SOUND.sub(" ", text).split():
        spoken = _SPOKEN.fullmatch(token.replace("\\", ""))
        if spoken:
            words.append(spoken[1])
            continue
        if "((" in token or "))" in token:
            raise ValueError("its transcript marks words as guessed.")
        if "~" in token:
            raise ValueError("its transcript marks the recording as cut off.")
        if "[" in token or "]" in token:
            raise ValueError(f"its transcript has the mark-up {token!r}, which is not known.")
        # A sign behind a backslash is part of the word and says nothing about how it was spoken.
        bare = re.sub(r"\\.|[<>*!]", lambda sign: "x" * (len(sign[0]) - 1), token)
        if re.search(r"[()]|\w-$|^-\w", bare):
            raise ValueError("its transcript has a word that was broken off.")
        bare = re.sub(r"[<>*!]", "", re.sub(r"\\(.)", r"\1", token))
        words.append(_DRAWN_OUT.sub("", bare))
    return " ".join(words)
