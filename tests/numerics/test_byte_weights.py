"""EdgeML's bytes: its own numbers, and files of them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from byte_cells import random_cell

from tfpipeline.compress.byte_file import load_bytes, save_bytes
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.numerics.byte_cells import SCALARS, ByteWeights, CellWeights, quantize_bytes
from tfpipeline.numerics.byte_cells.quantize import scalar_to_integer

CELLS = pytest.mark.parametrize("cell", SCALARS)


def one_row(*numbers: float, **more: Any) -> CellWeights:
    """A FastRNN of one unit whose kernel is these numbers; the other matrices are 0."""
    return CellWeights(
        cell="fast_rnn",
        kernel=(np.array(numbers)[:, None],),
        recurrent_kernel=(np.zeros((1, 1)),),
        bias=np.zeros((1, 1)),
        logits={"alpha": -3.0, "beta": 3.0},
        **more,
    )


def test_the_integers_of_edgeml() -> None:
    stored = quantize_bytes(one_row(0.5, -1.2, 0.003, 2))
    assert stored.scale == 64
    assert stored.kernel[0].ravel().tolist() == [32, -77, 0, 127]
    assert scalar_to_integer(1) == 731
    assert scalar_to_integer(-4) == 18
    assert stored.scalars == {"alpha": 47, "beta": 953}


def test_ties_go_to_even_and_only_the_positive_end_is_cut() -> None:
    # 255 / (2 * 2) = 63.75, so the scale is 64 and 1 / 128 is half a level.
    stored = quantize_bytes(one_row(2, -2, 1 / 128, 3 / 128, -1 / 128, -3 / 128))
    assert stored.scale == 64
    assert stored.kernel[0].ravel().tolist() == [127, -128, 0, 2, 0, -2]
    assert scalar_to_integer(1e4) == 1000
    assert scalar_to_integer(-1e4) == 0


def test_the_largest_number_of_any_matrix_sets_the_scale() -> None:
    weights = one_row(1.0, 0.25)
    large = np.full((1, 1), -4.0)
    for changed in (replace(weights, bias=large), replace(weights, recurrent_kernel=(large,))):
        stored = quantize_bytes(changed)
        assert stored.scale == round(255 / 8)
        assert stored.kernel[0].ravel().tolist() == [32, 8]


def test_the_classifier_has_a_scale_of_its_own_that_is_not_rounded() -> None:
    head = {"classifier": np.array([[0.7, -0.35]]), "classifier_bias": np.array([0.0, -0.1])}
    stored = quantize_bytes(one_row(2.0, **head))
    assert stored.classifier_scale == 255 / 1.4
    assert stored.classifier is not None and stored.classifier_bias is not None
    assert stored.classifier.tolist() == [[127, -64]]
    assert stored.classifier_bias.tolist() == [0, -18]


@CELLS
@pytest.mark.parametrize("rank", [None, 3])
def test_a_level_is_what_rounding_may_cost(cell: str, rank: int | None) -> None:
    weights = random_cell(cell, rank=rank)
    stored = quantize_bytes(weights)
    for w, q in zip(weights.of_cell(), stored.of_cell(), strict=True):
        assert np.abs(w * stored.scale - q).max() <= 1  # half a level, or cut at 127
    for name, logit in weights.logits.items():
        assert abs(stored.scalars[name] / 1000 - 1 / (1 + np.exp(-logit))) <= 0.0005


@CELLS
@pytest.mark.parametrize("rank", [None, 3])
def test_a_file_gives_back_what_was_written(tmp_path: Path, cell: str, rank: int | None) -> None:
    path = tmp_path / "cell.npz"
    path.write_bytes(b"an older file")
    for weights in (random_cell(cell, rank=rank), random_cell(cell, rank=rank, classes=None)):
        stored = save_bytes(weights, path)
        found = load_bytes(path)
        assert os.listdir(tmp_path) == ["cell.npz"]
        for name, value in vars(stored).items():
            other = getattr(found, name)
            if isinstance(value, tuple):
                assert len(value) == len(other)
                assert all(map(np.array_equal, value, other))
            elif isinstance(value, np.ndarray):
                assert value.dtype == other.dtype == np.int8
                np.testing.assert_array_equal(value, other)
            else:
                assert value == other
        assert save_bytes(stored, path) is stored


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    weights = random_cell("fast_rnn")
    with pytest.raises(CompressionError, match=r"must end with \.npz"):
        save_bytes(weights, tmp_path / "cell.npy")
    (tmp_path / "taken.npz").mkdir()
    with pytest.raises(CompressionError, match=r"taken\.npz cannot be written: .*irectory"):
        save_bytes(weights, tmp_path / "taken.npz")
    with pytest.raises(CompressionError, match="cannot be written: No such file"):
        save_bytes(weights, tmp_path / "none" / "cell.npz")
    assert os.listdir(tmp_path) == ["taken.npz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "no 'bias'"),
        ({"kernel_0": None}, "no 'kernel_0'"),
        ({"alpha": None}, "no 'alpha'"),
        ({"version": np.array(9)}, "version 9 of the format"),
        ({"version": np.zeros(3)}, "does not hold a cell in bytes"),
        ({"cell": np.array("gru")}, "the cell 'gru'"),
        ({"alpha": np.array(2000)}, "`scalars` must lie in"),
        ({"scale": np.array(0)}, "`scale` must lie in"),
        ({"classifier_scale": np.array(np.nan)}, "`classifier_scale`"),
        ({"bias": np.zeros((1, 5), np.float32)}, "must be int8"),
        ({"bias": np.zeros((2, 5), np.int8)}, "`bias` of 'fast_rnn' must have shape"),
        ({"classifier": None}, "must be given together"),
        (
            {"recurrent_kernel_1": np.zeros((7, 5), np.int8)},
            "`recurrent_kernel` must be one matrix",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "cell.npz"
    save_bytes(random_cell("fast_rnn"), path)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays = {name: value for name, value in (arrays | change).items() if value is not None}
    np.savez(path, **arrays)
    with pytest.raises(CompressionError, match=message):
        load_bytes(path)


def test_files_that_are_no_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cell.npz"
    with pytest.raises(CompressionError, match=r"is no \.npz file"):
        load_bytes(path)
    path.write_bytes(b"PK\x03\x04 something")
    with pytest.raises(CompressionError, match="does not hold a cell in bytes"):
        load_bytes(path)
    np.savez(path, kernel_0=np.array([{"a": 1}], object))
    with pytest.raises(CompressionError, match="does not hold a cell in bytes"):
        load_bytes(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "gru"}, "`cell` must be one of"),
        ({"bias": np.zeros((2, 5))}, r"`bias` of 'fast_rnn' must have shape \(1, units\)"),
        ({"bias": np.zeros(5)}, "`bias` of"),
        ({"kernel": (np.zeros((4, 6)),)}, r"`kernel` must be one matrix \(features, 5\)"),
        ({"kernel": ()}, "`kernel` must be one matrix"),
        ({"kernel": (np.zeros((4, 2)), np.zeros((3, 5)))}, "`kernel` must be one matrix"),
        ({"recurrent_kernel": (np.zeros((4, 5)),)}, r"`recurrent_kernel` must be .*\(5, 5\)"),
        ({"classifier": np.zeros((4, 3))}, r"`classifier` must have shape \(5, classes\)"),
        ({"classifier": None}, "must be given together"),
        ({"logits": {"alpha": 0.0}}, r"`logits` of 'fast_rnn' must be \['alpha', 'beta'\]"),
        ({"logits": {"alpha": 0.0, "beta": np.nan}}, "did the training diverge"),
        ({"kernel": (np.full((4, 5), np.inf),)}, "did the training diverge"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(random_cell("fast_rnn"), **change)


def test_weights_without_a_scale_are_refused() -> None:
    with pytest.raises(ValueError, match="must not all be 0"):
        quantize_bytes(one_row(0.0))
    for largest in (300.0, 1e-6):
        with pytest.raises(ValueError, match="must lie between"):
            quantize_bytes(one_row(largest))
    with pytest.raises(ValueError, match="classifier and its bias must not all be 0"):
        head = {"classifier": np.zeros((1, 2)), "classifier_bias": np.zeros(2)}
        quantize_bytes(one_row(1.0, **head))
    assert isinstance(quantize_bytes(one_row(1.0)), ByteWeights)
