"""A small model file with a tokenizer in it, made without a converter."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tfpipeline.export.flatbuffer.builder import ModelBuilder
from tfpipeline.tokenization import TOKENIZER_METADATA, TokenizerTables, pack_tokenizer
from tfpipeline.tokenization.tables import CharacterMapping, CharacterRange, Kind

WORDS = ("", "[UNK]", "the", "good", "bad", "movie", "é", "👍", "isnt")


def text_model(folder: Path) -> tuple[Path, TokenizerTables]:
    """Write a model of no use, and return it with its tokenizer."""
    tables = TokenizerTables(
        {word.encode(): i for i, word in enumerate(WORDS)},
        unknown=1,
        most=300,
        keep_bytes=True,
        mappings=(
            CharacterMapping(ord("'"), ord("'"), 1, Kind.DROP),
            CharacterMapping(ord("A"), ord("Z"), 1, Kind.SHIFT, shift=32),
        ),
        classes=(CharacterRange(9, 13, 0), CharacterRange(32, 32, 0)),
    )
    model = ModelBuilder("test")
    graph = model.graph("main")
    x = graph.tensor("x", (1, 4), np.float32)
    graph.finish([x], [x])
    model.metadata("other", b"\1" * 100)
    model.metadata(TOKENIZER_METADATA, pack_tokenizer(tables))
    model.metadata("tfpipeline.model_card", json.dumps({"labels": ["schlecht", "schön"]}).encode())
    path = folder / "text.tflite"
    path.write_bytes(model.to_bytes())
    return path, tables
