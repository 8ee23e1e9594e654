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
    "CorpusInfo": "synthesis.corpus_info",
    "DEFAULT_WORDS": "commands.load_speech_commands",
    "FileNote": "file_note",
    "LabelledInterval": "audio.label_track",
    "SentenceDataset": "sentences.sentence_dataset",
    "SentenceSplit": "sentences.sentence_dataset",
    "SpeechDataset": "commands.speech_dataset",
    "Split": "commands.speech_dataset",
    "load_sentences": "sentences.load_sentences",
    "load_speech_commands": "commands.load_speech_commands",
    "normalize_text": "sentences.sentence_text",
    "read_label_track": "audio.label_track",
    "read_wav": "audio.wav",
    "resample": "audio.resampling",
    "SentenceCorpusInfo": "synthesis.sentence_corpus",
    "synthesize_corpus": "synthesis.synthesize",
    "synthesize_sentences": "synthesis.sentence_corpus",
    "write_wav": "audio.wav",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
