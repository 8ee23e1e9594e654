from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import (
    COMMANDS_V1,
    COMMANDS_V2,
    DEFAULT_WORDS,
    DataError,
    SpeechDataset,
    load_speech_commands,
    read_wav,
    write_wav,
)
from tfpipeline.data.commands.corpus_files import assign_splits, speaker_of
from tfpipeline.features import LogMel, LogMelConfig

WORDS = ("yes", "no", "stop")


def sound(seed: int, seconds: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(round(16000 * seconds)) * 2000).astype(np.int16)


def fill(root: Path, word: str, speakers: int, takes: int = 1) -> None:
    (root / word).mkdir(parents=True)
    for speaker in range(speakers):
        for take in range(takes):
            seed = sum(word.encode()) * 1000 + speaker * 10 + take
            write_wav(root / word / f"s{speaker:02d}_nohash_{take}.wav", sound(seed))


def write_lists(root: Path) -> None:
    """Speakers 0 and 1 for validation, 2 and 3 for the test."""
    files = sorted(path.relative_to(root).as_posix() for path in root.glob("[a-z]*/*.wav"))
    for name, speakers in [
        ("validation_list.txt", ("s00", "s01")),
        ("testing_list.txt", ("s02", "s03")),
    ]:
        chosen = [file for file in files if file.split("/")[1].startswith(speakers)]
        (root / name).write_text("\n".join(chosen) + "\n")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """Three words and two others of eight speakers, two noises, and lists."""
    root = tmp_path / "corpus"
    for word in (*WORDS, "cat", "dog"):
        fill(root, word, speakers=8, takes=2)
    (root / "_background_noise_").mkdir()
    (root / "_background_noise_" / "README.md").write_text("not audio")
    for number in range(2):
        write_wav(root / "_background_noise_" / f"n{number}.wav", sound(number, 12.0))
    write_lists(root)
    return root


def load(root: Path, **arguments: object) -> SpeechDataset:
    return load_speech_commands(root, **{"words": WORDS, **arguments})  # type: ignore[arg-type]


def test_labels_splits_and_counts(root: Path) -> None:
    data = load(root)
    assert data.labels == ("_silence_", "_unknown_", "yes", "no", "stop")
    # Three words, so many speakers, two takes; unknown is a fifth of the spoken, silence a tenth
    # of all.
    for split, speakers in ((data.train, 4), (data.validation, 2), (data.test, 2)):
        spoken = 3 * speakers * 2
        unknown = round(spoken / 4)
        silence = round((spoken + unknown) / 9)
        counts = np.bincount(split.labels, minlength=5).tolist()
        assert counts == [silence, unknown, *[speakers * 2] * 3]
        assert len(split) == len(split.paths) == len(split.features)
        assert split.features.shape[1:] == (98, 40)
        assert split.features.dtype == np.float32
        assert split.labels.dtype == np.int32
    assert data.skipped == data.converted == ()
    assert data.source == str(root)
    assert "0 files skipped, 0 converted" in data.summary()
    json.dumps(data.to_dict())


def test_no_speaker_is_in_two_splits_and_every_label_is_its_folder(root: Path) -> None:
    data = load(root)
    speakers = []
    for split in (data.train, data.validation, data.test):
        spoken = [path for path in split.paths if not path.startswith("_")]
        speakers.append({speaker_of(path) for path in spoken})
        for path, label in zip(split.paths, split.labels, strict=True):
            folder = path.split("/")[0]
            wanted = {"cat": "_unknown_", "dog": "_unknown_", "_background_noise_": "_silence_"}
            assert data.labels[label] == wanted.get(folder, folder)
    assert speakers[1:] == [{"s00", "s01"}, {"s02", "s03"}]
    assert not speakers[0] & (speakers[1] | speakers[2])


def test_features_are_the_front_end_applied_to_the_file(root: Path) -> None:
    data = load(root)
    for split in (data.train, data.test):
        for path, row in zip(split.paths, split.features, strict=True):
            if not path.startswith("_"):
                clip = np.zeros(16000, np.float32)
                audio = read_wav(root / path)
                clip[: len(audio)] = audio
                np.testing.assert_array_equal(data.log_mel(clip), row)


def test_normalization_is_that_of_the_training_data(root: Path) -> None:
    data = load(root)
    features = data.train.features.astype(np.float64)
    np.testing.assert_allclose(features.mean(axis=(0, 1)), 0.0, atol=1e-5)
    np.testing.assert_allclose(features.std(axis=(0, 1)), 1.0, atol=1e-5)
    assert data.log_mel.mean.shape == (40,)


