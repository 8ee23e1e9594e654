"""Times exported models of this package against each other, straight from their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tfpipeline.bench.timing import Timing, time_interleaved
from tfpipeline.errors import TfpipelineError
from tfpipeline.runtime import Interpreter, Streamer
from tfpipeline.runtime.model_card import read_card
from tfpipeline.runtime.tflite_file import TFLiteFile


class BenchmarkError(TfpipelineError):
    """Models that cannot be timed against each other."""


@dataclass(frozen=True)
class FileTiming:
    """One model file: its size, and µs for each unit (`"utterance"` or `"frame"`)."""

    path: Path
    bytes: int
    unit: str
    runtime: str
    timing: Timing

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "path": str(self.path)}


def benchmark_files(
    paths: Sequence[str | os.PathLike[str]],
    *,
    rounds: int = 15,
    round_seconds: float = 0.02,
    runtime: str | None = None,
    isa: str = "auto",
    seed: int = 0,
) -> list[FileTiming]:
    """Times whole-sequence models by the utterance and streaming models by the frame.

    The input is noise: the time of these models does not depend on what they hear.

    Args:
        paths: `.tflite` files that this package exported.
        rounds: rounds of the measurement; see `time_interleaved`.
        round_seconds: about how long one model is timed in one round.
        runtime: as in `tfpipeline.Interpreter`.
        isa: instruction set of the plug-in's kernels, for fused models.
        seed: of the noise.

    Raises:
        BenchmarkError: the same file is named twice.
        ModelFileError, NativeLibraryError: a file cannot be loaded.
    """
    files = [Path(path) for path in paths]
    if len(set(files)) < len(files):
        raise BenchmarkError("A model is named twice; expected each file once.")
    noise = np.random.default_rng(seed)
    plug_in = {"isa": isa}
    runners: dict[str, Interpreter | Streamer] = {}
    calls: dict[str, Callable[[], object]] = {}
    for file in files:
        runner: Interpreter | Streamer
        if read_card(TFLiteFile(file))["streaming"]:
            runner = streamer = Streamer(file, runtime=runtime, delegate_options=plug_in)
            frame = noise.normal(size=streamer.input_shape[-1]).astype(np.float32)
            streamer.process(frame)
        else:
            runner = interpreter = Interpreter(file, runtime=runtime, delegate_options=plug_in)
            interpreter.set_input(noise.normal(size=interpreter.input_shape).astype(np.float32))
        runners[str(file)] = runner
        calls[str(file)] = runner.invoke
    timings = time_interleaved(calls, rounds=rounds, round_seconds=round_seconds)
    return [
        FileTiming(
            path=file,
            bytes=file.stat().st_size,
            unit="frame" if runners[str(file)].card["streaming"] else "utterance",
            runtime=runners[str(file)].runtime,
            timing=timings[str(file)],
        )
        for file in files
    ]
