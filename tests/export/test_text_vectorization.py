"""`TextVectorization` as tables gives the layer's ids, whatever the text."""

from __future__ import annotations

import keras
import pytest
from odd_texts import odd_texts
from text_layers import vectorization

from tfpipeline.export.errors import ExportError
from tfpipeline.export.tokenizer.exported_tokenizer import export_tokenizer, read_given
from tfpipeline.tokenization import Tokenizer, read_tokenizer

STANDARDIZE = (None, "lower", "strip_punctuation", "lower_and_strip_punctuation")
SPLIT = (None, "whitespace", "character")


@pytest.mark.slow
@pytest.mark.parametrize("bounded", [False, True], ids=["fixed", "bounded"])
@pytest.mark.parametrize("length", [None, 7])
@pytest.mark.parametrize("split", SPLIT)
@pytest.mark.parametrize("standardize", STANDARDIZE)
def test_ids_are_those_of_the_layer(standardize, split, length, bounded):
    layer = vectorization(standardize=standardize, split=split, output_sequence_length=length)
    given, frames = read_given(layer), 7 if length or not bounded else 11
    tables = read_tokenizer(export_tokenizer(given, frames, bounded, []).data)
    ours, texts = Tokenizer(tables), [text for text in odd_texts(1000) if len(text) < 1000]
    for text, expected in zip(texts, given.ids(texts, tables), strict=True):
        assert ours.encode(text) == expected, text


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLIT)
def test_ten_thousand_texts(split):
    layer = vectorization(split=split, output_sequence_length=9)
    given, texts = read_given(layer), odd_texts(10_000, seed=1)
    tables = given.tables(9, bounded=False)
    ours = Tokenizer(tables)
    # Those of a megabyte one by one: a batch of them would be padded to a megabyte each.
    long = [text for text in texts if len(text) > 1000]
    short = [text for text in texts if len(text) <= 1000]
    for part in (long, short):
        for text, expected in zip(part, given.ids(part, tables), strict=True):
            assert ours.encode(text) == expected, text[:100]


def test_an_adapted_vocabulary():
    layer = keras.layers.TextVectorization(max_tokens=6)
    layer.adapt(["b a a\xe4 c c c", "C, a\xe4!"])
    given = read_given(layer)
    tables = given.tables(4, bounded=False)
    assert list(tables.vocabulary) == [t.encode() for t in layer.get_vocabulary()]
    assert Tokenizer(tables).encode("C a\xe4 zzz") == [2, 3, 1, 0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ngrams": 2}, "ngrams=2"),
        ({"output_mode": "multi_hot"}, "output_mode='multi_hot'"),
        ({"output_mode": "count"}, "output_mode='count'"),
        ({"ragged": True}, "ragged=True"),
        ({"standardize": keras.ops.abs}, "'abs' as standardize"),
        ({"split": keras.ops.abs}, "'abs' as split"),
        ({"encoding": "latin-1"}, "encoding='latin-1'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_exact_is_refused_by_name(options, named):
    with pytest.raises(ExportError, match="tokenizer: TextVectorization with ") as error:
        read_given(vectorization(**options))
    assert named in str(error.value) and "\n" not in str(error.value)


def test_a_layer_without_words_is_refused():
    with pytest.raises(ExportError, match="has no vocabulary: call adapt"):
        read_given(keras.layers.TextVectorization())


def test_a_subclass_is_refused():
    class Mine(keras.layers.TextVectorization):
        pass

    with pytest.raises(ExportError, match="Mine is a subclass of TextVectorization"):
        read_given(Mine(vocabulary=["a"]))


@pytest.mark.parametrize("given", ["bert", len, {"a": 1}, keras.layers.Embedding(3, 2)])
def test_another_object_is_refused(given):
    with pytest.raises(ExportError, match="tokenizer must be an adapted keras.layers"):
        read_given(given)


@pytest.mark.parametrize(("frames", "bounded"), [(8, False), (6, False), (6, True)])
def test_another_length_than_the_model_takes_is_refused(frames, bounded):
    given = read_given(vectorization(output_sequence_length=7))
    with pytest.raises(ExportError, match="output_sequence_length=7, expected .* which the model"):
        given.tables(frames, bounded)
