"""The tokenizer of one export: checked against what the user passed, and packed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tfpipeline.export.errors import ExportError
from tfpipeline.export.tokenizer.given_tokenizer import EXPECTED, GivenTokenizer, class_name
from tfpipeline.export.tokenizer.hard_texts import hard_texts
from tfpipeline.tokenization import (
    Tokenizer,
    TokenizerBytesError,
    TokenizerTables,
    pack_tokenizer,
    read_tokenizer,
)

_SHOWN = 60


@dataclass(frozen=True)
class ExportedTokenizer:
    """What goes into the files.

    Args:
        data: The bytes of the metadata entry.
        card: What the model card says of it.
    """

    data: bytes
    card: dict[str, Any]


def read_given(tokenizer: Any) -> GivenTokenizer:
    """Return the user's tokenizer, whichever library it is of.

    Raises:
        ExportError: it is of none, or has a part that cannot be exported.
    """
    origin = {kind.__module__.partition(".")[0] for kind in type(tokenizer).__mro__}
    if "tokenizers" in origin and hasattr(tokenizer, "to_str"):
        from tfpipeline.export.tokenizer.tokenizers_library import GivenTokenizersTokenizer

        return GivenTokenizersTokenizer(tokenizer)
    from keras.layers import TextVectorization

    from tfpipeline.export.tokenizer.text_vectorization import GivenTextVectorization

    if isinstance(tokenizer, TextVectorization):
        return GivenTextVectorization(tokenizer)
    raise ExportError(f"tokenizer must be {EXPECTED}, received {class_name(tokenizer)}")


def export_tokenizer(
    given: GivenTokenizer, frames: int, bounded: bool, texts: Sequence[bytes]
) -> ExportedTokenizer:
    """Write a tokenizer down, and prove that what is written gives the same ids.

    Args:
        given: The user's.
        frames: How many ids the model takes.
        bounded: Whether it takes fewer too.
        texts: To compare on, beside those that are hard.

    Raises:
        ExportError: it cannot be written down exactly.
    """
    try:
        data = pack_tokenizer(given.tables(frames, bounded))
        tables = read_tokenizer(data)
    except TokenizerBytesError as error:
        raise ExportError(f"tokenizer: {given.name} {error}, which cannot be exported") from error
    hard = hard_texts(tuple(tables.vocabulary), given.takes_bytes)
    for text, expected, found in _compared(given, tables, [*hard, *texts]):
        if expected != found:
            shown = text[:_SHOWN].decode("utf-8", "replace")
            raise ExportError(
                f"tokenizer: of {shown!r} {given.name} makes the ids {expected[:10]}, and what the "
                f"file can hold of it {found[:10]}: pass {EXPECTED} that looks at characters one "
                "by one"
            )
    card = {
        "class": given.name,
        "kind": tables.kind,
        "vocabulary": len(tables.vocabulary),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return ExportedTokenizer(data, card)


def _compared(
    given: GivenTokenizer, tables: TokenizerTables, texts: Sequence[bytes]
) -> Iterator[tuple[bytes, list[int], list[int]]]:
    """Yield each text with the ids of the user's tokenizer and with ours."""
    ours = Tokenizer(tables)
    if not given.takes_bytes:
        texts = [text.decode("utf-8", "replace").encode() for text in texts]
    for text, expected in zip(texts, given.ids(texts, tables), strict=True):
        yield text, expected, ours.encode(text)
