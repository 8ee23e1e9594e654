"""Hours of sound without a keyword, and minutes with some, to count false alarms and misses."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.data.arguments import check_count
from tfpipeline.data.audio.label_track import LabelledInterval
from tfpipeline.data.audio.label_track_writer import write_label_track
from tfpipeline.data.audio.wav import SAMPLE_RATE, write_wav
from tfpipeline.data.commands.words import COMMANDS
from tfpipeline.data.splits import SPLITS
from tfpipeline.data.synthesis.corpus_folder import Marker, read_marker, write_folder
from tfpipeline.data.synthesis.corpus_plan import SPEAKERS
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice
from tfpipeline.data.synthesis.noise import babble_noise
from tfpipeline.data.synthesis.stream_info import StreamInfo
from tfpipeline.data.synthesis.stream_scene import SceneMaker, draw_scene
from tfpipeline.data.synthesis.stream_text import FillerText
from tfpipeline.data.synthesis.synthesizer_pool import check_voices, synthesizer_pool
from tfpipeline.progress import progress

_KIND = "stream"
_FORMAT = 1
# A file, and the work of one synthesizer from its start: memory is that of a piece a worker.
_PIECE_SECONDS = 300
_QUICK = {"minutes": 3, "keyword_minutes": 1}
_QUICK_PIECE_SECONDS = 60
_BABBLE_SECONDS = 20
_SPOKEN = "spoken"


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A file to be made: one that has keywords, or none."""

    name: str
    number: int
    seconds: int
    with_keywords: bool


def synthesize_stream(
    out_dir: str | os.PathLike[str],
    seed: int = 0,
    split: str = "test",
    minutes: int = 60,
    keyword_minutes: int = 10,
    keywords: Sequence[str] = COMMANDS,
    workers: int = 2,
    quick: bool = False,
) -> StreamInfo:
    """Write long recordings for false alarms an hour and misses; `read_recordings` reads them.

    `negatives-NNN.wav` are `minutes` of scenes that hold none of the keywords: people who talk,
    single words, noise (white, pink, brown, many voices), silence, at many levels.
    `keywords-NNN.wav` are `keyword_minutes` of single words, most of them keywords, at the levels
    of `synthesize_corpus`; the label file beside each says when a keyword starts and ends. What
    else is said is in label files in the folder `spoken`, to be looked at where an alarm is false.

    Speakers are those of the split in `synthesize_corpus`, so a model trained on its training data
    has heard none of them. 16 kHz, 16 bits, mono, in files of five minutes. The same arguments give
    the same files, whatever `workers` is. The folder appears when all is written; a folder that
    holds this very stream already is left as it is.

    Args:
        out_dir: the folder; a stream made here with other arguments is replaced.
        seed: seed of every random choice.
        split: "train", "validation" (to choose a threshold) or "test" (to report).
        minutes: of recordings without a keyword, 60 or more for a figure that says something.
        keyword_minutes: of recordings with keywords; a minute has some 20.
        keywords: lower-case words or phrases that a model detects.
        workers: synthesizers that work at the same time.
        quick: make a small stream for tests instead: 3 minutes and 1.

    Raises:
        SynthesizerError: espeak-ng is not installed, failed or rejected a voice.
        DataError: `out_dir` holds something else than an untouched stream, or cannot be written.
        ValueError: impossible arguments.
    """
    lengths = dict(_QUICK) if quick else {"minutes": minutes, "keyword_minutes": keyword_minutes}
    for name, value in {**lengths, "workers": workers}.items():
        check_count("synthesize_stream", name, value)
    check_count("synthesize_stream", "seed", seed, least=0)
    if split not in SPLITS:
        raise ValueError(
            f"synthesize_stream: split must be one of {', '.join(SPLITS)}; received {split!r}."
        )
    words = _checked(keywords)
    text = FillerText(words)
    out = Path(out_dir)
    settings: dict[str, Any] = {
        **{"kind": _KIND, "format": _FORMAT, "seed": seed, "split": split},
        **{**lengths, "keywords": list(words), "quick": quick},
    }
    marker = read_marker(out, "*.wav", lambda found: len(_pieces(found["settings"])))
    if marker is not None and marker["settings"] == settings:
        return _info(out, marker, reused=True)
    marker = write_folder(out, lambda folder: _write(folder, settings, text, workers))
    return _info(out, marker, reused=False)


def _checked(keywords: Sequence[str]) -> tuple[str, ...]:
    words = tuple(keywords)
    good = not isinstance(keywords, str) and words and len(set(words)) == len(words)
    if not good or not all(
        isinstance(word, str) and word == word.lower().strip() and word.replace(" ", "").isalpha()
        for word in words
    ):
        raise ValueError(
            "synthesize_stream: keywords must be a sequence of different lower-case words or "
            f"phrases; received {keywords!r}."
        )
    return words


