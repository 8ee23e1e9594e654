"""Numbers of words: as Keras' layer gives them, and by the library of tokenizers."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data import DataError, SubwordTokenizer, WordTokenizer
from tfpipeline.data.text.word_tokenizer import words_of
from tfpipeline.extras import MissingExtraError

EACH = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = ["The cat, the DOG!", "a cat's-paw", "Ärger mit  der\tcat", "unread unreadable books"]
needs_tokenizers = pytest.mark.skipif(find_spec("tokenizers") is None, reason="needs tokenizers")


def test_words_are_numbered_from_the_commonest_on() -> None:
    words = WordTokenizer.fit(TEXTS)
    assert words.vocabulary[:4] == ("", "[UNK]", "the", "cat")
    # Signs are left out and not spaces; only letters of ASCII become lower case.
    assert {"dog", "catspaw", "Ärger"} <= set(words.vocabulary)
    ids = words.encode(["The fish, a CAT!", ""], length=5)
    assert ids.dtype == np.int32
    assert ids.tolist() == [[2, 1, words.vocabulary.index("a"), 3, 0], [0] * 5]
    assert words.encode(["the the the"], length=2).tolist() == [[2, 2]]
    assert words.encode([]).shape == (0, 1)
    assert len(WordTokenizer.fit(TEXTS, most_words=4)) == 4
    assert WordTokenizer.fit(TEXTS, least_count=2).vocabulary == ("", "[UNK]", "the", "cat")


@given(texts=st.lists(st.text("ab.'\u00e4 ", max_size=9), max_size=9))
def test_all_words_of_the_training_texts_are_known(texts: list[str]) -> None:
    words = WordTokenizer.fit(texts)
    ids = words.encode(texts)
    for row, text in zip(ids, texts, strict=True):
        assert [words.vocabulary[number] for number in row if number] == words_of(text)
    assert not (ids == 1).any()


def test_impossible_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"must begin with '' \(padding\) and '\[UNK\]'; received"):
        WordTokenizer(["a", "b"])
    with pytest.raises(ValueError, match="must have different words; received 'a' twice"):
        WordTokenizer(["", "[UNK]", "b", "a", "a"])
    with pytest.raises(ValueError, match=r"WordTokenizer.fit: texts must be a sequence of strings"):
        WordTokenizer.fit("a cat")
    with pytest.raises(ValueError, match="texts must be strings; number 1 is a int"):
        WordTokenizer.fit(["a", 3])  # type: ignore[list-item]
    with pytest.raises(
        ValueError, match=r"WordTokenizer.encode: length must be at least 1 or None"
    ):
        WordTokenizer.fit(["a"]).encode(["a"], length=0)
    with pytest.raises(ValueError, match=r"WordTokenizer.fit: most_words must be at least 2"):
        WordTokenizer.fit(["a"], most_words=1)
    with pytest.raises(
        ValueError, match="kind must be one of wordpiece, wordlevel; received 'bpe'"
    ):
        SubwordTokenizer.train(["a"], kind="bpe")
    with pytest.raises(ValueError, match=r"SubwordTokenizer.train: most_tokens must be at least 3"):
        SubwordTokenizer.train(["a"], most_tokens=2)


def test_without_the_library_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tfpipeline import extras

    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    with pytest.raises(MissingExtraError, match=r"needs tokenizers, .* 'tfpipeline\[text\]'"):
        SubwordTokenizer.train(["a"])


@needs_tokenizers
def test_pieces_of_words_leave_few_unknown(tmp_path: Path) -> None:
    words = SubwordTokenizer.train(TEXTS * 2, most_tokens=60)
    assert words.vocabulary[:2] == ("[PAD]", "[UNK]")
    assert len(words) == len(words.vocabulary) <= 60
    ids = words.encode(["Readable DOGS", "$", ""], length=12)
    assert ids.dtype == np.int32
    assert 1 not in ids[0]
    assert ids[1].tolist() == [1, *[0] * 11]
    assert not ids[2].any()
    assert words.encode(["a cat a cat"], length=1).shape == (1, 1)
    words.save(tmp_path / "words.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["words.json"]
    again = SubwordTokenizer.load(tmp_path / "words.json")
    np.testing.assert_array_equal(again.encode(TEXTS), words.encode(TEXTS))


@needs_tokenizers
def test_whole_words_are_known_or_not() -> None:
    words = SubwordTokenizer.train(TEXTS, kind="wordlevel", least_count=2)
    assert words.vocabulary[:4] == ("[PAD]", "[UNK]", "cat", "the")
    assert words.encode(["the readable cat"]).tolist() == [[3, 1, 2]]


@needs_tokenizers
def test_a_tokenizer_with_other_numbers_is_refused() -> None:
    from tokenizers import Tokenizer, models

    with pytest.raises(
        ValueError, match=r"must number \[PAD\] 0 and \[UNK\] 1; received \[None, 0"
    ):
        SubwordTokenizer(Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")))


@needs_tokenizers
@EACH
@given(start=st.integers(0, 3000), put=st.binary(max_size=4), cut=st.integers(0, 40))
def test_any_bytes_are_a_tokenizer_or_a_sentence(
    tmp_path: Path, start: int, put: bytes, cut: int
) -> None:
    first, path = tmp_path / "first.json", tmp_path / "words.json"
    if not first.exists():
        SubwordTokenizer.train(TEXTS, most_tokens=40).save(first)
    whole = first.read_bytes()
    path.write_bytes(whole[:start] + put + whole[start + cut :])
    try:
        SubwordTokenizer.load(path).encode(["a cat"])
    except DataError as error:
        assert str(error).startswith(f"{path}: ")
        assert "\n" not in str(error)
