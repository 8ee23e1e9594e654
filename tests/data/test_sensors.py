from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import DataError, Dataset, load_daily_sports, load_har
from tfpipeline.data.sensors.har import SIGNALS

# Windows of each subject, one an activity.
TRAIN_SUBJECTS, TEST_SUBJECTS = (1, 3, 5, 6, 7), (2, 4)


def save(path: Path, values: np.ndarray, separator: str = " ") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, values, "%.4g", delimiter=separator)


def har_value(signal: int, window: int) -> np.ndarray:
    """A level that tells the signal, and a wave that tells the window."""
    return 10 * signal + np.sin(np.arange(128) * 0.1 * (window + 1))


@pytest.fixture(name="har")
def _har(tmp_path: Path) -> Path:
    root = tmp_path / "UCI HAR Dataset"
    for split, subjects in (("train", TRAIN_SUBJECTS), ("test", TEST_SUBJECTS)):
        windows = [(subject, activity) for subject in subjects for activity in range(1, 7)]
        for number, name in enumerate(SIGNALS):
            rows = [har_value(number, window) for window in range(len(windows))]
            save(root / split / "Inertial Signals" / f"{name}_{split}.txt", np.stack(rows), "  ")
        for column, name in enumerate(("subject", "y")):
            values = np.asarray([window[column] for window in windows])
            (root / split / f"{name}_{split}.txt").write_text("\n".join(map(str, values)) + "\n")
    return root


def test_har_has_nine_signals_of_128_steps(har: Path) -> None:
    data = load_har(har, classes=6, validation_subjects=(3,))
    assert data.labels[:2] == ("walking", "walking upstairs")
    assert {name: split.x.shape for name, split in data.splits().items()} == {
        "train": (24, 128, 9),
        "validation": (6, 128, 9),
        "test": (12, 128, 9),
    }
    assert data.train.x.dtype == np.float32
    assert data.train.y.dtype == np.int32
    assert data.train.y[:6].tolist() == [0, 1, 2, 3, 4, 5]
    assert data.mean is not None
    assert data.std is not None
    # Subject 3 is the second one, so its first window is the seventh.
    for number in range(9):
        raw = data.validation.x[0, :, number] * data.std[number] + data.mean[number]
        np.testing.assert_allclose(raw, har_value(number, 6), atol=0.06)
    json.dumps(data.provenance)
    assert data.summary() == (
        "HAR-6: 24 train, 6 validation, 12 test samples of 128 steps x 9 features, 6 classes."
    )


def test_har_2_merges_the_activities_of_the_paper(har: Path) -> None:
    six, two = load_har(har, classes=6), load_har(har)
    first = {"sitting", "laying", "walking upstairs"}
    for split in ("train", "validation", "test"):
        merged = [0 if six.labels[activity] in first else 1 for activity in getattr(six, split).y]
        assert getattr(two, split).y.tolist() == merged
    assert [set(label.replace(" or ", ", ").split(", ")) for label in two.labels] == [
        first,
        {"standing", "walking", "walking downstairs"},
    ]


def test_har_is_normalized_by_training_windows_only(har: Path) -> None:
    data = load_har(har, validation_subjects=(7,))
    np.testing.assert_allclose(data.train.x.mean(axis=(0, 1)), 0, atol=1e-4)
    np.testing.assert_allclose(data.train.x.std(axis=(0, 1)), 1, atol=1e-4)
    path = har / "train" / "Inertial Signals" / "body_gyro_y_train.txt"
    table = np.loadtxt(path)
    table[-6:] += 1000
    save(path, table)
    again = load_har(har, validation_subjects=(7,))
    np.testing.assert_array_equal(data.train.x, again.train.x)
    assert not np.array_equal(data.validation.x, again.validation.x)


def test_subjects_of_validation_are_drawn_by_seed(har: Path) -> None:
    drawn = [load_har(har, seed=seed).provenance["validation_subjects"] for seed in range(8)]
    assert drawn[0] == load_har(har).provenance["validation_subjects"]
    # A fifth of five.
    assert {len(one) for one in drawn} == {1}
    assert len({tuple(one) for one in drawn}) > 1
    whole = load_har(har, validation_share=0)
    assert (len(whole.train), len(whole.validation)) == (30, 0)


def test_what_is_missing_or_broken_in_har_is_one_sentence(har: Path, tmp_path: Path) -> None:
    def sentence() -> str:
        with pytest.raises(DataError) as caught:
            load_har(tmp_path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    path = har / "train" / "Inertial Signals" / "total_acc_z_train.txt"
    whole = path.read_text()
    path.unlink()
    assert f"{path}: there is no such file; expected total_acc_z of UCI HAR" in sentence()
    path.write_text("\n".join(whole.splitlines()[:-1]))
    assert "has 29 lines and not 30" in sentence()
    path.write_text(whole.replace(" ", " nan ", 1))
    assert "line 1 has 129 numbers and not 128" in sentence()
    path.write_text(whole)
    labels = har / "test" / "y_test.txt"
    labels.write_text(labels.read_text().replace("6", "7"))
    assert "line 6 is not a whole number from 1 to 6; expected the activity" in sentence()
    labels.write_text(labels.read_text().replace("7", "6"))
    subjects = har / "test" / "subject_test.txt"
    subjects.write_text(subjects.read_text().replace("2", "1"))
    assert "subject 1 is in training and test" in sentence()


def test_arguments_of_load_har_are_checked(har: Path) -> None:
    for arguments, part in (
        ({"classes": 3}, "classes must be 2 or 6"),
        ({"validation_share": 1.0}, "validation_share must be in"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"validation_subjects": (9,)}, "has 9; the training data have 1, 3, 5, 6, 7"),
    ):
        with pytest.raises(ValueError, match=part):
            load_har(har, **arguments)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="have 5 subjects, all of which would be validation"):
        load_har(har, validation_subjects=TRAIN_SUBJECTS)


