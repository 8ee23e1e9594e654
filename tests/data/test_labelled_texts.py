from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfpipeline.data import (
    DataError,
    LabelledTexts,
    load_imdb,
    load_intents,
    load_sst2,
    load_trec,
)
from tfpipeline.data.text.labelled_texts import hold_out, samples_of

EACH = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CLINC = {
    "train": [["what is my balance", "balance"], ["call me a cab", "ride"], ["pay it", "pay"]],
    "val": [["how much is left", "balance"]],
    "test": [["get me a car", "ride"], ["settle the bill", "pay"]],
    "oos_train": [["who made you up", "oos"]],
    "oos_val": [["sing a song", "oos"]],
    "oos_test": [["why is it blue", "oos"]],
}


def make_sst2(root: Path) -> Path:
    rows = "\n".join(f"a film number {index}\t{index % 2}" for index in range(20))
    (root / "train.tsv").write_text(f"sentence\tlabel\n{rows}\n")
    (root / "dev.tsv").write_text("sentence\tlabel\nvery good \t1\nvery 'bad\t0\n")
    (root / "test.tsv").write_text("index\tsentence\n0\tunknown\n")
    return root


def make_imdb(root: Path) -> Path:
    for split in ("train", "test"):
        for kind in ("pos", "neg"):
            folder = root / split / kind
            folder.mkdir(parents=True)
            for index in range(5):
                (folder / f"{index}_7.txt").write_text(f"{kind} {split}<br /><br />number {index}")
    return root


def make_trec(root: Path) -> Path:
    train = b"NUM:date When was it ?\nHUM:ind Who is Jos\xe9 ?\nNUM:count How many ?\n"
    (root / "train_5500.label").write_bytes(train)
    (root / "TREC_10.label").write_bytes(b"NUM:date Which year ?\n")
    return root


def make_clinc(root: Path) -> Path:
    (root / "data_full.json").write_text(json.dumps(CLINC))
    return root


def make_snips(root: Path) -> Path:
    rows = {"train": ["play a song\tPlay", "add this\tAdd"], "valid": ["add it\tAdd"]}
    rows["test"] = ["play it\tPlay", "rate this\tRate"]
    for split, lines in rows.items():
        (root / split).mkdir()
        for column, name in enumerate(("seq.in", "label")):
            text = "".join(line.split("\t")[column] + "\n" for line in lines)
            (root / split / name).write_text(text)
    return root


def load_snips(root: Path) -> LabelledTexts:
    return load_intents(root, layout="snips")


def load_all_of_clinc(root: Path) -> LabelledTexts:
    return load_intents(root, out_of_scope=True)


def named(data: LabelledTexts, split: str) -> list[tuple[str, str]]:
    samples = data.splits()[split]
    assert samples.y.dtype == np.int32
    return [
        (text, data.labels[label]) for text, label in zip(samples.texts, samples.y, strict=True)
    ]


def test_sst2_without_labels_of_its_test(tmp_path: Path) -> None:
    data = load_sst2(make_sst2(tmp_path))
    assert data.labels == ("negative", "positive")
    assert named(data, "test") == [("very good", "positive"), ("very 'bad", "negative")]
    both = named(data, "train") + named(data, "validation")
    assert sorted(both) == sorted(
        (f"a film number {index}", data.labels[index % 2]) for index in range(20)
    )
    assert len(data.validation) == 2
    assert data.provenance["test"] == "dev.tsv"
    assert named(load_sst2(tmp_path), "validation") == named(data, "validation")
    assert named(load_sst2(tmp_path, seed=1), "validation") != named(data, "validation")
    json.dumps(data.provenance)
    assert data.summary() == (
        "SST-2: 18 train, 2 validation, 2 test texts of 4.0 words on average, 2 classes."
    )


def test_sst2_with_labels_of_its_test(tmp_path: Path) -> None:
    (make_sst2(tmp_path) / "test.tsv").write_text("index\tsentence\tlabel\n0\tdull\t0\n")
    data = load_sst2(tmp_path)
    assert named(data, "test") == [("dull", "negative")]
    assert [text for text, _ in named(data, "validation")] == ["very good", "very 'bad"]
    assert len(data.train) == 20
    assert data.provenance["test"] == "test.tsv"


def test_imdb_is_a_file_a_review(tmp_path: Path) -> None:
    data = load_imdb(make_imdb(tmp_path), validation_share=0.2)
    assert len(data.train) == 8
    assert len(data.validation) == 2
    assert ("neg test number 0", "negative") in named(data, "test")
    assert ("pos test number 4", "positive") in named(data, "test")


