"""Corpora of spoken sentences in the layout of LibriSpeech, and what all layouts share."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tfpipeline.data import (
    DataError,
    FileNote,
    SentenceDataset,
    load_sentences,
    read_wav,
    resample,
    write_wav,
)
from tfpipeline.extras import MissingExtraError
from tfpipeline.features import LogMel, LogMelConfig

SPEAKERS = {"train": ("11", "12", "13"), "validation": ("21",), "test": ("31", "32")}


def sound(seed: int, seconds: float = 0.6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(round(16000 * seconds)) * 2000).astype(np.int16)


def chapter(folder: Path, texts: Iterable[str], kind: str = ".wav", seed: int = 0) -> Path:
    """Writes utterances 0000, 0001, ... of growing length into SPLIT/SPEAKER/CHAPTER."""
    folder.mkdir(parents=True)
    stem = f"{folder.parent.name}-{folder.name}"
    lines = []
    for number, text in enumerate(texts):
        identity = f"{stem}-{number:04d}"
        audio = sound(seed * 100 + number, 0.6 + 0.1 * number)
        if kind == ".wav":
            write_wav(folder / f"{identity}.wav", audio)
        else:
            soundfile.write(folder / f"{identity}{kind}", audio, 16000)
        lines.append(f"{identity} {text}\n")
    transcript = folder / f"{stem}.trans.txt"
    transcript.write_text("".join(lines), encoding="utf-8")
    return transcript


def corpus(root: Path, kind: str = ".wav") -> Path:
    for split, speakers in SPEAKERS.items():
        for speaker in speakers:
            texts = ("HELLO WORLD", "it's A Test", "Good-bye, all.")
            chapter(root / split / speaker / "1", texts, kind, seed=int(speaker))
    return root


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return corpus(tmp_path / "corpus")


def messages(notes: Iterable[FileNote]) -> str:
    return "\n".join(map(str, notes))


def test_splits_texts_speakers_and_paths(root: Path) -> None:
    data = load_sentences(root)
    for name, speakers in SPEAKERS.items():
        split = getattr(data, name)
        assert split.speakers == tuple(speaker for speaker in speakers for _ in range(3))
        assert split.texts == ("hello world", "it's a test", "good bye all") * len(speakers)
        assert split.paths == tuple(
            f"{name}/{speaker}/1/{speaker}-1-{number:04d}.wav"
            for speaker in speakers
            for number in range(3)
        )
        assert split.frames.dtype == np.int32
        assert split.frames.tolist() == [58, 68, 78] * len(speakers)
        assert split.features.dtype == np.float32
        assert split.features.shape == (len(split), 78, 40)
    assert data.skipped == data.converted == ()
    assert data.source == str(root)
    assert "9 training (3 speakers" in data.summary()
    assert json.loads(json.dumps(data.to_dict()))["sentences"] == {
        "train": 9,
        "validation": 3,
        "test": 6,
    }


def test_features_are_the_front_ends_and_zeros_follow(root: Path) -> None:
    data = load_sentences(root)
    for split in (data.train, data.validation, data.test):
        for row, frames, path in zip(split.features, split.frames, split.paths, strict=True):
            assert np.array_equal(row[:frames], data.log_mel(read_wav(root / path)))
            assert not row[frames:].any()


def test_only_training_frames_set_the_normalization(root: Path) -> None:
    data = load_sentences(root)
    rows = [row[:n] for row, n in zip(data.train.features, data.train.frames, strict=True)]
    valid = np.concatenate(rows).astype(np.float64)
    assert np.abs(valid.mean(axis=0)).max() < 1e-5
    assert np.abs(valid.std(axis=0) - 1.0).max() < 1e-5
    for path in root.glob("test/*/*/*.wav"):
        write_wav(path, read_wav(path) * 0.1)
    again = load_sentences(root)
    assert np.array_equal(again.train.features, data.train.features)
    assert again.test.features[0, :58].mean() < data.test.features[0, :58].mean() - 1.0


def test_constants_of_the_front_end_are_used(root: Path) -> None:
    data = load_sentences(root, log_mel=LogMelConfig(num_mels=20, hop_ms=20.0))
    assert data.train.features.shape == (9, 39, 20)


def test_workers_do_not_change_the_result(root: Path) -> None:
    one, four = load_sentences(root, workers=1), load_sentences(root, workers=4)
    assert np.array_equal(one.train.features, four.train.features)
    assert one.train.paths == four.train.paths


def test_a_limit_spreads_over_the_speakers(root: Path) -> None:
    data = load_sentences(root, limit=3)
    assert data.train.speakers == SPEAKERS["train"]
    assert len(data.validation) == len(data.test) == 3


def test_flac_gives_what_wav_gives(tmp_path: Path) -> None:
    wav = load_sentences(corpus(tmp_path / "wav"))
    flac = load_sentences(corpus(tmp_path / "flac", ".flac"))
    assert np.array_equal(flac.train.features, wav.train.features)
    assert flac.test.paths[0].endswith(".flac")
    assert flac.converted == flac.skipped == ()


def test_a_wav_beside_a_flac_is_preferred(root: Path) -> None:
    (root / "test/31/1/31-1-0000.flac").write_bytes(b"never read")
    data = load_sentences(root)
    assert data.test.paths[0] == "test/31/1/31-1-0000.wav"
    assert data.skipped == ()


def test_flac_without_its_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfpipeline.extras.find_spec", lambda name: None)
    assert len(load_sentences(corpus(tmp_path / "wav")).train) == 9
    with pytest.raises(MissingExtraError, match=r"pip install 'tfpipeline\[speech\]'"):
        load_sentences(corpus(tmp_path / "flac", ".flac"))


def test_other_rates_and_channels_are_converted_and_noted(root: Path) -> None:
    stereo = np.stack([sound(1), sound(2)], axis=1)
    soundfile.write(root / "train/11/1/11-1-0000.wav", stereo, 16000)
    (root / "train/12/1/12-1-0000.wav").unlink()
    slow = sound(3)[::2]
    soundfile.write(root / "train/12/1/12-1-0000.flac", slow, 8000, subtype="PCM_24")
    data = load_sentences(root)
    assert messages(data.converted) == (
        "train/11/1/11-1-0000.wav: converted from stereo.\n"
        "train/12/1/12-1-0000.flac: converted from PCM_24, 8000 samples per second."
    )
    expected = data.log_mel(resample(slow / np.float32(32768.0), 8000, 16000))
    assert np.array_equal(data.train.features[3, : len(expected)], expected)


def test_folders_with_the_prefix_are_joined_or_named(tmp_path: Path) -> None:
    root = tmp_path / "LibriSpeech"
    for number, folder in enumerate(
        ("train-clean-100", "train-other-500", "dev-clean", "dev-other", "test-clean", "test-other")
    ):
        chapter(root / folder / str(number) / "9", ["A"], seed=number)
    (root / "intro-disclaimers").mkdir()
    data = load_sentences(root)
    assert [len(data.train), len(data.validation), len(data.test)] == [2, 2, 2]
    # The folder that the archives unpack to may be named by its parent.
    assert load_sentences(tmp_path).train.paths[0] == (
        "LibriSpeech/train-clean-100/0/9/0-9-0000.wav"
    )
    data = load_sentences(root, splits={"train": "train-clean-100", "test": ["test-other"]})
    assert data.train.speakers == ("0",)
    assert data.validation.speakers == ("2", "3")
    assert data.test.speakers == ("5",)
    with pytest.raises(DataError, match="no folder 'train-clean-360'"):
        load_sentences(root, splits={"train": "train-clean-360"})


def test_a_speaker_in_two_splits_is_named(root: Path) -> None:
    chapter(root / "test/12/7", ["AGAIN"])
    with pytest.raises(DataError, match="speaker '12' is in the test split .* in the train split"):
        load_sentences(root)
    assert "12" in load_sentences(root, allow_shared_speakers=True).test.speakers


def damage(root: Path) -> None:
    flac = root / "train/11/1/11-1-0000.flac"
    (root / "train/11/1/11-1-0000.wav").unlink()
    soundfile.write(flac, sound(1), 16000)
    flac.write_bytes(flac.read_bytes()[:4000])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (damage, "11-1-0000.flac: the FLAC file is damaged"),
        (lambda root: (root / "train/11/1/11-1-0000.wav").write_bytes(b""), "the file is empty"),
        (
            lambda root: write_wav(root / "train/11/1/11-1-0000.wav", sound(0, 0.02)),
            "has 0 frames (0.02 s), too short",
        ),
        (
            lambda root: write_wav(root / "train/11/1/11-1-0000.wav", sound(0, 0.1)),
            "has 8 frames (0.10 s), too short for the 11 letters",
        ),
        (lambda root: (root / "train/11/1/11-1-0000.wav").unlink(), "names 11-1-0000, which has"),
    ],
)
def test_a_recording_that_cannot_be_used_is_skipped(root: Path, change, said: str) -> None:
    change(root)
    data = load_sentences(root)
    assert len(data.train) == 8
    assert len(data.skipped) == 1
    assert said in str(data.skipped[0])


def test_long_recordings_are_skipped(root: Path) -> None:
    data = load_sentences(root, max_seconds=0.75)
    assert data.train.frames.tolist() == [58, 68] * 3
    assert "lasts 0.8 s, longer than max_seconds=0.75" in messages(data.skipped)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its text is empty"),
        ("-- ' --", "its text is empty"),
        ("CHAPTER 16", "holds the number '1'"),
        ("ten % more", "holds the character '%'"),
        ("привет", "holds the letter 'п'"),
    ],
)
def test_a_text_that_cannot_be_used_is_skipped(root: Path, text: str, said: str) -> None:
    transcript = root / "train/11/1/11-1.trans.txt"
    lines = transcript.read_text().splitlines()
    lines[1] = f"11-1-0001 {text}"
    transcript.write_text("\n".join(lines), encoding="utf-8")
    data = load_sentences(root)
    assert len(data.train) == 8
    assert [note.path for note in data.skipped] == ["train/11/1/11-1-0001.wav"]
    assert said in str(data.skipped[0])


HOSTILE = [
    "../../test/31/1/31-1-0000 STOLEN",
    "/etc/hostname TEXT",
    "11-1-../../../test/31/1/31-1-0000 STOLEN",
    "11-1-0000\\..\\x TEXT",
    "11-1- TEXT",
    "12-1-0000 ANOTHER SPEAKER",
    "NO ID AT ALL",
]


@pytest.mark.parametrize("line", HOSTILE)
def test_a_hostile_line_is_noted_and_nothing_else_is_read(root: Path, line: str) -> None:
    transcript = root / "train/11/1/11-1.trans.txt"
    transcript.write_text(transcript.read_text() + line + "\n")
    data = load_sentences(root)
    assert len(data.train) == 9
    assert [str(note) for note in data.skipped] == [
        "train/11/1/11-1.trans.txt: line 4 does not begin with an id such as 11-1-0000."
    ]


def test_a_repeated_id_keeps_its_first_text(root: Path) -> None:
    transcript = root / "train/11/1/11-1.trans.txt"
    transcript.write_text(transcript.read_text() + "11-1-0000 OTHER\n")
    data = load_sentences(root)
    assert data.train.texts[0] == "hello world"
    assert "has the id 11-1-0000 again" in messages(data.skipped)


@pytest.mark.parametrize("binary", [b"\xff\xfe\x00\x80" * 100, b"11-1-0000 A\x00B\n"])
def test_transcripts_that_are_binary_or_missing_cost_their_chapter_only(
    root: Path, binary: bytes
) -> None:
    (root / "train/11/1/11-1.trans.txt").write_bytes(binary)
    (root / "train/12/1/12-1.trans.txt").unlink()
    data = load_sentences(root)
    assert set(data.train.speakers) == {"13"}
    assert messages(data.skipped) == (
        "train/11/1/11-1.trans.txt: is not UTF-8 text; its recordings are passed over.\n"
        "train/12/1/12-1.trans.txt: is missing; its recordings are passed over."
    )


def test_a_recording_without_a_line_is_noted(root: Path) -> None:
    write_wav(root / "train/11/1/11-1-0009.wav", sound(0))
    assert messages(load_sentences(root).skipped) == (
        "train/11/1/11-1-0009.wav: has no line in 11-1.trans.txt."
    )


def test_a_split_without_utterances_is_an_error(root: Path) -> None:
    (root / "test").rename(root / "elsewhere")
    with pytest.raises(DataError, match=r"test split has no utterance; expected a folder test\*"):
        load_sentences(root)
    (root / "elsewhere").rename(root / "test")
    for path in root.glob("test/*/*/*.wav"):
        path.write_bytes(b"RIFF")
    with pytest.raises(DataError, match="no recording of the test split can be used"):
        load_sentences(root)
    for path in root.glob("test/*/*/*.trans.txt"):
        path.write_text("")
    with pytest.raises(DataError, match="test split has no utterance that can be used"):
        load_sentences(root)


def test_a_folder_that_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        load_sentences(tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file"):
        load_sentences(tmp_path / "file")
    with pytest.raises(DataError, match="has no layout of spoken sentences"):
        load_sentences(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"layout": "timit"}, "layout must be one of 'auto', 'librispeech'"),
        ({"max_seconds": 0.0}, "max_seconds must be greater than 0"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"limit": 0}, "limit must be at least 1 or None"),
        ({"limit": "all"}, "limit must be at least 1 or None, a whole number; received 'all'"),
        ({"max_seconds": "x"}, "max_seconds must be greater than 0"),
        ({"splits": 3}, "splits must map"),
        ({"log_mel": 3}, "log_mel must be a LogMelConfig"),
        ({"splits": {"dev": "dev"}}, "got the split 'dev'"),
        ({"splits": {"train": ()}}, "must be a folder's name"),
        ({"splits": {"train": "a", "test": ["b", "a"]}}, "'a' in two splits"),
    ],
)
def test_impossible_arguments(root: Path, arguments: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("'", ".")):
        load_sentences(root, **arguments)


def test_silence_is_not_divided_by_nothing(root: Path) -> None:
    for path in root.glob("*/*/*/*.wav"):
        write_wav(path, np.zeros(16000, np.int16))
    data: SentenceDataset = load_sentences(root)
    assert np.isfinite(data.train.features).all()
    assert isinstance(data.log_mel, LogMel)


def test_the_loader_imports_soundfile_only_when_it_reads_with_it() -> None:
    import subprocess

    code = (
        "import sys, tfpipeline.data.sentences.load_sentences\n"
        "assert 'soundfile' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
