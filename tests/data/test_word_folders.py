"""Folders of speech as users have them: every clip is used, or `skipped` says why not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import DataError, SpeechDataset, load_speech_commands, write_wav
from tfpipeline.data.commands.corpus_files import assign_splits
from tfpipeline.data.commands.word_folders import find_words

CLIP = (np.random.default_rng(0).standard_normal(8000) * 2000).astype(np.int16)


def put(root: Path, folder: str, clips: int = 12, suffix: str = ".wav") -> list[str]:
    """Clips of as many speakers; a third of them for each split, by the lists of `lists`."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    names = [f"{folder}/s{n:02d}_nohash_0{suffix}" for n in range(clips)]
    for name in names:
        write_wav(root / name, CLIP)
    return names


def lists(root: Path) -> None:
    files = find_words(root).files()
    for part, name in enumerate(("validation_list.txt", "testing_list.txt")):
        lines = [file for file in files if int(Path(file).stem[1:3]) % 3 == part]
        (root / name).write_text("\n".join(lines) + "\n")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    root = tmp_path / "corpus"
    for word in ("no", "up"):
        put(root, word)
    lists(root)
    return root


def load(root: Path, **options: float) -> SpeechDataset:
    lists(root)
    return load_speech_commands(root, **options)  # type: ignore[arg-type]


def notes(data: SpeechDataset) -> dict[str, str]:
    return {note.path: note.message for note in data.skipped}


def used(data: SpeechDataset) -> dict[str, str]:
    """The label of each clip that was read from a file."""
    return {
        path: data.labels[label]
        for split in (data.train, data.validation, data.test)
        for path, label in zip(split.paths, split.labels, strict=True)
    }


def test_a_word_in_subfolders_is_a_word(root: Path) -> None:
    names = [*put(root, "yes/speaker1", 6), *put(root, "yes/speaker2/take 2", 6), *put(root, "yes")]
    data = load(root)
    assert data.labels[2:] == ("no", "up", "yes")
    assert {name: used(data)[name] for name in names} == dict.fromkeys(names, "yes")
    assert data.skipped == ()


def test_the_users_own_silence_and_unknown_are_used_whole(root: Path) -> None:
    own = [*put(root, "_silence_", 12), *put(root, "_unknown_", 12)]
    data = load(root)
    assert data.labels == ("_silence_", "_unknown_", "no", "up")
    assert {name: used(data)[name] for name in own} == {n: n.split("/")[0] for n in own}
    # Twelve of each exceed a fifth of 24 and a tenth of all, so nothing is added.
    for split in (data.train, data.validation, data.test):
        assert np.bincount(split.labels).tolist() == [4, 4, 4, 4]


def test_silence_and_other_words_fill_up_to_their_shares(root: Path) -> None:
    put(root, "_silence_", 3)
    own = put(root, "_unknown_", 3)
    put(root, "other")
    lists(root)
    data = load_speech_commands(root, words=("no", "up"), unknown_share=0.5, silence_share=0.5)
    # Of each split 8 clips are words, up to 8 unknown: one of the user's and the four others that
    # there are. Silence is as much as both: one of the user's and twelve made.
    assert np.bincount(data.train.labels).tolist() == [13, 5, 4, 4]
    labels = used(data)
    assert all(labels[name] == "_unknown_" for name in own)


def test_what_is_no_word_is_noted(root: Path) -> None:
    (root / "maybe" / "empty").mkdir(parents=True)
    (root / "texts").mkdir()
    (root / "texts" / "a.txt").write_text("no audio")
    put(root, "_other_", 1)
    put(root, ".kept", 1)
    put(root, ".", 1)
    (root / ".git").mkdir()
    (root / "__MACOSX" / "no").mkdir(parents=True)
    (root / "__MACOSX" / "no" / "._a.wav").write_bytes(b"\0")
    for clutter in (".DS_Store", "Thumbs.db", "desktop.ini", "._a.wav"):
        (root / "no" / clutter).write_bytes(b"\0")
        (root / clutter).write_bytes(b"\0")
    data = load(root)
    assert data.labels[2:] == ("no", "up")
    assert notes(data) == {
        "maybe": "holds no audio; expected WAV files in it.",
        "texts": "holds no audio; expected WAV files in it.",
        "_other_": "begins with _, so it is no word; rename it to use it.",
        ".kept": "begins with ., so it is no word; rename it to use it.",
        "s00_nohash_0.wav": "lies in no word's folder; move it to one.",
    }


