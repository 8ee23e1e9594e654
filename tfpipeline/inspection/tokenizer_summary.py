"""The tokenizer of a file, in a few words."""

from __future__ import annotations

from dataclasses import dataclass

from tfpipeline.inspection.graph import ModelGraph
from tfpipeline.tokenization import TOKENIZER_METADATA, TokenizerBytesError, read_tokenizer

_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class TokenizerSummary:
    """What a tokenizer is.

    Args:
        kind: "words", or "word pieces" where words are cut in pieces.
        vocabulary: How many tokens it has.
        bytes: What it takes in the file.
        most: Most ids of a text; 0 for no bound.
        padded: How many ids a shorter text is padded to; 0 for no padding.
    """

    kind: str
    vocabulary: int
    bytes: int
    most: int
    padded: int

    def __str__(self) -> str:
        length = f"up to {self.most:,} ids" if self.most else "any number of ids"
        if self.padded and self.padded >= self.most:
            length = f"padded to {self.padded:,} ids"
        return f"{self.vocabulary:,} {self.kind} in {self.bytes:,} bytes, {length}"


def summarize_tokenizer(model: ModelGraph) -> tuple[TokenizerSummary | None, str]:
    """Return what the tokenizer of a file is, as far as it can be read; None where it has none.

    Returns:
        The summary, and why there is none where the file has a damaged tokenizer.
    """
    for name, buffer in model.metadata:
        if name != TOKENIZER_METADATA:
            continue
        data = model.content(buffer)
        if len(data) > _MOST_BYTES:
            return None, f"its tokenizer has {len(data)} bytes"
        try:
            tables = read_tokenizer(bytes(data))
        except TokenizerBytesError as error:
            return None, f"its tokenizer {error}"
        size = len(tables.vocabulary)
        return TokenizerSummary(tables.kind, size, len(data), tables.most, tables.padded), ""
    return None, ""
