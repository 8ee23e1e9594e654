"""A trained run as int8 files: their bytes, and what they mishear."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.decoding import character_error_rate, greedy_decode
from tfpipeline.export import Tolerances, export, kept_conversions
from tfpipeline.loading import load_model
from tfpipeline.runtime import Interpreter
from tfpipeline.studies.low_rank.corpus import Utterances, read_corpus
from tfpipeline.studies.low_rank.runs import Deployed, RunFiles

_CALIBRATION, _VERIFICATION = 128, 32


def deploy_run(run: Deployed, files: RunFiles) -> dict[str, Any]:
    """Export a run's model as static int8, portable and fused, for whole utterances.

    A row has: `bytes` (portable), `bytes_fused`, `bytes_zipped` (portable, deflated: what zeros
    save), `cer_int8_validation`, `cer_int8_test` and `cer_float_test`.
    """
    corpus = read_corpus(files.corpus, files.settings)
    model = load_model(files.trained(run.run.name), compile=False)
    path = files.file(run.run.name)
    with kept_conversions():
        report = export(
            model,
            path,
            quantize="int8",
            calibration=_speech(corpus["train"], _CALIBRATION),
            verification=_speech(corpus["validation"], _VERIFICATION),
            # What it costs is measured here; nothing is to be refused for it.
            tolerances=Tolerances(agreement=0.0, relative_error=10.0),
        )
    portable, fused = report.form("portable"), report.form("fused")
    assert portable is not None and fused is not None
    content = Path(portable.path).read_bytes()
    interpreter = Interpreter(fused.path)
    return {
        "bytes": portable.bytes,
        "bytes_fused": fused.bytes,
        "bytes_zipped": len(zlib.compress(content, 9)),
        "cer_int8_validation": _error(interpreter, corpus["validation"]),
        "cer_int8_test": _error(interpreter, corpus["test"]),
        "cer_float_test": _error(model, corpus["test"]),
    }


def _speech(utterances: Utterances, count: int) -> np.ndarray:
    """Return sequences without padding: there the model was never trained to say anything."""
    chosen = range(0, len(utterances), max(1, len(utterances) // (2 * count)))
    # Two input strides of two make an output frame.
    pieces = [utterances.features[i, : 4 * utterances.frames[i]] for i in chosen]
    frames = utterances.features.shape[1]
    stream = np.concatenate(pieces)
    rows = min(count, len(stream) // frames)
    return stream[: rows * frames].reshape(rows, frames, -1)


def _error(model: Any, utterances: Utterances) -> float:
    options = {} if isinstance(model, Interpreter) else {"batch_size": 64, "verbose": 0}
    logits = np.asarray(model.predict(utterances.features, **options))
    return character_error_rate(utterances.texts, greedy_decode(logits, utterances.frames))
