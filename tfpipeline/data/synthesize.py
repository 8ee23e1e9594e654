"""A corpus of spoken commands, made on the spot."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.data.corpus_info import CorpusInfo
from tfpipeline.data.corpus_plan import (
    ACCENTS,
    COMMANDS,
    SPEAKERS,
    SPLITS,
    UNKNOWN,
    Clip,
    plan_corpus,
)
from tfpipeline.data.errors import DataError, SynthesizerError
from tfpipeline.data.espeak_voice import EspeakVoice, Utterance
from tfpipeline.data.noise import NOISES, make_noises, part
from tfpipeline.data.resampling import resample
from tfpipeline.data.wav import SAMPLE_RATE, write_wav
from tfpipeline.progress import progress

MARKER = "corpus.json"
_FORMAT = 1
_QUICK_CLIPS = {"train": 1200, "validation": 200, "test": 240}
# Each speaker costs the start of a process: the small corpus has every second one for training.
_QUICK_STRIDE = 2
_NOISE_SECONDS = {False: 60.0, True: 30.0}
# The longest word that leaves room for a shift; a slower one is said again, faster. Some voices
# hurry so that little is left of a word: they say it again, slower.
_LONGEST_SECONDS = 0.88
_SHORTEST_SECONDS = 0.32
_FASTER = 1.25
_FASTEST = 400
_SLOWEST = 80
_FADE = 80
_RATE_STEP = 50


def synthesize_corpus(
    out_dir: str | os.PathLike[str],
    seed: int = 0,
    train_clips: int = 8000,
    validation_clips: int = 1000,
    test_clips: int = 1000,
    workers: int = 2,
    quick: bool = False,
) -> CorpusInfo:
    """Writes spoken commands as WAV files in the folder layout of Google's Speech Commands.

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
        if value < len(COMMANDS):
            raise ValueError(
                f"synthesize_corpus: {name}_clips must be at least {len(COMMANDS)}, one for each "
                f"command word, got {value}."
            )
    if workers < 1 or seed < 0:
        raise ValueError(
            "synthesize_corpus: workers must be at least 1 and seed at least 0, got "
            f"workers={workers}, seed={seed}."
        )
    out = Path(out_dir)
    settings: dict[str, Any] = {"format": _FORMAT, "seed": seed, "clips": clips, "quick": quick}
    marker = _existing(out)
    if marker is not None and marker["settings"] == settings:
        return _info(out, marker, reused=True)
    partial = out.with_name(f".{out.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        marker = _write(partial, settings, workers)
        if out.exists():
            shutil.rmtree(out)
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror}); choose another.") from None
    finally:
        # Also after Ctrl-C: nothing half-made stays.
        shutil.rmtree(partial, ignore_errors=True)
    return _info(out, marker, reused=False)


def _existing(out: Path) -> dict[str, Any] | None:
    """Reads the marker of a corpus that is whole; None when there is nothing yet."""
    if not out.exists():
        return None
    if out.is_dir() and not any(out.iterdir()):
        return None
    try:
        marker = json.loads((out / MARKER).read_text(encoding="utf-8"))
        expected = sum(marker["settings"]["clips"].values()) + len(NOISES)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            f"{out}: exists and is not a synthesized corpus; choose another folder."
        ) from None
    found = sum(1 for _ in out.glob("*/*.wav"))
    if found != expected:
        raise DataError(
            f"{out}: holds {found} WAV files where its {MARKER} promises {expected}; choose "
            "another folder, or delete this one to make the corpus anew."
        )
    return marker


