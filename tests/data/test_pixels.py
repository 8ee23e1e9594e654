from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data import DataError, load_digits, load_pixel_mnist, pixel_permutation
from tfpipeline.data.images.idx_file import read_idx

EACH = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TYPES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(values: np.ndarray) -> bytes:
    """The format, written out anew."""
    head = bytes([0, 0, TYPES[values.dtype.str[1:]], values.ndim])
    return (
        head
        + struct.pack(f">{values.ndim}I", *values.shape)
        + values.astype(values.dtype.newbyteorder(">")).tobytes()
    )


PICTURES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
DIGITS = (np.arange(12) % 10).astype(np.uint8)
NAMES = {
    "train-images-idx3-ubyte": PICTURES,
    "train-labels-idx1-ubyte": DIGITS,
    "t10k-images-idx3-ubyte": PICTURES[:5] // 2,
    "t10k-labels-idx1-ubyte": DIGITS[:5],
}


@pytest.fixture(name="mnist")
def _mnist(tmp_path: Path) -> Path:
    for name, values in NAMES.items():
        (tmp_path / name).write_bytes(idx(values))
    return tmp_path


@EACH
@given(
    kind=st.sampled_from(sorted(TYPES)),
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    packed=st.booleans(),
    seed=st.integers(0, 9),
)
def test_any_array_is_read_as_it_was_written(
    tmp_path: Path, kind: str, shape: list[int], packed: bool, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(-100, 100, shape).astype(kind)
    data = idx(values)
    (tmp_path / "a").write_bytes(gzip.compress(data) if packed else data)
    read = read_idx(tmp_path / "a", "numbers")
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


@EACH
@given(
    data=st.one_of(
        st.binary(max_size=40),
        st.builds(
            lambda kind, axes, rest: bytes([0, 0, kind, axes]) + rest,
            st.sampled_from([8, 9, 11, 12, 13, 14, 10]),
            st.integers(0, 6),
            st.binary(max_size=40),
        ),
    ),
    packed=st.sampled_from(["plain", "packed", "cut"]),
)
def test_any_bytes_are_an_array_or_a_sentence(tmp_path: Path, data: bytes, packed: str) -> None:
    path = tmp_path / "a"
    stored = data if packed == "plain" else gzip.compress(data)
    path.write_bytes(stored[:-9] if packed == "cut" else stored)
    try:
        values = read_idx(path, "numbers")
    except DataError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
    else:
        assert idx(values) == data or values.size == 0 or np.isnan(values).any()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (60000, 28, 28), (2**31, 0, 2)])
def test_a_header_that_promises_gigabytes_asks_for_no_memory(
    tmp_path: Path, packed: bool, shape: tuple[int, ...]
) -> None:
    data = b"\0\0\x08\x03" + struct.pack(">3I", *shape) + bytes(1000)
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(data) if packed else data)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="its header promises"):
            read_idx(path, "pixels")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_what_unpacks_to_more_than_its_header_says_is_not_unpacked_to_the_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(idx(DIGITS) + bytes(200 << 20), 1))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="too long"):
            read_idx(path, "digits")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("features", "steps"), [(1, 784), (7, 112), (28, 28), (112, 7)])
def test_pixels_go_row_by_row_some_a_step(mnist: Path, features: int, steps: int) -> None:
    data = load_pixel_mnist(mnist, features=features)
    assert {name: split.x.shape for name, split in data.splits().items()} == {
        "train": (10, steps, features),
        "validation": (2, steps, features),
        "test": (5, steps, features),
    }
    joined = np.concatenate([data.train.x, data.validation.x]).reshape(12, 784)
    np.testing.assert_array_equal(joined, PICTURES.reshape(12, 784).astype(np.float32) / 255)
    assert [*data.train.y, *data.validation.y] == DIGITS.tolist()
    assert data.train.x.dtype == np.float32
    assert data.train.y.dtype == np.int32


def test_one_permutation_is_applied_to_all_pictures(mnist: Path) -> None:
    plain, permuted = load_pixel_mnist(mnist), load_pixel_mnist(mnist, permuted=True)
    order = pixel_permutation(784)
    assert sorted(order) == list(range(784))
    for split in ("train", "validation", "test"):
        x, y = (getattr(data, split).x for data in (plain, permuted))
        np.testing.assert_array_equal(x[:, order], y)
    rows = load_pixel_mnist(mnist, features=28, permuted=True)
    np.testing.assert_array_equal(rows.test.x.reshape(5, 784, 1), permuted.test.x)
    other = load_pixel_mnist(mnist, permuted=True, permutation_seed=1)
    assert not np.array_equal(other.test.x, permuted.test.x)


