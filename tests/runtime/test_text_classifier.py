"""What `TextClassifier` says of files and texts that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_text_model import LABELS, small_text_model

import tfpipeline as tp
from tfpipeline.runtime import InputError, ModelFileError, TextPrediction

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "mood.tflite"
    small_text_model(mean=True).export(path, quantize="float32")
    return path


@pytest.fixture(scope="module")
def classifier(file: Path) -> tp.TextClassifier:
    return tp.TextClassifier(file)


def test_one_text_and_several(classifier: tp.TextClassifier) -> None:
    one = classifier.predict("a GREAT, great movie!")
    assert isinstance(one, TextPrediction) and one.label == "good" == one.best(1)[0][0]
    assert one.score == max(one.scores) and one.scores.shape == (3,) and one.labels == LABELS
    assert one.scores.dtype == np.float32 and abs(one.scores.sum() - 1) < 1e-6
    many = classifier.predict(["a GREAT, great movie!", b"awful \xff boring", ""])
    assert [found.label for found in many][:2] == ["good", "bad"]
    assert (many[0].scores == one.scores).all()
    assert classifier.predict([]) == []
    array = np.array(["a GREAT, great movie!"])
    assert (classifier.predict(array)[0].scores == one.scores).all()


def test_ids(classifier: tp.TextClassifier) -> None:
    assert len(classifier.tokenize("")) == 12 and set(classifier.tokenize("")) == {0}
    assert classifier.tokenize("the " * 20) == [classifier.tokenize("the")[0]] * 12
    assert classifier.tokenize("é") == classifier.tokenize("é".encode())


@pytest.mark.parametrize("text", [None, 3, {"a": 1}, iter("ab")])
def test_no_text(classifier: tp.TextClassifier, text: object) -> None:
    with pytest.raises(InputError, match="text must be a str or a list of them, received"):
        classifier.predict(text)


def test_something_else_in_a_list(classifier: tp.TextClassifier) -> None:
    with pytest.raises(InputError, match="text must be a str or bytes, received int"):
        classifier.predict(["a", 3])


def test_a_lone_surrogate(classifier: tp.TextClassifier) -> None:
    with pytest.raises(InputError, match=r"received '\\udc80' at position 1"):
        classifier.predict("a\udc80")


def changed(file: Path, folder: Path, old: bytes, new: bytes) -> Path:
    data = file.read_bytes()
    assert old in data and len(old) == len(new)
    (folder / "changed.tflite").write_bytes(data.replace(old, new))
    return folder / "changed.tflite"


def test_a_file_without_tokenizer(file: Path, tmp_path: Path) -> None:
    path = changed(file, tmp_path, b"tfpipeline.tokenizer", b"tfpipeline.tokenizeX")
    with pytest.raises(ModelFileError, match=r"has no tokenizer: export the model with tokenizer="):
        tp.TextClassifier(path)
    assert tp.inspect_model(path).tokenizer is None


def test_a_damaged_tokenizer(file: Path, tmp_path: Path) -> None:
    path = changed(file, tmp_path, b"TFPT", b"TFPX")
    with pytest.raises(ModelFileError, match="has a tokenizer that does not begin with TFPT"):
        tp.TextClassifier(path)
    assert tp.inspect_model(path).tokenizer_problem == "its tokenizer does not begin with TFPT"


def test_a_tokenizer_of_another_length(file: Path, tmp_path: Path) -> None:
    # The two numbers lie behind the ids of what is unknown and of padding.
    old = b"\1\0\0\0\0\0\0\0\x0c\0\0\0\x0c\0\0\0"
    path = changed(file, tmp_path, old, old.replace(b"\x0c", b"\x0b"))
    with pytest.raises(ModelFileError, match="tokenizer of 11 to 11 ids, expected 12"):
        tp.TextClassifier(path)


@pytest.mark.parametrize(
    ("path", "error"), [(None, InputError), (3, InputError), ("no.tflite", ModelFileError)]
)
def test_no_file(path: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        tp.TextClassifier(path)  # type: ignore[arg-type]


@pytest.fixture
def run(file: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`tfpipeline run` on the file: exit status, output, errors."""
    from tfpipeline.cli.main import main

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(["run", "--model", str(file), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_the_command_line(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    import json

    status, out, _ = run("--text", "a great, good movie", "--text", "awful, boring", "--top", "1")
    first, second = out.splitlines()
    assert status == 0 and first.startswith("good: good 0.") and second.startswith("bad: bad")
    (tmp_path / "texts").write_bytes(b"\xef\xbb\xbfa great, good movie\r\n\nawful boring \xff")
    status, out, _ = run("--text-file", str(tmp_path / "texts"), "--json")
    found = json.loads(out)
    assert status == 0 and [one["label"] for one in found][::2] == ["good", "bad"]
    assert list(found[0]["scores"]) == list(LABELS) and len(found) == 3


def test_wrong_command_lines(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    for arguments in ([], ["x.wav", "--text", "a"], ["--text", "a", "--stream"]):
        status, _, error = run(*arguments)
        assert status == 2 and "expected a file, or --text and --text-file" in error
    status, _, error = run("--text-file", str(tmp_path))
    assert status == 1 and error.count("\n") == 1 and "cannot be read" in error
