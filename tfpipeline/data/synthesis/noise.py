"""Background noise: white, pink, brown, and many voices at once."""

from __future__ import annotations

import numpy as np

from tfpipeline.data.audio.resampling import resample
from tfpipeline.data.audio.wav import SAMPLE_RATE
from tfpipeline.data.splits import SPLITS, noise_part
from tfpipeline.data.synthesis.corpus_plan import ACCENTS, SPEAKERS
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance

NOISES = ("white", "pink", "brown", "babble")
# How the amplitude of those that are no voices falls with frequency.
SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}

NOISE_RMS = 0.05
# None of the corpus' words occurs in these.
SENTENCES = (
    "the weather in the mountains changes very quickly",
    "please remember to water the plants every other morning",
    "our neighbours have painted their garden fence again",
    "she bought fresh bread and some apples at the market",
    "the train to the coast was late because of the snow",
    "children were playing with a ball near the old bridge",
    "he always forgets where his glasses are",
    "they talked for hours about music and travelling",
)


def make_noises(seed: int, seconds: float) -> dict[str, np.ndarray]:
    """Make every noise of `NOISES`: float32 `(samples,)` at 16 kHz, by name.

    The babble in a split's part is made of that split's own speakers.
    """
    samples = round(seconds * SAMPLE_RATE)
    noises = {}
    for number, (name, slope) in enumerate(SLOPES.items()):
        rng = np.random.default_rng([seed, 100 + number])
        noises[name] = coloured_noise(rng, samples, slope)
    babble = np.zeros(samples, np.float32)
    with EspeakVoice() as espeak:
        for number, split in enumerate(SPLITS):
            start, end = noise_part(split, samples)
            rng = np.random.default_rng([seed, 200 + number])
            babble[start:end] = babble_noise(rng, end - start, SPEAKERS[split], espeak)
    noises["babble"] = babble
    return noises


def coloured_noise(rng: np.random.Generator, samples: int, slope: float) -> np.ndarray:
    """Return Gaussian noise whose amplitude falls as frequency to the power `-slope`."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1.0 / SAMPLE_RATE)
    # Flat below 50 Hz, or slow drifts would have all the power.
    return _level(np.fft.irfft(spectrum * np.maximum(hz, 50.0) ** -slope, samples))


def babble_noise(
    rng: np.random.Generator,
    samples: int,
    speakers: tuple[str, ...],
    espeak: EspeakVoice,
    sentences: tuple[str, ...] = SENTENCES,
) -> np.ndarray:
    """Return five to eight voices that speak sentences at the same time, without end."""
    total = np.zeros(samples)
    for speaker in rng.permutation(len(speakers))[:8]:
        position = -int(rng.integers(0, SAMPLE_RATE))
        while position < samples:
            accent = ACCENTS[rng.integers(len(ACCENTS))]
            sentence = sentences[rng.integers(len(sentences))]
            utterance = Utterance(f"{accent}+{speakers[speaker]}", sentence, pitch=50)
            speech = espeak.say(utterance) / 32768.0
            voice = _level(resample(speech, espeak.sample_rate, SAMPLE_RATE))
            start, end = max(0, position), min(samples, position + len(voice))
            if end > start:
                total[start:end] += voice[start - position : end - position]
            position += len(voice)
    return _level(total)


def _level(audio: np.ndarray) -> np.ndarray:
    """Scale to a fixed root mean square."""
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    return (audio * (NOISE_RMS / max(rms, 1e-9))).astype(np.float32)
