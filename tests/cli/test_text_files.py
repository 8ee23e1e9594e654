"""`tfpipeline export --tokenizer`, and `run --text` of what it wrote."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tfpipeline.cli import main as cli
from tfpipeline.runtime import TextClassifier

pytestmark = pytest.mark.slow

WORDS = ["a", "good", "bad", "film", "plot"]
TEXTS = ["a good film", "a bad plot", "good", "bad bad film", "A film!", "what plot"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ids, its words, texts and labels."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    found = tmp_path_factory.mktemp("text")
    keras.utils.set_random_seed(0)
    keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(7, 8),
            keras.layers.GRU(8),
            keras.layers.Dense(2),
        ]
    ).save(found / "model.keras")
    (found / "words.txt").write_text("\n".join(["", "[UNK]", *WORDS]) + "\n", encoding="utf-8")
    (found / "texts.txt").write_text("\n".join(TEXTS) + "\n\n", encoding="utf-8")
    (found / "twice.txt").write_text("a\nb\na\n", encoding="utf-8")
    (found / "labels.txt").write_text("good\nbad\n", encoding="utf-8")
    (found / "ids.json").write_text("{}", encoding="utf-8")
    vocabulary = {"[PAD]": 0, "[UNK]": 1, **{word: i for i, word in enumerate(WORDS, 2)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_padding(length=6, pad_id=0, pad_token="[PAD]")
    tokenizer.enable_truncation(6)
    tokenizer.save(str(found / "tokenizer.json"))
    return found


def export(folder: Path, out: Path, tokenizer: str) -> int:
    return cli.main(
        [
            *("export", str(folder / "model.keras"), "--out", str(out)),
            *("--tokenizer", str(folder / tokenizer), "--calibration", str(folder / "texts.txt")),
            *("--labels", str(folder / "labels.txt"), "--agreement", "0", "--relative-error", "1"),
        ]
    )


@pytest.mark.parametrize("tokenizer", ["words.txt", "tokenizer.json"])
def test_text_in_label_out(
    tokenizer: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "film.tflite"
    assert export(folder, out, tokenizer) == 0
    classifier = TextClassifier(out)
    assert classifier.labels == ("good", "bad")
    assert classifier.tokenize("A bad film at last") == [2, 4, 5, 1, 1, 0]
    label = classifier.predict("a bad film").label
    capsys.readouterr()
    assert cli.main(["run", "--model", str(out), "--text", "a bad film"]) == 0
    assert str(label) in capsys.readouterr().out
    model = keras.saving.load_model(folder / "model.keras")
    expected = model.predict(np.array([[2, 4, 5, 0, 0, 0]]), verbose=0)[0].argmax()
    assert label == ("good", "bad")[expected]


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        ("none.txt", "--tokenizer .*none.txt cannot be read"),
        ("twice.txt", "one word a line, each once; received 3 with 2 different ones"),
        ("ids.json", r"is no tokenizer of the tokenizers library \(.+\): pass what its save"),
    ],
)
def test_a_wrong_tokenizer_is_one_sentence(
    tokenizer: str,
    message: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export(folder, tmp_path / "m.tflite", tokenizer) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("tfpipeline: error: ") and re.search(message, error), error
    assert not list(tmp_path.rglob("*.tflite"))
