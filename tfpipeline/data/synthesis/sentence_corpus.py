"""A corpus of spoken sentences, made on the spot."""

from __future__ import annotations

import dataclasses
import itertools
import os
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.data.arguments import check_count
from tfpipeline.data.audio.wav import SAMPLE_RATE, write_wav
from tfpipeline.data.errors import DataError
from tfpipeline.data.synthesis.corpus_folder import Marker, read_marker, write_folder
from tfpipeline.data.synthesis.corpus_plan import SPEAKERS
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance
from tfpipeline.data.synthesis.noise import make_noises
from tfpipeline.data.synthesis.recording import in_noise, speak
from tfpipeline.data.synthesis.sentence_plan import SpokenSentence, plan_sentences
from tfpipeline.data.synthesis.synthesizer_pool import check_voices, synthesizer_pool
from tfpipeline.progress import progress

_KIND = "sentences"
_FORMAT = 1
# A split's part of the noise, a tenth of this, is longer than any sentence.
_NOISE_SECONDS = 120.0
_LONGEST_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class SentenceCorpusInfo:
    """Description of a synthesized corpus of sentences.

    Args:
        path: its folder.
        seed: seed of every random choice.
        sentences: number of recordings by split.
        speakers: by split, the variants of the synthesizer that speak; no split shares one.
        seconds: by split, how long all recordings are together.
        synthesizer: name and version of the synthesizer.
        reused: whether the folder held this very corpus already.
    """

    path: Path
    seed: int
    sentences: dict[str, int]
    speakers: dict[str, tuple[str, ...]]
    seconds: dict[str, float]
    synthesizer: str
    reused: bool


def synthesize_sentences(
    out_dir: str | os.PathLike[str],
    seed: int = 0,
    train: int = 2000,
    validation: int = 250,
    test: int = 250,
    workers: int = 2,
) -> SentenceCorpusInfo:
    """Write spoken sentences with their texts in the folder layout of LibriSpeech.

    Sentences of a grammar (`sentence_grammar.GRAMMAR`), spoken by espeak-ng (in a separate process)
    with many speakers and four of its English accents, in noise at 15 to 35 dB; 16 kHz, 16 bits.
    The splits share neither a speaker nor a sentence. The same arguments give the same files,
    whatever `workers` is. The folder appears when all is written; a folder that holds this very
    corpus already is left as it is.

    Args:
        out_dir: the corpus' folder; a corpus made here with other arguments is replaced.
        seed: seed of every random choice.
        train, validation, test: recordings of each split.
        workers: synthesizers that work at the same time.

    Raises:
        SynthesizerError: espeak-ng is not installed, failed or rejected a voice.
        DataError: `out_dir` holds something else than an untouched corpus, or cannot be written.
        ValueError: a count below 1, or a negative seed.
    """
    sentences = {"train": train, "validation": validation, "test": test}
    for name, value in {**sentences, "workers": workers}.items():
        check_count("synthesize_sentences", name, value)
    check_count("synthesize_sentences", "seed", seed, least=0)
    out = Path(out_dir)
    settings = {"kind": _KIND, "format": _FORMAT, "seed": seed, "sentences": sentences}
    marker = read_marker(out, "*/*/*/*.wav", _recordings)
    if marker is not None and marker["settings"] == settings:
        return _info(out, marker, reused=True)
    marker = write_folder(out, lambda folder: _write(folder, settings, workers))
    return _info(out, marker, reused=False)


def _recordings(marker: Marker) -> int:
    return sum(marker["settings"]["sentences"].values())


def _write(folder: Path, settings: dict[str, Any], workers: int) -> Marker:
    """Write all files of a corpus and return its marker."""
    version = check_voices()
    noises = make_noises(settings["seed"], _NOISE_SECONDS)
    plan = plan_sentences(settings["seed"], settings["sentences"])
    # The synthesizer's own state carries over from one utterance to the next: see `synthesize`.
    units = [list(unit) for _, unit in itertools.groupby(plan, key=lambda s: (s.split, s.speaker))]
    seconds = dict.fromkeys(settings["sentences"], 0.0)
    with (
        progress("Synthesizing the corpus", total=len(plan)) as bar,
        synthesizer_pool(workers) as pool,
    ):
        futures = {pool.submit(_speaker, folder, unit, noises): unit for unit in units}
        for future in as_completed(futures):
            unit = futures[future]
            seconds[unit[0].split] += future.result()
            bar.advance(len(unit))
    return {
        "settings": settings,
        "speakers": SPEAKERS,
        "seconds": {split: round(value, 1) for split, value in seconds.items()},
        "synthesizer": f"espeak-ng {version}",
        "numpy": np.__version__,
    }


def _speaker(folder: Path, unit: list[SpokenSentence], noises: dict[str, np.ndarray]) -> float:
    """Make the recordings of one speaker; return their seconds."""
    samples = 0
    with EspeakVoice() as espeak:
        for chapter, group in itertools.groupby(unit, key=lambda one: one.chapter):
            of_chapter = folder / chapter
            of_chapter.mkdir(parents=True)
            lines = []
            for sentence in group:
                audio = _record(espeak, sentence, noises)
                samples += len(audio)
                write_wav(of_chapter / f"{sentence.name}.wav", audio)
                lines.append(f"{sentence.name} {sentence.text.upper()}\n")
            speaker, accent = chapter.split("/")[1:]
            (of_chapter / f"{speaker}-{accent}.trans.txt").write_text(
                "".join(lines), encoding="utf-8"
            )
    return samples / SAMPLE_RATE


def _record(
    espeak: EspeakVoice, sentence: SpokenSentence, noises: dict[str, np.ndarray]
) -> np.ndarray:
    utterance = Utterance(
        sentence.voice, sentence.text, sentence.rate, sentence.pitch, sentence.range
    )
    speech = speak(espeak, utterance, sentence.warp)
    start, rest = (round(seconds * SAMPLE_RATE) for seconds in (sentence.before, sentence.after))
    samples = start + len(speech) + rest
    if samples > _LONGEST_SECONDS * SAMPLE_RATE:
        raise DataError(
            f"The voice {sentence.voice!r} needs {samples / SAMPLE_RATE:.1f} s for "
            f"{sentence.text!r}; leave that voice out."
        )
    return in_noise(
        speech,
        start,
        samples,
        sentence.level_db,
        sentence.snr_db,
        noises,
        sentence.split,
        sentence.noise,
        sentence.noise_start,
    )


def _info(out: Path, marker: Marker, reused: bool) -> SentenceCorpusInfo:
    settings = marker["settings"]
    return SentenceCorpusInfo(
        path=out,
        seed=settings["seed"],
        sentences=dict(settings["sentences"]),
        speakers={split: tuple(names) for split, names in marker["speakers"].items()},
        seconds=dict(marker["seconds"]),
        synthesizer=marker["synthesizer"],
        reused=reused,
    )
