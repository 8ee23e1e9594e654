"""One scale a matrix in place of one a row: smaller files that are still the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_model import FEATURES, LABELS, settle, walk

from tfpipeline.cli.main import main
from tfpipeline.compress import ledger
from tfpipeline.export import ExportError, Tolerances, export, kept_conversions
from tfpipeline.layers import FactoredDense, FactoredGRU, FastGRNN
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

UNITS, RANK = 24, 8


@pytest.fixture(scope="module")
def small() -> keras.Model:
    """A factored recurrent layer, a plain one, and dense layers of both kinds."""
    model = keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            FactoredGRU(UNITS, rank=RANK, return_sequences=True, name="first"),
            keras.layers.LSTM(UNITS, name="second"),
            FactoredDense(9, rank=4, activation="relu", name="third"),
            keras.layers.Dense(len(LABELS), name="head"),
        ]
    )
    return settle(model, seed=3)


@pytest.fixture(scope="module")
def reports(small: keras.Model, tmp_path_factory: Any) -> dict[bool, Any]:
    folder = tmp_path_factory.mktemp("per_tensor")
    with kept_conversions():
        return {
            per_channel: export(
                small,
                folder / f"{per_channel}.tflite",
                calibration=walk(40),
                per_channel=per_channel,
                tolerances=Tolerances(relative_error=0.2),
            )
            for per_channel in (True, False)
        }


def scales(path: Path) -> dict[str, int]:
    """How many scales each constant of the main graph has."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    found = {}
    for tensor in model.subgraphs[0].tensors:
        stored = model.buffers[tensor.buffer].data
        if stored is not None and tensor.quantization is not None:
            count = tensor.quantization.scale
            found[tensor.name.decode()] = 0 if count is None else len(count)
    return found


def test_every_matrix_of_the_fused_file_has_one_scale(reports: dict[bool, Any]) -> None:
    found = scales(reports[False].fused)
    assert len(found) >= 11 and set(found.values()) == {1}, found
    assert max(scales(reports[True].fused).values()) >= 4 * UNITS


def test_rows_of_dense_layers_share_it_in_the_portable_file(reports: dict[bool, Any]) -> None:
    found = scales(reports[False].portable)
    heads = {name: count for name, count in found.items() if name.startswith(("head", "third"))}
    assert len(heads) >= 5 and set(heads.values()) == {1}, found


def test_it_saves_twelve_bytes_a_row(reports: dict[bool, Any]) -> None:
    one, many = (reports[kind].fused.stat().st_size for kind in (False, True))
    # Of the scales alone, which no two matrices of this model share but those of the GRU.
    rows = 2 * RANK + 3 * UNITS + 2 * 4 * UNITS + 4 + 9 + len(LABELS)
    assert many - one > 4 * rows


def test_errors_stay_small(reports: dict[bool, Any], small: keras.Model) -> None:
    """They grow, and what is left is no chance: another scale of the weights is all there is."""
    x = walk(16, seed=9)
    expected = small.predict(x, verbose=0)
    errors = {}
    for kind, report in reports.items():
        for form in ("portable", "fused"):
            got = np.concatenate([Interpreter(getattr(report, form)).predict(v[None]) for v in x])
            errors[kind, form] = np.sqrt(np.mean((got - expected) ** 2)) / expected.std()
    assert max(errors.values()) < 0.15, errors
    for form in ("portable", "fused"):
        assert errors[True, form] < 0.1, errors


def test_the_card_says_so(reports: dict[bool, Any]) -> None:
    for per_channel, report in reports.items():
        card = Interpreter(report.fused).card
        assert card["quantization"]["per_channel"] is per_channel


def test_the_command_line_has_it(
    small: keras.Model, tmp_path: Path, reports: dict[bool, Any]
) -> None:
    small.save(tmp_path / "small.keras")
    np.save(tmp_path / "x.npy", walk(40))
    out = tmp_path / "small.tflite"
    options = ["--calibration", str(tmp_path / "x.npy"), "--out", str(out), "--per-tensor"]
    options += ["--relative-error", "0.2"]
    assert main(["export", str(tmp_path / "small.keras"), *options]) == 0
    assert scales(tmp_path / "small.fused.tflite") == scales(reports[False].fused)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_sparse_model_of_kilobytes_is_a_file_of_kilobytes(
    tmp_path: Path, streaming: bool
) -> None:
    """The FastGRNN paper's model of twelve words, with 30 % of its numbers."""
    keras.utils.set_random_seed(0)
    layer = FastGRNN(100, rank=16, recurrent_rank=25, name="fast")
    dense = keras.layers.Dense(12, name="head")
    model = settle(keras.Sequential([keras.Input((None, 32)), layer, dense]))
    for weight in layer.weights:
        if weight.name.startswith(("kernel", "recurrent_kernel")):
            values = keras.ops.convert_to_numpy(weight)
            kept = np.abs(values) >= np.quantile(np.abs(values), 0.7)
            weight.assign(np.where(kept, values, 0))
    x = np.random.default_rng(0).normal(size=(32, 20, 32)).astype(np.float32)
    report = export(
        model,
        tmp_path / "m.tflite",
        calibration=x,
        per_channel=False,
        streaming=streaming,
        tolerances=Tolerances(relative_error=0.2, drift=0.2),
    )
    counted = ledger(model, tflite=report.stream_fused if streaming else report.fused)
    assert counted.file is not None
    assert counted.bytes == pytest.approx(5682, abs=8)  # the quantile may keep one number more
    assert counted.file.bytes <= 1.5 * counted.bytes + 2048
    rows = {row.name: row for row in counted.rows}
    for name in ("kernel_left", "kernel_right", "recurrent_kernel_left", "recurrent_kernel_right"):
        row = rows[f"fast/{name}"]
        size = row.shape[0] * row.shape[1]
        # A bit each in place of an index for each that is not 0.
        assert row.file_bytes is not None and row.file_bytes < 0.45 * size < row.bytes
    assert rows["fast/zeta_logit"].file_bytes is None


def test_it_is_yes_or_no(small: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="per_channel must be one of False, True"):
        export(small, tmp_path / "m.tflite", calibration=walk(2), per_channel="no")  # type: ignore[arg-type]
