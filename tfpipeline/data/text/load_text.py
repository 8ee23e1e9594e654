"""Reads a folder of three text files, as the Penn Treebank for language models has them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from tfpipeline.data.arguments import check_count
from tfpipeline.data.errors import DataError
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.text_dataset import TextDataset
from tfpipeline.data.text.vocabulary import LEVELS, fit_vocabulary, words_of_lines
from tfpipeline.data.whole_file import MIB, read_whole_text

# The first form of which a training text is there: Mikolov's Penn Treebank, WikiText, anybody's.
_LAYOUTS = (
    ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
    ("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"),
    ("train.txt", "valid.txt", "test.txt"),
)
# WikiText-103 has 541 MB.
_MOST_BYTES = 640 * MIB


def load_text(
    root: str | os.PathLike[str], level: str = "word", most_symbols: int | None = None
) -> TextDataset:
    """Load a text for language models, as words or as characters.

    The folder holds `ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt` (Mikolov's form of the Penn
    Treebank), or `wiki.train.tokens` and so on (WikiText), or `train.txt`, `valid.txt` and
    `test.txt`, in UTF-8. Words are what is between spaces; each line that is not empty ends with
    the word `<eos>`. Characters are those of the file, line ends included. The vocabulary is that
    of the training text.

    Args:
        root: the folder.
        level: "word" or "character".
        most_symbols: the commonest words or characters that are kept, with `<unk>`; None for all.

    Raises:
        DataError: a file is missing, too large, or no text, or holds no word.
        ValueError: impossible arguments.
    """
    symbols = symbols_at("load_text", level, words_of_lines)
    check_count("load_text", "most_symbols", most_symbols, least=2, none=True)
    folder = Path(root)
    names = next((names for names in _LAYOUTS if (folder / names[0]).exists()), _LAYOUTS[0])
    texts = {}
    for split, name in zip(SPLITS, names, strict=True):
        expected = f"the {split} text in UTF-8 ({', '.join(names)} in one folder)"
        texts[split] = read_whole_text(folder / name, _MOST_BYTES, expected)
        if not texts[split].strip():
            raise DataError(f"{folder / name}: holds no word; expected {expected}.")
    vocabulary = fit_vocabulary(symbols(texts["train"]), most_symbols)
    encoded = {split: vocabulary.encode(symbols(text)) for split, text in texts.items()}
    return TextDataset(
        vocabulary,
        **encoded,
        provenance={
            "name": names[0].partition(".")[0],
            "source": str(folder),
            "files": list(names),
            "level": level,
        },
    )


def symbols_at(
    function: str, level: str, words: Callable[[str], Iterable[str]]
) -> Callable[[str], Iterable[str]]:
    """Return what splits a text: `words`, or nothing, as a string is its characters.

    Raises:
        ValueError: the level is none.
    """
    if level not in LEVELS:
        raise ValueError(
            f"{function}: level must be one of {', '.join(LEVELS)}; received {level!r}."
        )
    return words if level == "word" else str
