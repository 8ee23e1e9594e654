"""Reads IMDB, long film reviews that are positive or negative: one file each."""

from __future__ import annotations

import os
from pathlib import Path

from tfpipeline.data.errors import DataError
from tfpipeline.data.text.labelled_texts import (
    LabelledTexts,
    TextSamples,
    check_share,
    hold_out,
    samples_of,
)
from tfpipeline.data.whole_file import MIB, read_whole_text

_FOLDERS = {"neg": "negative", "pos": "positive"}
_BREAK = "<br />"
_MOST_BYTES = MIB


def load_imdb(
    root: str | os.PathLike[str], validation_share: float = 0.1, seed: int = 0
) -> LabelledTexts:
    """Load the reviews of Maas et al. (2011), "Learning word vectors for sentiment analysis".

    The folder (`aclImdb` in the archive) holds `train/pos`, `train/neg`, `test/pos` and `test/neg`,
    each with one `.txt` file a review in UTF-8. Breaks of lines (`<br />`) become spaces.

    Validation is drawn by seed from the training reviews; equal texts stay together. Up to thirty
    reviews are of the same film, so validation shares films with training and the test does not.

    Args:
        root: the folder.
        validation_share: of the training reviews.
        seed: of that draw.

    Returns:
        A set with the labels "negative" and "positive".

    Raises:
        DataError: a folder is missing or has no review, or a file is empty or no text.
        ValueError: an impossible share.

    Example:
        >>> data = load_imdb("aclImdb")                                     # doctest: +SKIP
        >>> data.labels[data.test.y[0]], data.test.texts[0]                 # doctest: +SKIP
        ('negative', '...')
    """
    check_share("load_imdb", validation_share)
    folder = Path(root)
    train, validation = hold_out(_read(folder / "train"), validation_share, seed)
    return LabelledTexts(
        tuple(_FOLDERS.values()),
        train,
        validation,
        _read(folder / "test"),
        {
            "name": "IMDB",
            "source": str(folder),
            "validation_share": validation_share,
            "seed": seed,
        },
    )


def _read(folder: Path) -> TextSamples:
    texts, numbers = [], []
    for number, name in enumerate(_FOLDERS):
        kind = folder / name
        expected = f"a folder of the {_FOLDERS[name]} reviews, one .txt file each"
        if not kind.is_dir():
            raise DataError(f"{kind}: there is no such folder; expected {expected}.")
        files = sorted(kind.glob("*.txt"))
        if not files:
            raise DataError(f"{kind}: holds no .txt file; expected {expected}.")
        for file in files:
            one = f"a {_FOLDERS[name]} review in UTF-8"
            text = " ".join(read_whole_text(file, _MOST_BYTES, one).replace(_BREAK, " ").split())
            if not text:
                raise DataError(f"{file}: holds only empty lines; expected {one}.")
            texts.append(text)
            numbers.append(number)
    return samples_of(texts, numbers)
