"""Embeddings as files: tables of any bits with a scale a row, and one op of ours for a lookup."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from separate_environment import TFLITE_MICRO, TFLITE_RUNTIME

from tfpipeline.export import ExportReport, Tolerances, export
from tfpipeline.inspection import inspect_model
from tfpipeline.layers import FactoredEmbedding
from tfpipeline.numerics.embedding_options import OP_NAME
from tfpipeline.runtime import InputError, Interpreter, Streamer
from tfpipeline.runtime.tflite_file import TFLiteFile

pytestmark = pytest.mark.long

L = keras.layers
WORDS, WIDTH, STEPS = 120, 30, 10
IDS = np.random.default_rng(0).integers(0, WORDS, (24, STEPS)).astype("int32")
ANY = Tolerances(0.0, 10.0, 10.0)
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items()}


def text_model(
    factored: bool, *after: Any, dtype: str = "int32", ternary: bool = False, spread: float = 1.5
) -> Any:
    """An embedding of rows of different size, very much so by default, and layers behind it."""
    keras.utils.set_random_seed(0)
    rank = {"rank": 5} if factored else {}
    embedding = FactoredEmbedding if factored else L.Embedding
    words = embedding(WORDS, WIDTH, embeddings_initializer="normal", name="words", **rank)
    model = keras.Sequential([keras.Input((None,), dtype=dtype), words, *after])
    table = words.left if factored else words._embeddings
    rng = np.random.default_rng(1)
    values = rng.choice([-1.0, 0.0, 1.0], table.shape) if ternary else rng.normal(size=table.shape)
    table.assign(values * np.exp(rng.normal(0, spread, (WORDS, 1))))
    return model


def operators(path: Path) -> list[str]:
    """Codes of the ops of the main graph, and names of ours."""
    content = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    codes = [content.operatorCodes[op.opcodeIndex] for op in content.subgraphs[0].operators]
    return [(c.customCode or b"").decode() or _NAMES[c.builtinCode] for c in codes]


def table_error(report: ExportReport, model: Any, form: str) -> float:
    """The largest error of a row, in sizes of that row: what a scale a row bounds."""
    path = getattr(report, form)
    worst = 0.0
    for start in range(0, WORDS, STEPS):
        ids = np.arange(start, start + STEPS, dtype=np.int32)[None]
        expected = model.predict(ids, verbose=0)
        error = np.abs(Interpreter(path).predict(ids) - expected).max(axis=-1)
        worst = max(worst, float((error / np.abs(expected).max(axis=-1)).max()))
    return worst


@pytest.mark.parametrize(("mode", "bits"), [("dynamic", 8), ("int4", 4)])
def test_every_row_has_a_scale_of_its_own(target: Path, mode: str, bits: int) -> None:
    model = text_model(False)
    report = export(model, target, quantize=mode, calibration=IDS, tolerances=ANY)
    # Half a step, of the largest number of the row.
    limit = 0.5001 / (2 ** (bits - 1) - 1)
    assert table_error(report, model, "portable") <= limit
    assert table_error(report, model, "fused") <= limit
    found = operators(report.portable)
    assert ("EMBEDDING_LOOKUP" in found) is (bits == 4)
    assert operators(report.fused) == [OP_NAME]
    stored = {t.name: t for t in inspect_model(report.fused).bytes.tensors}
    table = next(t for name, t in stored.items() if name.endswith("/table"))
    assert table.bytes == WORDS * WIDTH * bits // 8 and table.kind == "weights"
    assert next(t for name, t in stored.items() if name.endswith("/scales")).bytes == 4 * WORDS


def test_two_bits_hold_ternary_rows_exactly(target: Path) -> None:
    model = text_model(False, ternary=True)
    report = export(model, target, quantize="int2", calibration=IDS, tolerances=ANY)
    for path in (report.portable, report.fused):
        expected = model.predict(IDS, verbose=0)
        np.testing.assert_allclose(Interpreter(path).predict(IDS), expected, rtol=1e-6)
    assert "EMBEDDING_LOOKUP" in operators(report.portable)
    # What is not ternary has eight bits.
    report = export(text_model(False), target, quantize="int2", calibration=IDS, tolerances=ANY)
    assert "EMBEDDING_LOOKUP" not in operators(report.portable)
    assert table_error(report, text_model(False), "portable") <= 0.5001 / 127


@pytest.mark.parametrize("mode", ["dynamic", "int4", "int8", "int8x4"])
def test_a_table_of_two_factors_is_one_op(target: Path, mode: str) -> None:
    model = text_model(True, L.GRU(8), L.Dense(3), spread=0.2)
    options = {"quantize": mode, "calibration": IDS, "tolerances": ANY}
    report = export(model, target, **options, streaming="both")
    assert set(TFLiteFile(report.fused).custom_ops()) == {OP_NAME, "tfpipeline.gru"}
    assert operators(report.fused).count(OP_NAME) == 1
    assert "GATHER" not in operators(report.fused)
    errors = {form.name: form.relative_error for form in report.forms}
    # Nothing is rounded between the factors, so the fused form is no worse; 8 bits leave 3 %.
    assert errors["fused"] <= 1.25 * errors["portable"] + 0.03
    expected = model.predict(IDS[:4], verbose=0)
    for path in (report.stream_portable, report.stream_fused):
        stream = Streamer(path)
        for sample, scores in zip(IDS[:4], expected, strict=True):
            stream.reset()
            for word in sample:
                last = stream.process(word)
            assert np.abs(last - scores).max() < 0.5 * np.ptp(expected)
    assert inspect_model(report.fused).graphs[0].cost.by_operator[OP_NAME] == STEPS * 5 * WIDTH


def test_rows_of_int8_stay_a_gather_which_rounds_once(target: Path) -> None:
    model = text_model(False, L.Dense(4, bias_initializer="normal"))
    report = export(model, target, calibration=IDS, tolerances=ANY)
    assert operators(report.portable)[0] == "GATHER"
    assert report.fused is None
    report = export(model, target, calibration=IDS, quantize="int8x4", io="int8", tolerances=ANY)
    assert operators(report.portable)[0] == "GATHER"
    assert operators(report.fused) == [OP_NAME, "FULLY_CONNECTED"]


@pytest.mark.parametrize("dtype", ["int64", "float32"])
@pytest.mark.parametrize("mode", ["dynamic", "int4"])
def test_ids_of_other_types_are_cast(target: Path, mode: str, dtype: str) -> None:
    model = text_model(False, L.GlobalAveragePooling1D(), dtype=dtype)
    ids = IDS.astype(dtype)
    report = export(model, target, quantize=mode, calibration=ids, tolerances=ANY)
    expected = model.predict(ids, verbose=0)
    for path in (report.portable, report.fused):
        found = Interpreter(path).predict(ids)
        assert np.abs(found - expected).max() < 0.2 * np.abs(expected).max()


def test_a_mask_goes_into_the_mean(target: Path) -> None:
    keras.utils.set_random_seed(0)
    ids = np.where(np.arange(STEPS) < 1 + np.arange(24)[:, None] % STEPS, IDS, 0)
    words = L.Embedding(WORDS, WIDTH, mask_zero=True, embeddings_initializer="normal")
    layers = [words, L.GlobalAveragePooling1D(), L.Dense(3)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    report = export(model, target, quantize="int4", calibration=ids, tolerances=ANY)
    expected = model.predict(ids, verbose=0)
    for path in (report.portable, report.fused):
        found = Interpreter(path).predict(ids)
        assert np.abs(found - expected).max() < 0.25 * np.ptp(expected)


@pytest.mark.parametrize("mode", ["float32", "dynamic", "int4", "int8"])
def test_ids_that_no_word_has_are_one_sentence(target: Path, mode: str) -> None:
    model = text_model(True, L.GRU(4))
    report = export(model, target, quantize=mode, calibration=IDS, verification=IDS, tolerances=ANY)
    for path in (report.portable, report.fused):
        if path is None:
            continue
        interpreter = Interpreter(path)
        expected = interpreter.predict(IDS[:1])
        for bad in (-1, WORDS, 2**31 - 1):
            wrong = IDS[:1].copy()
            wrong[0, 3] = bad
            with pytest.raises(InputError, match="cannot run on this input") as caught:
                interpreter.predict(wrong)
            assert "\n" not in str(caught.value)
            np.testing.assert_array_equal(interpreter.predict(IDS[:1]), expected)
        for wrong in (IDS[:1] + 0.5, np.full((1, STEPS), 2**40)):
            with pytest.raises(InputError, match="x must hold whole numbers that fit int32"):
                interpreter.predict(wrong)


RUN = """
import sys
import numpy as np
model, ids, out = sys.argv[1:]
ids = np.load(ids)
try:
    from tflite_runtime.interpreter import Interpreter
    it = Interpreter(model_path=model)
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], ids)
    it.invoke()
    y = it.get_tensor(it.get_output_details()[0]["index"])
except ImportError:
    from tflite_micro.python.tflite_micro import runtime
    it = runtime.Interpreter.from_file(model, arena_size=100_000)
    it.set_input(ids, 0)
    it.invoke()
    y = it.get_output(0)
np.save(out, y)
"""


@pytest.mark.parametrize("environment", [TFLITE_RUNTIME, TFLITE_MICRO], ids=["2.14", "micro"])
def test_runtimes_that_know_one_scale_a_table_read_eight_bits_right(
    target: Path, tmp_path: Path, environment: Any
) -> None:
    model = text_model(False)
    report = export(model, target, quantize="dynamic", calibration=IDS, tolerances=ANY)
    np.save(tmp_path / "ids.npy", IDS[:1])
    arguments = [report.portable, tmp_path / "ids.npy", tmp_path / "y.npy"]
    command = [environment.executable(), "-c", RUN, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-1000:]
    found = Interpreter(report.portable).predict(IDS[:1])
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), found)
