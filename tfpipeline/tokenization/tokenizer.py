"""From text to the ids that a model takes, in Python alone."""

from __future__ import annotations

import re

from tfpipeline.tokenization.characters import Characters
from tfpipeline.tokenization.tables import TokenizerTables


class Tokenizer:
    """Makes ids of text, bit for bit as `custom_ops/text` does in C.

    Args:
        tables: What it is, as `read_tokenizer` gives it.

    Example:
        >>> from tfpipeline.tokenization import Tokenizer, TokenizerTables
        >>> Tokenizer(TokenizerTables({b"yes": 2}, unknown=1, padded=3)).encode("yes")
        [2, 0, 0]
    """

    def __init__(self, tables: TokenizerTables) -> None:
        self.tables = tables
        self._characters = Characters(tables)
        self._added: re.Pattern[bytes] | None = None
        if tables.added:
            # Of several that begin at one place the longest counts.
            longest_first = sorted(tables.added, key=len, reverse=True)
            self._added = re.compile(b"(" + b"|".join(map(re.escape, longest_first)) + b")")

    def encode(self, text: str | bytes) -> list[int]:
        """Return the ids of a text, cut and padded as the tables say.

        Args:
            text: Any text; bytes are UTF-8, or whatever they are.

        Raises:
            UnicodeEncodeError: a `str` that UTF-8 cannot hold.
        """
        tables = self.tables
        data = text.encode() if isinstance(text, str) else text
        around = len(tables.before) + len(tables.after)
        ids = self._content(data, tables.most - around if tables.most else None)
        found = [*tables.before, *ids, *tables.after]
        return found + [tables.padding] * (tables.padded - len(found))

    def _content(self, data: bytes, most: int | None) -> list[int]:
        ids: list[int] = []
        parts = [data] if self._added is None else self._added.split(data)
        for i, part in enumerate(parts):
            if i % 2:
                ids.append(self.tables.added[part])
                continue
            for word in self._characters.words(part):
                self._put(ids, word)
                if most is not None and len(ids) >= most:
                    return ids[:most]
        if not ids and self.tables.empty_token:
            self._put(ids, "")
        return ids if most is None else ids[:most]

    def _put(self, ids: list[int], word: str) -> None:
        tables = self.tables
        if tables.word_pieces:
            ids += self._pieces(word)
        else:
            ids.append(tables.vocabulary.get(_bytes(word), tables.unknown))

    def _pieces(self, word: str) -> list[int]:
        """Return the longest pieces from the left, or the unknown id where some of it is none."""
        tables, found, place = self.tables, [], 0
        if not 0 < len(word) <= tables.longest_word:
            return [tables.unknown]
        while place < len(word):
            prefix = tables.continuation if place else b""
            for end in range(len(word), place, -1):
                number = tables.vocabulary.get(prefix + _bytes(word[place:end]))
                if number is not None:
                    found.append(number)
                    place = end
                    break
            else:
                return [tables.unknown]
        return found


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")
