"""Data sets: spoken commands and sentences, a synthesizer of them, sensors, digits and text.

Names are looked up when used, so that the synthesizer's own process imports nothing else.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "AudioError": "errors",
    "COMMANDS": "commands.words",
    "COMMANDS_V1": "commands.words",
    "COMMANDS_V2": "commands.words",
    "CorpusInfo": "synthesis.corpus_info",
    "DEFAULT_WORDS": "commands.load_speech_commands",
    "DataError": "errors",
    "Dataset": "dataset",
    "FileNote": "file_note",
    "LabelledInterval": "audio.label_track",
    "LabelledRecording": "audio.labelled_recordings",
    "LabelledTexts": "text.labelled_texts",
    "Samples": "dataset",
    "SentenceCorpusInfo": "synthesis.sentence_corpus",
    "SentenceDataset": "sentences.sentence_dataset",
    "SentenceSplit": "sentences.sentence_dataset",
    "SpeechDataset": "commands.speech_dataset",
    "Split": "commands.speech_dataset",
    "StreamInfo": "synthesis.stream_info",
    "SubwordTokenizer": "text.subword_tokenizer",
    "SynthesizerError": "errors",
    "TextDataset": "text.text_dataset",
    "TextSamples": "text.labelled_texts",
    "VectorReport": "text.vector_report",
    "Vocabulary": "text.vocabulary",
    "WordTokenizer": "text.word_tokenizer",
    "contiguous_batches": "text.text_dataset",
    "load_daily_sports": "sensors.daily_sports",
    "load_digits": "images.digits",
    "load_documentation": "text.documentation",
    "load_har": "sensors.har",
    "load_imdb": "text.imdb",
    "load_intents": "text.intents",
    "load_pixel_mnist": "images.pixel_mnist",
    "load_python_text": "text.python_text",
    "load_sentences": "sentences.load_sentences",
    "load_speech_commands": "commands.load_speech_commands",
    "load_sst2": "text.sst2",
    "load_text": "text.load_text",
    "load_trec": "text.trec",
    "load_vectors": "text.load_vectors",
    "normalize_text": "sentences.sentence_text",
    "pixel_permutation": "images.pixel_order",
    "read_label_track": "audio.label_track",
    "read_recordings": "audio.labelled_recordings",
    "read_wav": "audio.wav",
    "resample": "audio.resampling",
    "synthesize_book_intents": "text.book_intents",
    "synthesize_corpus": "synthesis.synthesize",
    "synthesize_sentences": "synthesis.sentence_corpus",
    "synthesize_stream": "synthesis.long_stream",
    "write_label_track": "audio.label_track_writer",
    "write_wav": "audio.wav",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