def test_trec_is_coarse_or_fine(tmp_path: Path) -> None:
    coarse, fine = load_trec(make_trec(tmp_path)), load_trec(tmp_path, fine=True)
    assert coarse.labels == ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
    assert fine.labels == ("HUM:ind", "NUM:count", "NUM:date")
    assert named(coarse, "test") == [("Which year ?", "NUM")]
    assert named(fine, "test") == [("Which year ?", "NUM:date")]
    everything = named(coarse, "train") + named(coarse, "validation")
    assert ("Who is José ?", "HUM") in everything


def test_clinc_with_and_without_what_is_out_of_scope(tmp_path: Path) -> None:
    data = load_intents(make_clinc(tmp_path))
    assert data.labels == ("balance", "pay", "ride")
    assert named(data, "train") == [(text, label) for text, label in CLINC["train"]]
    assert named(data, "test")[0] == ("get me a car", "ride")
    more = load_intents(tmp_path, out_of_scope=True)
    assert more.labels == ("balance", "oos", "pay", "ride")
    assert named(more, "validation")[-1] == ("sing a song", "oos")


def test_an_intent_that_is_only_in_the_test_of_atis_has_a_label(tmp_path: Path) -> None:
    data = load_intents(make_snips(tmp_path), layout="atis")
    assert data.labels == ("Add", "Play", "Rate")
    assert data.provenance["labels_without_training"] == ["Rate"]
    assert named(data, "test") == [("play it", "Play"), ("rate this", "Rate")]


BROKEN: list[tuple[str, Any, Any, str, bytes | None, str]] = [
    ("missing", make_sst2, load_sst2, "train.tsv", None, "there is no such file; expected the tr"),
    ("empty", make_sst2, load_sst2, "dev.tsv", b"", "is empty; expected the development"),
    ("header", make_sst2, load_sst2, "dev.tsv", b"text\tlabel\na\t1", "line 1 has no column sente"),
    ("rows", make_sst2, load_sst2, "dev.tsv", b"sentence\tlabel\n", "has nothing below its header"),
    (
        *("columns", make_sst2, load_sst2, "dev.tsv", b"sentence\tlabel\nfine\t1\nfine\n"),
        "line 3 has 1 columns and the header 2; expected the development sentences",
    ),
    (
        *("label", make_sst2, load_sst2, "dev.tsv", b"sentence\tlabel\nfine\t2\n"),
        "line 2 has the label '2'; expected",
    ),
    (
        *("utf8", make_sst2, load_sst2, "train.tsv", b"sentence\tlabel\nok\t1\nna\xefve\t1\n"),
        "line 3 is not text in UTF-8 (byte 2); expected",
    ),
    ("no text", make_sst2, load_sst2, "dev.tsv", b"sentence\tlabel\n \t1\n", "line 2 has no text"),
    ("zero", make_sst2, load_sst2, "dev.tsv", b"sentence\tlabel\na\0\t1\n", "line 2 holds a zero"),
    ("review", make_imdb, load_imdb, "train/pos/1_7.txt", b"", "is empty; expected a positive rev"),
    ("blank", make_imdb, load_imdb, "test/neg/1_7.txt", b" <br />\n", "holds only empty lines"),
    ("bytes", make_imdb, load_imdb, "test/neg/1_7.txt", b"\xff", "is not text in UTF-8 (byte 0)"),
    ("question", make_trec, load_trec, "TREC_10.label", b"NUM:date ", "line 1 has no text"),
    ("coarse", make_trec, load_trec, "TREC_10.label", b"BAD:x Why ?", "has the label 'BAD:x'; exp"),
    ("colon", make_trec, load_trec, "TREC_10.label", b"NUM Why ?", "line 1 has the label 'NUM'"),
    ("json", make_clinc, load_intents, "data_full.json", b'{"train":\n[,]}', "line 2 is no JSON"),
    ("deep", make_clinc, load_intents, "data_full.json", b"[" * 10**5, "is no JSON that can be"),
    ("list", make_clinc, load_intents, "data_full.json", b"[]", "has no list 'train'"),
    (
        *("entry", make_clinc, load_intents, "data_full.json", b'{"train": [["a", "b"], ["a"]]}'),
        "entry 2 of 'train' is not a text and an intent",
    ),
    (
        *("half", make_clinc, load_intents, "data_full.json", b'{"train": [["\\ud800", "b"]]}'),
        "entry 1 of 'train' is not a text",
    ),
    (
        *("out of scope", make_clinc, load_all_of_clinc, "data_full.json"),
        *(json.dumps({**CLINC, "oos_val": []}).encode(), "has no list 'oos_val'"),
    ),
    (
        *("intent", make_clinc, load_intents, "data_full.json"),
        json.dumps({**CLINC, "val": [["a", "b"]]}).encode(),
        "entry 1 of 'val' has the intent 'b', which no training entry has",
    ),
    (
        "lines",
        make_snips,
        load_snips,
        "valid/label",
        b"Add\nAdd\n",
        "has 2 lines and seq.in 1; exp",
    ),
    ("gap", make_snips, load_snips, "train/label", b"Play\n\n", "line 2 has no text; expected the"),
    ("gone", make_snips, load_snips, "test/seq.in", None, "there is no such file; expected a requ"),
]


