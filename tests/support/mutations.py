"""Damages `.tflite` files in the ways that offsets, lengths and bytes can be wrong."""

from __future__ import annotations

import random
import struct

_WORDS = (0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0, 1 << 16, 1 << 24)


def mutate(data: bytes, seed: int) -> bytes:
    """One damaged copy; the same for the same seed."""
    chance = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        chance.choice(_KINDS)(damaged, chance)
    if chance.random() < 0.9:
        # Most keep the identifier, or nothing behind it would ever be reached.
        damaged[4:8] = b"TFL3"
    return bytes(damaged)


def _byte(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _word(data: bytearray, chance: random.Random) -> None:
    """A length or an offset: anything, or one that is nearly right."""
    if len(data) < 8:
        return
    place = chance.randrange(len(data) // 4) * 4
    (old,) = struct.unpack_from("<I", data, place) if place + 4 <= len(data) else (0,)
    near = (old + chance.randint(-64, 64)) & 0xFFFFFFFF
    value = chance.choice((chance.choice(_WORDS), near, chance.randrange(len(data))))
    struct.pack_into("<I", data, min(place, len(data) - 4), value)


def _small_word(data: bytearray, chance: random.Random) -> None:
    """Only numbers that look like vector lengths, which are what makes readers run away."""
    places = [
        i
        for i in range(0, len(data) - 4, 4)
        if data[i] > 0 and not any(data[i + 1 : i + 4]) and chance.random() < 0.05
    ]
    if places:
        struct.pack_into("<I", data, chance.choice(places), chance.choice((255, 4096, len(data))))


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _insert(data: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = chance.randbytes(chance.choice((1, 4, 64)))


def _repeat(data: bytearray, chance: random.Random) -> None:
    """A stretch of the file over another one: offsets stay plausible, tables overlap."""
    if len(data) > 256:
        size = chance.choice((4, 16, 64))
        here, there = (chance.randrange(len(data) - size) for _ in range(2))
        data[here : here + size] = data[there : there + size]


_KINDS = (_byte, _byte, _word, _word, _word, _small_word, _cut, _insert, _repeat)
