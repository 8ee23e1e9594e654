"""Every source of samples against the array that it holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_model import FEATURES, FRAMES, walk

from tfpipeline.data import write_wav
from tfpipeline.export import ExportError, Source, export
from tfpipeline.export.samples.sources import read_source
from tfpipeline.features import LogMel
from tfpipeline.runtime import Interpreter

DATA = walk(10)
LIMIT = 7


def read(given: Any, **options: Any) -> Any:
    return read_source("calibration", given, LIMIT, **options)


def batches(size: int = 4) -> Iterator[np.ndarray]:
    for start in range(0, len(DATA), size):
        yield DATA[start : start + size]


class Sequence(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return DATA[4 * index : 4 * index + 4], np.zeros(4)


def tensorflow_dataset() -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((DATA, np.arange(len(DATA)))).batch(3)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (batches, "generator"),
        (lambda: batches(), "generator"),
        (lambda: list(batches()).__iter__(), "generator"),
        (lambda: ((x, np.zeros(4)) for x in batches()), "generator"),
        (lambda: ((x, np.zeros(4), np.ones(4)) for x in batches()), "generator"),
        # As TensorFlow Lite's representative datasets are: lists of inputs, one sample each.
        (lambda: lambda: ([x[None]] for x in DATA), "generator"),
        (tensorflow_dataset, "dataset"),
        (lambda: Sequence(), "iterable"),
    ],
)
def test_batches_are_joined_up_to_the_limit(make: Callable[[], Any], kind: str) -> None:
    source = read(make())
    assert source.kind == kind
    np.testing.assert_array_equal(source.values, DATA[:LIMIT])
    assert source.record(range(LIMIT))["list"] == ["0:7"]


def test_a_function_is_called() -> None:
    np.testing.assert_array_equal(read(batches).values, DATA[:LIMIT])


def test_an_endless_generator_is_asked_for_no_more_than_needed() -> None:
    asked = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal asked
        while True:
            asked += 1
            yield DATA[:3]

    assert len(read(endless()).values) == LIMIT
    assert asked == 3


def test_batches_of_several_inputs() -> None:
    by_name = read(({"a": x, "b": x[:, 0]}, None) for x in batches())
    assert by_name.values.keys() == {"a", "b"}
    np.testing.assert_array_equal(by_name.values["b"], DATA[:LIMIT, 0])
    listed = read([x, x[:, 0]] for x in batches())
    assert isinstance(listed.values, list)
    np.testing.assert_array_equal(listed.values[1], DATA[:LIMIT, 0])


def test_arrays_stay_what_they_are() -> None:
    assert read(DATA).values is DATA
    assert read({"x": DATA}).kind == "arrays"


def test_a_source_says_itself_what_it_is() -> None:
    mine = Source(DATA[:2], "corpus", files=("yes/a.wav", "no/b.wav"))
    assert read(mine) is mine
    assert mine.record([1])["list"] == ["no/b.wav"]


def test_files_of_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", DATA)
    np.savez(tmp_path / "named.npz", a=DATA, b=DATA[:, 0])
    np.savez(tmp_path / "one.npz", DATA)
    np.savez(tmp_path / "two.npz", DATA, DATA[:, 0])
    source = read(tmp_path / "x.npy")
    assert (source.kind, source.name) == ("npy", "x.npy")
    np.testing.assert_array_equal(source.values, DATA)
    named = read(str(tmp_path / "named.npz"))
    assert named.kind == "npz" and named.values.keys() == {"a", "b"}
    np.testing.assert_array_equal(read(tmp_path / "one.npz").values, DATA)
    assert [values.shape for values in read(tmp_path / "two.npz").values] == [
        (10, FRAMES, FEATURES),
        (10, FEATURES),
    ]


class Exploit:
    def __reduce__(self) -> Any:
        return os.mkdir, ("exploited",)


@pytest.mark.parametrize("name", ["bad.npy", "bad.npz"])
def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = np.array([Exploit()], object)
    (np.save if name.endswith("npy") else np.savez)(tmp_path / name, hostile)
    with pytest.raises(ExportError, match=f"calibration: .*{name} cannot be read"):
        read(tmp_path / name)
    assert not (tmp_path / "exploited").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, r"calibration must be an array, .* or a folder of .wav files; received int"),
        (iter([]), "calibration yields no batch: .* make a new one"),
        (iter([np.zeros((0, 3))]), "calibration yields a batch without samples"),
        (iter([()]), "calibration yields object of the shape|calibration yields a batch without"),
        (iter(["abc"]), "calibration yields <U3 of the shape"),
        (iter([np.float32(3)]), r"calibration yields float32 of the shape \(\)"),
        (
            iter([np.zeros((2, 5, 3)), np.zeros((2, 6, 3))]),
            r"batches of different inputs: expected \(5, 3\) .* received \(6, 3\); cut or pad",
        ),
        (iter([{"a": np.zeros((2, 3))}, {"b": np.zeros((2, 3))}]), r"expected a: \(3,\) .* b: "),
        ("no-such.npy", "calibration: there is no file or folder no-such.npy; check the path"),
        (__file__, "received the path .*test_samples.py', which is neither"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(given: Any, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        read(given)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    for name, data in {"a.npy": b"", "b.npy": b"noise" * 9, "c.npz": b"PK\3\4" + bytes(40)}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ExportError, match=f"{name} cannot be read as"):
            read(tmp_path / name)


@pytest.fixture()
def clips(tmp_path: Path) -> Path:
    """Ten clips in two folders, of 0.4 to 0.6 seconds, and things that are no clips."""
    rng = np.random.default_rng(0)
    for i in range(10):
        folder = tmp_path / "clips" / ("yes" if i % 2 else "no")
        folder.mkdir(parents=True, exist_ok=True)
        length = {0: 6400, 1: 9600}.get(i, 8000)
        write_wav(folder / f"{i}.wav", rng.normal(0, 0.1, length))
    (tmp_path / "clips" / ".hidden.wav").write_bytes(b"not audio")
    (tmp_path / "clips" / "readme.txt").write_text("ten clips")
    return tmp_path / "clips"


def test_a_folder_of_audio(clips: Path) -> None:
    source = read(clips, frontend=LogMel().to_config())
    frames = LogMel().config.num_frames(8000)  # the median length
    assert source.values.shape == (LIMIT, frames, 40)
    assert source.kind == "folder" and source.name == "clips"
    # Spread over the sorted list: both folders are heard, though one alone has enough.
    assert source.files is not None and len(set(source.files)) == LIMIT
    assert {file.split("/")[0] for file in source.files} == {"yes", "no"}
    record = source.record(range(LIMIT))
    assert record["list"] == list(source.files)
    assert (
        record["list_sha256"]
        != read(clips.parent, frontend=LogMel().to_config()).record(range(LIMIT))["list_sha256"]
    )
    wanted = read(clips, frontend=LogMel().to_config(), frames=30)
    assert wanted.values.shape == (LIMIT, 30, 40)


def test_what_is_wrong_with_a_folder_is_one_sentence(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"pass frontend=log_mel.to_config\(\)"):
        read(clips)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExportError, match="calibration: .*empty: holds no WAV file"):
        read(tmp_path / "empty", frontend=LogMel().to_config())
    (clips / "yes" / "1.wav").write_bytes(b"RIFF")
    with pytest.raises(ExportError, match=r"calibration: .*yes/1.wav: .* remove this file"):
        read_source("calibration", clips, 99, LogMel().to_config())


def test_exports_from_different_sources_are_the_same_model(
    model: keras.Model, tmp_path: Path
) -> None:
    def written(name: str, calibration: Any) -> tuple[Any, np.ndarray]:
        path = tmp_path / f"{name}.tflite"
        report = export(model, path, calibration=calibration, forms=("portable",))
        return report.calibration, Interpreter(report.portable).predict(DATA)

    first, expected = written("array", DATA)
    second, scores = written("dataset", tensorflow_dataset())
    assert (first["source"], second["source"]) == ("array", "dataset")
    assert first["sha256"] == second["sha256"]
    np.testing.assert_array_equal(scores, expected)


def test_export_from_a_folder_of_audio(model: keras.Model, clips: Path, tmp_path: Path) -> None:
    report = export(
        model,
        tmp_path / "m.tflite",
        calibration=clips,
        verification=clips / "yes",
        frontend=LogMel().to_config(),
        forms=("portable",),
    )
    assert report.calibration["source"] == report.verification["source"] == "folder"
    assert len(report.calibration["list"]) == 10
    assert report.verification["list"] == [f"{i}.wav" for i in range(1, 10, 2)]


def test_tensorflow_is_not_imported_for_batches() -> None:
    code = (
        "import sys, numpy as np\n"
        "from tfpipeline.export.samples.sources import read_source\n"
        "read_source('calibration', (np.zeros((2, 3)) for _ in range(3)), 4)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
