from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import (
    CorpusInfo,
    DataError,
    SynthesizerError,
    load_speech_commands,
    read_wav,
    synthesize_corpus,
)
from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.splits import noise_part
from tfpipeline.data.synthesis import recording, synthesize
from tfpipeline.data.synthesis.corpus_plan import ACCENTS, SPEAKERS, UNKNOWN, plan_corpus
from tfpipeline.data.synthesis.espeak_voice import Utterance
from tfpipeline.data.synthesis.noise import NOISES, make_noises

# The counts of the fixture `tiny_corpus`.
COUNTS = {"train": 96, "validation": 24, "test": 32}
TINY = {f"{split}_clips": count for split, count in COUNTS.items()}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_layout_is_that_of_speech_commands(tiny_corpus: CorpusInfo) -> None:
    folder = tiny_corpus.path
    names = {path.name for path in folder.iterdir()}
    lists = {"validation_list.txt", "testing_list.txt", "corpus.json"}
    clips = {path.relative_to(folder).as_posix() for path in folder.glob("[a-z]*/*.wav")}
    # A small corpus has no clip, and so no folder, of some of the other words.
    words = {Path(clip).parts[0] for clip in clips}
    assert names == {*words, "_background_noise_", *lists}
    assert {*COMMANDS} < words < {*COMMANDS, *UNKNOWN}
    assert len(clips) == sum(COUNTS.values())
    validation = (folder / "validation_list.txt").read_text().split()
    test = (folder / "testing_list.txt").read_text().split()
    assert (len(validation), len(test)) == (24, 32)
    assert {*validation, *test} <= clips

    def speakers(files: set[str]) -> set[str]:
        return {Path(file).name.split("-")[0] for file in files}

    assert speakers(set(validation)) == {"m7"}
    assert speakers(set(test)) == {"m3", "f3"}
    assert speakers(clips - {*validation, *test}) == {"m1", "f1", "Alex"}


def test_every_clip_is_one_second_of_16_bits_with_the_whole_word(tiny_corpus: CorpusInfo) -> None:
    for path in tiny_corpus.path.glob("[a-z]*/*.wav"):
        with wave.open(str(path)) as file:
            assert file.getparams()[:4] == (1, 2, 16000, 16000), path
        audio = read_wav(path)
        assert np.abs(audio).max() < 0.99, path
        # Ten decibels over the noise: the loudest tenth of a second stands out from the edges,
        # where no word begins or ends.
        power = np.square(audio).reshape(50, 320).mean(axis=1)
        edges = max(power[0], power[-1])
        assert power.max() > 5 * edges, path
        assert np.sqrt(np.mean(np.square(audio))) > 0.005, path


def test_no_two_clips_are_the_same(tiny_corpus: CorpusInfo) -> None:
    files = digests(tiny_corpus.path)
    assert len(set(files.values())) == len(files)


def test_the_description_tells_what_is_there(tiny_corpus: CorpusInfo) -> None:
    assert tiny_corpus.clips == COUNTS
    assert tiny_corpus.accents == ACCENTS
    assert tiny_corpus.words == COMMANDS
    assert tiny_corpus.speakers["test"] == ("m3", "f3")
    assert tiny_corpus.voices["train"] == 3 * len(ACCENTS)
    assert tiny_corpus.synthesizer.startswith("espeak-ng 1.")
    assert not tiny_corpus.reused
    json.dumps(tiny_corpus.to_dict())


@pytest.mark.usefixtures("few_speakers")
def test_a_seed_gives_the_same_files_with_any_number_of_workers(
    tiny_corpus: CorpusInfo, tmp_path: Path
) -> None:
    synthesize_corpus(tmp_path / "again", seed=3, workers=1, **TINY)
    assert digests(tmp_path / "again") == digests(tiny_corpus.path)


@pytest.mark.usefixtures("few_speakers")
def test_the_same_corpus_is_reused_and_another_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    small = {"train_clips": 12, "validation_clips": 10, "test_clips": 10}
    first = synthesize_corpus(folder, seed=1, **small)
    before = digests(folder)
    stamp = (folder / "corpus.json").stat().st_mtime_ns
    again = synthesize_corpus(folder, seed=1, **small)
    assert (first.reused, again.reused) == (False, True)
    assert again.clips == first.clips
    assert again.voices == first.voices
    assert (folder / "corpus.json").stat().st_mtime_ns == stamp
    other = synthesize_corpus(folder, seed=2, **small)
    assert not other.reused
    assert digests(folder) != before
    next(folder.glob("yes/*.wav")).unlink()
    with pytest.raises(DataError, match="holds 35 WAV files .* promises 36"):
        synthesize_corpus(folder, seed=2, **small)


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for marker in (None, "{}", "not json", "[]", '{"settings": 3}'):
        if marker is not None:
            (tmp_path / "corpus.json").write_text(marker)
        with pytest.raises(DataError, match="is not a synthesized corpus"):
            synthesize_corpus(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    with pytest.raises(DataError, match="is not a synthesized corpus"):
        synthesize_corpus(tmp_path / "thesis.txt")


def test_a_voice_that_the_build_lacks_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPEAKERS, "test", ("m3", "nobody"))
    with pytest.raises(SynthesizerError, match="no variant 'nobody'"):
        synthesize_corpus(tmp_path / "corpus", **TINY)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("few_speakers")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SynthesizerError, MemoryError])
