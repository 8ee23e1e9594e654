"""Tokenizers in `.tflite` files: their bytes, and from text to ids; needs Python alone."""

from __future__ import annotations

from tfpipeline.tokenization.tables import TokenizerTables
from tfpipeline.tokenization.tokenizer import Tokenizer
from tfpipeline.tokenization.tokenizer_bytes import (
    TOKENIZER_METADATA,
    TokenizerBytesError,
    pack_tokenizer,
    read_tokenizer,
)

__all__ = [
    "TOKENIZER_METADATA",
    "Tokenizer",
    "TokenizerBytesError",
    "TokenizerTables",
    "pack_tokenizer",
    "read_tokenizer",
]
