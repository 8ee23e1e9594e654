"""Reads UCI's Human Activity Recognition Using Smartphones (Anguita et al., ESANN 2013)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.data.arguments import check_count
from tfpipeline.data.dataset import Dataset, Samples, normalized
from tfpipeline.data.errors import DataError
from tfpipeline.data.number_table import read_numbers, read_table
from tfpipeline.data.sensors.subjects import validation_subjects as choose_subjects
from tfpipeline.progress import ProgressBar, progress

STEPS = 128
SIGNALS = tuple(
    f"{signal}_{axis}" for signal in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"
)
ACTIVITIES = ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying")
# HAR-2 of Kusupati et al. (2018): their first class is sitting, laying and walking upstairs.
_OF_TWO = (1, 0, 1, 0, 1, 0)
_TWO = (
    "sitting, laying or walking upstairs",
    "standing, walking or walking downstairs",
)


def load_har(
    root: str | os.PathLike[str],
    classes: int = 2,
    validation_share: float = 0.2,
    validation_subjects: Sequence[int] | None = None,
    seed: int = 0,
) -> Dataset:
    """Load the windows of 128 steps of nine signals, with two classes (HAR-2) or the original six.

    The folder is `UCI HAR Dataset` as the archive has it, or one that holds it:

        train/Inertial Signals/{body_acc,body_gyro,total_acc}_{x,y,z}_train.txt  128 numbers a line
        train/y_train.txt, train/subject_train.txt                               one number a line

    and the same with `test`. The test split is the archive's, of other subjects. Validation is cut
    from the training data by subject, and both features and splits are fitted without the test.

    Args:
        root: the folder.
        classes: 2 merges activities as Kusupati et al. (2018, "HAR-2") do: sitting, laying and
            walking upstairs against standing, walking and walking downstairs; 6 keeps all apart.
        validation_share: of the training subjects that are drawn for validation; 0 for none.
        validation_subjects: these subjects instead.
        seed: of the draw.

    Returns:
        A dataset with x float32 `(windows, 128, 9)`, each feature normalized by training data.

    Raises:
        DataError: a file is missing or broken, or a subject is in training and test.
        ValueError: impossible arguments.
    """
    if classes not in (2, 6) or isinstance(classes, bool):
        raise ValueError(f"load_har: classes must be 2 or 6; received {classes!r}.")
    if not (is_number(validation_share) and 0.0 <= validation_share < 1.0):
        raise ValueError(
            f"load_har: validation_share must be in [0, 1); received {validation_share!r}."
        )
    check_count("load_har", "seed", seed, least=0)
    folder = _folder(Path(root))
    with progress("Reading UCI HAR", total=2 * len(SIGNALS)) as bar:
        whole, whole_subjects = _read(folder, "train", bar)
        test, test_subjects = _read(folder, "test", bar)
    if shared := sorted(set(whole_subjects.tolist()) & set(test_subjects.tolist())):
        raise DataError(
            f"{folder}: subject {shared[0]} is in training and test, which makes accuracy look "
            "better than it is; expected different subjects in both, as in the archive."
        )
    chosen = choose_subjects(
        "load_har", whole_subjects.tolist(), validation_subjects, validation_share, seed
    )
    held = np.isin(whole_subjects, chosen)
    if classes == 2:
        whole, test = (
            Samples(one.x, np.asarray(_OF_TWO, np.int32)[one.y]) for one in (whole, test)
        )
    return normalized(
        _TWO if classes == 2 else ACTIVITIES,
        Samples(whole.x[~held], whole.y[~held]),
        Samples(whole.x[held], whole.y[held]),
        test,
        {
            "name": f"HAR-{classes}",
            "source": str(folder),
            "signals": list(SIGNALS),
            "validation_subjects": list(chosen),
            "test_subjects": sorted(set(test_subjects.tolist())),
        },
    )


def _folder(root: Path) -> Path:
    inner = root / "UCI HAR Dataset"
    return inner if inner.is_dir() else root


def _read(folder: Path, split: str, bar: ProgressBar) -> tuple[Samples, np.ndarray]:
    """Return a split's windows and the subject of each."""
    signals = []
    rows: int | None = None
    for name in SIGNALS:
        path = folder / split / "Inertial Signals" / f"{name}_{split}.txt"
        expected = f"{name} of UCI HAR's {split} windows, {STEPS} numbers a line" + (
            f" and {rows} lines as in {SIGNALS[0]}_{split}.txt" if rows else ""
        )
        signals.append(read_table(path, STEPS, expected, rows))
        rows = len(signals[0])
        bar.advance()
    assert rows is not None
    of = f"of each of the {rows} {split} windows, one a line"
    y = read_numbers(folder / split / f"y_{split}.txt", 1, 6, f"the activity (1 to 6) {of}", rows)
    subjects = read_numbers(
        folder / split / f"subject_{split}.txt", 1, 1000, f"the subject's number {of}", rows
    )
    return Samples(np.stack(signals, axis=2), y - np.int32(1)), subjects
