"""One word of the synthesizer, neither hurried nor drawled."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfpipeline.data.audio.wav import SAMPLE_RATE
from tfpipeline.data.errors import SynthesizerError
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance
from tfpipeline.data.synthesis.recording import speak

# The longest word that leaves room for a shift in a clip of one second; a slower one is said again,
# faster. Some voices hurry so that little is left of a word: they say it again, slower.
_LONGEST_SECONDS = 0.88
_SHORTEST_SECONDS = 0.32
_FASTER = 1.25
_FASTEST = 400
_SLOWEST = 80


def speak_word(espeak: EspeakVoice, utterance: Utterance, warp: float = 1.0) -> np.ndarray:
    """Say a word at another rate where it would be too short or too long; return it at 16 kHz.

    Args:
        espeak: the synthesizer.
        utterance: the word, and the rate to begin with.
        warp: factor on all frequencies of the speech, and on its speed.

    Raises:
        SynthesizerError: the voice is too slow even at the highest rate.
    """

    def said(rate: int) -> np.ndarray:
        return speak(espeak, dataclasses.replace(utterance, rate=rate), warp)

    rate = utterance.rate
    speech = said(rate)
    while len(speech) < round(_SHORTEST_SECONDS * SAMPLE_RATE) and rate > _SLOWEST:
        rate = max(_SLOWEST, round(rate / _FASTER))
        speech = said(rate)
    while len(speech) > round(_LONGEST_SECONDS * SAMPLE_RATE):
        if rate >= _FASTEST:
            raise SynthesizerError(
                f"The voice {utterance.voice!r} needs {len(speech) / SAMPLE_RATE:.2f} s for "
                f"{utterance.text!r} even at {rate} words per minute; leave that voice out."
            )
        rate = min(_FASTEST, round(rate * _FASTER))
        speech = said(rate)
    return speech
