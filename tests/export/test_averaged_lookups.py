"""Deep averaging networks as files: the lookup and the average of its words are one op of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tfpipeline.compress import fold_embedding
from tfpipeline.export import Tolerances, export
from tfpipeline.export.quantize.weight_rows import quantize_rows
from tfpipeline.inspection import inspect_model
from tfpipeline.layers import FactoredEmbedding, MaskedAveragePooling1D
from tfpipeline.numerics.embedding_options import OP_NAME, EmbeddingOptions, Mean
from tfpipeline.runtime import Interpreter

pytestmark = pytest.mark.slow

L = keras.layers
WORDS, WIDTH, STEPS, RANK = 90, 22, 7, 5
IDS = np.random.default_rng(0).integers(1, WORDS, (48, STEPS)).astype("int32")
PADDED = np.where(np.arange(STEPS) < 1 + np.arange(48)[:, None] % STEPS, IDS, 0).astype("int32")
ANY = Tolerances(0.0, 10.0, 10.0)
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items()}
LAYERS = {
    "global": L.GlobalAveragePooling1D,
    "kept": lambda **options: L.GlobalAveragePooling1D(keepdims=True, **options),
    "masked": MaskedAveragePooling1D,
}


def network(kind: str, *after: Any, mask: bool, rank: int | None = None) -> Any:
    """Words, their average and layers behind it."""
    keras.utils.set_random_seed(0)
    options = {"mask_zero": mask, "embeddings_initializer": "normal", "name": "words"}
    words = (
        L.Embedding(WORDS, WIDTH, **options)
        if rank is None
        else FactoredEmbedding(WORDS, WIDTH, rank=rank, **options)
    )
    average = LAYERS[kind](name="average")
    return keras.Sequential([keras.Input((STEPS,), dtype="int32"), words, average, *after])


def operators(path: Path) -> list[tuple[str, bytes]]:
    content = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    found = []
    for op in content.subgraphs[0].operators:
        code = content.operatorCodes[op.opcodeIndex]
        name = (code.customCode or b"").decode() or _NAMES[code.builtinCode]
        found.append((name, b"" if op.customOptions is None else bytes(op.customOptions)))
    return found


def mean_of(path: Path) -> Mean:
    (options,) = (data for name, data in operators(path) if name == OP_NAME)
    return EmbeddingOptions.unpack(options).mean


@pytest.mark.parametrize("mode", ["dynamic", "int4", "int8", "int8x4"])
@pytest.mark.parametrize("rank", [None, RANK])
@pytest.mark.parametrize(
    ("kind", "mask", "mean"),
    [
        ("global", False, Mean.PLAIN),
        ("kept", False, Mean.PLAIN),
        ("global", True, Mean.MASKED_OR_NAN),
        ("masked", True, Mean.MASKED),
    ],
)
def test_words_and_their_average_are_one_op(
    target: Path, kind: str, mask: bool, mean: Mean, rank: int | None, mode: str
) -> None:
    model = network(kind, L.Dense(3, name="scores"), mask=mask, rank=rank)
    ids = PADDED if mask else IDS
    report = export(model, target, quantize=mode, calibration=ids, tolerances=ANY)
    names = [name for name, _ in operators(report.fused)]
    assert names[0] == OP_NAME and not {"SUM", "DIV", "MEAN", "NOT_EQUAL"} & set(names)
    integers = mode.startswith("int8")
    expected = Mean.MASKED if integers and mean == Mean.MASKED_OR_NAN else mean
    assert mean_of(report.fused) == expected
    wanted = model.predict(ids, verbose=0)
    # Four bits of the table, and of the layer behind it, are the most of it.
    limit = 0.25 if "4" in mode else 0.06
    for path in (report.portable, report.fused):
        found = Interpreter(path).predict(ids)
        assert np.abs(found - wanted).max() < limit * np.ptp(wanted)


@pytest.mark.parametrize("rank", [None, RANK])
def test_the_average_is_that_of_the_stored_rows(target: Path, rank: int | None) -> None:
    model = network("masked", mask=True, rank=rank)
    report = export(model, target, quantize="dynamic", calibration=PADDED, tolerances=ANY)
    assert [name for name, _ in operators(report.fused)] == [OP_NAME]
    weights = [np.asarray(weight) for weight in model.get_weights()]
    table = quantize_rows(weights[0], 8)
    rows = (table.values * table.scales[:, None].astype(np.float64))[PADDED]
    if rank:
        matrix = quantize_rows(weights[1].T, 8)
        rows = rows @ (matrix.values * matrix.scales[:, None].astype(np.float64)).T
    valid = (PADDED > 0)[..., None]
    expected = (rows * valid).sum(axis=1) / valid.sum(axis=1)
    # float32 sums of a dozen numbers.
    found = Interpreter(report.fused).predict(PADDED)
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("kind", "empty"), [("global", np.nan), ("masked", 0.0)])
def test_an_empty_text_has_keras_average(target: Path, kind: str, empty: float) -> None:
    model = network(kind, mask=True)
    report = export(model, target, quantize="dynamic", calibration=PADDED, tolerances=ANY)
    nothing = np.zeros((1, STEPS), "int32")
    np.testing.assert_array_equal(model.predict(nothing, verbose=0), np.full((1, WIDTH), empty))
    for path in (report.portable, report.fused):
        found = Interpreter(path).predict(nothing)
        np.testing.assert_array_equal(found, np.full((1, WIDTH), empty))


def test_int8_tables_have_one_scale_as_in_the_portable_form(target: Path) -> None:
    model = network("masked", L.Dense(3), mask=True)
    report = export(model, target, quantize="int8", calibration=PADDED, tolerances=ANY)
    stored = {one.name: one.bytes for one in inspect_model(report.fused).bytes.tensors}
    sizes = {name.rpartition("/")[2]: size for name, size in stored.items() if "words" in name}
    assert sizes == {"table": WORDS * WIDTH, "scales": 4}
    assert report.fused.stat().st_size < report.portable.stat().st_size


def test_the_product_is_counted_once_a_sentence(target: Path) -> None:
    model = network("masked", mask=True, rank=RANK)
    report = export(model, target, quantize="dynamic", calibration=PADDED, tolerances=ANY)
    assert inspect_model(report.fused).graphs[0].cost.by_operator[OP_NAME] == RANK * WIDTH


def test_words_that_others_read_too_are_put_out(target: Path) -> None:
    keras.utils.set_random_seed(0)
    ids = keras.Input((STEPS,), dtype="int32")
    words = L.Embedding(WORDS, WIDTH, embeddings_initializer="normal")(ids)
    both = L.GlobalAveragePooling1D()(words) + L.GlobalMaxPooling1D()(words)
    model = keras.Model(ids, both)
    report = export(model, target, quantize="dynamic", calibration=IDS, tolerances=ANY)
    assert mean_of(report.fused) == Mean.NONE
    wanted = model.predict(IDS, verbose=0)
    found = Interpreter(report.fused).predict(IDS)
    assert np.abs(found - wanted).max() < 0.05 * np.ptp(wanted)


def test_a_mask_that_others_read_too_stays(target: Path) -> None:
    keras.utils.set_random_seed(0)
    ids = keras.Input((STEPS,), dtype="int32")
    words = L.Embedding(WORDS, WIDTH, mask_zero=True, embeddings_initializer="normal", name="w")
    narrow = L.Embedding(WORDS, WIDTH, embeddings_initializer="normal", name="n")
    mask = words.compute_mask(ids)
    average = MaskedAveragePooling1D(name="average")
    both = [average(words(ids), mask=mask), average(narrow(ids), mask=mask)]
    model = keras.Model(ids, L.Concatenate()(both))
    report = export(model, target, quantize="dynamic", calibration=PADDED, tolerances=ANY)
    wanted = model.predict(PADDED, verbose=0)
    found = Interpreter(report.fused).predict(PADDED)
    assert np.abs(found - wanted).max() < 0.02 * np.ptp(wanted)


def test_a_folded_network(target: Path) -> None:
    model = network("masked", L.Dense(12, "relu"), L.Dense(3), mask=True, rank=RANK)
    folded = fold_embedding(model)
    report = export(folded, target, quantize="int8x4", calibration=PADDED, tolerances=ANY)
    assert [name for name, _ in operators(report.fused)][0] == OP_NAME
    wanted = model.predict(PADDED, verbose=0)
    found = Interpreter(report.fused).predict(PADDED)
    assert np.abs(found - wanted).max() < 0.4 * np.ptp(wanted)


def test_an_average_in_a_mode_of_its_own(target: Path) -> None:
    model = network("masked", L.Dense(3, name="scores"), mask=True)
    overrides = {"average": "float32", "scores": "float32"}
    report = export(
        model, target, quantize="int8", overrides=overrides, calibration=PADDED, tolerances=ANY
    )
    content = schema.ModelT.InitFromPackedBuf(report.fused.read_bytes())
    (graph,) = content.subgraphs
    op = graph.operators[0]
    assert mean_of(report.fused) == Mean.MASKED
    assert graph.tensors[op.outputs[0]].type == schema.TensorType.FLOAT32
