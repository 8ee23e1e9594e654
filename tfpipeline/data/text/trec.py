"""Reads TREC's questions by what they ask for."""

from __future__ import annotations

import os
from pathlib import Path

from tfpipeline.data.errors import DataError
from tfpipeline.data.text.labelled_texts import (
    LabelledTexts,
    check_share,
    hold_out,
    samples_of,
)
from tfpipeline.data.text.text_lines import check_text, read_lines

_COARSE = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
_TRAIN, _TEST = "train_5500.label", "TREC_10.label"


def load_trec(
    root: str | os.PathLike[str], fine: bool = False, validation_share: float = 0.1, seed: int = 0
) -> LabelledTexts:
    """Load the questions of Li and Roth (2002), "Learning question classifiers".

    The folder holds `train_5500.label` and `TREC_10.label` in Latin-1, a question a line:
    `DESC:manner How did serfdom develop in Russia ?`.

    Args:
        root: the folder.
        fine: whether labels are those with a colon, such as "DESC:manner" (about 50), and not the
            six before it.
        validation_share: of the training questions, drawn by seed; equal texts stay together.
        seed: of that draw.

    Raises:
        DataError: a file is missing, empty or broken; the sentence names file and line.
        ValueError: an impossible share.

    Example:
        >>> load_trec("TREC").labels                                        # doctest: +SKIP
        ('ABBR', 'DESC', 'ENTY', 'HUM', 'LOC', 'NUM')
    """
    check_share("load_trec", validation_share)
    folder = Path(root)
    train = _read(folder / _TRAIN, fine)
    known = sorted({label for _, label in train}) if fine else _COARSE
    numbers = {label: number for number, label in enumerate(known)}
    test = _read(folder / _TEST, fine)
    for line, (_, label) in enumerate(test, 1):
        if label not in numbers:
            raise DataError(
                f"{folder / _TEST}: line {line} has the label {label[:40]!r}, which no question of "
                f"{_TRAIN} has; expected labels of these {len(numbers)} classes."
            )
    read = samples_of([text for text, _ in train], [numbers[label] for _, label in train])
    kept, validation = hold_out(read, validation_share, seed)
    return LabelledTexts(
        tuple(numbers),
        kept,
        validation,
        samples_of([text for text, _ in test], [numbers[label] for _, label in test]),
        {
            "name": "TREC-50" if fine else "TREC-6",
            "source": str(folder),
            "validation_share": validation_share,
            "seed": seed,
        },
    )


def _read(path: Path, fine: bool) -> list[tuple[str, str]]:
    expected = "lines such as 'NUM:date When was it ?', with one of " + ", ".join(_COARSE)
    found = []
    for number, line in enumerate(read_lines(path, expected, "latin-1"), 1):
        label, _, question = line.partition(" ")
        coarse, colon, rest = label.partition(":")
        if coarse not in _COARSE or not colon or not rest:
            raise DataError(
                f"{path}: line {number} has the label {label[:40]!r}; expected {expected}."
            )
        text = check_text(path, number, question, expected)
        found.append((text, label if fine else coarse))
    return found
