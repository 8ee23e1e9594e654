"""A trained run as int8 files: their bytes, and what they mishear."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from tfpipeline.export import Tolerances, export, kept_conversions
from tfpipeline.loading import load_model
from tfpipeline.runtime import Interpreter
from tfpipeline.studies.low_rank.runs import Deployed, RunFiles
from tfpipeline.studies.speech.corpus import read_corpus
from tfpipeline.studies.speech.files import error_of, speech_of

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
            calibration=speech_of(corpus["train"], _CALIBRATION),
            verification=speech_of(corpus["validation"], _VERIFICATION),
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
        "cer_int8_validation": error_of(interpreter, corpus["validation"]),
        "cer_int8_test": error_of(interpreter, corpus["test"]),
        "cer_float_test": error_of(model, corpus["test"]),
    }
