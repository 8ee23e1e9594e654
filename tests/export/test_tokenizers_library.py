"""A tokenizer of the library `tokenizers` as tables gives that library's ids."""

from __future__ import annotations

import random
import unicodedata

import pytest
from odd_texts import odd_texts
from text_layers import WORDS

from tfpipeline.export.errors import ExportError
from tfpipeline.export.tokenizer.exported_tokenizer import export_tokenizer, read_given
from tfpipeline.export.tokenizer.measured_characters import measure_classes
from tfpipeline.tokenization import Tokenizer, read_tokenizer
from tfpipeline.tokenization.characters import Characters
from tfpipeline.tokenization.tables import MOST_CODE

pytest.importorskip("tokenizers")

from tokenizers import (  # noqa: E402
    AddedToken,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from tokenizers import Tokenizer as Given  # noqa: E402

NORMALIZERS = {
    "none": None,
    "lowercase": normalizers.Lowercase(),
    "bert": normalizers.BertNormalizer(),
    "bert-cased": normalizers.BertNormalizer(lowercase=False),
    "bert-accents": normalizers.BertNormalizer(strip_accents=False),
    "bert-plain": normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False),
    "nfd": normalizers.NFD(),
    "nfkd-lowercase": normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase()]),
    "strip": normalizers.Sequence(
        [normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()]
    ),
}
SPLITTERS = {
    "none": None,
    "whitespace-split": pre_tokenizers.WhitespaceSplit(),
    "whitespace": pre_tokenizers.Whitespace(),
    "bert": pre_tokenizers.BertPreTokenizer(),
    "sequence": pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    ),
    "delimiter": pre_tokenizers.CharDelimiterSplit("_"),
}
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "b", "##a", "##b", "##é", "\u0301", "!")


def word_pieces(**options) -> Given:
    vocabulary = {token: i for i, token in enumerate(VOCABULARY)}
    made = Given(models.WordPiece(vocabulary, unk_token="[UNK]", **options))
    made.pre_tokenizer = SPLITTERS["whitespace-split"]
    made.enable_padding(length=8, pad_id=0)
    return made


def with_special_tokens(made: Given) -> Given:
    made.add_special_tokens(["[CLS]", "[SEP]", "[UNK]"])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def short_texts(count: int) -> list[bytes]:
    return [text for text in odd_texts(count, valid=True) if len(text) < 1000]


PAIRS = (
    *(("none", "none"), ("lowercase", "whitespace-split"), ("bert", "bert")),
    *(("bert-cased", "whitespace"), ("nfkd-lowercase", "sequence"), ("strip", "delimiter")),
)


@pytest.mark.long
@pytest.mark.parametrize(("normalizer", "splitter"), PAIRS)
def test_ids_are_those_of_the_library(normalizer, splitter):
    made = word_pieces()
    if NORMALIZERS[normalizer] is not None:
        made.normalizer = NORMALIZERS[normalizer]
    made.pre_tokenizer = SPLITTERS[splitter] or made.pre_tokenizer
    given = read_given(made)
    tables = read_tokenizer(export_tokenizer(given, 8, False, []).data)
    ours, texts = Tokenizer(tables), short_texts(2000)
    for text, expected in zip(texts, given.ids(texts, tables), strict=True):
        assert ours.encode(text) == expected, text[:100]


def tried_characters() -> list[str]:
    """Every character of the first two planes; of the others those around a change of category.

    Beyond, planes are long runs of ideographs and of nothing, of which every 61st is tried.
    """
    kinds = [unicodedata.category(chr(code)) for code in range(MOST_CODE + 1)]
    changes = [code for code in range(1, MOST_CODE + 1) if kinds[code] != kinds[code - 1]]
    near = {code + offset for code in changes for offset in range(-2, 3)}
    return [
        chr(code)
        for code in range(MOST_CODE + 1)
        if kinds[code] != "Cs"
        and (code < 0x20000 or code % 61 == 0 or code in near or code == MOST_CODE)
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    "normalizer", ["bert", "bert-accents", "bert-plain", "nfkd-lowercase", "strip"]
)
def test_every_character_is_normalized_as_in_the_library(normalizer):
    library = NORMALIZERS[normalizer]
    made = word_pieces()
    made.normalizer = library
    characters = Characters(read_given(made).tables(8, False))
    every = tried_characters()
    for first in range(0, len(every), 1000):
        part = "".join(every[first : first + 1000])
        assert characters.mapped(part.encode()) == library.normalize_str(part)
    # Marks in any order, also across those that are left out.
    chosen = random.Random(0)
    marks = [c for c in every if unicodedata.category(c).startswith("M")]
    often = ["a", "e\u0301", *map(chr, (*range(0x300, 0x350), 0x302E, 0x302F, 0x1B44, 0x1D16D))]
    for _ in range(2000):
        part = "".join(chosen.choices(marks, k=6) + chosen.choices(often, k=12))
        assert characters.mapped(part.encode()) == library.normalize_str(part)


