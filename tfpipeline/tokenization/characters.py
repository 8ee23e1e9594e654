"""A text as the tokenizer sees it: mapped characters, marks in their canonical order, and words.

Works on `str`. Bytes that are no UTF-8 are U+FFFD, or stay as the lone surrogates U+DC80 to U+DCFF
(`surrogateescape`) where the tokenizer keeps them; no rule applies to those.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property

from tfpipeline.tokenization.tables import (
    ALONE,
    BETWEEN_WORDS,
    DEFAULT_CLASS,
    CharacterMapping,
    CharacterRange,
    Kind,
    TokenizerTables,
)

_HIDDEN, _HIDDEN_MARK = "\udffe", "\udfff"
"""In the place of what is left out, until marks are in order; the first one keeps them apart."""
_LEFT_OUT = str.maketrans("", "", _HIDDEN + _HIDDEN_MARK)
_SURROGATES = range(0xD800, 0xE000)


class Characters:
    """The rules for characters of a tokenizer.

    Args:
        tables: Where they stand.
    """

    def __init__(self, tables: TokenizerTables) -> None:
        self._mapped = _Mapped(tables)
        self._classes = _Values(tables.classes, DEFAULT_CLASS)
        self._orders = _Values(tables.orders, 0)
        self._keep_bytes = tables.keep_bytes
        self._stripped = b""
        if tables.strip_bytes:
            left_out = (_HIDDEN, _HIDDEN_MARK)
            self._stripped = bytes(code for code in range(128) if self._mapped[code] in left_out)

    def words(self, text: bytes) -> Iterator[str]:
        """Yield the words of a text."""
        mapped = self.mapped(text)
        classes = mapped.translate(self._classes)
        for found in self._word.finditer(classes):
            yield mapped[found.start() : found.end()]

    def mapped(self, text: bytes) -> str:
        """Return the text with its characters mapped."""
        errors = "surrogateescape" if self._keep_bytes else "replace"
        if self._stripped:
            text = text.translate(None, self._stripped)
        mapped = text.decode("utf-8", errors).translate(self._mapped)
        if not self._orders.ranges:
            return mapped.translate(_LEFT_OUT)
        orders = mapped.translate(self._orders)
        parts, place = [], 0
        for found in re.finditer("[^\0]{2,}", orders):
            marks = mapped[found.start() : found.end()]
            ordered = sorted(range(len(marks)), key=lambda i: found[0][i])
            parts += [mapped[place : found.start()], *(marks[i] for i in ordered)]
            place = found.end()
        return "".join([*parts, mapped[place:]]).translate(_LEFT_OUT)

    @cached_property
    def _word(self) -> re.Pattern[str]:
        between, alone = chr(BETWEEN_WORDS), chr(ALONE)
        return re.compile(f"{alone}|([^{between}{alone}])\\1*", re.DOTALL)


class _Values(dict[int, str]):
    """For `str.translate`: to each character the one whose code is its value."""

    def __init__(self, ranges: Sequence[CharacterRange], otherwise: int) -> None:
        super().__init__()
        self.ranges = ranges
        self._firsts = [one.first for one in ranges]
        self._otherwise = otherwise

    def __missing__(self, code: int) -> str:
        found = self[code] = chr(self._value(code))
        return found

    def _value(self, code: int) -> int:
        if code == ord(_HIDDEN_MARK):
            return 1
        at = bisect_right(self._firsts, code) - 1
        if code in _SURROGATES or at < 0 or code > self.ranges[at].last:
            return self._otherwise
        return self.ranges[at].value


class _Mapped(dict[int, str]):
    """For `str.translate`: what stands for each character."""

    def __init__(self, tables: TokenizerTables) -> None:
        super().__init__()
        self._mappings = tables.mappings
        self._firsts = [one.first for one in tables.mappings]
        self._hangul = tables.hangul

    def __missing__(self, code: int) -> str:
        found = self[code] = self._of(code)
        return found

    def _of(self, code: int) -> str:
        at = bisect_right(self._firsts, code) - 1
        inside = at >= 0 and code <= self._mappings[at].last and code not in _SURROGATES
        mapping: CharacterMapping | None = self._mappings[at] if inside else None
        if mapping is not None and (code - mapping.first) % mapping.step == 0:
            if mapping.kind in (Kind.DROP, Kind.DROP_MARK):
                return _HIDDEN if mapping.kind == Kind.DROP else _HIDDEN_MARK
            return "".join(map(chr, mapping.apply(code)))
        if self._hangul and mapping is None and 0xAC00 <= code <= 0xD7A3:
            return "".join(map(chr, hangul_parts(code)))
        return chr(code)


def hangul_parts(code: int) -> list[int]:
    """Return the parts of a Hangul syllable (Unicode 15, section 3.12)."""
    vowels, trailing = divmod(code - 0xAC00, 28)
    parts = [0x1100 + vowels // 21, 0x1161 + vowels % 21]
    return [*parts, 0x11A7 + trailing] if trailing else parts
