"""The bytes of a tokenizer (`custom_ops/spec/tokenizer.md`): written, and read with care.

The checks are those of `custom_ops/text/tfp_tokenizer_file.c`: what one of the two refuses, the
other refuses too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from tfpipeline.tokenization.tables import (
    ITSELF,
    MOST_CLASS,
    MOST_CODE,
    MOST_ITEMS,
    MOST_LENGTH,
    MOST_WORD,
    CharacterMapping,
    CharacterRange,
    Kind,
    TokenizerTables,
)

TOKENIZER_METADATA = "tfpipeline.tokenizer"
VERSION = 1

_MAGIC = b"TFPT"
_HEADER = struct.Struct("<4sHHIIIIIIII")
_SECTION = struct.Struct("<II")
_ITEM_BYTES = (4, 4, 1, 16, 4, 12, 12, 8, 8)
_ADDED, _VOCABULARY = 7, 8
_HEADER_BYTES = _HEADER.size + len(_ITEM_BYTES) * _SECTION.size
_MAPPING = struct.Struct("<IIHHI")
_RANGE = struct.Struct("<III")
_EMPTY_TOKEN, _KEEP_BYTES, _WORD_PIECES, _HANGUL, _STRIP_BYTES = 1, 2, 4, 8, 16
_MOST_ID = (1 << 31) - 1


class TokenizerBytesError(ValueError):
    """What is wrong with a tokenizer's bytes, as the end of a sentence that begins with them."""


def pack_tokenizer(tables: TokenizerTables) -> bytes:
    """Return the bytes of a tokenizer.

    Raises:
        TokenizerBytesError: the tables hold what the bytes cannot.
    """
    sequences: list[int] = []
    mappings = b"".join(_pack_mapping(one, sequences) for one in tables.mappings)
    sections = [
        (_pack_ids(tables.before), len(tables.before)),
        (_pack_ids(tables.after), len(tables.after)),
        (tables.continuation, len(tables.continuation)),
        (mappings, len(tables.mappings)),
        (_pack_ids(sequences), len(sequences)),
        (_pack_ranges(tables.classes), len(tables.classes)),
        (_pack_ranges(tables.orders), len(tables.orders)),
        (_pack_strings(tables.added), len(tables.added)),
        (_pack_strings(tables.vocabulary), len(tables.vocabulary)),
    ]
    offset, places = _HEADER_BYTES, []
    for data, count in sections:
        places.append(_SECTION.pack(offset, count))
        offset += len(data)
    flags = _EMPTY_TOKEN * tables.empty_token + _KEEP_BYTES * tables.keep_bytes
    flags += _WORD_PIECES * tables.word_pieces + _HANGUL * tables.hangul
    flags += _STRIP_BYTES * tables.strip_bytes
    numbers = (tables.unknown, tables.padding, tables.most, tables.padded, tables.longest_word)
    try:
        header = _HEADER.pack(_MAGIC, VERSION, _HEADER_BYTES, offset, flags, *numbers, 0)
    except struct.error as error:
        raise TokenizerBytesError("has a number that does not fit") from error
    packed = b"".join([header, *places, *(data for data, _ in sections)])
    read_tokenizer(packed)
    return packed


def _pack_ids(ids: Sequence[int]) -> bytes:
    try:
        return struct.pack(f"<{len(ids)}I", *ids)
    except struct.error as error:
        raise TokenizerBytesError("has an id that is negative") from error


def _pack_mapping(mapping: CharacterMapping, sequences: list[int]) -> bytes:
    value = mapping.shift & 0xFFFFFFFF
    if mapping.kind == Kind.SEQUENCE:
        value = len(sequences)
        sequences += [len(mapping.items), *mapping.items]
    return _MAPPING.pack(mapping.first, mapping.last, mapping.step, mapping.kind, value)


def _pack_ranges(ranges: Iterable[CharacterRange]) -> bytes:
    return b"".join(_RANGE.pack(one.first, one.last, one.value) for one in ranges)


def _pack_strings(strings: Mapping[bytes, int]) -> bytes:
    ordered = sorted(strings)
    starts = [0]
    for string in ordered:
        starts.append(starts[-1] + len(string))
    return _pack_ids(starts) + _pack_ids([strings[one] for one in ordered]) + b"".join(ordered)