@pytest.mark.long
@pytest.mark.parametrize("splitter", [name for name in SPLITTERS if name != "none"])
def test_every_character_splits_as_in_the_library(splitter):
    library = SPLITTERS[splitter]
    made = word_pieces()
    made.pre_tokenizer = library
    characters = Characters(read_given(made).tables(8, False))
    every = tried_characters()
    for first in range(0, len(every), 4000):
        part = "a".join(every[first : first + 4000]) + "".join(every[first : first + 4000])
        expected = [piece for piece, _ in library.pre_tokenize_str(part)]
        assert list(characters.words(part.encode())) == expected


@pytest.mark.slow
def test_special_tokens_and_truncation():
    made = with_special_tokens(word_pieces())
    made.enable_truncation(6)
    given = read_given(made)
    tables = read_tokenizer(export_tokenizer(given, 8, False, []).data)
    ours = Tokenizer(tables)
    assert ours.encode("the [SEP]good") == [2, 4, 3, 5, 3, 0, 0, 0]
    assert ours.encode("a a a a a a a a") == [2, 11, 11, 11, 11, 3, 0, 0]
    texts = short_texts(2000)
    for text, expected in zip(texts, given.ids(texts, tables), strict=True):
        assert ours.encode(text) == expected, text[:100]


def test_word_level():
    made = Given(models.WordLevel({"[UNK]": 0, "a": 5, "b": 3}, unk_token="[UNK]"))
    made.pre_tokenizer = SPLITTERS["whitespace-split"]
    given = read_given(made)
    ours = Tokenizer(given.tables(4, bounded=True))
    assert ours.encode("b a x a b") == [3, 5, 0, 5] and ours.encode("") == []


def test_classes_of_characters():
    classes = measure_classes(pre_tokenizers.Whitespace().pre_tokenize_str)
    assert classes[ord(" ")] == 0 and classes[ord("!")] == 3 and ord("a") not in classes


REFUSED = {
    "the model BPE": lambda t: setattr(t, "model", models.BPE()),
    "the model Unigram": lambda t: setattr(t, "model", models.Unigram()),
    "the normalizer NFC": lambda t: setattr(t, "normalizer", normalizers.NFC()),
    "the normalizer Replace": lambda t: setattr(
        t,
        "normalizer",
        normalizers.Sequence([normalizers.NFD(), normalizers.Replace("a", "b")]),
    ),
    "the pre-tokenizer Metaspace": lambda t: setattr(
        t, "pre_tokenizer", pre_tokenizers.Metaspace()
    ),
    "the pre-tokenizer Punctuation of behavior MergedWithNext": lambda t: setattr(
        t, "pre_tokenizer", pre_tokenizers.Punctuation("merged_with_next")
    ),
    "the post-processor ByteLevel": lambda t: setattr(t, "post_processor", processors.ByteLevel()),
    "a template with 2 texts": lambda t: setattr(
        t, "post_processor", processors.TemplateProcessing(single="$A $A", special_tokens=[])
    ),
    "the added token 'zz' of single_word=True": lambda t: t.add_tokens(
        [AddedToken("zz", single_word=True)]
    ),
    "the added token 'yy' of normalized=True": lambda t: t.add_tokens(["yy"]),
    "padding on the left": lambda t: t.enable_padding(length=8, direction="left"),
    "pad_to_multiple_of=4": lambda t: t.enable_padding(pad_to_multiple_of=4),
    "truncation on the left": lambda t: t.enable_truncation(8, direction="left"),
    "max_input_chars_per_word=5000": lambda t: setattr(
        t, "model", models.WordPiece({"[UNK]": 0}, unk_token="[UNK]", max_input_chars_per_word=5000)
    ),
}


@pytest.mark.parametrize("named", REFUSED)
def test_what_cannot_be_exact_is_refused_by_name(named):
    made = word_pieces()
    REFUSED[named](made)
    with pytest.raises(ExportError, match="tokenizer: tokenizers.Tokenizer with ") as error:
        read_given(made)
    assert named in str(error.value) and "\n" not in str(error.value)


def test_no_unknown_token():
    with pytest.raises(ExportError, match="has no '\\[UNK\\]'"):
        read_given(Given(models.WordLevel({"a": 1}, unk_token="[UNK]")))


def test_no_padding():
    made = word_pieces()
    made.no_padding()
    with pytest.raises(ExportError, match=r"call tokenizer.enable_padding\(length=9"):
        read_given(made).tables(9, bounded=False)


def test_a_length_that_does_not_fit():
    with pytest.raises(ExportError, match="padding to length=8, expected 9 ids"):
        read_given(word_pieces()).tables(9, bounded=False)
    made = with_special_tokens(word_pieces())
    made.no_padding()
    with pytest.raises(ExportError, match="adds 2 special tokens, and a text has 2 ids"):
        read_given(made).tables(2, bounded=True)


def test_its_length_of_truncation():
    made = word_pieces()
    made.no_padding()
    made.enable_truncation(20)
    with pytest.raises(ExportError, match="truncation to max_length=20, expected 1 to 9 ids"):
        read_given(made).tables(9, bounded=True)
