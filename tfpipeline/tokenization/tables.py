"""What a tokenizer is: rules for characters, a vocabulary, and what stands around the ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

MOST_CODE = 0x10FFFF
ITSELF = 0xFFFFFFFF
"""In a sequence: the character that is replaced."""

BETWEEN_WORDS, ALONE, DEFAULT_CLASS = 0, 1, 2
"""Classes of characters; those from `DEFAULT_CLASS` on make words with others of their class."""

MOST_ITEMS, MOST_CLASS, MOST_LENGTH, MOST_WORD = 32, 255, 1 << 24, 1000


class Kind(IntEnum):
    """What a mapping does to the characters of its range."""

    SHIFT = 0
    DROP = 1
    DROP_MARK = 2
    SEQUENCE = 3


@dataclass(frozen=True)
class CharacterMapping:
    """What becomes of the characters `first`, `first + step`, ... up to `last`.

    Args:
        first: Code of the first one.
        last: Of the last one, included.
        step: 1 or 2.
        kind: `SHIFT` adds `shift`; `DROP` leaves them out; `DROP_MARK` leaves them out and lets
            marks change places across them; `SEQUENCE` puts `items` in their place.
        shift: Of `SHIFT`.
        items: Of `SEQUENCE`; `ITSELF` stands for the character.
    """

    first: int
    last: int
    step: int
    kind: Kind
    shift: int = 0
    items: tuple[int, ...] = ()

    def apply(self, code: int) -> tuple[int, ...]:
        """Return the codes that stand for one of its characters."""
        if self.kind == Kind.SHIFT:
            return (code + self.shift,)
        return tuple(code if item == ITSELF else item for item in self.items)


@dataclass(frozen=True)
class CharacterRange:
    """Characters that share a class, or a place in the canonical order of marks."""

    first: int
    last: int
    value: int


@dataclass(frozen=True)
class TokenizerTables:
    """A tokenizer as data: `custom_ops/spec/tokenizer.md` says what each part does.

    Args:
        vocabulary: Ids by token, as UTF-8.
        unknown: The id of what is no token.
        padding: The id behind a text that is shorter than `padded`.
        most: Most ids of a text, with those around it; 0 for no bound.
        padded: How many ids a shorter text is padded to; 0 for no padding.
        before: Ids in front of every text.
        after: Ids behind it.
        added: Ids of strings that are found in the text as it is, before all else.
        keep_bytes: Whether what is no UTF-8 stays as it is; otherwise U+FFFD takes its place.
        empty_token: Whether a text without words is one empty word.
        hangul: Whether Hangul syllables become their parts.
        strip_bytes: Whether the ASCII characters that are left out are taken out of the bytes,
            before these are read as UTF-8.
        mappings: What becomes of characters, ascending.
        classes: Classes of characters, ascending; the rest have `DEFAULT_CLASS`.
        orders: Canonical order of marks, 1 to 255, ascending; the rest stay where they are.
        longest_word: Characters of the longest word that is cut in pieces; 0 where words are looked
            up as they are.
        continuation: In front of a piece that does not begin a word.
    """

    vocabulary: Mapping[bytes, int]
    unknown: int
    padding: int = 0
    most: int = 0
    padded: int = 0
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    added: Mapping[bytes, int] = field(default_factory=dict)
    keep_bytes: bool = False
    empty_token: bool = False
    hangul: bool = False
    strip_bytes: bool = False
    mappings: tuple[CharacterMapping, ...] = ()
    classes: tuple[CharacterRange, ...] = ()
    orders: tuple[CharacterRange, ...] = ()
    longest_word: int = 0
    continuation: bytes = b""

    @property
    def word_pieces(self) -> bool:
        """Whether words are cut in pieces."""
        return self.longest_word > 0

    @property
    def kind(self) -> str:
        """In a word or two: what the tokens are."""
        return "word pieces" if self.word_pieces else "words"

    @property
    def largest_id(self) -> int:
        """The largest id that a text can have."""
        ids = [self.unknown, *self.before, *self.after, *self.added.values()]
        ids += [self.padding] if self.padded else []
        return max(*ids, *self.vocabulary.values(), 0)
