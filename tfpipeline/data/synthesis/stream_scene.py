"""Scenes of a long stream: some seconds of one background, with or without one person speaking."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpipeline.data.audio.label_track import LabelledInterval
from tfpipeline.data.audio.wav import SAMPLE_RATE
from tfpipeline.data.synthesis.corpus_plan import (
    ACCENTS,
    LEVEL_DB,
    PITCHES,
    RANGES,
    RATES,
    SNR_DB,
)
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance
from tfpipeline.data.synthesis.noise import NOISE_RMS, NOISES, SLOPES, coloured_noise
from tfpipeline.data.synthesis.recording import speak
from tfpipeline.data.synthesis.spoken_word import speak_word
from tfpipeline.data.synthesis.stream_text import FillerText

# Scenes without keywords and how often they come. Talk is whole sentences, words are single ones.
_KINDS = {"talk": 0.6, "words": 0.2, "noise": 0.12, "silence": 0.08}
_SCENE_SECONDS = (8, 25)
_PAUSES = {"talk": (0.15, 1.2), "words": (0.4, 2.0), "keywords": (0.6, 2.0)}
_SENTENCE_RATES = (130, 220)
# Wider than the levels of the corpora: a negative is whatever a microphone may hear.
_NEGATIVE_SNR_DB = (3.0, 30.0)
_NEGATIVE_LEVEL_DB = (-36.0, -16.0)
_NOISE_LEVEL_DB = (-50.0, -18.0)
_SILENCE_LEVEL_DB = (-80.0, -55.0)
_DIGITAL_SILENCE = 0.4
_DITHER = 1.0 / 32768.0
_KEYWORD_SHARE = 0.7
_FADE = SAMPLE_RATE // 100


@dataclasses.dataclass(frozen=True)
class Scene:
    """What one is to be.

    Args:
        kind: "talk", "words", "noise", "silence" or "keywords".
        samples: its length.
        speaker: variant of the synthesizer; nobody else speaks.
    """

    kind: str
    samples: int
    speaker: str


def draw_scene(rng: np.random.Generator, speaker: str, longest: int, keywords: bool) -> Scene:
    """Draw one of at most `longest` samples."""
    kinds = tuple(_KINDS)
    kind = "keywords" if keywords else kinds[rng.choice(len(kinds), p=tuple(_KINDS.values()))]
    # Whole tenths of a second have small prime factors, which the noise's transform likes.
    tenths = int(rng.integers(10 * _SCENE_SECONDS[0], 10 * _SCENE_SECONDS[1] + 1))
    return Scene(kind, min(tenths * (SAMPLE_RATE // 10), longest), speaker)


class SceneMaker:
    """Makes the audio of scenes, one after the other.

    Args:
        espeak: the synthesizer; its answers depend on what it has said before.
        rng: of every random choice.
        text: what is said beside the keywords.
        babble: `(samples,)`, voices of the split to be cut.
        keywords: those to be said, in turn and shuffled each time.
    """

    def __init__(
        self,
        espeak: EspeakVoice,
        rng: np.random.Generator,
        text: FillerText,
        babble: np.ndarray,
        keywords: tuple[str, ...],
    ) -> None:
        self._espeak = espeak
        self._rng = rng
        self._text = text
        self._babble = babble
        self._keywords = keywords
        self._deck: list[str] = []

    def make(self, scene: Scene) -> tuple[np.ndarray, list[LabelledInterval]]:
        """Return float32 `(samples,)` and all that is said in it, in seconds from its start."""
        rng = self._rng
        if scene.kind == "silence":
            return self._silence(scene.samples), []
        if scene.kind == "noise":
            return self._background(scene.samples, rng.uniform(*_NOISE_LEVEL_DB)), []
        heard = scene.kind == "keywords"
        level_db = rng.uniform(*(LEVEL_DB if heard else _NEGATIVE_LEVEL_DB))
        snr_db = rng.uniform(*(SNR_DB if heard else _NEGATIVE_SNR_DB))
        audio = self._background(scene.samples, level_db - snr_db)
        spoken = self._speech(scene, audio, level_db)
        # Loud consonants may exceed full scale: the whole scene gets quieter then.
        audio *= min(1.0, 0.98 / float(np.abs(audio).max()))
        return audio, spoken

    def _speech(self, scene: Scene, audio: np.ndarray, level_db: float) -> list[LabelledInterval]:
        """Add speech until the scene is full; return what was said when."""
        rng = self._rng
        accent = ACCENTS[rng.integers(len(ACCENTS))]
        voice, pitch = f"{accent}+{scene.speaker}", int(rng.integers(*PITCHES))
        liveliness = int(rng.integers(*RANGES))
        spoken: list[LabelledInterval] = []
        position = 0
        while True:
            position += round(rng.uniform(*_PAUSES[scene.kind]) * SAMPLE_RATE)
            if position + SAMPLE_RATE // 2 > scene.samples:
                return spoken
            keyword = scene.kind == "keywords" and rng.random() < _KEYWORD_SHARE
            if keyword:
                said = self._next_keyword()
            elif scene.kind == "talk":
                said = self._text.sentence(rng)
            else:
                said = self._text.word(rng)
            rates = _SENTENCE_RATES if scene.kind == "talk" else RATES
            utterance = Utterance(voice, said, int(rng.integers(*rates)), pitch, liveliness)
            # A phrase may be longer than the clips that words are trained on.
            one_word = keyword and " " not in said
            speech = (speak_word if one_word else speak)(self._espeak, utterance)
            end = position + len(speech)
            if end > scene.samples:
                if keyword:
                    self._deck.append(said)
                return spoken
            gain = 10.0 ** (level_db / 20.0) / max(float(np.sqrt(np.mean(speech**2))), 1e-9)
            audio[position:end] += (speech * gain).astype(np.float32)
            spoken.append(LabelledInterval(position / SAMPLE_RATE, end / SAMPLE_RATE, said))
            position = end

    def _next_keyword(self) -> str:
        if not self._deck:
            order = self._rng.permutation(len(self._keywords))
            self._deck = [self._keywords[i] for i in order]
        return self._deck.pop()

    def _background(self, samples: int, level_db: float) -> np.ndarray:
        """Return noise of one kind at a level, faded at both ends."""
        name = NOISES[self._rng.integers(len(NOISES))]
        if name in SLOPES:
            noise = coloured_noise(self._rng, samples, SLOPES[name])
        else:
            start = int(self._rng.integers(len(self._babble)))
            noise = np.resize(np.roll(self._babble, -start), samples)
        noise = noise * np.float32(10.0 ** (level_db / 20.0) / NOISE_RMS)
        ramp = np.linspace(0.0, 1.0, min(_FADE, samples // 2), dtype=np.float32)
        noise[: len(ramp)] *= ramp
        noise[samples - len(ramp) :] *= ramp[::-1]
        return noise

    def _silence(self, samples: int) -> np.ndarray:
        """Return a quiet room, or what a muted microphone gives: one bit of dither."""
        if self._rng.random() < _DIGITAL_SILENCE:
            return self._rng.normal(0.0, _DITHER, samples).astype(np.float32)
        return self._background(samples, self._rng.uniform(*_SILENCE_LEVEL_DB))
