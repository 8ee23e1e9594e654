"""A corpus of spoken commands, made on the spot."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.data.arguments import check_count
from tfpipeline.data.audio.wav import SAMPLE_RATE, write_wav
from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.synthesis.corpus_folder import read_marker, write_folder
from tfpipeline.data.synthesis.corpus_info import CorpusInfo
from tfpipeline.data.synthesis.corpus_plan import ACCENTS, SPEAKERS, UNKNOWN, Clip, plan_corpus
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance
from tfpipeline.data.synthesis.noise import NOISES, make_noises
from tfpipeline.data.synthesis.recording import in_noise
from tfpipeline.data.synthesis.spoken_word import speak_word
from tfpipeline.data.synthesis.synthesizer_pool import check_voices, synthesizer_pool
from tfpipeline.progress import progress

_FORMAT = 1
_QUICK_CLIPS = {"train": 1200, "validation": 200, "test": 240}
# Each speaker costs the start of a process: the small corpus has every second one for training.
_QUICK_STRIDE = 2
_NOISE_SECONDS = {False: 60.0, True: 30.0}


def synthesize_corpus(
    out_dir: str | os.PathLike[str],
    seed: int = 0,
    train_clips: int = 8000,
    validation_clips: int = 1000,
    test_clips: int = 1000,
    workers: int = 2,
    quick: bool = False,
) -> CorpusInfo:
    """Write spoken commands as WAV files in the folder layout of Google's Speech Commands.

    Ten command words and twenty unknown ones, spoken by espeak-ng (in a separate process) with
    many speakers over all its English accents, with random pitch, rate, level and shift, in noise
    at 10 to 30 dB; 16 kHz, 16 bits, one second each. Training, validation and test share no
    speaker. The same arguments give the same files, whatever `workers` is. The folder appears when
    all is written; a folder that holds this very corpus already is left as it is.

    Args:
        out_dir: the corpus' folder; a corpus made here with other arguments is replaced.
        seed: seed of every random choice.
        train_clips: clips for training.
        validation_clips: clips for validation.
        test_clips: clips for the test.
        workers: synthesizers that work at the same time.
        quick: make the small corpus for tests instead: 1,200, 200 and 240 clips.

    Raises:
        SynthesizerError: espeak-ng is not installed, failed or rejected a voice.
        DataError: `out_dir` holds something else than an untouched corpus, or cannot be written.
        ValueError: a count below the number of words, or below 1 worker.
    """
    clips = {"train": train_clips, "validation": validation_clips, "test": test_clips}
    if quick:
        clips = dict(_QUICK_CLIPS)
    for name, value in clips.items():
        # One for each word.
        check_count("synthesize_corpus", f"{name}_clips", value, least=len(COMMANDS))
    check_count("synthesize_corpus", "workers", workers)
    check_count("synthesize_corpus", "seed", seed, least=0)
    out = Path(out_dir)
    settings: dict[str, Any] = {"format": _FORMAT, "seed": seed, "clips": clips, "quick": quick}
    marker = read_marker(out, "*/*.wav", _wav_files)
    if marker is not None and marker["settings"] == settings:
        return _info(out, marker, reused=True)
    marker = write_folder(out, lambda folder: _write(folder, settings, workers))
    return _info(out, marker, reused=False)


def _wav_files(marker: dict[str, Any]) -> int:
    return sum(marker["settings"]["clips"].values()) + len(NOISES)


def _write(folder: Path, settings: dict[str, Any], workers: int) -> dict[str, Any]:
    """Write all files of a corpus and return its marker."""
    seed, clips = settings["seed"], settings["clips"]
    version = check_voices()
    noises = make_noises(seed, _NOISE_SECONDS[settings["quick"]])
    noise_folder = folder / "_background_noise_"
    noise_folder.mkdir()
    for name, noise in noises.items():
        write_wav(noise_folder / f"{name}.wav", noise)
    speakers = dict(SPEAKERS)
    if settings["quick"]:
        speakers["train"] = speakers["train"][::_QUICK_STRIDE]
    plan = plan_corpus(seed, clips, speakers)
    for word in {clip.word for clip in plan}:
        (folder / word).mkdir()
    # The synthesizer's own state carries over from word to word, so the unit of work, and of a
    # process, is a speaker: the result does not depend on the number of workers.
    units = [list(unit) for _, unit in itertools.groupby(plan, key=lambda c: (c.split, c.speaker))]
    with (
        progress("Synthesizing the corpus", total=len(plan)) as bar,
        synthesizer_pool(workers) as pool,
    ):
        futures = [pool.submit(_speak, folder, unit, noises) for unit in units]
        for future in as_completed(futures):
            bar.advance(future.result())
    for split in ("validation", "test"):
        name = {"validation": "validation_list.txt", "test": "testing_list.txt"}[split]
        lines = sorted(clip.file for clip in plan if clip.split == split)
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {
        "settings": settings,
        "speakers": speakers,
        "voices": {s: len({c.voice for c in plan if c.split == s}) for s in SPLITS},
        "accents": ACCENTS,
        "words": COMMANDS,
        "unknown_words": UNKNOWN,
        "synthesizer": f"espeak-ng {version}",
        "numpy": np.__version__,
    }


def _speak(folder: Path, unit: list[Clip], noises: dict[str, np.ndarray]) -> int:
    """Make the clips of one speaker; return how many."""
    with EspeakVoice() as espeak:
        for clip in unit:
            write_wav(folder / clip.word / clip.name, _clip(espeak, clip, noises))
    return len(unit)


def _clip(espeak: EspeakVoice, clip: Clip, noises: dict[str, np.ndarray]) -> np.ndarray:
    """Return one second of a word in noise, float32 `(samples,)`."""
    utterance = Utterance(clip.voice, clip.word, clip.rate, clip.pitch, clip.range)
    speech = speak_word(espeak, utterance, clip.warp)
    room = SAMPLE_RATE - len(speech)
    start = min(max(0, room // 2 + round(clip.shift * SAMPLE_RATE)), room)
    return in_noise(
        speech,
        start,
        SAMPLE_RATE,
        clip.level_db,
        clip.snr_db,
        noises,
        clip.split,
        clip.noise,
        clip.noise_start,
    )


def _info(out: Path, marker: dict[str, Any], reused: bool) -> CorpusInfo:
    settings = marker["settings"]
    return CorpusInfo(
        path=out,
        seed=settings["seed"],
        clips=dict(settings["clips"]),
        speakers={split: tuple(names) for split, names in marker["speakers"].items()},
        voices=dict(marker["voices"]),
        accents=tuple(marker["accents"]),
        words=tuple(marker["words"]),
        unknown_words=tuple(marker["unknown_words"]),
        synthesizer=marker["synthesizer"],
        reused=reused,
    )