def test_what_stops_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    written = []
    real = synthesize.write_wav

    def failing(path: Path, *rest: object) -> None:
        written.append(path)
        if len(written) > 10:
            raise error
        real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(synthesize, "write_wav", failing)
    with pytest.raises(error):
        synthesize_corpus(tmp_path / "corpus", **TINY)
    assert len(written) > 10
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_leaves_nothing_and_ends_the_synthesizers(tmp_path: Path) -> None:
    code = f"from tfpipeline.data import *; synthesize_corpus({str(tmp_path / 'corpus')!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Tests that a script started in the background inherit that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".corpus.partial/yes/*.wav")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # As a terminal does: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in errors
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


class SlowVoice:
    """Speaks for a time that falls with the rate."""

    sample_rate = 22050

    def __init__(self, seconds_at_100: float) -> None:
        self.seconds = seconds_at_100
        self.rates: list[int] = []

    def say(self, utterance: Utterance) -> np.ndarray:
        self.rates.append(utterance.rate)
        samples = round(self.seconds * 100 / utterance.rate * self.sample_rate)
        return (8000 * np.sin(np.arange(samples))).astype(np.int16)


def test_a_slow_word_is_said_again_faster_until_it_fits() -> None:
    clip = plan_corpus(0, {"train": 10, "validation": 10, "test": 10})[-1]
    noises = {name: np.ones(160000, np.float32) for name in NOISES}
    voice = SlowVoice(2.0)
    audio = synthesize._clip(voice, clip, noises)  # type: ignore[arg-type]
    assert audio.shape == (16000,)
    assert voice.rates == sorted(set(voice.rates))
    assert voice.rates[-1] >= 200 / 0.9
    hurried = SlowVoice(0.4)
    synthesize._clip(hurried, clip, noises)  # type: ignore[arg-type]
    assert hurried.rates == sorted(set(hurried.rates), reverse=True)
    assert 100 < hurried.rates[-1] <= 125
    # The synthesizer cannot speak slower than at 80 words per minute: then it stays short.
    shortest = SlowVoice(0.1)
    synthesize._clip(shortest, clip, noises)  # type: ignore[arg-type]
    assert shortest.rates[-1] == 80
    with pytest.raises(SynthesizerError, match=f"{clip.speaker}.*even at 400 words per minute"):
        synthesize._clip(SlowVoice(20.0), clip, noises)  # type: ignore[arg-type]


def test_speech_and_noise_have_the_planned_levels() -> None:
    clip = plan_corpus(0, {"train": 10, "validation": 10, "test": 10})[-1]
    noise = {name: np.random.default_rng(0).normal(size=160000) for name in NOISES}
    silent = {name: np.full(160000, 1e-12) for name in NOISES}
    speech = synthesize._clip(SlowVoice(0.5), clip, silent)  # type: ignore[arg-type]
    noisy = synthesize._clip(SlowVoice(0.5), clip, noise)  # type: ignore[arg-type]
    word = np.flatnonzero(np.abs(speech) > 0.01)

    def decibels(audio: np.ndarray) -> float:
        return 10 * np.log10(np.mean(np.square(audio, dtype=np.float64)))

    word_level = decibels(speech[word[0] : word[-1]])
    quiet = np.ones(16000, bool)
    quiet[word[0] - 300 : word[-1] + 300] = False
    assert word_level == pytest.approx(clip.level_db, abs=0.3)
    assert word_level - decibels(noisy[quiet]) == pytest.approx(clip.snr_db, abs=0.5)
    middle = (word[0] + word[-1]) / 2 / 16000 - 0.5
    assert middle == pytest.approx(clip.shift, abs=0.02)


def test_trimming_keeps_the_word_and_ten_milliseconds() -> None:
    speech = np.zeros(8000, np.float32)
    speech[3000:5000] = 0.5
    cut = recording.trim(speech)
    assert len(cut) == 2000 + 2 * 160 - 1
    assert cut[160:2160].min() == 0.5
    assert len(recording.trim(np.zeros(100))) == 100


def test_noises_have_their_colours_and_their_parts() -> None:
    noises = make_noises(0, 12.0)
    assert tuple(noises) == NOISES
    for name, slope in (("white", 0.0), ("pink", -3.0), ("brown", -6.0)):
        power = np.square(np.abs(np.fft.rfft(noises[name])))
        hz = np.fft.rfftfreq(len(noises[name]), 1 / 16000)
        low = power[(hz > 400) & (hz < 800)].mean()
        high = power[(hz > 3200) & (hz < 6400)].mean()
        # Three octaves between the bands.
        assert 10 * np.log10(high / low) / 3 == pytest.approx(slope, abs=0.3)
    for noise in noises.values():
        assert noise.shape == (192000,)
        assert np.abs(noise).max() < 1.0
    ends = [noise_part(split, 192000) for split in ("train", "validation", "test")]
    assert ends == [(0, 153600), (153600, 172800), (172800, 192000)]


@pytest.mark.parametrize(
    ("arguments", "part_of"),
    [
        ({"train_clips": 9}, "train_clips must be at least 10"),
        ({"test_clips": 0}, "test_clips must be at least 10"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"train_clips": "ten"}, "train_clips must be at least 10, a whole number; received 'ten'"),
    ],
)
def test_impossible_arguments_are_named(
    tmp_path: Path, arguments: dict[str, int], part_of: str
) -> None:
    with pytest.raises(ValueError, match=part_of):
        synthesize_corpus(tmp_path / "corpus", **arguments)
    assert not list(tmp_path.iterdir())


def test_the_corpus_loads(tiny_corpus: CorpusInfo) -> None:
    data = load_speech_commands(tiny_corpus.path)
    assert data.labels == ("_silence_", "_unknown_", *COMMANDS)
    assert data.skipped == data.converted == ()
    spoken = {
        split: sum(not path.startswith("_") for path in getattr(data, split).paths)
        for split in COUNTS
    }
    # Unknown words are a fifth of the corpus, as many as the loader takes.
    assert spoken == COUNTS
    assert set(data.train.labels.tolist()) == set(range(12))
