"""A wake word of the synthesizer: streams that hold it, or other speech only, and a small model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from jit import JIT

import tfpipeline as tp
from tfpipeline.data.synthesis.espeak_voice import EspeakVoice, Utterance
from tfpipeline.data.synthesis.noise import coloured_noise
from tfpipeline.data.synthesis.recording import speak
from tfpipeline.recipes.rolling_model import FEATURES, KEEP, RollingModel

WAKE_WORD = "okay computer"
OTHERS = (
    "okay then",
    "the commuter was late",
    "please remember to water the plants",
    "our neighbours have painted their fence",
    "what time is it",
    "turn on the light",
    "children were playing near the bridge",
    "open the window",
)
_VOICES = ("en-us+f2", "en-us+m3", "en-us+f4", "en-us+m7")
_RATE, _HOP = 16000, 160
_FRAMES, _LANES = 100, 16

Spans = list[tuple[float, float]]


def stream(seed: int, wake_words: int, others: int) -> tuple[np.ndarray, Spans]:
    """Some minutes of speech with pauses, in noise: int16 audio, and when the wake word is said."""
    rng = np.random.default_rng(seed)
    texts = [WAKE_WORD] * wake_words + [OTHERS[i % len(OTHERS)] for i in range(others)]
    parts: list[np.ndarray] = []
    spans: Spans = []
    position = 0
    with EspeakVoice() as espeak:
        for i in rng.permutation(len(texts)):
            voice = _VOICES[rng.integers(len(_VOICES))]
            rate, pitch = int(rng.integers(140, 190)), int(rng.integers(40, 60))
            said = speak(espeak, Utterance(voice, texts[i], rate, pitch))
            said = said * (rng.uniform(0.03, 0.1) / np.sqrt(np.mean(said**2)))
            pause = np.zeros(int(rng.uniform(0.4, 1.0) * _RATE))
            start = position + len(pause)
            if texts[i] == WAKE_WORD:
                spans.append((start / _RATE, (start + len(said)) / _RATE))
            parts += [pause, said]
            position = start + len(said)
    audio = np.concatenate([*parts, np.zeros(_RATE)])
    audio += coloured_noise(rng, len(audio), 0.5) * 0.05
    return np.rint(np.clip(audio, -1.0, 1.0) * 32767.0).astype(np.int16), spans


def trained(features: np.ndarray, spans: Spans, epochs: int = 30) -> Any:
    """A FastGRNN that says in each frame whether the wake word has just ended.

    States are carried from batch to batch: trained on windows alone, it would detect nothing, or
    everything, a minute into a stream.
    """
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    labels, weights = np.zeros(len(features), np.float32), np.ones(len(features), np.float32)
    for start, end in spans:
        first, last = int(start * _RATE / _HOP), int(end * _RATE / _HOP)
        weights[first:last] = 0.0
        labels[last : last + 25], weights[last : last + 25] = 1.0, 2.0
    model = keras.Sequential(
        [
            keras.Input((None, tp.features.MicroFrontend.config.num_mels)),
            keras.layers.Rescaling(0.1),
            tp.layers.FastGRNN(32, return_sequences=True),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    batches = len(features) // _LANES // _FRAMES
    rate = keras.optimizers.schedules.CosineDecay(0.02, epochs * batches)
    rolling = RollingModel(model, _LANES)
    rolling.compile(
        keras.optimizers.Adam(rate, clipnorm=1.0), "binary_crossentropy", jit_compile=JIT
    )
    rows = []
    for _ in range(epochs):
        # Each lane is a part of the stream, and begins elsewhere in each epoch.
        lanes = rng.integers(len(features)) + np.arange(batches * _LANES * _FRAMES)
        lanes = (lanes % len(features)).reshape(_LANES, batches, _FRAMES)
        rows.append(lanes.transpose(1, 0, 2).reshape(-1, _FRAMES))
    keep = np.ones((epochs, batches, _LANES), np.float32)
    keep[:, 0] = 0.0
    frames = np.concatenate(rows)
    rolling.fit(
        {FEATURES: features[frames], KEEP: keep.reshape(-1)},
        labels[frames][..., None],
        sample_weight=weights[frames],
        batch_size=_LANES,
        shuffle=False,
        verbose=0,
    )
    return model


def windows(features: np.ndarray, frames: int) -> np.ndarray:
    """Features of a stream, cut into samples `(samples, frames, 40)`."""
    count = len(features) // frames
    return features[: count * frames].reshape(count, frames, -1)