@pytest.mark.parametrize(
    ("make", "load", "name", "data", "part"),
    [case[1:] for case in BROKEN],
    ids=[f"{case[1].__name__[5:]}-{case[0]}" for case in BROKEN],
)
def test_a_broken_file_is_one_sentence(
    tmp_path: Path,
    make: Callable[[Path], Path],
    load: Callable[[Path], LabelledTexts],
    name: str,
    data: bytes | None,
    part: str,
) -> None:
    path = make(tmp_path) / name
    path.unlink() if data is None else path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_fine_label_that_no_training_question_has(tmp_path: Path) -> None:
    (make_trec(tmp_path) / "TREC_10.label").write_text("NUM:date Which ?\nLOC:city Where ?\n")
    assert load_trec(tmp_path).labels
    with pytest.raises(DataError, match="line 2 has the label 'LOC:city', which no question of"):
        load_trec(tmp_path, fine=True)


def test_missing_folders_and_impossible_arguments(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"neg: there is no such folder; expected a folder of the"):
        load_imdb(tmp_path)
    for kind in ("pos", "neg"):
        (tmp_path / "train" / kind).mkdir(parents=True)
    with pytest.raises(DataError, match=r"holds no \.txt file"):
        load_imdb(tmp_path)
    for load in (load_sst2, load_imdb, load_trec):
        with pytest.raises(ValueError, match=f"{load.__name__}: validation_share must be a number"):
            load(tmp_path, validation_share=1.0)
    with pytest.raises(
        ValueError, match="layout must be one of clinc, atis, snips; received 'csv'"
    ):
        load_intents(tmp_path, layout="csv")
    with pytest.raises(ValueError, match="out_of_scope is for layout='clinc'; 'atis' has no such"):
        load_intents(tmp_path, layout="atis", out_of_scope=True)


@pytest.mark.parametrize(
    ("make", "load", "name"),
    [
        (make_sst2, load_sst2, "train.tsv"),
        (make_sst2, load_sst2, "test.tsv"),
        (make_trec, load_trec, "train_5500.label"),
        (make_clinc, load_intents, "data_full.json"),
        (make_snips, load_snips, "train/label"),
    ],
)
def test_any_bytes_are_a_set_or_a_sentence(
    tmp_path: Path, make: Callable[[Path], Path], load: Any, name: str
) -> None:
    path = make(tmp_path) / name
    whole = path.read_bytes()

    @EACH
    @given(start=st.integers(0, len(whole)), put=st.binary(max_size=6), cut=st.integers(0, 6))
    def check(start: int, put: bytes, cut: int) -> None:
        path.write_bytes(whole[:start] + put + whole[start + cut :])
        try:
            data = load(tmp_path)
        except DataError as error:
            assert "\n" not in str(error)
            return
        for split in data.splits().values():
            assert len(split.texts) == len(split.y)
            assert all(0 <= label < len(data.labels) for label in split.y)

    check()


@EACH
@given(
    texts=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=30),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 3),
)
def test_equal_texts_stay_together(texts: list[str], share: float, seed: int) -> None:
    samples = samples_of(texts, range(len(texts)))
    kept, held = hold_out(samples, share, seed)
    assert not set(kept.texts) & set(held.texts)
    assert sorted([*kept.y, *held.y]) == list(range(len(texts)))
    for side in (kept, held):
        assert [texts[index] for index in side.y] == list(side.texts)
        assert sorted(side.y) == list(side.y)
    if len(set(texts)) > 1:
        assert len(kept) and len(held)