def _write(folder: Path, settings: dict[str, Any], workers: int) -> dict[str, Any]:
    """Writes all files of a corpus and returns its marker."""
    seed, clips = settings["seed"], settings["clips"]
    version = _check_voices()
    noises = make_noises(seed, _NOISE_SECONDS[settings["quick"]])
    noise_folder = folder / "_background_noise_"
    noise_folder.mkdir()
    for name, noise in noises.items():
        write_wav(noise_folder / f"{name}.wav", noise)
    for word in (*COMMANDS, *UNKNOWN):
        (folder / word).mkdir()
    speakers = dict(SPEAKERS)
    if settings["quick"]:
        speakers["train"] = speakers["train"][::_QUICK_STRIDE]
    plan = plan_corpus(seed, clips, speakers)
    # The synthesizer's own state carries over from word to word, so the unit of work, and of a
    # process, is a speaker: the result does not depend on the number of workers.
    units = [list(unit) for _, unit in itertools.groupby(plan, key=lambda c: (c.split, c.speaker))]
    with progress("Synthesizing the corpus", total=len(plan)) as bar, _pool(workers) as pool:
        futures = [pool.submit(_speak, folder, unit, noises) for unit in units]
        for future in as_completed(futures):
            bar.advance(future.result())
    for split in ("validation", "test"):
        name = {"validation": "validation_list.txt", "test": "testing_list.txt"}[split]
        lines = sorted(clip.file for clip in plan if clip.split == split)
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    marker = {
        "settings": settings,
        "speakers": speakers,
        "voices": {s: len({c.voice for c in plan if c.split == s}) for s in SPLITS},
        "accents": ACCENTS,
        "words": COMMANDS,
        "unknown_words": UNKNOWN,
        "synthesizer": f"espeak-ng {version}",
        "numpy": np.__version__,
    }
    (folder / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    return marker


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that forgets what has not begun when it is left by an error or Ctrl-C."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _check_voices() -> str:
    """Returns the synthesizer's version; a voice that it lacks is an error."""
    with EspeakVoice() as espeak:
        for kind, wanted, offered in (
            ("accent", ACCENTS, espeak.accents),
            ("variant", tuple(itertools.chain(*SPEAKERS.values())), espeak.variants),
        ):
            missing = [name for name in wanted if name not in offered]
            if missing:
                raise SynthesizerError(
                    f"The synthesizer (espeak-ng {espeak.version}) has no {kind} {missing[0]!r}; "
                    "install the release of espeakng-loader that 'tfpipeline[demo]' asks for."
                )
        return espeak.version


def _speak(folder: Path, unit: list[Clip], noises: dict[str, np.ndarray]) -> int:
    """Makes the clips of one speaker; returns how many."""
    with EspeakVoice() as espeak:
        for clip in unit:
            write_wav(folder / clip.word / clip.name, _clip(espeak, clip, noises))
    return len(unit)


def _clip(espeak: EspeakVoice, clip: Clip, noises: dict[str, np.ndarray]) -> np.ndarray:
    """Returns one second of a word in noise, float32 `(samples,)`."""
    speech, rate = _word(espeak, clip, clip.rate), clip.rate
    while len(speech) < round(_SHORTEST_SECONDS * SAMPLE_RATE) and rate > _SLOWEST:
        rate = max(_SLOWEST, round(rate / _FASTER))
        speech = _word(espeak, clip, rate)
    while len(speech) > round(_LONGEST_SECONDS * SAMPLE_RATE):
        if rate >= _FASTEST:
            raise SynthesizerError(
                f"The voice {clip.voice!r} needs {len(speech) / SAMPLE_RATE:.2f} s for "
                f"{clip.word!r} even at {rate} words per minute; leave that voice out."
            )
        rate = min(_FASTEST, round(rate * _FASTER))
        speech = _word(espeak, clip, rate)
    speech = speech * (10.0 ** (clip.level_db / 20.0) / _rms(speech))
    room = SAMPLE_RATE - len(speech)
    start = min(max(0, room // 2 + round(clip.shift * SAMPLE_RATE)), room)
    noise = noises[NOISES[int(clip.noise * len(NOISES))]]
    first, last = part(clip.split, len(noise))
    begin = first + int(clip.noise_start * (last - first - SAMPLE_RATE))
    audio = noise[begin : begin + SAMPLE_RATE].astype(np.float64)
    audio *= _rms(speech) / 10.0 ** (clip.snr_db / 20.0) / _rms(audio)
    audio[start : start + len(speech)] += speech
    # Loud consonants of a quiet word may exceed full scale: the whole clip gets quieter then.
    audio *= min(1.0, 0.98 / np.abs(audio).max())
    return audio.astype(np.float32)


def _word(espeak: EspeakVoice, clip: Clip, rate: int) -> np.ndarray:
    """Says the clip's word; returns it at 16 kHz without the silence around it."""
    said = espeak.say(Utterance(clip.voice, clip.word, rate, clip.pitch, clip.range))
    # In steps that leave few phases to the resampler.
    played = round(espeak.sample_rate * clip.warp / _RATE_STEP) * _RATE_STEP
    return trim(resample(said / 32768.0, played, SAMPLE_RATE))


def trim(speech: np.ndarray) -> np.ndarray:
    """Cuts silence from both ends, keeps 10 ms beside the word and fades them."""
    loud = np.flatnonzero(np.abs(speech) > 0.01 * np.abs(speech).max())
    if not len(loud):
        return speech
    margin = SAMPLE_RATE // 100
    cut = speech[max(0, loud[0] - margin) : loud[-1] + margin].astype(np.float64)
    ramp = np.linspace(0.0, 1.0, min(_FADE, len(cut) // 2), endpoint=False)
    cut[: len(ramp)] *= ramp
    cut[len(cut) - len(ramp) :] *= ramp[::-1]
    return cut


def _rms(audio: np.ndarray) -> float:
    return max(float(np.sqrt(np.mean(np.square(audio)))), 1e-9)


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
