"""Reads SST-2, the sentences of film reviews that are positive or negative, as GLUE has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tfpipeline.data.errors import DataError
from tfpipeline.data.text.labelled_texts import (
    LabelledTexts,
    TextSamples,
    check_share,
    hold_out,
    samples_of,
)
from tfpipeline.data.text.text_lines import check_text, read_lines

_LABELS = ("negative", "positive")
_TEXT, _LABEL = "sentence", "label"


def load_sst2(
    root: str | os.PathLike[str], validation_share: float = 0.1, seed: int = 0
) -> LabelledTexts:
    """Load SST-2 from the three files of GLUE: is a sentence of a film review positive?

    The folder holds `train.tsv` and `dev.tsv` with the columns `sentence` and `label` (0 or 1), a
    header first and tabs in between, and perhaps `test.tsv`.

    GLUE publishes no labels of its test. Where `test.tsv` has a column `label` it is the test and
    `dev.tsv` validates. Else `dev.tsv` is the test, and validation is drawn by seed from the
    training texts; equal texts stay together. The training file of GLUE holds phrases and the
    sentences that they are part of, so such a validation is easier than the test.

    Args:
        root: the folder.
        validation_share: of the training texts, where the test has no labels.
        seed: of that draw.

    Returns:
        A set with the labels "negative" and "positive"; its provenance says what the test is.

    Raises:
        DataError: a file is missing, empty or broken; the sentence names file and line.
        ValueError: an impossible share.

    Example:
        >>> data = load_sst2("glue_data/SST-2")                             # doctest: +SKIP
        >>> data.labels[data.train.y[0]]                                    # doctest: +SKIP
        'negative'
    """
    check_share("load_sst2", validation_share)
    folder = Path(root)
    train = _read(folder / "train.tsv", "the training sentences of SST-2")
    dev = _read(folder / "dev.tsv", "the development sentences of SST-2")
    provenance: dict[str, Any] = {"name": "SST-2", "source": str(folder)}
    last = folder / "test.tsv"
    if last.exists() and _LABEL in _header(last):
        test = _read(last, "the test sentences of SST-2")
        provenance |= {"test": "test.tsv", "validation": "dev.tsv"}
        return LabelledTexts(_LABELS, train, dev, test, provenance)
    train, validation = hold_out(train, validation_share, seed)
    held = {"validation_share": validation_share, "seed": seed}
    provenance |= {"test": "dev.tsv", "validation": "train.tsv", **held}
    return LabelledTexts(_LABELS, train, validation, dev, provenance)


def _header(path: Path) -> list[str]:
    return read_lines(path, "the test sentences of SST-2")[0].split("\t")


def _read(path: Path, what: str) -> TextSamples:
    expected = f"{what}: lines of a sentence, a tab and 0 or 1, under the header sentence, label"
    header, *rows = (line.split("\t") for line in read_lines(path, expected))
    missing = {_TEXT, _LABEL} - set(header)
    if missing:
        raise DataError(
            f"{path}: line 1 has no column {' nor '.join(sorted(missing))}; expected {expected}."
        )
    if not rows:
        raise DataError(f"{path}: has nothing below its header; expected {expected}.")
    text, label = header.index(_TEXT), header.index(_LABEL)
    texts, numbers = [], []
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise DataError(
                f"{path}: line {number} has {len(row)} columns and the header {len(header)}; "
                f"expected {expected}."
            )
        if row[label] not in ("0", "1"):
            raise DataError(
                f"{path}: line {number} has the label {row[label][:40]!r}; expected {expected}."
            )
        texts.append(check_text(path, number, row[text], expected))
        numbers.append(int(row[label]))
    return samples_of(texts, numbers)
