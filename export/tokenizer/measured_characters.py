"""What a normalizer and a pre-tokenizer of `tokenizers` do to every character, found by trial.

Their tables of Unicode are part of that library, and of an age of their own: asking it is the only
way to have the same. Of each block of 256 characters that comes back as it was nothing more is
asked. Both must look at characters one by one, which is so for the kinds that
`tokenizers_library.py` lets pass; what marks do to each other is `measure_orders`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cmp_to_key
from itertools import product

from tfpipeline.tokenization.characters import hangul_parts
from tfpipeline.tokenization.tables import (
    ALONE,
    BETWEEN_WORDS,
    DEFAULT_CLASS,
    ITSELF,
    MOST_CODE,
    CharacterMapping,
    CharacterRange,
    Kind,
)

Normalize = Callable[[str], str]
Split = Callable[[str], list[tuple[str, tuple[int, int]]]]

_BLOCK = 256
_HANGUL = range(0xAC00, 0xD7A4)
_FEW = 6


def _blocks() -> Iterator[range]:
    """Yield the codes of all characters, in blocks."""
    for first in range(0, MOST_CODE + 1, _BLOCK):
        if not 0xD800 <= first <= 0xDFFF:
            yield range(first, first + _BLOCK)


def measure_mapping(normalize: Normalize) -> dict[int, str]:
    """Return what stands for each character that is not left as it is."""
    found = {}
    for block in _blocks():
        text = "".join(map(chr, block))
        if normalize(text) == text:
            continue
        for char in text:
            if (mapped := normalize(char)) != char:
                found[ord(char)] = mapped
    return found


def take_hangul(mapping: dict[int, str]) -> bool:
    """Take the Hangul syllables out, where all of them become their parts."""
    parts = {code: "".join(map(chr, hangul_parts(code))) for code in _HANGUL}
    if any(mapping.get(code) != parts[code] for code in _HANGUL):
        return False
    for code in _HANGUL:
        del mapping[code]
    return True


def measure_orders(
    normalize: Normalize, mapping: Mapping[int, str]
) -> tuple[dict[int, int], frozenset[int]]:
    """Return how marks are put in order.

    Returns:
        The place of each mark that changes places with others, from 1 on; and of the characters
        that are left out those which others change places across.
    """
    pair = _swapped_pair(normalize, mapping)
    if pair is None:
        return {}, frozenset()
    low, high = pair
    marks = []
    for block in _blocks():
        kept = [chr(code) for code in block if code not in mapping]
        text = "".join(f"a{high}{char}a{char}{low}" for char in kept)
        if normalize(text) == text:
            continue
        for char in kept:
            if normalize(f"a{high}{char}a{char}{low}") != f"a{high}{char}a{char}{low}":
                marks.append(char)

    # Of two marks of one place neither passes the other.
    def compared(one: str, other: str) -> int:
        return _compared(normalize, one, other)

    ordered = sorted(marks, key=cmp_to_key(compared))
    places, place = {}, 0
    for i, mark in enumerate(ordered):
        place += not i or _compared(normalize, ordered[i - 1], mark) != 0
        places[ord(mark)] = place
    across = f"a{low}{high}"
    hidden = (code for code, mapped in mapping.items() if not mapped)
    return places, frozenset(c for c in hidden if normalize(f"a{high}{chr(c)}{low}") == across)


def _swapped_pair(normalize: Normalize, mapping: Mapping[int, str]) -> tuple[str, str] | None:
    """Return two marks that stand in this order, whatever the text says; None without any."""
    by_class: dict[int, list[str]] = {}
    for code in range(MOST_CODE + 1):
        number = unicodedata.combining(chr(code))
        if number and code not in mapping and len(by_class.setdefault(number, [])) < _FEW:
            by_class[number].append(chr(code))
    classes = sorted(by_class)
    for lower in classes:
        for upper in reversed(classes):
            if upper <= lower:
                break
            for low, high in product(by_class[lower], by_class[upper]):
                if normalize(f"a{high}{low}") == f"a{low}{high}":
                    return low, high
    return None


def _compared(normalize: Normalize, one: str, other: str) -> int:
    if normalize(f"a{other}{one}") == f"a{one}{other}" != f"a{other}{one}":
        return -1
    return 1 if normalize(f"a{one}{other}") == f"a{other}{one}" != f"a{one}{other}" else 0


def mapping_records(
    mapping: Mapping[int, str], across: frozenset[int]
) -> tuple[CharacterMapping, ...]:
    """Return a mapping as few records."""
    found: list[CharacterMapping] = []
    for code in sorted(mapping):
        one = _record(code, mapping[code], code in across)
        last = found[-1] if found else None
        step = 0 if last is None else code - last.last
        alike = last is not None and (one.kind, one.shift, one.items) == (
            last.kind,
            last.shift,
            last.items,
        )
        single = last is not None and last.first == last.last
        if last is not None and alike and (step == last.step or (single and step == 2)):
            found[-1] = CharacterMapping(
                last.first, code, step, last.kind, shift=last.shift, items=last.items
            )
        else:
            found.append(one)
    return tuple(found)


def _record(code: int, mapped: str, across: bool) -> CharacterMapping:
    if not mapped:
        return CharacterMapping(code, code, 1, Kind.DROP_MARK if across else Kind.DROP)
    if len(mapped) == 1:
        return CharacterMapping(code, code, 1, Kind.SHIFT, shift=ord(mapped) - code)
    items = tuple(ITSELF if ord(char) == code else ord(char) for char in mapped)
    return CharacterMapping(code, code, 1, Kind.SEQUENCE, items=items)


def measure_classes(split: Split) -> dict[int, int]:
    """Return the class of each character that has not the usual one.

    Args:
        split: `pre_tokenize_str` of a pre-tokenizer.
    """
    found: dict[int, int] = {}
    runs = {DEFAULT_CLASS: "a"}

    def run_class(char: str) -> int:
        for number, other in runs.items():
            if len(split(other + char)) == 1:
                return number
        number = max(runs) + 1
        runs[number] = char
        return number

    for block in _blocks():
        text = "".join(map(chr, block))
        classes = [BETWEEN_WORDS] * _BLOCK
        for piece, (start, end) in split(text):
            if len(piece) > 1 or len(split(piece + piece)) == 1:
                number = run_class(piece[0])
            else:
                number = ALONE
            classes[start:end] = [number] * (end - start)
        found |= {
            code: number
            for code, number in zip(block, classes, strict=True)
            if number != DEFAULT_CLASS
        }
    return found


def range_records(values: Mapping[int, int]) -> tuple[CharacterRange, ...]:
    """Return values of characters as few ranges."""
    found: list[CharacterRange] = []
    for code in sorted(values):
        last = found[-1] if found else None
        if last is not None and last.last == code - 1 and last.value == values[code]:
            found[-1] = CharacterRange(last.first, code, last.value)
        else:
            found.append(CharacterRange(code, code, values[code]))
    return tuple(found)
