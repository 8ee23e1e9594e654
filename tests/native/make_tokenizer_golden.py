"""Writes custom_ops/spec/tokenizer_golden.json: bytes of tokenizers, texts and their ids.

python tests/native/make_tokenizer_golden.py
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from odd_texts import odd_texts  # noqa: E402
from random_tokenizer import random_tokenizer  # noqa: E402

from tfpipeline.tokenization import Tokenizer, TokenizerTables, pack_tokenizer  # noqa: E402

GOLDEN = ROOT / "custom_ops" / "spec" / "tokenizer_golden.json"
_SEEDS, _TEXTS, _LONG = 6, 140, 200


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def golden() -> dict[str, Any]:
    """Return a small tokenizer in full, and some of every kind."""
    small = TokenizerTables({b"": 0, b"yes": 2, b"no": 3}, unknown=1, most=3, padded=3)
    cases = [small, *(random_tokenizer(seed) for seed in range(_SEEDS))]
    texts = [text for text in odd_texts(_TEXTS, seed=7) if len(text) < _LONG]
    return {
        "texts": [text_of(text) for text in texts],
        "tokenizers": [
            {
                "bytes": text_of(pack_tokenizer(tables)),
                "ids": [Tokenizer(tables).encode(text) for text in texts],
            }
            for tables in cases
        ],
    }


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(golden(), separators=(",", ":")) + "\n", encoding="utf-8")
