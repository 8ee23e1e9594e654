from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfpipeline.data import DataError, load_sentences, read_wav, synthesize_sentences
from tfpipeline.data.synthesis.sentence_grammar import GRAMMAR, draw_sentence
from tfpipeline.data.synthesis.sentence_plan import plan_sentences

pytestmark = pytest.mark.slow

SIZES = {"train": 6, "validation": 3, "test": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize_sentences(tmp_path_factory.mktemp("sentences") / "corpus", **SIZES).path


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_every_rule_of_the_grammar_leads_to_words() -> None:
    rng = np.random.default_rng(0)
    heard = {draw_sentence(rng) for _ in range(5000)}
    assert len(heard) > 1500
    assert all(set(text) <= set("abcdefghijklmnopqrstuvwxyz ") for text in heard)
    words = {word for text in heard for word in text.split()}
    spelled = {
        word
        for choices in GRAMMAR.values()
        for choice in choices
        for word in choice.split()
        if "{" not in word
    }
    assert words == spelled


def test_splits_share_no_speaker_and_no_sentence() -> None:
    plan = plan_sentences(0, {"train": 400, "validation": 50, "test": 50})
    assert len(plan) == 500
    by_split = {
        split: [one for one in plan if one.split == split]
        for split in ("train", "validation", "test")
    }
    for other in ("validation", "test"):
        for of in ("speaker", "text"):
            trained = {getattr(one, of) for one in by_split["train"]}
            assert not trained & {getattr(one, of) for one in by_split[other]}
    assert plan == plan_sentences(0, {"train": 400, "validation": 50, "test": 50})
    assert plan != plan_sentences(1, {"train": 400, "validation": 50, "test": 50})


def test_the_reader_finds_what_was_planned(corpus: Path) -> None:
    plan = plan_sentences(0, SIZES)
    found = load_sentences(corpus)
    for split, count in SIZES.items():
        part = getattr(found, split)
        assert len(part) == count
        assert sorted(part.texts) == sorted(one.text for one in plan if one.split == split)
        assert set(part.speakers) == {one.speaker for one in plan if one.split == split}
    assert not found.skipped and not found.converted


def test_recordings_are_as_loud_as_planned(corpus: Path) -> None:
    for one in plan_sentences(0, SIZES):
        audio = read_wav(corpus / one.chapter / f"{one.name}.wav", 16000)
        seconds = len(audio) / 16000
        assert 0.5 < seconds < 10
        start, end = (round(s * 16000) for s in (one.before, one.after))
        speech = audio[start : len(audio) - end]
        level = 10 * np.log10(np.mean(np.square(speech, dtype=np.float64)))
        # Quieter where a loud consonant would have clipped; noise adds at most 0.2 dB.
        assert one.level_db - 6 < level < one.level_db + 0.3


def test_the_same_arguments_give_the_same_files(corpus: Path, tmp_path: Path) -> None:
    info = synthesize_sentences(tmp_path / "again", workers=1, **SIZES)
    assert not info.reused and digests(info.path) == digests(corpus)
    before = digests(corpus)
    assert synthesize_sentences(corpus, **SIZES).reused
    assert digests(corpus) == before


def test_a_damaged_corpus_or_another_folder_is_left_alone(tmp_path: Path) -> None:
    info = synthesize_sentences(tmp_path / "corpus", train=1, validation=1, test=1)
    next(info.path.glob("*/*/*/*.wav")).unlink()
    with pytest.raises(DataError, match="holds 2 WAV files"):
        synthesize_sentences(info.path, train=1, validation=1, test=1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not a synthesized corpus"):
        synthesize_sentences(other, train=1, validation=1, test=1)
    assert (other / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "wrong", [{"train": 0}, {"train": "x"}, {"test": 1.5}, {"workers": 0}, {"seed": -1}]
)
def test_impossible_counts_are_named(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        synthesize_sentences(tmp_path / "corpus", **wrong)
