from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tfpipeline.data import (
    DataError,
    StreamInfo,
    read_label_track,
    read_recordings,
    read_wav,
    synthesize_stream,
)
from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.synthesis.corpus_plan import SPEAKERS
from tfpipeline.data.synthesis.stream_scene import draw_scene
from tfpipeline.data.synthesis.stream_text import SMALL_TALK, FillerText


@pytest.fixture(name="stream", scope="module")
def _stream(tmp_path_factory: pytest.TempPathFactory) -> StreamInfo:
    return synthesize_stream(tmp_path_factory.mktemp("streams") / "quick", seed=1, quick=True)


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_text_holds_no_keyword_nor_what_sounds_like_one() -> None:
    rng = np.random.default_rng(0)
    text = FillerText(COMMANDS)
    heard = [text.sentence(rng) for _ in range(3000)] + [text.word(rng) for _ in range(1000)]
    words = {word for one in heard for word in one.split()}
    assert not words & {*COMMANDS, "know", "write"}
    # It has something to say: many words, and all of the small talk's.
    assert len(words) > 200
    rules = [rule for name, rule in SMALL_TALK.items() if name != "sentence"]
    assert words >= {word for rule in rules for one in rule for word in one.split()}
    assert len(set(heard)) > 2000


def test_other_keywords_leave_other_text() -> None:
    text = FillerText(("kitchen", "hey computer", "two"))
    assert text.allows("turn on the radio")
    for said in ("open the kitchen door", "kitchen", "say hey computer now", "far to london"):
        assert not text.allows(said)
    assert text.allows("a computer in kitchens")
    with pytest.raises(ValueError, match="keywords are so common words that no text"):
        FillerText(("the", "and", "a", "his", "for", "again"))


def test_scenes_of_all_kinds_come_and_none_is_too_long() -> None:
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng, "m3", 16000 * 20, False) for _ in range(300)]
    assert {scene.kind for scene in scenes} == {"talk", "words", "noise", "silence"}
    assert max(scene.samples for scene in scenes) == 16000 * 20
    assert {draw_scene(rng, "m3", 100, True).kind for _ in range(20)} == {"keywords"}


@pytest.mark.slow
def test_the_stream_is_as_long_as_asked_for(stream: StreamInfo) -> None:
    recordings = list(read_recordings(stream.path))
    assert [one.path.name for one in recordings] == [
        "keywords-000.wav",
        *(f"negatives-{number:03d}.wav" for number in range(3)),
    ]
    assert [one.seconds for one in recordings] == [60.0] * 4
    assert (stream.negative_seconds, stream.keyword_seconds) == (180.0, 60.0)
    assert not any(one.intervals for one in recordings[1:])
    assert stream.speakers == SPEAKERS["test"]
    # People talk for a good part of it.
    assert 0.25 < stream.speech_seconds / stream.negative_seconds < 0.75


@pytest.mark.slow
def test_negatives_hold_no_keyword_and_keywords_are_where_they_are_said_to_be(
    stream: StreamInfo,
) -> None:
    spoken = stream.path / "spoken"
    for path in spoken.glob("negatives-*.txt"):
        said = read_label_track(path)
        assert said
        assert not {word for one in said for word in one.label.split()} & set(COMMANDS)
    heard = read_label_track(stream.path / "keywords-000.txt")
    everything = read_label_track(spoken / "keywords-000.txt")
    assert heard == [one for one in everything if one.label in COMMANDS]
    assert 10 < len(heard) < len(everything)
    counts = {word: sum(one.label == word for one in heard) for word in COMMANDS}
    assert stream.keywords == counts
    # In turn, so that no word is rare.
    assert max(counts.values()) - min(counts.values()) <= 1
    audio = read_wav(stream.path / "keywords-000.wav").astype(np.float64)
    power = np.concatenate([[0.0], np.cumsum(audio**2)])
    for before, one, after in zip(
        [None, *everything], everything, [*everything[1:], None], strict=False
    ):
        assert 0.2 < one.end - one.start < 1.5
        for other in (before, after):
            gap = 99.0 if other is None else max(one.start - other.end, other.start - one.end)
            assert gap > 0.3
        first, last = round(one.start * 16000), round(one.end * 16000)
        around = 16000 // 5
        inside = (power[last] - power[first]) / (last - first)
        outside = (power[first] - power[first - around]) / around
        # At least 10 dB above the noise before it, whose level wavers where it is a babble.
        assert inside > 3 * outside


@pytest.mark.slow
def test_the_same_arguments_give_the_same_files(stream: StreamInfo, tmp_path: Path) -> None:
    again = synthesize_stream(tmp_path / "again", seed=1, quick=True, workers=1)
    assert digests(again.path) == digests(stream.path)
    other = synthesize_stream(tmp_path / "again", seed=2, quick=True)
    first, second = digests(other.path), digests(stream.path)
    assert not {first[name] for name in first} & {second[name] for name in second}
    stamp = (stream.path / "corpus.json").stat().st_mtime_ns
    reused = synthesize_stream(stream.path, seed=1, quick=True)
    assert reused.reused
    assert (stream.path / "corpus.json").stat().st_mtime_ns == stamp
    assert reused.keywords == stream.keywords
    (stream.path / "negatives-001.wav").rename(tmp_path / "moved.wav")
    try:
        with pytest.raises(DataError, match="holds 3 WAV files where its corpus.json promises 4"):
            synthesize_stream(stream.path, seed=1, quick=True)
    finally:
        (tmp_path / "moved.wav").rename(stream.path / "negatives-001.wav")


@pytest.mark.slow
def test_a_stream_for_validation_has_other_speakers_and_may_have_other_keywords(
    tmp_path: Path,
) -> None:
    keywords = ("computer", "lights out")
    stream = synthesize_stream(
        tmp_path / "own", split="validation", minutes=1, keyword_minutes=1, keywords=keywords
    )
    assert stream.speakers == SPEAKERS["validation"]
    assert set(stream.keywords) == set(keywords)
    assert min(stream.keywords.values()) > 3
    heard = {one.label for one in read_label_track(stream.path / "keywords-000.txt")}
    assert heard == set(keywords)


def test_impossible_arguments_and_folders_are_named(tmp_path: Path) -> None:
    for arguments, part in (
        ({"minutes": 0}, "minutes must be at least 1"),
        ({"keyword_minutes": 0.5}, "keyword_minutes must be at least 1, a whole number"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"split": "all"}, "split must be one of train, validation, test; received 'all'"),
        ({"keywords": "yes"}, "keywords must be a sequence of different lower-case words"),
        ({"keywords": ()}, "keywords must be a sequence"),
        ({"keywords": ("Yes",)}, "received .'Yes',."),
        ({"keywords": ("a\tb",)}, "keywords must be a sequence"),
    ):
        with pytest.raises(ValueError, match=part):
            synthesize_stream(tmp_path / "none", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "none").exists()
    (tmp_path / "mine.wav").write_bytes(b"")
    with pytest.raises(DataError, match="exists and is not a synthesized corpus"):
        synthesize_stream(tmp_path, quick=True)