def test_a_word_of_unusable_files_is_noted(root: Path) -> None:
    for name in put(root, "bad"):
        (root / name).write_bytes(b"RIFF")
    data = load(root)
    assert data.labels[2:] == ("bad", "no", "up")
    found = notes(data)
    assert len(found) == 13 and "not a WAV file" in found["bad/s00_nohash_0.wav"]
    assert found["bad"] == "none of its files is used; it stays a label without clips."


def test_suffixes_in_any_case_and_other_audio(root: Path) -> None:
    loud = put(root, "loud", suffix=".WAV")
    for suffix in (".webm", ".AMR", ".caf"):
        (root / "no" / f"s09_nohash_1{suffix}").write_bytes(b"sound")
    data = load(root)
    assert set(loud) <= used(data).keys()
    assert len(data.skipped) == 3
    assert {note.message for note in data.skipped} == {"not a WAV file; convert it to 16-bit WAV."}


def test_links(root: Path, tmp_path: Path) -> None:
    elsewhere = put(tmp_path, "elsewhere", 12)
    try:
        (root / "far").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (root / "no" / "above").symlink_to(root, target_is_directory=True)
        (root / "up" / "same").symlink_to(root / "up", target_is_directory=True)
        (root / "up" / "gone.wav").symlink_to(tmp_path / "gone.wav")
    except OSError:
        pytest.skip("this system makes no symbolic links")
    data = load(root)
    assert {name.replace("elsewhere", "far") for name in elsewhere} <= used(data).keys()
    assert notes(data) == {
        "no/above": "is a link to a folder that it lies in; remove it.",
        "up/same": "is a link to a folder that it lies in; remove it.",
        "up/gone.wav": "is no file, or a link to none; remove it.",
    }


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_folder_that_cannot_be_read_is_noted(root: Path) -> None:
    put(root, "no/secret", 1)
    (root / "no" / "secret").chmod(0)
    try:
        assert notes(load(root)) == {"no/secret": "cannot be read (Permission denied)."}
    finally:
        (root / "no" / "secret").chmod(0o755)


def test_noise_may_lie_in_subfolders(root: Path) -> None:
    (root / "_background_noise_" / "fans").mkdir(parents=True)
    write_wav(root / "_background_noise_" / "fans" / "a.wav", np.tile(CLIP, 24))
    data = load(root, silence_share=0.5)
    assert "_background_noise_/fans/a.wav" in used(data)


def test_lists_with_a_byte_order_mark(root: Path) -> None:
    names = ["no/s00_nohash_0.wav", "up/s01_nohash_0.wav"]
    (root / "validation_list.txt").write_text("\n".join(names), encoding="utf-8-sig")
    (root / "testing_list.txt").unlink()
    splits = assign_splits(root, find_words(root).files())
    assert [splits[name] for name in names] == ["validation"] * 2


def test_a_list_in_another_encoding_is_named(root: Path) -> None:
    (root / "testing_list.txt").write_text("no/s00_nohash_0.wav", encoding="utf-16")
    with pytest.raises(DataError, match=r"testing_list.txt: cannot be .* not text in UTF-8"):
        load_speech_commands(root)


def test_a_file_in_both_lists_is_named(root: Path) -> None:
    with (root / "testing_list.txt").open("a") as file:
        file.write("./no\\s00_nohash_0.wav\n")
    with pytest.raises(
        DataError,
        match=r"testing_list.txt: names no/s00_nohash_0.wav, which validation_list.txt names too",
    ):
        load_speech_commands(root)


def test_lines_without_a_file_are_noted(root: Path) -> None:
    with (root / "validation_list.txt").open("a") as file:
        file.write("no/gone.wav\nno/away.wav\n")
    data = load_speech_commands(root)
    assert notes(data) == {
        "validation_list.txt": "lines without such a file: 2, first no/away.wav."
    }


def test_folders_of_splits_are_refused(tmp_path: Path) -> None:
    for part in ("train", "Test"):
        put(tmp_path, f"{part}/yes", 1)
    with pytest.raises(DataError, match=r"its folders Test, train are splits .* one folder for"):
        load_speech_commands(tmp_path)
    # Words may be called so.
    for word in ("train", "Test"):
        put(tmp_path, word)
    assert load(tmp_path).labels[2:] == ("Test", "train")


@pytest.mark.parametrize("word", ["_silence_", "_unknown_"])
def test_labels_that_are_no_words(root: Path, word: str) -> None:
    put(root, word)
    with pytest.raises(ValueError, match=f"words must not hold '{word}', which is always a label"):
        load_speech_commands(root, words=("no", word))
