"""Speech of the synthesizer as a microphone hears it: without its silence, at a level, in noise."""

from __future__ import annotations

import numpy as np

from tfpipeline.data.audio.resampling import resample
from tfpipeline.data.audio.wav import SAMPLE_RATE
from tfpipeline.data.splits import noise_part
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance
from tfpipeline.data.synthesis.noise import NOISES

_FADE = 80
_RATE_STEP = 50


def speak(espeak: EspeakVoice, utterance: Utterance, warp: float = 1.0) -> np.ndarray:
    """Say an utterance; return it at 16 kHz without the silence around it.

    Args:
        espeak: the synthesizer.
        utterance: what is said.
        warp: factor on all frequencies of the speech, and on its speed.
    """
    said = espeak.say(utterance)
    # In steps that leave few phases to the resampler.
    played = round(espeak.sample_rate * warp / _RATE_STEP) * _RATE_STEP
    return trim(resample(said / 32768.0, played, SAMPLE_RATE))


def trim(speech: np.ndarray) -> np.ndarray:
    """Cut silence from both ends, keep 10 ms beside the word and fade them."""
    loud = np.flatnonzero(np.abs(speech) > 0.01 * np.abs(speech).max())
    if not len(loud):
        return speech
    margin = SAMPLE_RATE // 100
    cut = speech[max(0, loud[0] - margin) : loud[-1] + margin].astype(np.float64)
    ramp = np.linspace(0.0, 1.0, min(_FADE, len(cut) // 2), endpoint=False)
    cut[: len(ramp)] *= ramp
    cut[len(cut) - len(ramp) :] *= ramp[::-1]
    return cut


def in_noise(
    speech: np.ndarray,
    start: int,
    samples: int,
    level_db: float,
    snr_db: float,
    noises: dict[str, np.ndarray],
    split: str,
    noise: float,
    noise_start: float,
) -> np.ndarray:
    """Return a recording, float32 `(samples,)`, in which speech begins at `start`.

    Args:
        speech: `(speech samples,)`.
        start: where it begins, samples.
        samples: length of the recording, at most that of the split's part of a noise.
        level_db: root mean square of the speech, decibels below full scale.
        snr_db: power of the speech over the noise, decibels.
        noises: as `make_noises` gives them.
        split: whose part of the noise is heard.
        noise: a number in [0, 1) that picks the noise.
        noise_start: a number in [0, 1) that picks its stretch.
    """
    speech = speech * (10.0 ** (level_db / 20.0) / _rms(speech))
    background = noises[NOISES[int(noise * len(NOISES))]]
    first, last = noise_part(split, len(background))
    begin = first + int(noise_start * (last - first - samples))
    audio = background[begin : begin + samples].astype(np.float64)
    audio *= _rms(speech) / 10.0 ** (snr_db / 20.0) / _rms(audio)
    audio[start : start + len(speech)] += speech
    # Loud consonants of a quiet word may exceed full scale: the whole clip gets quieter then.
    audio *= min(1.0, 0.98 / np.abs(audio).max())
    return audio.astype(np.float32)


def _rms(audio: np.ndarray) -> float:
    return max(float(np.sqrt(np.mean(np.square(audio)))), 1e-9)
