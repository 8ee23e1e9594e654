"""Tokenizers of Hugging Face's `tokenizers` library, trained on a training split."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.data.arguments import check_count
from tfpipeline.data.errors import DataError
from tfpipeline.data.text.token_ids import check_texts, padded
from tfpipeline.data.whole_file import MIB, read_whole_text
from tfpipeline.extras import require_modules

KINDS = ("wordpiece", "wordlevel")
_PADDING, _UNKNOWN = "[PAD]", "[UNK]"
_MOST_BYTES = 64 * MIB


class SubwordTokenizer:
    """Texts as numbers by a tokenizer of the `tokenizers` library: 0 pads, 1 is unknown.

    Made by `train` or `load`. Needs `pip install 'tfpipeline[text]'`.

    Args:
        tokenizer: a `tokenizers.Tokenizer` with "[PAD]" as 0 and "[UNK]" as 1.

    Raises:
        ValueError: the tokenizer has other numbers for the two.

    Example:
        >>> words = SubwordTokenizer.train(["unread books", "read a book"], most_tokens=60)
        >>> words.encode(["reads"], length=4).shape
        (1, 4)
    """

    def __init__(self, tokenizer: Any) -> None:
        found = [tokenizer.token_to_id(token) for token in (_PADDING, _UNKNOWN)]
        if found != [0, 1]:
            raise ValueError(
                f"SubwordTokenizer: tokenizer must number {_PADDING} 0 and {_UNKNOWN} 1; received "
                f"{found}."
            )
        self.tokenizer = tokenizer

    @classmethod
    def train(
        cls,
        texts: Sequence[str],
        kind: str = "wordpiece",
        most_tokens: int = 8000,
        least_count: int = 2,
    ) -> SubwordTokenizer:
        """Return a tokenizer of training texts.

        Text is normalized (NFC) and in lower case, and words and signs are apart.

        Args:
            texts: of the training split only.
            kind: "wordpiece" (words are made of pieces, so that few are unknown; Wu et al. 2016) or
                "wordlevel" (whole words).
            most_tokens: the size of the vocabulary at most, with "[PAD]" and "[UNK]". Pieces of one
                letter are kept above it.
            least_count: times that a word, or a pair of pieces, must occur.

        Raises:
            MissingExtraError: tokenizers is not installed; the sentence says how to get it.
            ValueError: impossible arguments.
        """
        function = "SubwordTokenizer.train"
        if kind not in KINDS:
            raise ValueError(
                f"{function}: kind must be one of {', '.join(KINDS)}; received {kind!r}."
            )
        check_texts(function, texts)
        check_count(function, "most_tokens", most_tokens, least=3)
        check_count(function, "least_count", least_count)
        require_modules("tokenizers")
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

        parts: dict[str, tuple[Any, Any]] = {
            "wordpiece": (models.WordPiece, trainers.WordPieceTrainer),
            "wordlevel": (models.WordLevel, trainers.WordLevelTrainer),
        }
        model, trainer = parts[kind]
        tokenizer = Tokenizer(model(unk_token=_UNKNOWN))
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.train_from_iterator(
            texts,
            trainer(
                vocab_size=most_tokens,
                min_frequency=least_count,
                special_tokens=[_PADDING, _UNKNOWN],
                show_progress=False,
            ),
        )
        return cls(tokenizer)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The tokens by their number."""
        numbers = self.tokenizer.get_vocab()
        return tuple(sorted(numbers, key=numbers.__getitem__))

    def __len__(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    def encode(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """Return int32 `(texts, length)`, with zeros behind the tokens of each text.

        Args:
            texts: any strings; longer ones are cut.
            length: tokens of a row; None for those of the longest text.

        Raises:
            ValueError: `texts` is one string or holds what is none, or an impossible length.
        """
        check_texts("SubwordTokenizer.encode", texts)
        rows = [found.ids for found in self.tokenizer.encode_batch(list(texts))]
        return padded("SubwordTokenizer.encode", rows, length)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokenizer as the JSON of the `tokenizers` library."""
        target = Path(path)
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            part.write_text(self.tokenizer.to_str(), encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SubwordTokenizer:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing, or holds no such tokenizer.
            MissingExtraError: tokenizers is not installed; the sentence says how to get it.
        """
        require_modules("tokenizers")
        from tokenizers import Tokenizer

        expected = "a tokenizer that SubwordTokenizer.save wrote"
        text = read_whole_text(Path(path), _MOST_BYTES, expected)
        try:
            return cls(Tokenizer.from_str(text))
        # The library raises Exception itself, with a cause in its own words.
        except Exception as error:
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise DataError(f"{path}: is no tokenizer ({reason}); expected {expected}.") from None
