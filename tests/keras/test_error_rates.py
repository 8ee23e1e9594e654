"""The error rates inside Keras against the plain functions."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tfpipeline.decoding import Alphabet, character_error_rate, greedy_decode, word_error_rate
from tfpipeline.losses import CTC, pack_labels
from tfpipeline.metrics import CharacterErrorRate, WordErrorRate

pytestmark = pytest.mark.slow

ALPHABET = Alphabet(" ab")


def batch(rng: np.random.Generator, time: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    lengths = rng.integers(0, 7, 12)
    texts = [ALPHABET.decode(rng.integers(1, 4, n)) for n in lengths]
    frames = rng.integers(0, time + 1, 12)
    y = pack_labels([ALPHABET.encode(text) for text in texts], 99, max_label=8)
    y[:, 0] = frames
    return texts, y, rng.normal(size=(12, time, 4)).astype("float32")


@pytest.mark.parametrize(
    ("metric", "plain"),
    [(CharacterErrorRate(), character_error_rate), (WordErrorRate(1), word_error_rate)],
)
def test_error_rate_of_a_corpus(metric, plain):
    rng = np.random.default_rng(0)
    metric.reset_state()
    references: list[str] = []
    hypotheses: list[str] = []
    for time in (9, 9, 9, 1):
        texts, y, logits = batch(rng, time)
        metric.update_state(y.astype("float32"), logits)
        references += texts
        hypotheses += greedy_decode(logits, y[:, 0], ALPHABET)
    # Whole numbers in float32, divided once.
    assert float(ops.convert_to_numpy(metric.result())) == pytest.approx(
        plain(references, hypotheses), rel=1e-6
    )


def test_error_rate_of_weighted_utterances():
    texts, y, logits = batch(np.random.default_rng(1), 9)
    metric = WordErrorRate(ALPHABET.space)
    metric.update_state(y, logits, np.array([1, 0] * 6))
    hypotheses = greedy_decode(logits, y[:, 0], ALPHABET)
    assert float(ops.convert_to_numpy(metric.result())) == pytest.approx(
        word_error_rate(texts[::2], hypotheses[::2]), rel=1e-6
    )


def test_error_rate_of_grams():
    rng = np.random.default_rng(3)
    alphabet = Alphabet(" ab", grams=["ab", "a b", "b "])
    texts, y, _ = batch(rng, 9)
    logits = rng.normal(size=(12, 9, len(alphabet))).astype("float32")
    hypotheses = greedy_decode(logits, y[:, 0], alphabet)
    grams = alphabet.gram_indices
    for metric, plain in (
        (CharacterErrorRate(grams=grams), character_error_rate),
        (WordErrorRate(1, grams=grams), word_error_rate),
    ):
        again = type(metric).from_config(metric.get_config())
        again.update_state(y, logits)
        assert float(ops.convert_to_numpy(again.result())) == pytest.approx(
            plain(texts, hypotheses), rel=1e-6
        )
    with pytest.raises(ValueError, match="`blank` must be 0"):
        CharacterErrorRate(blank=1, grams=grams)


def test_error_rate_of_nothing_is_zero():
    assert float(ops.convert_to_numpy(CharacterErrorRate().result())) == 0


def test_error_rate_errors():
    with pytest.raises(ValueError, match="`space`"):
        WordErrorRate(space=0)
    with pytest.raises(ValueError, match="one of the 4 symbols that CharacterErrorRate gets"):
        CharacterErrorRate(blank=4).update_state(np.zeros((2, 3)), np.zeros((2, 5, 4)))
    with pytest.raises(ValueError, match="each of the 2 grams; received 4 logits"):
        CharacterErrorRate(grams=[[1], [2]]).update_state(np.zeros((2, 3)), np.zeros((2, 5, 4)))
    with pytest.raises(ValueError, match="pack_labels"):
        CharacterErrorRate().update_state(np.zeros((2, 3)), np.zeros((2, 5)))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "compiled"])
def test_error_rate_in_compile_survives_a_file(tmp_path, jit_compile):
    _, y, x = batch(np.random.default_rng(2), 9)
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.Dense(4)])
    model.compile(
        "sgd", CTC(), metrics=[CharacterErrorRate(), WordErrorRate(1)], jit_compile=jit_compile
    )
    scores = model.evaluate(x, y, return_dict=True, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.evaluate(x, y, return_dict=True, verbose=0) == pytest.approx(scores)
    texts = [ALPHABET.decode(row[row > 0]) for row in y[:, 1:]]
    hypotheses = greedy_decode(model.predict(x, verbose=0), y[:, 0], ALPHABET)
    assert scores["cer"] == pytest.approx(character_error_rate(texts, hypotheses))
    assert scores["wer"] == pytest.approx(word_error_rate(texts, hypotheses))
