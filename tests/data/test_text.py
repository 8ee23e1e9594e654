from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data import (
    DataError,
    TextDataset,
    Vocabulary,
    contiguous_batches,
    load_python_text,
    load_text,
)
from tfpipeline.data.text import python_text
from tfpipeline.data.text.vocabulary import fit_vocabulary, words_of_lines, words_of_prose

EACH = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TRAIN = " the cat sat on the mat \n the <unk> N sat \n\n the dog \n"
FILES = {"train": TRAIN, "valid": " the bird sat \n", "test": " a cat \n"}


@pytest.fixture(name="ptb")
def _ptb(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / f"ptb.{name}.txt").write_text(text)
    return tmp_path


def test_words_of_the_penn_treebank(ptb: Path) -> None:
    data = load_text(ptb)
    vocabulary = data.vocabulary
    assert " ".join(vocabulary.symbols) == "<unk> the <eos> sat N cat dog mat on"
    text = " ".join(vocabulary.decode(data.train))
    assert text == "the cat sat on the mat <eos> the <unk> N sat <eos> the dog <eos>"
    # The bird and the article are only in validation and test.
    assert " ".join(vocabulary.decode(data.validation)) == "the <unk> sat <eos>"
    assert " ".join(vocabulary.decode(data.test)) == "<unk> cat <eos>"
    assert data.unknown_share("test") == pytest.approx(1 / 3)
    assert data.train.dtype == np.int32
    assert data.summary() == (
        "ptb: 15 train, 4 validation, 3 test words, 9 different ones; 33.33% of the test are "
        "unknown."
    )
    json.dumps(data.provenance)


def test_characters_of_the_penn_treebank(ptb: Path) -> None:
    data = load_text(ptb, level="character")
    assert "".join(data.vocabulary.decode(data.train)) == TRAIN
    assert data.vocabulary.symbols[:2] == ("<unk>", " ")
    # There is no b in the training text, nor an i, nor an r.
    assert data.vocabulary.decode(data.validation).count("<unk>") == 3


def test_the_commonest_symbols_can_be_kept(ptb: Path) -> None:
    data = load_text(ptb, most_symbols=4)
    assert data.vocabulary.symbols == ("<unk>", "the", "<eos>", "sat")
    assert data.vocabulary.decode(data.train[:4]) == ["the", "<unk>", "sat", "<unk>"]


@pytest.mark.parametrize("names", ["wiki.{}.tokens", "{}.txt"])
def test_other_names_are_found(tmp_path: Path, names: str) -> None:
    for name, text in FILES.items():
        (tmp_path / names.format(name)).write_text(text)
    assert len(load_text(tmp_path).train) == 15


@pytest.mark.parametrize(
    ("name", "data", "part"),
    [
        ("ptb.valid.txt", None, "there is no such file; expected the validation text in UTF-8"),
        ("ptb.train.txt", b"", "is empty; expected the train text"),
        ("ptb.test.txt", b"caf\xe9", "is not text in UTF-8 (byte 3)"),
        ("ptb.test.txt", b"a\0b", "holds zero bytes"),
        ("ptb.valid.txt", b" \n\n ", "holds no word; expected the validation text"),
    ],
)
def test_a_file_that_is_missing_or_broken_is_one_sentence(
    ptb: Path, name: str, data: bytes | None, part: str
) -> None:
    (ptb / name).unlink() if data is None else (ptb / name).write_bytes(data)
    with pytest.raises(DataError) as caught:
        load_text(ptb)
    assert str(caught.value).startswith(f"{ptb / name}: ")
    assert part in str(caught.value)


@EACH
@given(data=st.binary(max_size=60), level=st.sampled_from(["word", "character"]))
def test_any_bytes_are_a_text_or_a_sentence(ptb: Path, data: bytes, level: str) -> None:
    (ptb / "ptb.train.txt").write_bytes(data)
    try:
        read = load_text(ptb, level)
    except DataError as error:
        assert "\n" not in str(error)
        return
    assert len(read.vocabulary) == len(set(read.train) | {read.vocabulary.unknown})


@EACH
@given(text=st.text("ab \n\t\r\u2003", max_size=30))
def test_words_are_those_of_each_line(text: str) -> None:
    lines = [line.split() for line in text.split("\n")]
    wanted = [word for words in lines if words for word in (*words, "<eos>")]
    assert list(words_of_lines(text)) == wanted


