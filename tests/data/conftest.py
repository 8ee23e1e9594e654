"""A tiny synthesized corpus, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfpipeline.data import CorpusInfo, synthesize_corpus
from tfpipeline.data.synthesis import synthesize
from tfpipeline.data.synthesis.corpus_plan import SPEAKERS

FEW_SPEAKERS = {"train": ("m1", "f1", "Alex"), "validation": ("m7",), "test": ("m3", "f3")}


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Fewer speakers, each of which costs the start of a process, and shorter noises."""
    for split, speakers in FEW_SPEAKERS.items():
        patch.setitem(SPEAKERS, split, speakers)
    patch.setitem(synthesize._NOISE_SECONDS, False, 12.0)


@pytest.fixture
def few_speakers(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> CorpusInfo:
    folder: Path = tmp_path_factory.mktemp("corpora") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        return synthesize_corpus(folder, seed=3, train_clips=96, validation_clips=24, test_clips=32)
