"""Times of the files, all in turn in one process, on one thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfpipeline.bench.timing import time_interleaved
from tfpipeline.runtime import Interpreter
from tfpipeline.studies.embeddings.data import read_sentences
from tfpipeline.studies.embeddings.runs import Deployed, RunFiles

_ROUNDS = 25


def time_files(
    files: RunFiles, runs: Sequence[Deployed], modes: Sequence[str]
) -> dict[tuple[str, str, str], float]:
    """Return medians in milliseconds a sentence by the name of a run, mode and form.

    Every file reads the same sentence of the test; `"fused"` is there where there is such a file.
    """
    sentence = read_sentences(files).test.x[:1].astype(np.int32)
    calls: dict[tuple[str, str, str], Any] = {}
    for run in runs:
        for mode in modes:
            path = files.file(f"{run.name}-{mode}")
            for form, suffix in (("portable", ".tflite"), ("fused", ".fused.tflite")):
                one = path.with_suffix("").with_name(f"{path.name.removesuffix('.tflite')}{suffix}")
                if one.exists():
                    model = Interpreter(one, num_threads=1)
                    model.predict(sentence)
                    calls[run.name, mode, form] = model.invoke
    found = time_interleaved(
        {" ".join(key): call for key, call in calls.items()},
        rounds=_ROUNDS,
        label="Timing the files",
    )
    return {key: found[" ".join(key)].median / 1000 for key in calls}