def test_the_front_end_can_be_chosen(root: Path) -> None:
    data = load(root, log_mel=LogMelConfig(num_mels=20, hop_ms=20.0))
    assert data.train.features.shape[1:] == (49, 20)
    assert isinstance(data.log_mel, LogMel)


def test_a_seed_gives_the_same_data_with_any_number_of_workers(root: Path) -> None:
    first, again, other = load(root, workers=1), load(root, workers=4), load(root, seed=1)
    np.testing.assert_array_equal(first.train.features, again.train.features)
    np.testing.assert_array_equal(first.test.labels, again.test.labels)
    assert first.validation.paths == again.validation.paths
    assert first.train.paths != other.train.paths


def test_a_limit_bounds_every_split(root: Path) -> None:
    data = load(root, limit=9)
    for split in (data.train, data.validation, data.test):
        assert sum(not path.startswith("_") for path in split.paths) == 9


def test_shares_can_be_chosen(root: Path) -> None:
    data = load(root, unknown_share=0.0, silence_share=0.0)
    assert np.bincount(data.train.labels).tolist() == [0, 0, 8, 8, 8]
    data = load(root, unknown_share=0.9, silence_share=0.5)
    # All sixteen that there are.
    assert np.bincount(data.train.labels).tolist() == [40, 16, 8, 8, 8]


def test_silence_of_the_splits_is_cut_from_different_parts(root: Path) -> None:
    # The noises become ramps, so that a clip's level tells where it came from: the first 80 %
    # rise to 0.8, and so on.
    for path in (root / "_background_noise_").glob("*.wav"):
        rng = np.random.default_rng(0)
        ramp = np.linspace(0.0, 1.0, 12 * 16000) ** 4
        write_wav(path, ramp * rng.choice([-0.9, 0.9], 12 * 16000))
    data = load(root, silence_share=0.9)
    level = {}
    for name in ("train", "test"):
        split = getattr(data, name)
        # Without the normalization; the loudest of many random gains is near one.
        logs = split.features[split.labels == 0] * data.log_mel.std + data.log_mel.mean
        level[name] = logs.mean(axis=(1, 2)).max()
    # 0.9^4 and more against 0.8^4 at most.
    assert level["test"] - level["train"] > 0.5


def test_without_noises_silence_is_quiet_noise(root: Path) -> None:
    for path in (root / "_background_noise_").iterdir():
        path.unlink()
    (root / "_background_noise_").rmdir()
    data = load(root)
    silent = data.train.features[data.train.labels == 0]
    spoken = data.train.features[data.train.labels == 2]
    assert len(silent) == 3
    assert silent.max() < spoken[:, :70].mean()


def google_which_set(speaker: str) -> str:
    """The rule of Speech Commands' README, written out anew."""
    import hashlib

    most = 2**27 - 1
    percent = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (most + 1) * (100.0 / most)
    return "validation" if percent < 10 else "test" if percent < 20 else "train"


def test_without_lists_the_hash_of_the_speaker_decides(root: Path) -> None:
    files = [f"yes/{n:08x}_nohash_{n % 3}.wav" for n in range(500)]
    for name in ("validation_list.txt", "testing_list.txt"):
        (root / name).unlink()
    splits = assign_splits(root, files)
    assert splits == {file: google_which_set(speaker_of(file)) for file in files}
    pinned = {"bb05582b": "test", "026290a7": "validation", "a1c63f25": "train"}
    named = {f"yes/{speaker}_nohash_0.wav": split for speaker, split in pinned.items()}
    assert assign_splits(root, named) == named
    counts = [list(splits.values()).count(split) for split in ("train", "validation", "test")]
    assert counts[0] > 350
    assert min(counts[1:]) > 25


def test_with_one_list_the_hash_decides_the_other_split(root: Path) -> None:
    (root / "validation_list.txt").unlink()
    files = [f"yes/{n:08x}_nohash_0.wav" for n in range(300)]
    (root / "testing_list.txt").write_text("\r\n".join(files[:50]))
    splits = assign_splits(root, files)
    assert [splits[file] for file in files[:50]] == ["test"] * 50
    assert set(list(splits.values())[50:]) == {"train", "validation"}


