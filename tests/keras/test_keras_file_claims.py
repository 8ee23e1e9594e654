"""Model files that claim more than they have: a sentence, before any memory is taken."""

from __future__ import annotations

import io
import json
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from limited import limited

from tfpipeline.keras_file_claims import claims_too_much
from tfpipeline.layers import FactoredGRU
from tfpipeline.loading import ModelLoadError, load_model

UNITS = 12


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((None, 5)), FactoredGRU(UNITS, rank=3), keras.layers.Dropout(0.5)]
    model = keras.Sequential([*layers, keras.layers.Dense(4)])
    model.compile("adam", "mse")
    model.fit(np.ones((2, 3, 5)), np.ones((2, 4)), verbose=0)
    path = tmp_path_factory.mktemp("good") / "model.keras"
    model.save(path)
    return path


def changed(
    source: Path, target: Path, name: str, change: Callable[[bytes], bytes], compress: bool = False
) -> Path:
    """A copy in which one member is another."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = old.read(info.filename)
            if info.filename == name:
                data = change(data)
            kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
            new.writestr(info.filename, data, compress_type=kind)
    return target


def with_datasets(data: bytes, **more: object) -> bytes:
    """Weights with another data set that was never written."""
    file = io.BytesIO(data)
    with h5py.File(file, "a") as opened:
        opened.create_dataset("layers/dense/vars/9", (1 << 28,), "f4", **more)
    return file.getvalue()


def wider(config: bytes) -> bytes:
    assert config.count(b'"units": 4,') == 1
    return config.replace(b'"units": 4,', b'"units": 300000000,')


BOMBS: dict[str, tuple[str, Callable[[bytes], bytes], bool]] = {
    "zeros": ("model.weights.h5", lambda data: data + bytes(200 << 20), True),
    "spaces": ("config.json", lambda data: data + b" " * (200 << 20), True),
    "text": ("config.json", lambda data: data + b" " * (40 << 20), True),
    "other": ("metadata.json", lambda data: data + b" " * (40 << 20), True),
    "unwritten": ("model.weights.h5", with_datasets, False),
    "filled": (
        "model.weights.h5",
        lambda data: with_datasets(data, chunks=(1 << 20,), compression="gzip", fillvalue=1.0),
        False,
    ),
    "config": ("config.json", wider, False),
    "config compressed": ("config.json", wider, True),
}


@pytest.fixture(scope="module")
def said(good: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What loading of each bomb says, in a process that has little memory for it."""
    folder = tmp_path_factory.mktemp("bombs")
    for kind, (name, change, compress) in BOMBS.items():
        path = changed(good, folder / f"{kind}.keras", name, change, compress)
        assert path.stat().st_size < 1 << 20
    setup = (
        "import pathlib, tfpipeline\nfrom tfpipeline.loading import ModelLoadError\n"
        "tfpipeline.load_model(sys.argv[1])"
    )
    code = (
        "found = {}\n"
        "for path in pathlib.Path(sys.argv[2]).iterdir():\n"
        "    try:\n        tfpipeline.load_model(path)\n"
        "    except ModelLoadError as error:\n        found[path.stem] = str(error)\n"
        "print()\nprint(json.dumps(found))"
    )
    found: dict[str, str] = json.loads(
        limited(setup, code, good, folder, megabytes=128).splitlines()[-1]
    )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_a_sentence(said: dict[str, str], kind: str) -> None:
    assert f"{kind}.keras " in said[kind]
    assert "it is damaged; save or copy it again" in said[kind]


def test_holes_are_no_bytes(tmp_path: Path) -> None:
    data = bytes(1000)
    path = tmp_path / "holes.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        info = zipfile.ZipInfo("model.weights.h5")
        with archive.open(info, "w") as member:
            member.write(data)
    # The directory of the archive behind a hole of a gigabyte, which is a part of the member.
    whole = path.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    hole = 1 << 30
    tail = bytearray(whole[directory:])
    last = tail.rindex(b"PK\x01\x02")
    size = len(data) + hole
    tail[last + 20 : last + 28] = size.to_bytes(4, "little") * 2
    end = tail.index(b"PK\x05\x06")
    tail[end + 16 : end + 20] = (directory + hole).to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(whole[:directory])
        file.seek(directory + hole)
        file.write(tail)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("model.weights.h5").file_size == size
    if path.stat().st_blocks * 512 > hole:
        pytest.skip("this file system has no holes")
    with pytest.raises(ModelLoadError, match="far more than it has"):
        load_model(path)


def test_an_hdf5_file_claims_too(tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1 << 30,), "f4")
    with pytest.raises(ModelLoadError, match="claims 4,294,967,296 bytes"):
        load_model(path)


@pytest.mark.parametrize("compress", [False, True])
def test_real_models_load(good: Path, tmp_path: Path, compress: bool) -> None:
    path = changed(good, tmp_path / "same.keras", "config.json", lambda data: data, compress)
    loaded, expected = load_model(path), keras.models.load_model(good)
    # Without the states of generators, which are drawn anew.
    for found, wanted in zip(loaded.trainable_weights, expected.trainable_weights, strict=True):
        assert np.array_equal(found, wanted)
    assert len(loaded.optimizer.variables) == len(expected.optimizer.variables)


def test_mostly_zeros_in_a_compressed_archive(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3000,)), keras.layers.Dense(9000)])
    kernel = np.zeros((3000, 9000), np.float32)
    kernel[:, ::12] = np.random.default_rng(0).normal(size=kernel[:, ::12].shape)
    model.set_weights([kernel, np.ones(9000)])
    model.save(tmp_path / "a.keras")
    path = changed(tmp_path / "a.keras", tmp_path / "b.keras", "", lambda data: data, compress=True)
    assert claims_too_much(path) == ""


def test_looking_leaves_no_trace(good: Path) -> None:
    random.seed(7)
    before = random.getstate()
    assert claims_too_much(good) == ""
    assert random.getstate() == before
    assert keras.layers.Dense(1).name == _after(keras.layers.Dense(1).name)
    # Variables that were only described must not be made later.
    with keras.StatelessScope():
        pass
    assert load_model(good).count_params() == keras.models.load_model(good).count_params()


def _after(name: str) -> str:
    """`dense_3` before `dense_4`: nobody used a number in between."""
    stem, _, number = name.rpartition("_")
    return f"{stem}_{int(number) - 1}" if int(number) > 1 else stem


@pytest.mark.parametrize("data", [b"PK", b"", b"PK\x03\x04" + bytes(100), b"\x89HDF\r\n\x1a\n"])
def test_what_is_no_model_is_left_to_keras(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.keras"
    path.write_bytes(data)
    assert claims_too_much(path) == ""


def test_a_config_that_keras_refuses_is_left_to_keras(good: Path, tmp_path: Path) -> None:
    def unknown(config: bytes) -> bytes:
        read = json.loads(config)
        read["class_name"] = "Nobody"
        return json.dumps(read).encode()

    path = changed(good, tmp_path / "x.keras", "config.json", unknown)
    shutil.copy(path, tmp_path / "y.keras")
    assert claims_too_much(path) == ""
    with pytest.raises(ModelLoadError):
        load_model(path)
