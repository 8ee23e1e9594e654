"""Runs a whole-sequence and a streaming model and saves raw scores: for other environments.

python run_model.py WHOLE STREAM INPUTS.npy OUTPUTS.npz
"""

from __future__ import annotations

import sys

import numpy as np

from tfpipeline.runtime import Interpreter, Streamer


def main(whole: str, stream: str, inputs: str, outputs: str) -> None:
    samples = np.load(inputs)
    interpreter, streamer = Interpreter(whole), Streamer(stream)
    last = []
    for sample in samples:
        streamer.reset()
        last.append([streamer.process(frame) for frame in sample][-1])
    np.savez(
        outputs,
        runtime=interpreter.runtime,
        whole=interpreter.predict(samples),
        stream=np.stack(last),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
