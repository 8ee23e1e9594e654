from __future__ import annotations

import collections
import itertools
import re

import numpy as np
import pytest

from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.synthesis.corpus_plan import ACCENTS, SPEAKERS, UNKNOWN, plan_corpus

CLIPS = {"train": 8000, "validation": 1000, "test": 1000}


@pytest.fixture(scope="module", name="plan")
def _plan() -> list:
    return plan_corpus(0, CLIPS)


def test_counts_are_as_asked_and_words_are_balanced(plan: list) -> None:
    for split, total in CLIPS.items():
        words = collections.Counter(clip.word for clip in plan if clip.split == split)
        assert sum(words.values()) == total
        assert set(words) == {*COMMANDS, *UNKNOWN}
        commands = [words[word] for word in COMMANDS]
        assert max(commands) - min(commands) <= 1
        assert sum(words[word] for word in UNKNOWN) == total // 5


@pytest.mark.parametrize("total", [30, 97, 101, 240, 1200])
def test_odd_counts_are_met_too(total: int) -> None:
    plan = plan_corpus(0, {"train": total, "validation": 10, "test": 10})
    assert sum(clip.split == "train" for clip in plan) == total


def test_no_two_splits_share_a_speaker_or_a_family() -> None:
    def family(speaker: str) -> str:
        # klatt, klatt2 ... are one voice with changes; m1, m2 ... are different ones.
        return (
            speaker if re.fullmatch("[mf][0-9]", speaker) else speaker.rstrip("0123456789").lower()
        )

    families = [{family(speaker) for speaker in SPEAKERS[split]} for split in SPLITS]
    for one, other in itertools.combinations(families, 2):
        assert not one & other
    assert len(SPEAKERS["train"]) >= 30
    assert len(SPEAKERS["test"]) >= 6
    assert all(len(set(names)) == len(names) for names in SPEAKERS.values())


def test_every_split_hears_every_accent_and_every_voice_names_its_file(plan: list) -> None:
    for split in SPLITS:
        clips = [clip for clip in plan if clip.split == split]
        assert {clip.accent for clip in clips} == set(ACCENTS)
        assert {clip.speaker for clip in clips} == set(SPEAKERS[split])
    for clip in plan:
        assert re.fullmatch(
            rf"{clip.word}/{clip.speaker}-{clip.accent}_nohash_[0-9]+\.wav", clip.file
        )
        assert clip.voice == f"{clip.accent}+{clip.speaker}"
    assert len({clip.file for clip in plan}) == len(plan)
    assert len({clip.voice for clip in plan}) == len(ACCENTS) * sum(map(len, SPEAKERS.values()))


def test_every_word_is_spread_over_the_speakers(plan: list) -> None:
    for split in SPLITS:
        for word in COMMANDS:
            counts = collections.Counter(
                clip.speaker for clip in plan if (clip.split, clip.word) == (split, word)
            )
            assert set(counts) == set(SPEAKERS[split])
            assert max(counts.values()) - min(counts.values()) <= 1


def test_the_ranges_are_used(plan: list) -> None:
    for name, low, high in [
        ("snr_db", 10, 30),
        ("level_db", -28, -19),
        ("shift", -0.12, 0.12),
        ("noise", 0, 1),
        ("noise_start", 0, 1),
    ]:
        values = np.array([getattr(clip, name) for clip in plan])
        assert low <= values.min() < low + (high - low) * 0.02
        assert high - (high - low) * 0.02 < values.max() <= high
    assert len({clip.pitch for clip in plan}) > 30
    assert len({clip.rate for clip in plan}) > 60


def test_training_alone_is_varied_by_warping(plan: list) -> None:
    warps = {split: {c.warp for c in plan if c.split == split} for split in SPLITS}
    assert warps["validation"] == warps["test"] == {1.0}
    assert min(warps["train"]) < 0.9 < 1.1 < max(warps["train"])


def test_a_seed_is_a_plan() -> None:
    small = {"train": 100, "validation": 30, "test": 30}
    assert plan_corpus(5, small) == plan_corpus(5, small)
    assert plan_corpus(5, small) != plan_corpus(6, small)
