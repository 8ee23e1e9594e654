"""What is no Keras model is named for what it is, whichever verb meets it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tfpipeline.keras_file import problem_of
from tfpipeline.loading import ModelLoadError, load_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model in every form in which Keras saves it."""
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 6)), keras.layers.GRU(4), keras.layers.Dense(3)])
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    model.save_weights(folder / "model.weights.h5")
    model.export(folder / "saved", verbose=False)
    return folder


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, b"{}")
    return path


def damaged(saved: Path, path: Path) -> Path:
    """A whole archive in which some bytes of the weights are others."""
    data = bytearray((saved / "model.keras").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(byte ^ 0xFF for byte in data[middle : middle + 64])
    return written(path, bytes(data))


def unpacked(saved: Path, path: Path) -> Path:
    with zipfile.ZipFile(saved / "model.keras") as file:
        file.extractall(path)
    return path


def renamed(saved: Path, name: str, path: Path) -> Path:
    shutil.copy(saved / name, path)
    return path


CASES: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "missing": (lambda s, p: p / "no.keras", "is not there; expected a .keras file"),
    "empty": (lambda s, p: written(p / "m.keras", b""), "is empty, as a save that was interrupted"),
    "cut": (
        lambda s, p: written(p / "m.keras", (s / "model.keras").read_bytes()[:3000]),
        "is cut short or damaged .*; save or copy it again",
    ),
    "damaged": (
        lambda s, p: damaged(s, p / "m.keras"),
        "is damaged .the checksum of model.weights.h5 in",
    ),
    "text": (lambda s, p: written(p / "m.keras", b"hello, world"), "is damaged: it does not begin"),
    "SavedModel": (lambda s, p: s / "saved", "is a SavedModel folder, .* expected a .keras file"),
    "folder": (lambda s, p: s, "is a folder; pass a file in it, such as model.keras"),
    "empty folder": (lambda s, p: p, "is a folder; expected a .keras file"),
    "unpacked": (lambda s, p: unpacked(s, p / "m"), "is an unpacked .keras file; pack its files"),
    "weights": (lambda s, p: s / "model.weights.h5", "holds weights only; build the model"),
    "weights as .h5": (
        lambda s, p: renamed(s, "model.weights.h5", p / "m.h5"),
        "holds weights only; build the model",
    ),
    "HDF5 as .keras": (
        lambda s, p: renamed(s, "model.h5", p / "m.keras"),
        "is an HDF5 file, as Keras 2 wrote them; rename it to end in .h5",
    ),
    "damaged HDF5": (lambda s, p: written(p / "m.h5", b"\x00" * 99), "is damaged: .* HDF5 file"),
    "cut HDF5": (
        lambda s, p: written(p / "m.h5", (s / "model.h5").read_bytes()[:600]),
        "is an HDF5 file, as Keras 2 wrote them, that Keras 3 cannot load: .*tf_keras",
    ),
    "PyTorch": (lambda s, p: archive(p / "m.pt", "m/data.pkl", "m/version"), "is a PyTorch file"),
    "old PyTorch": (lambda s, p: written(p / "m.pth", b"\x80\x02\x8a\n"), "is a PyTorch file"),
    "ONNX": (lambda s, p: written(p / "m.onnx", b"\x08\x07\x12\x07"), "is an ONNX model, not a"),
    "graph": (lambda s, p: written(p / "m.pb", b"\n\x05abcde"), "is a TensorFlow graph, not a"),
    "TFLite": (lambda s, p: written(p / "m.keras", b"\x1c\0\0\0TFL3" * 4), "is a TensorFlow Lite"),
    "arrays": (lambda s, p: archive(p / "m.npz", "a.npy"), "is a NumPy archive of arrays"),
    "zip": (lambda s, p: archive(p / "m.zip", "a.txt"), "is a zip archive without a Keras model"),
    "checkpoint": (lambda s, p: written(p / "m.index", b"\0" * 9), "is a TensorFlow checkpoint"),
    "long name": (lambda s, p: p / ("a" * 300 + ".keras"), "File name too long"),
    "no name": (lambda s, p: p / "a\0.keras", "is not there; expected"),
}


@pytest.mark.parametrize("kind", CASES)
def test_what_it_is_and_what_to_do(kind: str, saved: Path, tmp_path: Path) -> None:
    make, message = CASES[kind]
    path = make(saved, tmp_path)
    with pytest.raises(ModelLoadError, match=message) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"{path} ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_models_pass(name: str, saved: Path) -> None:
    assert problem_of(saved / name) is None
    assert load_model(saved / name).count_params() == 159


def test_any_name_of_a_file_that_cannot_be_made(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x01\x02" * 9)
    assert "begins with" in str(problem_of(tmp_path / "model.bin"))


def command(*arguments: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tfpipeline.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_another_backend_is_named(saved: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 5, 6), np.float32))
    samples = ("--calibration", tmp_path / "x.npy")
    out = tmp_path / "m.tflite"
    done = command("export", saved / "model.keras", *samples, "--out", out, KERAS_BACKEND="jax")
    assert done.returncode == 1
    assert "export needs Keras' TensorFlow backend, and this process has 'jax'" in done.stderr
    assert "KERAS_BACKEND=tensorflow" in done.stderr and "load_model" in done.stderr
    assert not out.exists()


def test_a_savedmodel_at_the_command_line(saved: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "m.keras")
    done = command("compress", saved / "saved", "--data", tmp_path, *out)
    assert done.returncode == 1
    assert "is a SavedModel folder" in done.stderr.splitlines()[-1]
