"""Reads UCI's Daily and Sports Activities (Altun, Barshan and Tuncel, Pattern Recognition 2010)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfpipeline.data.dataset import Dataset, Samples, normalized
from tfpipeline.data.errors import DataError
from tfpipeline.data.number_table import read_table
from tfpipeline.progress import progress

STEPS, SENSORS = 125, 45
ACTIVITIES = (
    *("sitting", "standing", "lying on the back", "lying on the right side", "ascending stairs"),
    *("descending stairs", "standing in an elevator", "moving in an elevator"),
    *("walking in a parking lot", "walking on a flat treadmill", "walking on a steep treadmill"),
    *("running on a treadmill", "exercising on a stepper", "exercising on a cross trainer"),
    *("cycling horizontally", "cycling vertically", "rowing", "jumping", "playing basketball"),
)
# Of the 60 segments of a subject and an activity: the last fifth of the first half, and the second
# half. With all files that is 3648, 912 and 4560.
_FIRST_OF_VALIDATION, _FIRST_OF_TEST = 25, 31
_FOLDER = re.compile(r"p([1-9]\d?)\Z")
_FILE = re.compile(r"s(\d\d)\.txt\Z")
_EXPECTED = f"{STEPS} lines of {SENSORS} numbers with commas, a segment of five seconds"


def load_daily_sports(
    root: str | os.PathLike[str],
    split: str = "subjects",
    validation_subjects: Sequence[int] = (4,),
    test_subjects: Sequence[int] = (5, 6, 7, 8),
) -> Dataset:
    """Load segments of 125 steps of 45 sensors with their 19 activities (DSA-19).

    The folder is `data` of the archive, or one that holds it: `a01` to `a19`, in each `p1` to `p8`,
    in each `s01.txt` to `s60.txt` with 125 lines of 45 numbers, apart by commas. Fewer subjects or
    segments will do where all activities have the same ones.

    Kusupati et al. (2018) have 4560 segments for training and for test each, and do not say which.
    Both splits here have as many (training with validation).

    Args:
        root: the folder.
        split: `"subjects"` tests with people who are not in the training data; `"segments"` with
            the second half (`s31` on) of every person's segments, which is easier.
        validation_subjects: people of validation with `split="subjects"`; with `"segments"` it is
            `s25` to `s30` of everybody.
        test_subjects: people of the test with `split="subjects"`.

    Returns:
        A dataset with x float32 `(segments, 125, 45)`, each feature normalized by training data.

    Raises:
        DataError: a file is missing or broken, or a split has no segment.
        ValueError: impossible arguments.
    """
    if split not in ("subjects", "segments"):
        raise ValueError(
            f"load_daily_sports: split must be 'subjects' or 'segments'; received {split!r}."
        )
    if both := sorted(set(validation_subjects) & set(test_subjects)):
        raise ValueError(
            f"load_daily_sports: subject {both[0]!r} is in validation_subjects and test_subjects; "
            "leave it out of one of them."
        )
    folder = _folder(Path(root))
    segments = _segments(folder)

    def split_of(segment: tuple[int, int]) -> str:
        person, number = segment
        if split == "segments":
            if number >= _FIRST_OF_TEST:
                return "test"
            return "validation" if number >= _FIRST_OF_VALIDATION else "train"
        if person in test_subjects:
            return "test"
        return "validation" if person in validation_subjects else "train"

    names = [split_of(segment) for segment in segments]
    done = {}
    with progress("Reading Daily and Sports", total=len(ACTIVITIES) * len(segments)) as bar:
        for name in ("train", "validation", "test"):
            mine = [one for one, its in zip(segments, names, strict=True) if its == name]
            if not mine and name != "validation":
                raise DataError(
                    f"{folder}: has no segment for the {name} split; it has those of subjects "
                    f"{', '.join(str(person) for person in sorted({p for p, _ in segments}))}."
                )
            x = np.empty((len(ACTIVITIES) * len(mine), STEPS, SENSORS), np.float32)
            for activity in range(len(ACTIVITIES)):
                for i, segment in enumerate(mine):
                    path = folder / _path(activity, segment)
                    x[activity * len(mine) + i] = read_table(
                        path, SENSORS, _EXPECTED, STEPS, separator=","
                    )
                bar.advance(len(mine))
            y = np.repeat(np.arange(len(ACTIVITIES), dtype=np.int32), len(mine))
            done[name] = Samples(x, y)
    return normalized(
        ACTIVITIES,
        done["train"],
        done["validation"],
        done["test"],
        {
            "name": "DSA-19",
            "source": str(folder),
            "split": split,
            "segments": len(ACTIVITIES) * len(segments),
            "subjects": sorted({person for person, _ in segments}),
        },
    )


def _folder(root: Path) -> Path:
    inner = root / "data"
    return inner if inner.is_dir() else root


def _path(activity: int, segment: tuple[int, int]) -> str:
    return f"a{activity + 1:02d}/p{segment[0]}/s{segment[1]:02d}.txt"


def _segments(folder: Path) -> list[tuple[int, int]]:
    """Return (person, number) of the segments that each activity has.

    Raises:
        DataError: a folder is missing, or an activity lacks a segment that another has.
    """
    found: list[set[tuple[int, int]]] = []
    for activity in range(len(ACTIVITIES)):
        here = folder / f"a{activity + 1:02d}"
        if not here.is_dir():
            raise DataError(
                f"{here}: there is no such folder; expected a01 to a19 of Daily and Sports "
                "Activities, in each p1 to p8 with s01.txt to s60.txt."
            )
        try:
            people = [(_FOLDER.match(path.name), path) for path in here.iterdir() if path.is_dir()]
            found.append(
                {
                    (int(person[1]), int(file[1]))
                    for person, path in people
                    if person
                    for file in (_FILE.match(entry.name) for entry in path.iterdir())
                    if file
                }
            )
        except OSError as error:
            raise DataError(f"{here}: cannot be read ({error.strerror}).") from None
    every = set.union(*found)
    for activity, those in enumerate(found):
        if missing := sorted(every - those):
            raise DataError(
                f"{folder / _path(activity, missing[0])}: there is no such file, and other "
                f"activities have it; expected {_EXPECTED}."
            )
    if not every:
        raise DataError(
            f"{folder}: its folders hold no segment; expected a01/p1/s01.txt and so on."
        )
    return sorted(every)
