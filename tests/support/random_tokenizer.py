"""Tokenizers at random, of every kind that the bytes can hold."""

from __future__ import annotations

import random

from odd_texts import PARTS

from tfpipeline.tokenization.tables import (
    ITSELF,
    CharacterMapping,
    CharacterRange,
    Kind,
    TokenizerTables,
)

_CODES = [ord(c) for part in PARTS for c in part.decode("utf-8", "ignore")]


def random_tokenizer(seed: int) -> TokenizerTables:
    """Return a tokenizer whose rules are about the characters of `odd_texts`."""
    chosen = random.Random(seed)
    pieces = chosen.random() < 0.5
    words = [part for part in PARTS if chosen.random() < 0.7] + [b"a", b"the", b"", b"aa"]
    words += [b"##" + word for word in words if chosen.random() < 0.5]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(words))}
    before = tuple(chosen.sample(range(100), chosen.randrange(3)))
    after = tuple(chosen.sample(range(100), chosen.randrange(3)))
    most = chosen.choice((0, 0, 7, 20, 100))
    return TokenizerTables(
        vocabulary=vocabulary,
        unknown=chosen.randrange(1000),
        padding=chosen.randrange(1000),
        most=most,
        padded=chosen.choice((0, most, 11)),
        before=before,
        after=after,
        added={w: 500 + i for i, w in enumerate(chosen.sample(PARTS, chosen.randrange(6))) if w},
        keep_bytes=chosen.random() < 0.5,
        empty_token=chosen.random() < 0.5,
        hangul=chosen.random() < 0.5,
        strip_bytes=chosen.random() < 0.5,
        mappings=tuple(_mappings(chosen)),
        classes=tuple(_ranges(chosen, (0, 0, 1, 3, 4))),
        orders=tuple(_orders(chosen)) if chosen.random() < 0.6 else (),
        longest_word=chosen.choice((1, 5, 100)) if pieces else 0,
        continuation=b"##" if pieces and chosen.random() < 0.8 else b"",
    )


def _ranges(chosen: random.Random, values: tuple[int, ...]) -> list[CharacterRange]:
    return [
        CharacterRange(first, last, chosen.choice(values))
        for first, last in _places(chosen, chosen.choice((0, 3, 12)))
    ]


def _orders(chosen: random.Random) -> list[CharacterRange]:
    """Return orders of all marks of `odd_texts`, and of some other characters."""
    codes = {0x301, 0x316, 0x302E, 0x1B44, 0x1D16D, *chosen.sample(sorted(set(_CODES)), 3)}
    return [CharacterRange(code, code, chosen.choice((1, 7, 220, 230))) for code in sorted(codes)]


def _mappings(chosen: random.Random) -> list[CharacterMapping]:
    found = []
    for first, last in _places(chosen, chosen.choice((0, 3, 20))):
        kind = chosen.choice(tuple(Kind))
        step = chosen.choice((1, 2))
        items = [chosen.choice((ITSELF, *_CODES)) for _ in range(chosen.randrange(1, 4))]
        found.append(
            CharacterMapping(
                first,
                last,
                step,
                kind,
                shift=chosen.choice((1, 32, 2, 5)) if kind == Kind.SHIFT else 0,
                items=tuple(items) if kind == Kind.SEQUENCE else (),
            )
        )
    return [one for one in found if one.last < 0xD000 or one.first > 0xE000]


def _places(chosen: random.Random, count: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first in sorted(chosen.sample(sorted(set(_CODES)), count)):
        last = min(first + chosen.choice((0, 0, 1, 30)), 0x10FF00)
        if first <= last and (not found or first > found[-1][1]):
            found.append((first, last))
    return found
