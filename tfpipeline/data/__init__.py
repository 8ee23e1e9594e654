"""Corpora of spoken commands and sentences: audio files, a synthesizer of clips, the loaders.

Names are looked up when used, so that the synthesizer's own process imports nothing else.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "AudioError": "errors",
    "DataError": "errors",
    "SynthesizerError": "errors",
    "CorpusInfo": "corpus_info",
    "DEFAULT_WORDS": "speech_commands",
    "FileNote": "speech_dataset",
    "SentenceDataset": "sentence_dataset",
    "SentenceSplit": "sentence_dataset",
    "SpeechDataset": "speech_dataset",
    "Split": "speech_dataset",
    "load_sentences": "sentences",
    "load_speech_commands": "speech_commands",
    "normalize_text": "sentence_text",
    "read_wav": "wav",
    "resample": "resampling",
    "SentenceCorpusInfo": "sentence_corpus",
    "synthesize_corpus": "synthesize",
    "synthesize_sentences": "sentence_corpus",
    "write_wav": "wav",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
