"""`FactoredEmbedding`, and the table of a trained model as two factors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.compress import CompressionError, factorize_embedding, ledger, truncate
from tfpipeline.layers import FactoredEmbedding
from tfpipeline.loading import load_model
from tfpipeline.metrics.table_spectrum import TableSpectrum
from tfpipeline.regularizers import TraceNorm

pytestmark = pytest.mark.slow

WORDS, WIDTH = 50, 8


def text_model(**options: Any) -> keras.Model:
    """An embedding whose rows 0 (padding) and 1 are zeros, a GRU and a classifier."""
    embedding = keras.layers.Embedding(WORDS, WIDTH, name="words", mask_zero=True, **options)
    layers = [embedding, keras.layers.GRU(5, name="gru"), keras.layers.Dense(3, name="scores")]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    table = np.random.default_rng(0).normal(size=(WORDS, WIDTH)).astype("float32")
    table[:2] = 0
    embedding.embeddings.assign(table)
    return model


def ids(count: int = 6, steps: int = 7) -> np.ndarray:
    found = np.random.default_rng(1).integers(0, WORDS, (count, steps))
    found[:, 5:] = 0
    return found.astype("int32")


def values(layer: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(weight) for weight in layer.weights]


def test_it_looks_up_rows_of_the_product(tmp_path: Path) -> None:
    layer = FactoredEmbedding(WORDS, WIDTH, rank=3, mask_zero=True, name="words")
    x = ids()
    found = ops.convert_to_numpy(layer(x))
    left, right = values(layer)
    assert left.shape == (WORDS, 3) and right.shape == (3, WIDTH)
    np.testing.assert_allclose(found, (left @ right)[x], atol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.compute_mask(x)), x != 0)
    # As wide as a table of Keras, whose numbers lie in +-0.05.
    assert 0.7 < np.std(left @ right) / (0.05 / 3**0.5) < 1.4
    model = keras.Sequential([keras.Input((None,), dtype="int32"), layer])
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(again(x)), ops.convert_to_numpy(model(x)))


def test_full_rank_is_the_same_function_and_collapses_to_it() -> None:
    plain = text_model().get_layer("words")
    own = FactoredEmbedding.from_keras(plain)
    x = ids()
    expected = ops.convert_to_numpy(plain(x))
    np.testing.assert_allclose(ops.convert_to_numpy(own(x)), expected, atol=1e-5)
    back = own.collapse()
    assert type(back) is keras.layers.Embedding and back.mask_zero
    np.testing.assert_allclose(ops.convert_to_numpy(back(x)), expected, atol=1e-5)
    assert values(own)[0][:2].tolist() == np.zeros((2, WIDTH)).tolist()
    assert own.with_ranks(rank=2).rank == 2


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy: str) -> None:
    layer = FactoredEmbedding(WORDS, WIDTH, rank=3, dtype=policy)
    found = layer(ids())
    assert found.dtype == layer.compute_dtype != "float32"
    assert {weight.dtype for weight in layer.weights} == {"float32"}


def test_surgery_is_the_best_approximation_and_leaves_the_rest_alone() -> None:
    model = text_model()
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=JIT)
    model.fit(ids(), np.arange(6) % 3, epochs=2, verbose=0)
    table = values(model.get_layer("words"))[0]
    small, report = factorize_embedding(model, rank=3)
    kept = np.linalg.svd(table.astype(np.float64), compute_uv=False)
    left, right = values(small.get_layer("words"))
    error = np.linalg.norm(left.astype(np.float64) @ right - table)
    assert error == pytest.approx(np.linalg.norm(kept[3:]), rel=1e-4)
    np.testing.assert_allclose(report.matrices[0].singular_values, kept, rtol=1e-5)
    # The factors share the singular values.
    np.testing.assert_allclose(np.linalg.norm(left), np.linalg.norm(right), rtol=1e-4)
    for name in ("gru", "scores"):
        for a, b in zip(values(model.get_layer(name)), values(small.get_layer(name)), strict=True):
            np.testing.assert_array_equal(a, b)
    assert small.get_layer("words").mask_zero
    assert int(small.optimizer.iterations) == int(model.optimizer.iterations) == 2
    momenta = {v.path: ops.convert_to_numpy(v) for v in small.optimizer.variables}
    assert any(np.abs(v).max() > 0 for path, v in momenta.items() if "gru" in path)
    # It goes on.
    small.fit(ids(), np.arange(6) % 3, epochs=1, verbose=0)
    assert report.model_parameters_after == small.count_params()


def test_at_full_rank_it_computes_what_the_model_did() -> None:
    model = text_model()
    small, _ = factorize_embedding(model, rank="full")
    np.testing.assert_allclose(
        ops.convert_to_numpy(small(ids())), ops.convert_to_numpy(model(ids())), atol=1e-5
    )
    # And `truncate` cuts it like any other matrix.
    cut, report = truncate(small, rank={"words/embeddings": 2})
    assert report.ranks == {"words/embeddings": 2}
    direct, _ = factorize_embedding(model, rank=2)
    np.testing.assert_allclose(
        ops.convert_to_numpy(cut(ids())), ops.convert_to_numpy(direct(ids())), atol=1e-4
    )


@pytest.mark.parametrize(("reduction", "rank"), [(0.5, 147), (0.75, 73), (0.9, 29)])
def test_the_rank_of_a_reduction_is_the_papers(reduction: float, rank: int) -> None:
    embedding = keras.layers.Embedding(16185, 300)
    model = keras.Sequential([keras.Input((None,), dtype="int32"), embedding])
    embedding.embeddings.assign(np.eye(16185, 300))
    small, report = factorize_embedding(model, reduction=reduction)
    (matrix,) = report.matrices
    assert matrix.rank_after == rank and small.layers[-1].rank == rank
    assert matrix.parameters_after <= (1 - reduction) * 16185 * 300


def test_other_criteria() -> None:
    model = text_model()
    values_ = np.linalg.svd(values(model.get_layer("words"))[0], compute_uv=False) ** 2
    _, report = factorize_embedding(model, explained_variance=0.6)
    rank = report.matrices[0].rank_after
    assert values_[:rank].sum() >= 0.6 * values_.sum() > values_[: rank - 1].sum()
    # Matrices at a byte a number, 3 x 15 + 3 biases of 4 bytes, and rank 4 of the table.
    rest = 8 * 15 + 5 * 15 + 5 * 3 + 4 * (30 + 3)
    _, report = factorize_embedding(model, budget_bytes=rest + 4 * (WORDS + WIDTH) + 3)
    assert report.matrices[0].rank_after == 4


def tied() -> keras.Model:
    words = keras.layers.Embedding(WORDS, WIDTH, name="words")
    other = keras.layers.Embedding(WORDS, WIDTH, name="other")
    x = keras.Input((None,), dtype="int32")
    model = keras.Model(x, words(x) + other(x))
    other._tracker.unlock()
    other._embeddings = words._embeddings
    return model


def two() -> keras.Model:
    x = keras.Input((None,), dtype="int32")
    layers = [keras.layers.Embedding(WORDS, WIDTH, name=name) for name in ("first", "second")]
    return keras.Model(x, layers[0](x) + layers[1](x))


@pytest.mark.parametrize(
    ("build", "options", "message"),
    [
        (text_model, {}, "exactly one of reduction, rank, explained_variance, budget_bytes"),
        (text_model, {"rank": 2, "reduction": 0.5}, "received reduction=0.5, rank=2"),
        (text_model, {"rank": 9}, "`rank` must be at most 8 for a matrix of shape"),
        (text_model, {"reduction": 1.0}, r"reduction must lie in \[0, 1\); received 1"),
        (text_model, {"reduction": "0.9"}, "`reduction` must be a number"),
        (text_model, {"budget_bytes": 900, "weight_bits": "8"}, "`weight_bits` must be an int"),
        (text_model, {"reduction": 0.99}, "which leaves rank 1"),
        (text_model, {"explained_variance": 0}, "`explained_variance` must be"),
        (text_model, {"budget_bytes": 200}, "`budget_bytes` must be an int of at least"),
        (text_model, {"rank": 2, "layer": "gru"}, "received 'gru', and it has 'words'"),
        (two, {"rank": 2}, "received None, and it has 'first', 'second'"),
        (tied, {"rank": 2, "layer": "words"}, "layers that share a variable"),
    ],
)
def test_what_does_not_fit_is_one_sentence(build: Any, options: Any, message: str) -> None:
    with pytest.raises(CompressionError, match=message):
        factorize_embedding(build(), **options)


def test_lora_and_divergence_are_said() -> None:
    model = text_model()
    model.get_layer("words").enable_lora(2)
    with pytest.raises(CompressionError, match="changed by its enable_lora"):
        factorize_embedding(model, rank=2)
    model = text_model()
    model.get_layer("words").embeddings.assign(np.full((WORDS, WIDTH), np.nan))
    with pytest.raises(CompressionError, match="must hold finite numbers"):
        factorize_embedding(model, rank=2)


def test_the_ledger_leaves_its_factors_out_as_it_does_a_table() -> None:
    model = text_model()
    small, _ = factorize_embedding(model, rank=3)
    assert ledger(small).bytes == ledger(model).bytes
    assert ledger(small).excluded == ("words/embeddings_left", "words/embeddings_right")


@pytest.mark.parametrize("arguments", [(0, 4), (4, 2.5), (True, 4), ("4", 4)])
def test_wrong_sizes(arguments: Any) -> None:
    with pytest.raises(ValueError, match="put_dim` must be a positive int"):
        FactoredEmbedding(*arguments)


def test_trace_norm_acts_on_both_factors() -> None:
    layer = FactoredEmbedding(WORDS, WIDTH, embeddings_regularizer=TraceNorm(0.1))
    layer.build((None,))
    left, right = values(layer)
    expected = 0.05 * ((left**2).sum() + (right**2).sum())
    assert float(ops.convert_to_numpy(sum(layer.losses))) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", [(70000, 6), (5, 9)])
def test_a_table_in_blocks_of_rows(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    table = (rng.normal(size=shape) @ np.diag(2.0 ** -np.arange(shape[1]))).astype("float32")
    spectrum = TableSpectrum(table)
    u, s, vt = np.linalg.svd(table.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(spectrum.values[: len(s)], s, rtol=1e-6)
    left, right = spectrum.split(3)
    best = u[:, :3] * s[:3] @ vt[:3]
    np.testing.assert_allclose(left @ right, best, atol=1e-5 * s[0])
