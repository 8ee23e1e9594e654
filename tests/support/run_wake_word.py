"""Runs the consumer of wake words, unchanged, on audio: for its own environment.

python run_wake_word.py MANIFEST.json AUDIO.npy OUT.npz

OUT gets `features` (frames, 40), `probability`, what `process_streaming_prob` says after each
frame, and `detected`, which frames `process_streaming` finds the wake word in.
"""

from __future__ import annotations

import sys

import numpy as np
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures


def main(manifest: str, audio: str, out: str) -> None:
    samples = np.load(audio).astype("<i2").tobytes()
    features = list(MicroWakeWordFeatures().process_streaming(samples))
    probabilities = MicroWakeWord.from_config(manifest)
    detector = MicroWakeWord.from_config(manifest)
    np.savez(
        out,
        features=np.concatenate(features)[:, 0].astype(np.float32),
        probability=[probabilities.process_streaming_prob(frame) for frame in features],
        detected=[bool(detector.process_streaming(frame)) for frame in features],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