def test_the_permutation_stays_the_same_for_good() -> None:
    # Results of different times are of the same task; RandomState promises its draws.
    assert pixel_permutation(784)[:6].tolist() == PERMUTED_784
    assert pixel_permutation(64)[:6].tolist() == PERMUTED_64


PERMUTED_784 = [693, 85, 647, 392, 765, 14]
PERMUTED_64 = [45, 29, 43, 61, 34, 33]


def test_packed_files_and_other_names_are_found(mnist: Path) -> None:
    plain = load_pixel_mnist(mnist)
    (mnist / "raw").mkdir()
    for number, name in enumerate(NAMES):
        data = (mnist / name).read_bytes()
        (mnist / name).unlink()
        stem, _, rest = name.rpartition("-idx")
        if number % 2:
            (mnist / "raw" / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (mnist / f"{stem}.idx{rest}").write_bytes(data)
    again = load_pixel_mnist(mnist)
    np.testing.assert_array_equal(plain.train.x, again.train.x)
    np.testing.assert_array_equal(plain.test.y, again.test.y)


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("train-images-idx3-ubyte", None, "there is no such file; expected MNIST's train images"),
        ("t10k-labels-idx1-ubyte", b"", "is empty; expected MNIST's test labels"),
        ("t10k-labels-idx1-ubyte", b"PK\3\4", "is no IDX file (it begins with 50 4b 03 04)"),
        ("train-images-idx3-ubyte", idx(PICTURES)[:-1], "is cut short: its header promises 9424"),
        ("train-images-idx3-ubyte", idx(PICTURES) + b"\0", "is too long"),
        ("train-images-idx3-ubyte", idx(PICTURES[:, :27]), "of the shape (12, 27, 28)"),
        ("train-images-idx3-ubyte", idx(PICTURES.astype("i4")), "holds int32"),
        ("train-labels-idx1-ubyte", idx(DIGITS[:11]), "a digit for each of the 12 pictures"),
        ("train-labels-idx1-ubyte", idx(DIGITS + np.uint8(1)), "holds 10; expected digits"),
        ("t10k-images-idx3-ubyte", gzip.compress(idx(PICTURES))[:-20], "cannot be unpacked"),
    ],
)
def test_a_file_that_is_missing_or_broken_is_one_sentence(
    mnist: Path, name: str, data: bytes | None, part: str
) -> None:
    (mnist / name).unlink() if data is None else (mnist / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        load_pixel_mnist(mnist)
    assert str(caught.value).startswith(f"{mnist / name}: ")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_impossible_arguments_are_named(mnist: Path) -> None:
    for arguments, part in (
        ({"features": 5}, r"features must divide the 784 pixels of a picture \(1, 2, 4, 7"),
        ({"features": 0}, "features must be at least 1"),
        ({"permutation_seed": -1}, "permutation_seed must be at least 0"),
        ({"validation_share": 1}, "validation_share must be in"),
    ):
        with pytest.raises(ValueError, match=part):
            load_pixel_mnist(mnist, **arguments)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="12 training pictures are too few to split"):
        load_pixel_mnist(mnist, validation_share=0.99)


def test_digits_of_scikit_learn_are_sequences_of_64_pixels() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")
    data = load_digits()
    assert (len(data.train), len(data.validation), len(data.test)) == (1077, 360, 360)
    bunch = datasets.load_digits()
    joined = np.concatenate([split.x for split in data.splits().values()])
    np.testing.assert_array_equal(joined[..., 0] * 16, bunch.data)
    labels = np.concatenate([split.y for split in data.splits().values()])
    np.testing.assert_array_equal(labels, bunch.target)
    permuted = load_digits(features=8, permuted=True)
    assert permuted.test.x.shape == (360, 8, 8)
    np.testing.assert_array_equal(
        permuted.test.x.reshape(360, 64), data.test.x[:, pixel_permutation(64), 0]
    )
    assert "scikit-learn" in data.provenance["source"]


def test_without_scikit_learn_one_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tfpipeline.extras.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'tfpipeline\[digits\]'"):
        load_digits()