def test_speakers_are_read_from_names() -> None:
    assert speaker_of("yes/0a7c2a8d_nohash_12.wav") == "0a7c2a8d"
    assert speaker_of("yes/m3-en-us_nohash_0.wav") == "m3-en-us"
    assert speaker_of("yes/my recording.wav") == "my recording"


def test_a_users_own_folder_needs_no_lists_and_no_words(tmp_path: Path) -> None:
    for word in ("hund", "katze"):
        fill(tmp_path, word, speakers=40)
    data = load_speech_commands(tmp_path)
    assert data.labels == ("_silence_", "_unknown_", "hund", "katze")
    assert min(len(data.train), len(data.validation), len(data.test)) >= 2


def test_the_ten_words_are_the_default_where_they_are(tmp_path: Path) -> None:
    for word in (*DEFAULT_WORDS, "marvin"):
        fill(tmp_path, word, speakers=4)
    write_lists(tmp_path)
    (tmp_path / "testing_list.txt").write_text("yes/s03_nohash_0.wav\nmarvin/s03_nohash_0.wav\n")
    data = load_speech_commands(tmp_path, unknown_share=0.5)
    assert data.labels[2:] == DEFAULT_WORDS
    assert len(data.test.labels[data.test.labels == 1]) == 1


@pytest.mark.parametrize(("words", "count"), [(COMMANDS_V1, 30), (COMMANDS_V2, 35)])
def test_all_words_of_a_version_can_be_the_classes(
    tmp_path: Path, words: tuple[str, ...], count: int
) -> None:
    for word in words:
        fill(tmp_path, word, speakers=3)
    (tmp_path / "_background_noise_").mkdir()
    write_wav(tmp_path / "_background_noise_" / "n.wav", sound(0, 12.0))
    fill(tmp_path, "_unknown_", speakers=3)
    fill(tmp_path, "_silence_", speakers=3)
    for number, name in enumerate(("validation_list.txt", "testing_list.txt")):
        lines = [f"{word}/s0{number}_nohash_0.wav" for word in (*words, "_unknown_", "_silence_")]
        (tmp_path / name).write_text("\n".join(lines))
    data = load_speech_commands(tmp_path, words=words, words_only=True)
    assert data.labels == words
    for split in (data.train, data.validation, data.test):
        assert np.bincount(split.labels).tolist() == [1] * count
        for path, label in zip(split.paths, split.labels, strict=True):
            assert path.split("/")[0] == words[label]


def test_words_only_keeps_the_words_clips_as_they_are(root: Path) -> None:
    whole, only = load(root), load(root, words_only=True)
    assert only.labels == WORDS
    for split in ("train", "validation", "test"):
        a, b = getattr(whole, split), getattr(only, split)
        spoken = {path: label - 2 for path, label in zip(a.paths, a.labels, strict=True)}
        kept = dict(zip(b.paths, b.labels, strict=True))
        assert kept == {path: label for path, label in spoken.items() if label >= 0}
    # Raw features are the same; the normalization is that of the clips that are left.
    rows = [data.train.paths.index("yes/s05_nohash_0.wav") for data in (whole, only)]
    raw = [
        data.train.features[row] * data.log_mel.std + data.log_mel.mean
        for data, row in zip((whole, only), rows, strict=True)
    ]
    np.testing.assert_allclose(raw[0], raw[1], atol=1e-4)


def replaced(data: bytes, position: int, value: bytes) -> bytes:
    return data[:position] + value + data[position + len(value) :]


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty.wav": (lambda data: b"", "the file is empty"),
    "cut.wav": (lambda data: data[:500], "cut short"),
    "text.wav": (lambda data: b"hello " * 100, "not a WAV file"),
    "bits.wav": (lambda data: replaced(data, 34, struct.pack("<H", 12)), "12 bits"),
    "none.wav": (lambda data: replaced(data[:44], 40, bytes(4)), "holds no samples"),
    "song.mp3": (lambda data: data, "not a WAV file; convert it"),
}