def _pieces(settings: dict[str, Any]) -> list[_Piece]:
    if settings["kind"] != _KIND:
        raise KeyError("kind")
    longest = _QUICK_PIECE_SECONDS if settings["quick"] else _PIECE_SECONDS
    pieces = []
    for name, key in (("negatives", "minutes"), ("keywords", "keyword_minutes")):
        total = 60 * settings[key]
        for start in range(0, total, longest):
            number = start // longest
            seconds = min(longest, total - start)
            pieces.append(_Piece(f"{name}-{number:03d}", number, seconds, name == "keywords"))
    return pieces


def _write(folder: Path, settings: dict[str, Any], text: FillerText, workers: int) -> Marker:
    """Write all files of a stream and return its marker."""
    version = check_voices()
    speakers = SPEAKERS[settings["split"]]
    with EspeakVoice() as espeak:
        babble = babble_noise(
            _rng(settings, 0), _BABBLE_SECONDS * SAMPLE_RATE, speakers, espeak, text.sentences
        )
    (folder / _SPOKEN).mkdir()
    pieces = _pieces(settings)
    speech = 0.0
    counts = dict.fromkeys(settings["keywords"], 0)
    with (
        progress("Synthesizing the stream (seconds)", total=sum(p.seconds for p in pieces)) as bar,
        synthesizer_pool(workers) as pool,
    ):
        futures = {
            pool.submit(_make, folder, piece, settings, text, babble): piece for piece in pieces
        }
        for future in as_completed(futures):
            piece, spoken = futures[future], future.result()
            if piece.with_keywords:
                heard = Counter(one.label for one in spoken)
                counts = {word: count + heard[word] for word, count in counts.items()}
            else:
                speech += sum(one.end - one.start for one in spoken)
            bar.advance(piece.seconds)
    return {
        "settings": settings,
        "speakers": speakers,
        "keywords": counts,
        "speech_seconds": round(speech, 1),
        "synthesizer": f"espeak-ng {version}",
        "numpy": np.__version__,
    }


def _make(
    folder: Path, piece: _Piece, settings: dict[str, Any], text: FillerText, babble: np.ndarray
) -> list[LabelledInterval]:
    """Write a piece with its labels; return all that is said in it."""
    keywords = tuple(settings["keywords"])
    rng = _rng(settings, 2 if piece.with_keywords else 1, piece.number)
    speakers = SPEAKERS[settings["split"]]
    samples = piece.seconds * SAMPLE_RATE
    # Rounded at once, so that a piece takes as little memory as its file.
    audio = np.zeros(samples, np.int16)
    spoken: list[LabelledInterval] = []
    position = 0
    turns: list[str] = []
    with EspeakVoice() as espeak:
        maker = SceneMaker(espeak, rng, text, babble, keywords)
        while position < samples:
            turns = turns or [speakers[i] for i in rng.permutation(len(speakers))]
            scene = draw_scene(rng, turns.pop(), samples - position, piece.with_keywords)
            sound, said = maker.make(scene)
            audio[position : position + scene.samples] = np.rint(sound * 32767.0)
            start = position / SAMPLE_RATE
            spoken += [LabelledInterval(start + s.start, start + s.end, s.label) for s in said]
            position += scene.samples
    write_wav(folder / f"{piece.name}.wav", audio)
    write_label_track(folder / _SPOKEN / f"{piece.name}.txt", spoken)
    if piece.with_keywords:
        heard = [one for one in spoken if one.label in keywords]
        write_label_track(folder / f"{piece.name}.txt", heard)
    return spoken


def _rng(settings: dict[str, Any], *numbers: int) -> np.random.Generator:
    return np.random.default_rng(
        [settings["seed"], 500 + SPLITS.index(settings["split"]), *numbers]
    )


def _info(out: Path, marker: Marker, reused: bool) -> StreamInfo:
    settings = marker["settings"]
    seconds = {True: 0.0, False: 0.0}
    for piece in _pieces(settings):
        seconds[piece.with_keywords] += piece.seconds
    return StreamInfo(
        path=out,
        seed=settings["seed"],
        split=settings["split"],
        negative_seconds=seconds[False],
        keyword_seconds=seconds[True],
        speech_seconds=marker["speech_seconds"],
        keywords=dict(marker["keywords"]),
        speakers=tuple(marker["speakers"]),
        synthesizer=marker["synthesizer"],
        reused=reused,
    )
