"""Reads sets of short requests by intent: CLINC150, ATIS, SNIPS."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tfpipeline.data.errors import DataError
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.text.labelled_texts import LabelledTexts, samples_of
from tfpipeline.data.text.text_lines import check_text, read_lines
from tfpipeline.data.whole_file import MIB, read_whole_text

LAYOUTS = ("clinc", "atis", "snips")
_CLINC_FILE = "data_full.json"
_CLINC_PARTS = {"train": "train", "validation": "val", "test": "test"}
_FOLDERS = {"train": "train", "validation": "valid", "test": "test"}
_MOST_BYTES = 64 * MIB

Pairs = list[tuple[str, str]]


def load_intents(
    root: str | os.PathLike[str], layout: str = "clinc", out_of_scope: bool = False
) -> LabelledTexts:
    """Load requests and what is meant by them, in the splits of the publisher.

    - `layout="clinc"`: the folder holds `data_full.json` of CLINC150 (Larson et al. 2019): lists
      `train`, `val` and `test` of `[text, intent]`, and `oos_train`, `oos_val` and `oos_test` of
      requests that none of the 150 intents fits.
    - `layout="atis"` or `"snips"`: the folder holds `train`, `valid` and `test`, each with a file
      `seq.in` (a request a line) and a file `label` (its intent, in the same line), as published
      with Goo et al. (2018) for both sets. A few intents of ATIS occur in its test only: they have
      a label that is never right for a model, and `provenance["labels_without_training"]` names
      them.

    Args:
        root: the folder.
        layout: "clinc", "atis" or "snips".
        out_of_scope: whether CLINC150's requests out of scope are read too, as the label "oos".

    Raises:
        DataError: a file is missing or broken; the sentence names file, and line or entry.
        ValueError: an unknown layout, or `out_of_scope` of a set that has none.

    Example:
        >>> load_intents("snips", layout="snips").labels                    # doctest: +SKIP
        ('AddToPlaylist', 'BookRestaurant', ...)
    """
    if layout not in LAYOUTS:
        raise ValueError(
            f"load_intents: layout must be one of {', '.join(LAYOUTS)}; received {layout!r}."
        )
    if out_of_scope and layout != "clinc":
        raise ValueError(
            f"load_intents: out_of_scope is for layout='clinc'; {layout!r} has no such requests."
        )
    folder = Path(root)
    if layout == "clinc":
        return _set_of(_clinc(folder / _CLINC_FILE, out_of_scope), "CLINC150", folder)
    pairs = {split: _folder(folder / name) for split, name in _FOLDERS.items()}
    return _set_of(pairs, layout.upper(), folder)


def _set_of(pairs: dict[str, Pairs], name: str, folder: Path) -> LabelledTexts:
    trained = sorted({label for _, label in pairs["train"]})
    others = sorted({label for split in SPLITS for _, label in pairs[split]} - set(trained))
    labels = (*trained, *others)
    numbers = {label: number for number, label in enumerate(labels)}
    train, validation, test = (
        samples_of([text for text, _ in part], [numbers[label] for _, label in part])
        for part in (pairs[split] for split in SPLITS)
    )
    return LabelledTexts(
        labels,
        train,
        validation,
        test,
        {"name": name, "source": str(folder), "labels_without_training": others},
    )


def _folder(folder: Path) -> Pairs:
    path, beside = folder / "seq.in", folder / "label"
    of_texts, of_labels = "a request a line", f"the intent of each line of {path.name}"
    texts, labels = read_lines(path, of_texts), read_lines(beside, of_labels)
    if len(texts) != len(labels):
        raise DataError(
            f"{beside}: has {len(labels)} lines and {path.name} {len(texts)}; expected {of_labels}."
        )
    return [
        (check_text(path, line, text, of_texts), check_text(beside, line, label, of_labels))
        for line, (text, label) in enumerate(zip(texts, labels, strict=True), 1)
    ]


def _clinc(path: Path, out_of_scope: bool) -> dict[str, Pairs]:
    expected = "CLINC150's lists train, val and test of [text, intent], as JSON"
    text = read_whole_text(path, _MOST_BYTES, expected)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}: line {error.lineno} is no JSON ({error.msg}); expected {expected}."
        ) from None
    except (RecursionError, ValueError) as error:
        # Lists in lists without end, and integers of thousands of digits.
        raise DataError(
            f"{path}: is no JSON that can be read ({type(error).__name__}); expected {expected}."
        ) from None
    pairs = {split: _entries(path, content, name, expected) for split, name in _CLINC_PARTS.items()}
    if out_of_scope:
        for split, name in _CLINC_PARTS.items():
            pairs[split] += _entries(path, content, f"oos_{name}", expected)
    known = {label for _, label in pairs["train"]}
    for split in SPLITS[1:]:
        for number, (_, label) in enumerate(pairs[split], 1):
            if label not in known:
                raise DataError(
                    f"{path}: entry {number} of {_CLINC_PARTS[split]!r} has the intent "
                    f"{label[:40]!r}, which no training entry has; expected {expected}."
                )
    return pairs


def _entries(path: Path, content: Any, name: str, expected: str) -> Pairs:
    entries = content.get(name) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: has no list {name!r}; expected {expected}.")
    found = []
    for number, entry in enumerate(entries, 1):
        if not _is_pair(entry):
            raise DataError(
                f"{path}: entry {number} of {name!r} is not a text and an intent; expected "
                f"{expected}."
            )
        found.append((entry[0].strip(), entry[1].strip()))
    return found


def _is_pair(entry: Any) -> bool:
    two = isinstance(entry, list) and len(entry) == 2
    return two and all(isinstance(part, str) and part.strip() and _is_text(part) for part in entry)


def _is_text(part: str) -> bool:
    """Return whether it is no half of a pair of surrogates, which JSON can spell."""
    return part == part.encode("utf-8", "ignore").decode("utf-8")
