"""`keras.layers.TextVectorization` as tables.

What it does, by its code and by trial with TensorFlow 2.21: texts are bytes, of which nothing is
decoded but by `split="character"`, which puts U+FFFD in the place of what is no UTF-8 after
punctuation was taken out of the bytes. Only the
ASCII letters are lowered, the 32 ASCII punctuation marks are taken out, and words end at the six
ASCII spaces; a no-break space is part of a word, and NUL is a character like others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.export.tokenizer.given_tokenizer import GivenTokenizer, check_length, refused
from tfpipeline.tokenization.tables import (
    ALONE,
    BETWEEN_WORDS,
    MOST_CODE,
    CharacterMapping,
    CharacterRange,
    Kind,
    TokenizerTables,
)

_LOWER = CharacterMapping(ord("A"), ord("Z"), 1, Kind.SHIFT, shift=32)
_PUNCTUATION = tuple(
    CharacterMapping(ord(first), ord(last), 1, Kind.DROP)
    for first, last in ("!/", ":@", "[`", "{~")
)
_MAPPINGS = {
    None: (),
    "lower": (_LOWER,),
    "strip_punctuation": _PUNCTUATION,
    "lower_and_strip_punctuation": (*_PUNCTUATION[:2], _LOWER, *_PUNCTUATION[2:]),
}
_CLASSES = {
    None: (),
    "whitespace": (
        CharacterRange(ord("\t"), ord("\r"), BETWEEN_WORDS),
        CharacterRange(ord(" "), ord(" "), BETWEEN_WORDS),
    ),
    "character": (CharacterRange(0, MOST_CODE, ALONE),),
}
_EMPTY, _UNKNOWN = 0, 1
"""The ids of padding, and of what is not in the vocabulary."""
_LONG = 1 << 16


class GivenTextVectorization(GivenTokenizer):
    """An adapted layer.

    Args:
        layer: The layer.

    Raises:
        ExportError: it has no vocabulary, or does what tables cannot say; the message names it.
    """

    name = "TextVectorization"
    takes_bytes = True
    padding = _EMPTY

    def __init__(self, layer: Any) -> None:
        config = _checked(layer)
        self._layer = layer
        self._standardize, self._split = config["standardize"], config["split"]
        self.length = config["output_sequence_length"]
        self._vocabulary = _vocabulary(layer)

    def tables(self, frames: int, bounded: bool) -> TokenizerTables:
        most = padded = frames
        if self.length is not None:
            check_length(self.name, "output_sequence_length", self.length, frames, bounded)
            most = padded = self.length
        elif bounded:
            padded = 0
        return TokenizerTables(
            vocabulary=self._vocabulary,
            unknown=_UNKNOWN,
            padding=_EMPTY,
            most=most,
            padded=padded,
            keep_bytes=self._split != "character",
            strip_bytes=self._split == "character",
            empty_token=self._split is None,
            mappings=_MAPPINGS[self._standardize],
            classes=_CLASSES[self._split],
        )

    def ids(self, texts: Sequence[bytes], tables: TokenizerTables) -> list[list[int]]:
        found = []
        for ids in self.whole(texts):
            # Behind the last word Keras pads up to the longest text of a batch.
            while (
                ids and ids[-1] == _EMPTY and len(ids) > tables.padded and self._split is not None
            ):
                ids.pop()
            cut = ids[: tables.most] if tables.most else ids
            found.append(cut + [_EMPTY] * (tables.padded - len(cut)))
        return found

    def whole(self, texts: Sequence[bytes]) -> list[list[int]]:
        # A dense array of a batch is as wide as its longest text.
        alone = max(map(len, texts), default=0) > _LONG
        batches = [[text] for text in texts] if alone else [list(texts)] if texts else []
        found: list[list[int]] = []
        for batch in batches:
            ids = np.asarray(self._layer(np.array(batch, object)[:, None]))
            found += ids.reshape(len(batch), -1).tolist()
        return found


def _checked(layer: Any) -> dict[str, Any]:
    """Return the layer's configuration."""
    from keras.layers import TextVectorization

    name = type(layer).__name__
    if type(layer) is not TextVectorization:
        raise ExportError(
            f"tokenizer: {name} is a subclass of TextVectorization, whose own code cannot be "
            "exported; pass a plain TextVectorization with the same vocabulary"
        )
    config: dict[str, Any] = layer.get_config()
    for option, choices in (("standardize", _MAPPINGS), ("split", _CLASSES)):
        value = getattr(layer, f"_{option}")
        if callable(value):
            called = getattr(value, "__name__", type(value).__name__)
            named = ", ".join(map(repr, choices))
            raise refused(name, f"the function {called!r} as {option}", f"one of {named}")
        config[option] = value
    if config["ngrams"] is not None:
        raise refused(name, f"ngrams={config['ngrams']}", "ngrams=None")
    if layer._output_mode != "int":
        raise refused(name, f"output_mode={layer._output_mode!r}", "output_mode='int'")
    for option in ("ragged", "sparse"):
        if config[option]:
            raise refused(name, f"{option}=True", f"{option}=False")
    if config["encoding"].lower().replace("_", "-") not in ("utf-8", "utf8"):
        raise refused(name, f"encoding={config['encoding']!r}", "encoding='utf-8'")
    return config


def _vocabulary(layer: Any) -> dict[bytes, int]:
    try:
        tokens = layer.get_vocabulary()
    except UnicodeDecodeError as error:
        raise refused(
            type(layer).__name__, "tokens that are no UTF-8", "a vocabulary of texts in UTF-8"
        ) from error
    if len(tokens) <= 2:
        raise ExportError(
            "tokenizer: TextVectorization has no vocabulary: call adapt(texts) or "
            "set_vocabulary(words) first"
        )
    return {token.encode(): i for i, token in enumerate(tokens)}
