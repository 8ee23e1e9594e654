"""Tables of low rank in builtin ops and in ours: scales of columns, and rows of an odd width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.export import ExportReport, Tolerances, export
from tfpipeline.export.lower.column_scales import column_table
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.inspection import inspect_model
from tfpipeline.layers import FactoredEmbedding
from tfpipeline.numerics.embedding_options import OP_NAME
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

WORDS, WIDTH = 64, 20
IDS = np.arange(WORDS, dtype=np.int32).reshape(8, 8)
# All words calibrate, so that outputs of none are clipped.
ALL = {"calibration": IDS, "verification": IDS, "tolerances": Tolerances(0.0, 10.0, 10.0)}
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items()}


def factored(rank: int, spread: float = 0.3) -> Any:
    """Return a model that is nothing but a table of low rank."""
    keras.utils.set_random_seed(0)
    words = FactoredEmbedding(WORDS, WIDTH, rank=rank, name="words")
    model = keras.Sequential([keras.Input((8,), dtype="int32"), words])
    rng = np.random.default_rng(1)
    sizes = np.exp(rng.normal(0, spread, (WORDS, 1)))
    words.left.assign(rng.normal(size=(WORDS, rank)) * sizes)
    return model


def operators(path: Path) -> list[str]:
    content = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    codes = [content.operatorCodes[op.opcodeIndex] for op in content.subgraphs[0].operators]
    return [(c.customCode or b"").decode() or _NAMES[c.builtinCode] for c in codes]


def tensors(report: ExportReport, form: str) -> dict[str, int]:
    """Return the bytes of what an embedding's file stores, by the last part of its name."""
    stored = inspect_model(getattr(report, form)).bytes.tensors
    return {tensor.name.rpartition("/")[2]: tensor.bytes for tensor in stored}


def apart(path: Path, model: Any, expected: np.ndarray, mode: str) -> float:
    """Return the largest error of a file, in sizes of the range of what is put out.

    int8 holds the range of the model itself, which rounded weights may leave.
    """
    scores = model.predict(IDS, verbose=0)
    if mode != "int4":
        expected = np.clip(expected, scores.min(), scores.max())
    found = Interpreter(path).predict(IDS).reshape(expected.shape)
    return float(np.abs(found - expected).max() / np.ptp(scores))


@pytest.mark.parametrize("mode", ["int4", "int8x4"])
def test_short_rows_have_scales_of_columns(target: Path, mode: str) -> None:
    model = factored(7)
    report = export(model, target, quantize=mode, **ALL)
    # Seven numbers and a zero, as XNNPACK takes 4-bit weights of an even width only.
    assert tensors(report, "portable")["table"] == 8 * WORDS
    assert tensors(report, "fused")["table"] == 7 * WORDS
    assert tensors(report, "fused")["scales"] == 4
    assert "scales" not in tensors(report, "portable")
    found = operators(report.portable)
    assert found[0] == "GATHER" and not {"EMBEDDING_LOOKUP", "MUL"} & set(found)
    assert operators(report.fused)[0] == OP_NAME
    left, right = (np.asarray(weight) for weight in model.get_weights())
    table = column_table(left, right.T)
    matrix = quantize_rows(table.matrix, 4)
    expected = table.codes.astype(np.float64) @ (matrix.values * matrix.scales[:, None]).T
    # Half a step of int8 outputs and a little for rounding; inputs of the portable int4 product
    # are rounded at every call.
    assert apart(report.portable, model, expected, mode) <= 0.6 / 255
    assert apart(report.fused, model, expected, mode) <= (1e-6 if mode == "int4" else 0.6 / 255)


@pytest.mark.parametrize(
    ("mode", "rank", "spread"),
    [("int4", 11, 0.3), ("int8x4", 11, 0.3), ("int4", 7, 2.5)],
    ids=["int4", "int8x4", "uneven"],
)
def test_other_rows_have_a_scale_each_and_are_not_cut(
    target: Path, mode: str, rank: int, spread: float
) -> None:
    model = factored(rank, spread)
    report = export(model, target, quantize=mode, **ALL)
    for form in ("portable", "fused"):
        stored = tensors(report, form)
        assert stored["table"] == (rank + 1) // 2 * WORDS and stored["scales"] == 4 * WORDS
    found = operators(report.portable)
    assert "SLICE" not in found and found.count("MUL") == 1
    content = schema.ModelT.InitFromPackedBuf(report.portable.read_bytes())
    (graph,) = content.subgraphs
    (product,) = (
        op for op, name in zip(graph.operators, found, strict=True) if name == "FULLY_CONNECTED"
    )
    assert list(graph.tensors[product.inputs[1]].shape) == [WIDTH, rank + 1]
    left, right = (np.asarray(weight) for weight in model.get_weights())
    rows, matrix = quantize_rows(left, 4), quantize_rows(right.T, 4)
    expected = (rows.values * rows.scales[:, None]).astype(np.float64) @ (
        matrix.values * matrix.scales[:, None]
    ).T
    assert apart(report.fused, model, expected, mode) <= (1e-6 if mode == "int4" else 0.6 / 255)
    # Rows are rounded to int8 before the portable product, with one scale in int8x4.
    assert apart(report.portable, model, expected, mode) <= 0.02


def test_int8_rows_have_scales_of_columns_for_the_same_bytes(target: Path) -> None:
    model = factored(6)
    words = model.layers[-1]
    # One column is a hundred times as large as others, which one scale for all would erase.
    columns = np.array([100.0, 1, 1, 1, 1, 1])
    words.left.assign(np.asarray(words.left) * columns)
    words.right.assign(np.asarray(words.right) / columns[:, None])
    report = export(model, target, quantize="int8", **ALL)
    assert operators(report.portable)[:2] == ["GATHER", "FULLY_CONNECTED"]
    assert tensors(report, "portable")["table"] == 6 * WORDS
    expected = model.predict(IDS, verbose=0)
    error = np.abs(Interpreter(report.portable).predict(IDS) - expected).max()
    assert error < 0.02 * np.ptp(expected)
