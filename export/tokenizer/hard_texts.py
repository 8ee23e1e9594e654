"""Texts on which tokenizers differ, in a fixed order: the least that an export compares on."""

from __future__ import annotations

_TEXTS = (
    *("", " ", "a", "A", "the quick brown fox", "The QUICK\tbrown\nfox\r\n", "  two  spaces  "),
    *("don't stop", "e-mail@example.com, 3.14 (yes!)", "!!!", "[UNK] [PAD] [CLS] [SEP] [MASK]"),
    *("##ing", "a" * 99, "a" * 101, "a b " * 500, "\x00", "a\x00b", "\x01\x7f", "\x1c\x1d\x1e\x1f"),
    *("\x0b\x0c", "\x85", "\u00a0", "a\u00a0b", "\u2003a\u2028b\u3000c\u200bd\u200de\ufeff"),
    *("Ünïcödé ÀÉÎ", "İstanbul ıI", "ΣΊΣΥΦΟΣ", "Straße STRASSE ẞ", "ǅ ǈ", "ﬁne ﬀ Ａ１"),
    *("e\u0301 E\u0301 \u0301", "q\u0307\u0323 q\u0323\u0307", "a\u0301\u0302\u0316\u034f\u0315"),
    *(
        "a\u302e\u1b44\U0001d16d b\U0001d16d\u0301\u302e",
        "a\U0001d16d\u034f\u302e\u1b44\u034f\u0301\u302e",
        "é\u0345",
        "\u0344",
        "\u0f73\u0f71",
    ),
    *("中文字 日本語テスト 한국어 각가", "\u1100\u1161\u11a8", "हिन्दी ไทย ก็", "عَرَبِيّ עִבְרִית"),
    *("👍 👩\u200d💻 🇩🇪 👋🏽", "\U00020000\U0002f800", "x²½ ①", "\ufffd\uffff\U0010ffff\ue000"),
    *("¡hola! «oui» …—–", "1,000.5 ١٢٣ Ⅷ", "_under_score_ c++ #tag $5 50%"),
)
_NO_UTF8 = (
    *(b"\x80", b"a\xffb", b"\xc3", b"caf\xe9 au lait", b"\xe2\x80", b"\xf0\x9f\x98 \xf0\x9f"),
    *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xfe\xff"),
)
_TOKENS = 2000
_LINE = 20


def hard_texts(vocabulary: tuple[bytes, ...], no_utf8: bool) -> list[bytes]:
    """Return the fixed texts, and some of the vocabulary: words alone, in capitals, and in lines.

    Args:
        vocabulary: Tokens.
        no_utf8: Whether texts that are no UTF-8 are among them.
    """
    step = max(1, len(vocabulary) // _TOKENS)
    words = list(vocabulary[::step])
    lines = [b" ".join(words[i : i + _LINE]) for i in range(0, len(words), _LINE)]
    capitals = [line.decode().upper().encode() for line in lines]
    texts = [text.encode() for text in _TEXTS] + list(_NO_UTF8 if no_utf8 else ())
    return [*texts, *words[:_LINE], *lines, *capitals]