def test_files_that_cannot_be_used_are_skipped_with_one_sentence_each(root: Path) -> None:
    good = (root / "yes" / "s05_nohash_0.wav").read_bytes()
    for name, (damage, _) in DAMAGE.items():
        (root / "yes" / name).write_bytes(damage(good))
    (root / "yes" / "notes.txt").write_text("passed over")
    (root / "_background_noise_" / "broken.wav").write_bytes(b"RIFF")
    write_wav(root / "_background_noise_" / "short.wav", sound(0, 3.0))
    data = load(root)
    notes = {note.path: note.message for note in data.skipped}
    assert len(notes) == len(data.skipped) == len(DAMAGE) + 2
    for name, (_, part) in DAMAGE.items():
        assert part in notes[f"yes/{name}"]
        assert "\n" not in notes[f"yes/{name}"]
        assert str(root) not in notes[f"yes/{name}"]
    assert "not a WAV" in notes["_background_noise_/broken.wav"]
    assert "shorter than 10 s" in notes["_background_noise_/short.wav"]
    assert np.bincount(data.train.labels)[2:].tolist() == [8, 8, 8]
    assert "8 files skipped" in data.summary()
    assert str(data.skipped[0]).startswith(data.skipped[0].path + ": ")


def test_other_encodings_are_converted_and_noted(root: Path) -> None:
    import wave

    layouts = {"stereo": (2, 2, 16000), "octets": (1, 1, 16000), "fast": (1, 2, 44100)}
    for name, (channels, width, rate) in layouts.items():
        with wave.open(str(root / "no" / f"{name}_nohash_0.wav"), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(rate)
            file.writeframes(np.random.default_rng(0).bytes(rate * channels * width // 2))
    data = load(root)
    notes = {note.path: note.message for note in data.converted}
    assert notes == {
        "no/stereo_nohash_0.wav": "converted from stereo.",
        "no/octets_nohash_0.wav": "converted from 8-bit.",
        "no/fast_nohash_0.wav": "converted from 44100 samples per second.",
    }
    assert np.bincount(data.train.labels)[2:].tolist() == [8, 11, 8]
    assert "3 converted" in data.summary()


def test_of_a_long_file_the_loudest_second_is_taken(root: Path) -> None:
    quiet, loud = sound(1, 1.5) // 20, sound(2, 1.0)
    path = root / "yes" / "s05_nohash_0.wav"
    write_wav(path, np.concatenate([quiet, loud, quiet]))
    data = load(root)
    assert [str(note) for note in data.converted] == [
        "yes/s05_nohash_0.wav: longer than a second; the loudest was taken."
    ]
    row = data.train.features[data.train.paths.index("yes/s05_nohash_0.wav")]
    np.testing.assert_allclose(row, data.log_mel(loud), atol=0.3)


def test_a_missing_folder_a_file_and_a_folder_without_audio_are_one_sentence(
    tmp_path: Path,
) -> None:
    def sentence(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            load_speech_commands(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "there is no such folder" in sentence(tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert "is a file" in sentence(tmp_path / "file")
    assert "holds no audio" in sentence(tmp_path)
    (tmp_path / "yes").mkdir()
    (tmp_path / "yes" / "a.txt").write_text("")
    assert "holds no audio" in sentence(tmp_path)


def test_a_word_without_a_folder_is_named(root: Path) -> None:
    with pytest.raises(DataError, match="no audio for the word 'maybe'.*cat, dog, no"):
        load(root, words=("yes", "maybe"))
    for words in ((), ("yes", "yes"), "yes"):
        with pytest.raises(ValueError, match="words must be a sequence"):
            load(root, words=words)


def test_a_split_without_clips_is_named(root: Path, tmp_path: Path) -> None:
    (root / "testing_list.txt").write_text("yes/somebody_nohash_0.wav\n")
    with pytest.raises(DataError, match=r"testing_list.txt names no file that exists"):
        load(root)
    fill(tmp_path / "few", "yes", speakers=2)
    with pytest.raises(DataError, match="none of its 2 files falls into the .* split"):
        load_speech_commands(tmp_path / "few")
    (root / "testing_list.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match="cannot be read as a list"):
        load(root)


def test_a_split_of_damaged_files_is_named(root: Path) -> None:
    for path in root.glob("[a-z]*/s0[23]*.wav"):
        path.write_bytes(b"RIFF")
    with pytest.raises(DataError, match="no file of the test split can be used.*not a WAV file"):
        load(root)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"limit": 0}, "limit must be at least 1"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 0.5}, "seed must be at least 0, a whole number; received 0.5"),
        ({"unknown_share": "a"}, "unknown_share must be in"),
        ({"unknown_share": 1.0}, "unknown_share must be in"),
        ({"silence_share": -0.1}, "silence_share must be in"),
    ],
)
def test_impossible_arguments_are_named(root: Path, arguments: dict[str, float], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        load(root, **arguments)
