"""Text in, label out: Keras, `TextClassifier`, and the ids of C in an interpreter say the same."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from odd_texts import odd_texts
from small_text_model import LABELS, TextModel, small_text_model

import tfpipeline as tp
from tfpipeline.export.errors import ExportError
from tfpipeline.tokenization import TOKENIZER_METADATA

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "native"))

from native_tokenizer import NativeTokenizer, find_metadata  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gru() -> TextModel:
    return small_text_model()


@pytest.fixture(scope="module")
def files(gru: TextModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of a GRU in float32 and int8, portable and fused."""
    folder = tmp_path_factory.mktemp("text")
    gru.export(folder / "float.tflite", quantize="float32")
    gru.export(folder / "int8.tflite")
    found = {name: folder / f"{name}.tflite" for name in ("float", "int8", "int8.fused")}
    assert all(path.is_file() for path in found.values())
    return found


def by_keras(made: TextModel, texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Its layer's ids and its model's scores; long texts one by one."""
    ids = np.concatenate(
        [
            np.asarray(made.layer(np.array(part, object)))
            for part in ([[text] for text in texts if len(text) > 1000])
            + [[text for text in texts if len(text) <= 1000]]
        ]
    )
    return ids, made.model.predict(ids, batch_size=1000, verbose=0)


def test_ten_thousand_texts(gru: TextModel, files: dict[str, Path]) -> None:
    texts = sorted(odd_texts(10_000, seed=2), key=len, reverse=True)
    ids, expected = by_keras(gru, texts)
    labels = expected.argmax(axis=1)
    assert set(labels) == {0, 1, 2}
    native = NativeTokenizer(find_metadata(files["float"].read_bytes(), TOKENIZER_METADATA))
    in_c = np.array([native.encode(text) for text in texts], np.int32)
    assert (in_c == ids).all()
    classifier = tp.TextClassifier(files["float"])
    found = classifier.predict(texts)
    scores = np.stack([one.scores for one in found])
    # Both are float32, whose sums have another order in LiteRT.
    np.testing.assert_allclose(scores, expected, atol=2e-6)
    near_tie = np.diff(np.sort(expected, axis=1)[:, -2:])[:, 0] < 1e-5
    chosen = np.array([LABELS.index(one.label or "") for one in found])
    assert ((chosen == labels) | near_tie).all()
    by_c = tp.Interpreter(files["float"]).predict(in_c)
    assert (by_c == scores).all()


@pytest.mark.parametrize("name", ["int8", "int8.fused"])
def test_integers(name: str, gru: TextModel, files: dict[str, Path]) -> None:
    texts = [text for text in odd_texts(1000, seed=3) if len(text) <= 1000]
    ids, expected = by_keras(gru, texts)
    native = NativeTokenizer(find_metadata(files[name].read_bytes(), TOKENIZER_METADATA))
    in_c = np.array([native.encode(text) for text in texts], np.int32)
    found = tp.TextClassifier(files[name]).predict(texts)
    scores = np.stack([one.scores for one in found])
    assert (in_c == ids).all()
    assert (tp.Interpreter(files[name]).predict(in_c) == scores).all()
    # The error of int8, of which the export's verification bounds the mean.
    assert np.abs(scores - expected).mean() < 0.05


def test_the_card_and_what_is_beside_it(gru: TextModel, files: dict[str, Path]) -> None:
    classifier = tp.TextClassifier(files["int8"])
    said = classifier.card["tokenizer"]
    assert said["class"] == "TextVectorization" and said["kind"] == "words"
    assert said["vocabulary"] == gru.layer.vocabulary_size()
    assert classifier.labels == LABELS
    inspected = tp.inspect_model(files["int8"])
    assert inspected.tokenizer is not None
    assert inspected.tokenizer.vocabulary == said["vocabulary"]
    assert inspected.tokenizer.bytes == said["bytes"]
    from tfpipeline.inspection import render

    assert f"{said['vocabulary']:,} words in {said['bytes']:,} bytes" in render(inspected)


def test_logits_and_any_length(tmp_path: Path) -> None:
    made = small_text_model(activation=None, frames=None)
    made.export(tmp_path / "m.tflite", quantize="float32", length="bounded")
    classifier = tp.TextClassifier(tmp_path / "m.tflite")
    assert classifier.tokenize("") == [] and len(classifier.tokenize("a a a")) == 3
    for text in ("a great plot", "it was an awful movie", "é", "good " * 50):
        ids = np.array([classifier.tokenize(text)])
        logits = made.model.predict(ids, verbose=0)[0]
        expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        np.testing.assert_allclose(classifier.predict(text).scores, expected, atol=2e-6)
    assert classifier.predict("").label in LABELS


def test_integers_at_the_ends_and_texts_to_verify_on(gru: TextModel, tmp_path: Path) -> None:
    report = gru.export(tmp_path / "m.tflite", io="int8", verification=gru.texts[:80])
    assert report.verification["samples"] == 80
    found = tp.TextClassifier(tmp_path / "m.tflite").predict("a great and good movie")
    assert found.label == "good" and found.score > 0.5


def test_what_does_not_go_together(gru: TextModel, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "m.tflite"
    with pytest.raises(ExportError, match="tokenizer is for models of whole texts"):
        gru.export(path, streaming=True)
    small = keras.layers.TextVectorization(output_sequence_length=9, vocabulary=["a"])
    with pytest.raises(ExportError, match="output_sequence_length=9, expected 12 ids"):
        gru.export(path, tokenizer=small, calibration=np.zeros((80, 12), np.int32))
    large = keras.layers.TextVectorization(
        output_sequence_length=12, vocabulary=[f"w{i}" for i in range(500)]
    )
    with pytest.raises(ExportError, match="gives ids up to 501, expected less than"):
        gru.export(path, tokenizer=large)
    inside = keras.Sequential(
        [keras.Input((1,), dtype="string"), gru.layer, gru.model.layers[0], gru.model.layers[1]]
    )
    with pytest.raises(ExportError, match="makes ids of text inside .* and pass tokenizer="):
        tp.export.export(inside, path, calibration=gru.texts)
    dense = keras.Sequential([keras.Input((4, 2)), keras.layers.GRU(2)])
    with pytest.raises(ExportError, match="tokenizer is for a model with one input of ids"):
        tp.export.export(
            dense, path, tokenizer=gru.layer, calibration=np.zeros((80, 4, 2), np.float32)
        )
    assert not list(tmp_path.iterdir())
