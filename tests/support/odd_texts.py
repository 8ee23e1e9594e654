"""Texts that tokenizers stumble over: short ones of odd parts, and a few that are long."""

from __future__ import annotations

import random

PARTS: tuple[bytes, ...] = (
    *(
        bytes([byte])
        for byte in b" \t\n\r\x0b\x0c\x1c\x85\xa0aAbZz09_-.,!?'\"`~#[]{}|\\/^$&\x00\x7f"
    ),
    *(word.encode() for word in ("the", "The", "movie", "GOOD", "bad", "isn't", "e-mail", "[UNK]")),
    *(
        word.encode()
        for word in ("[CLS]", "[SEP", "##s", "é", "É", "e\u0301", "ﬁ", "ß", "İ", "Σς", "Ǆ")
    ),
    *(
        mark.encode()
        for mark in (
            "\u0301",
            "\u0316",
            "\u0301\u034f\u0316",
            "\u0316\u0301",
            "\u034f",
            "\u302e",
            "\U0001d16d",
            "\u1b44",
        )
    ),
    *(
        char.encode()
        for char in ("\u00a0", "\u2003", "\u200b", "\u200d", "\u2028", "\u3000", "\ufeff")
    ),
    *(
        char.encode()
        for char in ("中", "文", "각", "가", "ก็", "हिन्दी", "عَرَبِيّ", "👍", "👩\u200d💻", "🇩🇪")
    ),
    *(
        char.encode()
        for char in ("\ufffd", "\uffff", "\U0010ffff", "\U00020000", "¡", "…", "²", "½")
    ),
    # No UTF-8: stray and missing followers, overlong forms, a surrogate, beyond Unicode.
    *(b"\x80", b"\xbf", b"\xc3", b"\xe2\x80", b"\xf0\x9f\x98", b"\xc0\xaf", b"\xe0\x80\xaf"),
    *(b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88", b"\xff", b"\xfe"),
)
LONGEST = 1 << 20


def odd_texts(count: int, seed: int = 0, valid: bool = False) -> list[bytes]:
    """Return that many texts, the empty one and some of a megabyte among them.

    Args:
        count: How many.
        seed: Of what is random.
        valid: Whether all are UTF-8.
    """
    chosen = random.Random(seed)
    parts = [part for part in PARTS if not valid or _is_utf8(part)]
    texts = [b"", b" ", b"\0", b"the good movie " * (LONGEST // 15), b"a" * LONGEST]
    texts.append("e\u0301中👍 ".encode() * (LONGEST // 12))
    if not valid:
        texts.append(b"\xf0\x9f " * (LONGEST // 3))
    texts += parts
    while len(texts) < count:
        size = chosen.choice((1, 2, 3, 5, 8, 13, 40))
        separator = chosen.choice((b"", b"", b" "))
        texts.append(separator.join(chosen.choice(parts) for _ in range(size)))
    return texts[:count]


def _is_utf8(part: bytes) -> bool:
    try:
        part.decode()
    except UnicodeDecodeError:
        return False
    return True