def read_tokenizer(data: bytes) -> TokenizerTables:
    """Read a tokenizer's bytes, which may come from anywhere.

    Raises:
        TokenizerBytesError: they are no tokenizer of this version, or damaged.
    """
    if len(data) < _HEADER_BYTES:
        raise TokenizerBytesError("is shorter than its header")
    magic, version, header, size, flags, *rest = _HEADER.unpack_from(data)
    unknown, padding, most, padded, longest, reserved = rest
    _check(magic == _MAGIC, "does not begin with TFPT")
    _check(version == VERSION, "has another version")
    _check(header == _HEADER_BYTES, "has another header")
    _check(size == len(data), "has another size than it says")
    _check(flags < 2 * _STRIP_BYTES, "has unknown flags")
    _check(reserved == 0, "has a reserved number that is not 0")
    _check(max(unknown, padding) <= _MOST_ID, "has an id that is negative")
    _check(max(most, padded) <= MOST_LENGTH, "has a length that is too large")
    fits = 1 <= longest <= MOST_WORD if flags & _WORD_PIECES else longest == 0
    _check(fits, "has a longest word that does not fit")
    numbers = _numbers(data, _HEADER.size, 2 * len(_ITEM_BYTES))
    places = list(zip(numbers[::2], numbers[1::2], strict=True))
    for i, (offset, count) in enumerate(places):
        end = offset + count * _ITEM_BYTES[i] + 4 * (i in (_ADDED, _VOCABULARY))
        _check(offset >= _HEADER_BYTES and end <= size, "has a section outside")
    before, after = (_ids(data, *places[i]) for i in (0, 1))
    _check(
        not most or len(before) + len(after) < most, "has no place between its first and last ids"
    )
    offset, count = places[2]
    return TokenizerTables(
        unknown=unknown,
        padding=padding,
        most=most,
        padded=padded,
        longest_word=longest,
        before=before,
        after=after,
        keep_bytes=bool(flags & _KEEP_BYTES),
        empty_token=bool(flags & _EMPTY_TOKEN),
        strip_bytes=bool(flags & _STRIP_BYTES),
        hangul=bool(flags & _HANGUL),
        continuation=bytes(data[offset : offset + count]),
        mappings=_mappings(data, places[3], places[4]),
        classes=_ranges(data, places[5], 0),
        orders=_ranges(data, places[6], 1),
        added=_strings(data, places[_ADDED], added=True),
        vocabulary=_strings(data, places[_VOCABULARY], added=False),
    )


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise TokenizerBytesError(otherwise)


def _numbers(data: bytes, offset: int, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"<{count}I", data, offset)


def _ids(data: bytes, offset: int, count: int) -> tuple[int, ...]:
    found = _numbers(data, offset, count)
    _check(max(found, default=0) <= _MOST_ID, "has an id that is negative")
    return found


def _mappings(
    data: bytes, place: tuple[int, int], sequences: tuple[int, int]
) -> tuple[CharacterMapping, ...]:
    offset, count = place
    records = list(_MAPPING.iter_unpack(data[offset : offset + 16 * count]))
    _check_ascending([record[:2] for record in records])
    numbers = _numbers(data, *sequences)
    return tuple(_mapping(record, numbers) for record in records)


def _mapping(record: tuple[int, ...], sequences: Sequence[int]) -> CharacterMapping:
    first, last, step, kind, value = record
    wrong = "has a mapping of characters that does not fit"
    _check(step in (1, 2) and kind in tuple(Kind), wrong)
    if kind == Kind.SHIFT:
        shift = value - (1 << 32) if value >> 31 else value
        _check(_are_scalars(first + shift, last + shift), wrong)
        return CharacterMapping(first, last, step, Kind.SHIFT, shift=shift)
    if kind != Kind.SEQUENCE:
        _check(value == 0, wrong)
        return CharacterMapping(first, last, step, Kind(kind))
    _check(value < len(sequences), wrong)
    count = sequences[value]
    _check(1 <= count <= MOST_ITEMS and count < len(sequences) - value, wrong)
    items = tuple(sequences[value + 1 : value + 1 + count])
    for item in items:
        _check(_are_scalars(first, last) if item == ITSELF else _are_scalars(item, item), wrong)
    return CharacterMapping(first, last, step, Kind.SEQUENCE, items=items)


def _are_scalars(first: int, last: int) -> bool:
    return first >= 0 and last <= MOST_CODE and (last < 0xD800 or first > 0xDFFF)


def _ranges(data: bytes, place: tuple[int, int], least: int) -> tuple[CharacterRange, ...]:
    offset, count = place
    records = list(_RANGE.iter_unpack(data[offset : offset + 12 * count]))
    _check_ascending([record[:2] for record in records])
    for *_, value in records:
        _check(least <= value <= MOST_CLASS, "has a class of characters out of range")
    return tuple(CharacterRange(*record) for record in records)


def _check_ascending(ranges: Iterable[Sequence[int]]) -> None:
    before = -1
    for first, last in ranges:
        _check(before < first <= last <= MOST_CODE, "has ranges of characters that do not ascend")
        before = last


def _strings(data: bytes, place: tuple[int, int], added: bool) -> dict[bytes, int]:
    offset, count = place
    starts = _numbers(data, offset, count + 1)
    ids = _numbers(data, offset + 4 * (count + 1), count)
    heap = offset + 4 * (2 * count + 1)
    if not count:
        return {}
    _check(starts[0] == 0, "has strings outside")
    _check(all(a <= b for a, b in pairwise(starts)), "has strings outside")
    _check(heap + starts[-1] <= len(data), "has strings outside")
    found = [bytes(data[heap + start : heap + end]) for start, end in pairwise(starts)]
    if added:
        _check(all(0 < len(one) <= MOST_WORD for one in found), "has an added string of no use")
    _check(all(a < b for a, b in pairwise(found)), "has strings that are not sorted")
    _check(max(ids) <= _MOST_ID, "has an id that is negative")
    return dict(zip(found, ids, strict=True))
