"""Kaldi's data folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import DataError, load_sentences, write_wav

SPLITS = {"train_si84": "011", "test_dev93": "4k0", "test_eval92": "440"}


def sound(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(16000) * 2000).astype(np.int16)


def fill(folder: Path, speaker: str, audio: Path, base: Path | None = None) -> None:
    """Two utterances; `wav.scp` has absolute paths, or ones relative to `base`."""
    folder.mkdir(parents=True)
    audio.mkdir(exist_ok=True)
    lists: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": []}
    for number in range(2):
        identity = f"{speaker}c020{number}"
        write_wav(audio / f"{identity}.wav", sound(number))
        path = audio / f"{identity}.wav"
        lists["wav.scp"].append(f"{identity} {path.relative_to(base) if base else path}")
        lists["text"].append(f"{identity} THE <NOISE> CAT ,COMMA [COUGH] SAT")
        lists["utt2spk"].append(f"{identity} {speaker}")
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    for folder, speaker in SPLITS.items():
        fill(tmp_path / "data" / folder, speaker, tmp_path / "audio")
    return tmp_path / "data"


def test_absolute_paths(root: Path) -> None:
    data = load_sentences(root)
    for split, speaker in (("train", "011"), ("validation", "4k0"), ("test", "440")):
        loaded = getattr(data, split)
        assert loaded.speakers == (speaker,) * 2
        assert loaded.texts == ("the cat comma sat",) * 2
    assert data.train.paths[0] == str(root.parent / "audio/011c0200.wav")
    assert np.array_equal(data.train.features[1], data.log_mel(sound(1)))
    assert data.skipped == ()


@pytest.mark.parametrize(("base", "audio"), [(".", "audio"), ("data", "data/audio")])
def test_relative_paths(tmp_path: Path, base: str, audio: str) -> None:
    (tmp_path / audio).mkdir(parents=True)
    for folder, speaker in SPLITS.items():
        fill(tmp_path / "data" / folder, speaker, tmp_path / audio, tmp_path / base)
    data = load_sentences(tmp_path / "data")
    assert len(data.train) == 2
    expected = "audio/011c0200.wav" if base == "data" else str(tmp_path / "audio/011c0200.wav")
    assert data.train.paths[0] == expected


def test_commands_are_never_run(root: Path, tmp_path: Path) -> None:
    scp = root / "train_si84/wav.scp"
    lines = scp.read_text().splitlines()
    lines[0] = f"011c0200 touch {tmp_path / 'ran'} |"
    scp.write_text("\n".join(lines))
    data = load_sentences(root)
    assert not (tmp_path / "ran").exists()
    assert len(data.train) == 1
    assert [str(note) for note in data.skipped] == [
        "train_si84/011c0200: is a command in wav.scp; write its output to a WAV file and name "
        "that."
    ]


def test_folders_that_overlap_count_once(root: Path) -> None:
    fill(root / "train_si284", "011", root.parent / "audio")
    data = load_sentences(root)
    assert len(data.train) == 2
    assert [str(note) for note in data.skipped] == [
        "train_si84/wav.scp: 2 utterances are in another folder already."
    ]


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("wav.scp", "011c0200 missing.wav", "missing.wav: there is no such file"),
        ("wav.scp", "011c0200 " + "x" * 5000, "cannot be read"),
        ("wav.scp", "011c0200", "011c0200: has no recording in wav.scp"),
        ("text", "other TEXT", "011c0200: has no line in text"),
        ("text", "011c0200 THE <UNK> SAT", "its text has <UNK>, not what was said"),
        ("text", "011c0201 AGAIN", "line 2 has the id 011c0201 again"),
        ("utt2spk", "011c0200", "has no speaker in utt2spk"),
    ],
)
def test_a_line_that_cannot_be_used(root: Path, file: str, line: str, said: str) -> None:
    path = root / "train_si84" / file
    lines = path.read_text().splitlines()
    path.write_text("\n".join([line, *lines[1:]]))
    data = load_sentences(root)
    assert data.train.paths == (str(root.parent / "audio/011c0201.wav"),)
    assert said in "\n".join(map(str, data.skipped))


def test_files_that_are_missing_or_not_supported(root: Path) -> None:
    (root / "train_si84/utt2spk").rename(root / "kept")
    with pytest.raises(DataError, match="train_si84/utt2spk: is missing"):
        load_sentences(root)
    (root / "kept").rename(root / "train_si84/utt2spk")
    (root / "train_si84/segments").write_text("a 011c0200 0.0 0.5\n")
    with pytest.raises(DataError, match="segments: cut the recordings into files"):
        load_sentences(root)
