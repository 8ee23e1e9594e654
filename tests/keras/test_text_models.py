"""Classifiers, tagger and encoder-decoder: shapes, sizes, masks, and that they learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from jit import JIT
from keras import ops

from tfpipeline.compress import fold_embedding
from tfpipeline.layers import FactoredEmbedding
from tfpipeline.loading import load_model
from tfpipeline.models import text

pytestmark = pytest.mark.long

WORDS, CLASSES = 40, 3
RECURRENT = ("lstm", "gru", "fast_grnn", "qrnn")
CLASSIFIERS = ("dan", "dan_rand", *RECURRENT)
TINY = text.TextPreset(width=8, units=8, dense=(12,), dropout=0.2, l2=1e-4)


def values(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def topics(count: int, length: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Texts of one to `length` words; each of three topics has words of its own."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, count)
    own = 1 + y[:, None] * 13 + rng.integers(0, 13, (count, length))
    kept = np.arange(length) < rng.integers(1, length + 1, count)[:, None]
    return np.where(kept, own, 0).astype("int32"), y


@pytest.mark.parametrize(
    ("name", "rank"),
    [("dan", None), ("dan_rand", 3), ("lstm", None), ("gru", 3), ("fast_grnn", 3), ("qrnn", None)],
)
def test_a_classifier_learns_is_saved_and_passes_over_padding(
    name: str, rank: int | None, tmp_path: Path
) -> None:
    model = getattr(text, name)(WORDS, CLASSES, TINY, rank=rank)
    assert model.name == name
    assert model.output_shape == (None, CLASSES)
    assert isinstance(model.get_layer("words"), FactoredEmbedding) == (rank is not None)
    x, y = topics(300)
    model.compile(
        keras.optimizers.Adam(0.03),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=JIT,
    )
    model.fit(x, y, epochs=5, batch_size=25, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.8
    expected = values(model(x[:20]))
    longer = np.concatenate([x[:20], np.zeros((20, 4), "int32")], axis=1)
    np.testing.assert_allclose(values(model(longer)), expected, atol=1e-5)
    # An empty text has scores too.
    assert np.isfinite(values(model(np.zeros((1, 5), "int32")))).all()
    model.save(tmp_path / "text.keras")
    np.testing.assert_array_equal(values(load_model(tmp_path / "text.keras")(x[:20])), expected)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # Table of words, weights and biases of the body, and of the scores, counted by hand.
        ("dan", 16185 * 300 + 301 * 1024 + 1025 * 512 + 513 * 2),
        ("lstm", 16185 * 300 + 4 * 150 * (300 + 150 + 1) + 151 * 2),
        ("gru", 16185 * 300 + 3 * 150 * (300 + 150 + 2) + 151 * 2),
        ("fast_grnn", 16185 * 300 + 150 * (300 + 150 + 2) + 2 + 151 * 2),
        ("qrnn", 16185 * 300 + 3 * 150 * (2 * 300 + 1) + 151 * 2),
    ],
)
def test_the_papers_sizes(name: str, parameters: int) -> None:
    model = getattr(text, name)(16185, 2)
    assert model.count_params() == parameters
    dropouts = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert set(dropouts) == {0.4}
    # A half of 0.005 times the squares of all kernels: Keras adds the half into its strength.
    kernels = [variable for variable in model.trainable_variables if "kernel" in variable.name]
    penalty = 0.0025 * sum(float(np.square(values(kernel)).sum()) for kernel in kernels)
    assert float(sum(values(loss) for loss in model.losses)) == pytest.approx(penalty, rel=1e-4)


@pytest.mark.parametrize("name", [*CLASSIFIERS, "tagger", "encoder_decoder"])
def test_the_seed_fixes_the_start(name: str) -> None:
    length = (4,) if name == "encoder_decoder" else ()
    starts = [
        getattr(text, name)(WORDS, CLASSES, *length, TINY, seed=seed).get_weights()
        for seed in (1, 1, 2)
    ]
    for one, same, other in zip(*starts, strict=True):
        np.testing.assert_array_equal(one, same)
        if one.ndim == 2 and np.ptp(one):
            assert (one != other).any()


@pytest.mark.parametrize("name", RECURRENT)
def test_without_masks_it_is_the_same_function_of_texts_without_padding(name: str) -> None:
    model = getattr(text, name)(WORDS, CLASSES, TINY, rank=3)
    model.get_layer("scores").trainable = False
    free = text.without_masks(model)
    assert not free.get_layer("words").mask_zero
    assert model.get_layer("words").mask_zero
    assert [layer.trainable for layer in free.layers] == [layer.trainable for layer in model.layers]
    x, _ = topics(12)
    for row in x:
        short = row[None, row > 0]
        expected = values(model(row[None]))
        np.testing.assert_allclose(values(free(short)), expected, atol=1e-6)
    with pytest.raises(ValueError, match="must have an embedding with mask_zero=True; .* has none"):
        text.without_masks(free)


def test_a_table_is_where_training_starts() -> None:
    table = np.random.default_rng(0).normal(size=(WORDS, 6)).astype("float32")
    plain = text.dan(WORDS, CLASSES, TINY, embeddings=table).get_layer("words")
    np.testing.assert_array_equal(values(plain.embeddings), table)
    cut = text.lstm(WORDS, CLASSES, TINY, embeddings=table, rank=2).get_layer("words")
    u, s, v = np.linalg.svd(table, full_matrices=False)
    np.testing.assert_allclose(values(cut.embeddings), u[:, :2] * s[:2] @ v[:2], atol=1e-5)


@pytest.mark.parametrize("name", ["dan", "gru"])
def test_the_factor_of_a_table_folds_into_what_reads_it(name: str) -> None:
    model = getattr(text, name)(WORDS, CLASSES, TINY, rank=3)
    x, _ = topics(8)
    folded = fold_embedding(model)
    assert folded.get_layer("words").output_dim == 3
    np.testing.assert_allclose(values(folded(x)), values(model(x)), atol=1e-6)


def test_a_tagger_learns_words_in_their_context() -> None:
    x, _ = topics(300)
    # The tag of a word is the topic of the word before it, or 0 at the start.
    y = np.pad(((x - 1) // 13)[:, :-1], ((0, 0), (1, 0)))
    one = text.TextPreset(width=8, units=16, dropout=0.0, l2=0.0)
    for bidirectional in (False, True):
        model = text.tagger(WORDS, CLASSES, one, bidirectional=bidirectional)
        assert model.output_shape == (None, None, CLASSES)
        model.compile(
            keras.optimizers.Adam(0.03),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
            jit_compile=JIT,
        )
        weights = (x > 0).astype("float32")
        model.fit(x, np.maximum(y, 0), sample_weight=weights, epochs=12, batch_size=50, verbose=0)
        found = model.evaluate(x, np.maximum(y, 0), sample_weight=weights, verbose=0)
        assert found[-1] > 0.9
    # Read from the end too, what comes later has a part in the first tag.
    changed = x.copy()
    changed[:, -1] = 5
    assert (values(model(x))[:, 0] != values(model(changed))[:, 0]).any()


def test_an_encoder_decoder_writes_what_it_read() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(1, 5, (400, 3)).astype("int32")
    preset = text.TextPreset(width=8, units=32, dropout=0.0, l2=0.0)
    model = text.encoder_decoder(5, 5, 2, preset)
    assert model.output_shape == (None, 2, 5)
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=JIT,
    )
    # The last word, and then the first one.
    model.fit(x, x[:, [2, 0]], epochs=15, batch_size=50, verbose=0)
    assert model.evaluate(x, x[:, [2, 0]], verbose=0)[1] > 0.9


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: text.lstm(40, 3, "big"), "lstm: preset must be one of paper, small or a TextPre"),
        (lambda: text.gru(0, 3), "gru: vocabulary_size must be a positive int; received 0"),
        (lambda: text.dan(40, 2.5), "dan: classes must be a positive int; received 2.5"),
        (lambda: text.qrnn(40, 3, rank=0), "`rank` must be 'full', a positive int"),
        (lambda: text.tagger(40, 0, "small"), "tagger: tags must be a positive int"),
        (
            lambda: text.encoder_decoder(40, 3, -1, "small"),
            "encoder_decoder: length must be a positive int; received -1",
        ),
        (
            lambda: text.dan(40, 3, embeddings=np.zeros((39, 4))),
            r"dan: embeddings must have the shape \(vocabulary_size, width\) with 40 rows",
        ),
        (
            lambda: text.dan(2, 3, embeddings=np.full((2, 4), np.nan)),
            "dan: embeddings must be finite numbers",
        ),
    ],
)
def test_impossible_arguments_are_named(build: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
