"""A `tokenizers.Tokenizer` as tables: word level and word piece models.

Its JSON says what it is made of; what that does to each character is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tfpipeline.export.errors import ExportError
from tfpipeline.export.tokenizer.given_tokenizer import GivenTokenizer, check_length, refused
from tfpipeline.export.tokenizer.measured_characters import (
    mapping_records,
    measure_classes,
    measure_mapping,
    measure_orders,
    range_records,
    take_hangul,
)
from tfpipeline.tokenization.tables import MOST_WORD, TokenizerTables

_MODELS = ("WordLevel", "WordPiece")
_NORMALIZERS = ("Lowercase", "BertNormalizer", "NFD", "NFKD", "StripAccents")
_SPLITTERS = ("WhitespaceSplit", "Whitespace", "BertPreTokenizer", "Digits", "CharDelimiterSplit")
_BEHAVIOURS = ("Isolated", "Removed", "Contiguous")
_REPLACEMENT = "\ufffd"


class GivenTokenizersTokenizer(GivenTokenizer):
    """A tokenizer of that library.

    Args:
        tokenizer: The tokenizer; it is not changed.

    Raises:
        ExportError: it has a part that cannot be written down exactly; the message names it.
    """

    name = "tokenizers.Tokenizer"
    takes_bytes = False

    def __init__(self, tokenizer: Any) -> None:
        self._given = tokenizer
        try:
            self._json = json.loads(tokenizer.to_str())
        except Exception as error:
            # The library's own class of errors is Exception.
            raise refused(self.name, f"a part in Python ({error})", "built-in parts") from error
        self._check_model()
        self._check_parts()
        self._before, self._after = self._around()
        self._added = self._added_tokens()
        padding, truncation = self._json["padding"], self._json["truncation"]
        self._check_sizes(padding, truncation)
        self.padding = None if padding is None else padding["pad_id"]
        fixed = None if padding is None else padding["strategy"]
        self.length = fixed["Fixed"] if isinstance(fixed, dict) else None
        self._most = None if truncation is None else truncation["max_length"]

    def tables(self, frames: int, bounded: bool) -> TokenizerTables:
        most = frames if self._most is None else self._most
        check_length(self.name, "truncation to max_length", most, frames, bounded=True)
        padded = 0
        if self.length is not None:
            check_length(self.name, "padding to length", self.length, frames, bounded)
            padded = self.length
        elif not bounded:
            if self.padding is None:
                raise ExportError(
                    f"tokenizer: {self.name} has no padding, and the model takes {frames} ids: "
                    f"call tokenizer.enable_padding(length={frames}, pad_id=...) first, as in "
                    "training"
                )
            padded = frames
        around = len(self._before) + len(self._after)
        if around >= most:
            raise ExportError(
                f"tokenizer: {self.name} adds {around} special tokens, and a text has {most} ids: "
                "nothing is left for its words; use longer sequences"
            )
        model = self._json["model"]
        pieces = model["type"] == "WordPiece"
        normalizer, splitter = self._given.normalizer, self._given.pre_tokenizer
        mapping: dict[int, str] = {}
        orders: dict[int, int] = {}
        across: frozenset[int] = frozenset()
        hangul = False
        if normalizer is not None:
            mapping = measure_mapping(normalizer.normalize_str)
            orders, across = measure_orders(normalizer.normalize_str, mapping)
            hangul = take_hangul(mapping)
        classes = {} if splitter is None else measure_classes(splitter.pre_tokenize_str)
        return TokenizerTables(
            vocabulary={token.encode(): number for token, number in model["vocab"].items()},
            unknown=model["vocab"][model["unk_token"]],
            padding=self.padding or 0,
            most=most,
            padded=padded,
            before=self._before,
            after=self._after,
            added=self._added,
            mappings=mapping_records(mapping, across),
            hangul=hangul,
            orders=range_records(orders),
            classes=range_records(classes),
            longest_word=model["max_input_chars_per_word"] if pieces else 0,
            continuation=model["continuing_subword_prefix"].encode() if pieces else b"",
        )

    def ids(self, texts: Sequence[bytes], tables: TokenizerTables) -> list[list[int]]:
        copy = type(self._given).from_str(self._given.to_str())
        copy.no_padding()
        copy.enable_truncation(tables.most)
        if tables.padded:
            copy.enable_padding(length=tables.padded, pad_id=tables.padding)
        return [copy.encode(text.decode()).ids for text in texts]

    def whole(self, texts: Sequence[bytes]) -> list[list[int]]:
        return [found.ids for found in self._given.encode_batch([one.decode() for one in texts])]

    def _check_model(self) -> None:
        model = self._json["model"]
        if model["type"] not in _MODELS:
            raise refused(self.name, f"the model {model['type']}", " or ".join(_MODELS))
        if model["unk_token"] not in model["vocab"]:
            raise ExportError(
                f"tokenizer: the vocabulary of {self.name} has no {model['unk_token']!r}, so that "
                "a word outside of it is an error: add that token to the vocabulary"
            )
        longest = model.get("max_input_chars_per_word", 1)
        if not 1 <= longest <= MOST_WORD:
            raise refused(
                self.name, f"max_input_chars_per_word={longest}", f"1 to {MOST_WORD} characters"
            )

    def _check_parts(self) -> None:
        for part in _flat(self._json["normalizer"], "normalizers"):
            if part["type"] not in _NORMALIZERS:
                raise refused(
                    self.name, f"the normalizer {part['type']}", f"{', '.join(_NORMALIZERS)}"
                )
        for part in _flat(self._json["pre_tokenizer"], "pretokenizers"):
            kind = part["type"]
            if kind == "Punctuation":
                if part["behavior"] not in _BEHAVIOURS:
                    raise refused(
                        self.name,
                        f"the pre-tokenizer Punctuation of behavior {part['behavior']}",
                        f"one of {', '.join(_BEHAVIOURS)}",
                    )
            elif kind not in _SPLITTERS:
                raise refused(
                    self.name, f"the pre-tokenizer {kind}", f"{', '.join(_SPLITTERS)}, Punctuation"
                )

    def _around(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the ids that a post-processor puts in front of a text and behind it."""
        post = self._json["post_processor"]
        if post is None:
            return (), ()
        if post["type"] in ("BertProcessing", "RobertaProcessing"):
            return (post["cls"][1],), (post["sep"][1],)
        if post["type"] != "TemplateProcessing":
            raise refused(
                self.name,
                f"the post-processor {post['type']}",
                "TemplateProcessing, BertProcessing or RobertaProcessing",
            )
        around: list[tuple[int, ...]] = [()]
        for part in post["single"]:
            if "Sequence" in part:
                around.append(())
            else:
                ids = post["special_tokens"][part["SpecialToken"]["id"]]["ids"]
                around[-1] += tuple(ids)
        if len(around) != 2:
            raise refused(
                self.name, f"a template with {len(around) - 1} texts", "a template with one $A"
            )
        return around[0], around[1]

    def _added_tokens(self) -> dict[bytes, int]:
        if self._json["added_tokens"] and getattr(self._given, "encode_special_tokens", False):
            raise refused(self.name, "encode_special_tokens=True", "encode_special_tokens=False")
        found = {}
        for token in self._json["added_tokens"]:
            wrong = [key for key in ("single_word", "lstrip", "rstrip", "normalized") if token[key]]
            if wrong:
                raise refused(
                    self.name,
                    f"the added token {token['content']!r} of {wrong[0]}=True",
                    f"AddedToken(..., {wrong[0]}=False)",
                )
            if _REPLACEMENT in token["content"] or len(token["content"].encode()) > MOST_WORD:
                raise refused(
                    self.name,
                    f"the added token {token['content'][:20]!r}",
                    f"no U+FFFD, and at most {MOST_WORD} bytes",
                )
            found[token["content"].encode()] = token["id"]
        return found

    def _check_sizes(self, padding: Any, truncation: Any) -> None:
        if padding is not None and padding["direction"] != "Right":
            raise refused(self.name, "padding on the left", "direction='right'")
        if padding is not None and padding["pad_to_multiple_of"] is not None:
            raise refused(
                self.name,
                f"pad_to_multiple_of={padding['pad_to_multiple_of']}",
                "padding to one length",
            )
        if truncation is not None and truncation["direction"] != "Right":
            raise refused(self.name, "truncation on the left", "direction='right'")
        if truncation is not None and truncation["strategy"] == "OnlySecond":
            raise refused(self.name, "the truncation strategy 'only_second'", "'longest_first'")


def _flat(part: Any, inner: str) -> Iterator[dict[str, Any]]:
    """Yield a part, or those of a sequence of them."""
    if part is None:
        return
    if part["type"] == "Sequence":
        for one in part[inner]:
            yield from _flat(one, inner)
    else:
        yield part