@EACH
@given(
    length=st.integers(0, 60),
    batch=st.integers(1, 5),
    steps=st.integers(1, 6),
)
def test_batches_go_on_where_the_one_before_ended(length: int, batch: int, steps: int) -> None:
    numbers = np.arange(length, dtype=np.int32)
    # By brute force: the lanes are stretches of equal length, each one symbol short of the text.
    lane = (length - 1) // batch if length else 0
    if lane < steps:
        with pytest.raises(ValueError, match="must be longer than batch"):
            contiguous_batches(numbers, batch, steps)
        return
    x, y = contiguous_batches(numbers, batch, steps)
    wanted = [
        [row * lane + start + step for step in range(steps)]
        for start in range(0, lane - steps + 1, steps)
        for row in range(batch)
    ]
    assert x.tolist() == wanted
    np.testing.assert_array_equal(y, x + 1)
    assert x.dtype == y.dtype == np.int32


def test_impossible_arguments_are_named(ptb: Path) -> None:
    with pytest.raises(ValueError, match="level must be one of word, character; received 'byte'"):
        load_text(ptb, level="byte")
    with pytest.raises(ValueError, match="most_symbols must be at least 2 or None"):
        load_text(ptb, most_symbols=1)
    with pytest.raises(ValueError, match="contiguous_batches: steps must be at least 1"):
        contiguous_batches(np.arange(9), 2, 0)
    with pytest.raises(ValueError, match="must be integers of the shape"):
        contiguous_batches(np.zeros(9), 2, 1)
    with pytest.raises(ValueError, match="must be different and hold '<unk>'"):
        Vocabulary(["a", "b"])


@EACH
@given(words=st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=30))
def test_what_is_in_the_vocabulary_comes_back(words: list[str]) -> None:
    vocabulary = fit_vocabulary(words)
    assert vocabulary.decode(vocabulary.encode(words)) == words
    counts = [words.count(symbol) for symbol in vocabulary.symbols[1:]]
    assert counts == sorted(counts, reverse=True)
    twice = fit_vocabulary(words, least=2)
    assert set(twice.symbols[1:]) == {word for word in words if words.count(word) > 1}


def test_prose_is_words_numbers_signs_and_ends_of_paragraphs() -> None:
    text = "Don't call\nf(x_1)!\n \n\n3 times.\n\n"
    assert " ".join(words_of_prose(text)) == "don ' t call f ( x _ 1 ) ! <eos> 3 times . <eos>"


@pytest.fixture(name="python", scope="module")
def _python() -> dict[str, TextDataset]:
    return {level: load_python_text(level) for level in ("word", "character")}


@pytest.mark.slow
def test_python_has_enough_text(python: dict[str, TextDataset]) -> None:
    words, characters = python["word"], python["character"]
    for data, least in ((words, 100_000), (characters, 500_000)):
        assert len(data.train) > least
        for split in ("validation", "test"):
            assert 0.03 < len(data.splits()[split]) / len(data.train) < 0.5
    assert 3000 < len(words.vocabulary) < 20_000
    assert len(characters.vocabulary) <= 97
    assert words.provenance["sha256"] == characters.provenance["sha256"]
    assert words.provenance["python"].count(".") == 2
    # A model meets words that it does not know in training too.
    assert 0.002 < words.unknown_share("train") < words.unknown_share("test") < 0.08


@pytest.mark.slow
def test_no_paragraph_of_python_is_in_two_splits(python: dict[str, TextDataset]) -> None:
    data = python["character"]
    paragraphs = {
        split: {
            " ".join(paragraph.split())
            for paragraph in "".join(data.vocabulary.decode(ids)).split("\n\n")
        }
        - {""}
        for split, ids in data.splits().items()
    }
    assert not paragraphs["train"] & (paragraphs["validation"] | paragraphs["test"])
    assert len(paragraphs["train"]) > 1000


@pytest.mark.slow
def test_pythons_text_is_the_same_again(python: dict[str, TextDataset]) -> None:
    again = load_python_text()
    assert again.provenance == python["word"].provenance
    np.testing.assert_array_equal(again.test, python["word"].test)


def test_a_python_without_its_text_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.startswith("pydoc_data"):
            raise ModuleNotFoundError(name=name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match=r"comes without pydoc_data.topics here; install the whole"):
        load_python_text()


@pytest.mark.slow
def test_every_module_of_the_list_is_read() -> None:
    found = python_text._docstrings()
    assert len(found) == len(python_text._MODULES) > 90
    # A name in each kind of place: a file, and a package.
    assert "namedtuple" in found["module collections"]
    assert "parser" in found["module argparse"]