def sports_level(activity: int, person: int, segment: int) -> int:
    return 1000 * activity + 100 * person + segment


@pytest.fixture(name="sports", scope="module")
def _sports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people and two segments; the first sensor tells which segment it is."""
    root = tmp_path_factory.mktemp("sports")
    for activity in range(1, 20):
        for person in (1, 4, 6):
            for segment in (2, 40):
                values = np.zeros((125, 45), int)
                values[:, 0] = sports_level(activity, person, segment)
                values[:, 1] = np.arange(125)
                lines = "\n".join(",".join(map(str, row)) for row in values)
                path = root / "data" / f"a{activity:02d}" / f"p{person}" / f"s{segment:02d}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(lines + "\n")
    return root


def levels(data: Dataset, split: str) -> list[int]:
    assert data.mean is not None
    assert data.std is not None
    raw = getattr(data, split).x[:, 0, 0].astype(float) * data.std[0] + data.mean[0]
    return [round(value) for value in raw]


def test_daily_sports_is_split_by_people_or_by_segments(sports: Path) -> None:
    data = load_daily_sports(sports)
    assert len(data.labels) == 19
    assert data.train.x.shape == (38, 125, 45)
    for split, person in (("train", 1), ("validation", 4), ("test", 6)):
        wanted = [sports_level(a, person, s) for a in range(1, 20) for s in (2, 40)]
        assert levels(data, split) == wanted
        assert getattr(data, split).y.tolist() == [a for a in range(19) for _ in range(2)]
    np.testing.assert_allclose(data.train.x[..., :2].mean(axis=(0, 1)), 0, atol=1e-4)
    # Sensors that never vary stay finite.
    assert not data.train.x[..., 2:].any()
    data = load_daily_sports(sports / "data", split="segments")
    for split, segment, people in (("train", 2, (1, 4, 6)), ("test", 40, (1, 4, 6))):
        wanted = [sports_level(a, person, segment) for a in range(1, 20) for person in people]
        assert levels(data, split) == wanted
    assert len(data.validation) == 0
    assert data.provenance["segments"] == 114


def test_what_is_missing_in_daily_sports_is_one_sentence(sports: Path) -> None:
    path = sports / "data" / "a07" / "p4" / "s40.txt"
    whole = path.read_text()
    try:
        path.write_text(whole.replace(",0\n", "\n", 1))
        with pytest.raises(DataError, match=r"s40.txt: line 1 has 44 numbers and not 45; expected"):
            load_daily_sports(sports)
        path.write_text(whole.removesuffix("\n").rpartition("\n")[0])
        with pytest.raises(DataError, match="has 124 lines and not 125"):
            load_daily_sports(sports)
        path.unlink()
        with pytest.raises(DataError) as caught:
            load_daily_sports(sports)
        assert str(caught.value).startswith(f"{path}: there is no such file, and other activities")
    finally:
        path.write_text(whole)


def test_folders_and_arguments_of_daily_sports_are_checked(sports: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a01: there is no such folder; expected a01 to a19"):
        load_daily_sports(tmp_path)
    for activity in range(1, 20):
        (tmp_path / f"a{activity:02d}").mkdir()
    with pytest.raises(DataError, match="hold no segment"):
        load_daily_sports(tmp_path)
    with pytest.raises(DataError, match="no segment for the test split; it has .* 1, 4, 6"):
        load_daily_sports(sports, test_subjects=(8,))
    with pytest.raises(ValueError, match="split must be 'subjects' or 'segments'"):
        load_daily_sports(sports, split="people")
    with pytest.raises(ValueError, match="subject 4 is in validation_subjects and test_subjects"):
        load_daily_sports(sports, test_subjects=(4,))


def test_steps_are_stacked_to_shorter_sequences(har: Path) -> None:
    data = load_har(har)
    stacked = data.stacked(16)
    assert stacked.train.x.shape == (len(data.train), 8, 144)
    for number in (0, 8):
        np.testing.assert_array_equal(
            stacked.train.x[:, :, number::9].reshape(len(data.train), 128),
            data.train.x[:, :, number],
        )
    assert data.stacked(3).test.x.shape == (12, 42, 27)
    assert stacked.mean is not None
    assert stacked.mean.shape == (144,)
    assert stacked.train.y is data.train.y
    for steps in (0, 129, True, 2.0):
        with pytest.raises(ValueError, match="steps must be a whole number from 1 to 128"):
            data.stacked(steps)  # type: ignore[arg-type]
