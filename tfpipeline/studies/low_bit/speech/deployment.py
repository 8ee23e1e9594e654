"""A trained recognizer as files of whole utterances: their bytes, and what they mishear."""

from __future__ import annotations

from typing import Any

from tfpipeline.export import Tolerances, export, kept_conversions
from tfpipeline.loading import load_model
from tfpipeline.runtime import Interpreter
from tfpipeline.studies.low_bit.speech.runs import Deployed, RunFiles
from tfpipeline.studies.speech.corpus import read_corpus
from tfpipeline.studies.speech.files import error_of, speech_of

_CALIBRATION, _VERIFICATION = 128, 32


def deploy_run(run: Deployed, files: RunFiles) -> dict[str, Any]:
    """Export a run's model in a mode.

    A row has: the fields of what was trained, `mode`, `bytes_portable`, `bytes_fused` (None where
    the mode has no fused form), `cer_file` of the fused file, or else of the portable one, and
    `cer_keras`, both on test sentences.
    """
    corpus = read_corpus(files.corpus, files.settings)
    model = load_model(files.trained(run.run.name), compile=False)
    with kept_conversions():
        report = export(
            model,
            files.file(run.name),
            quantize=run.mode,
            calibration=speech_of(corpus["train"], _CALIBRATION),
            verification=speech_of(corpus["validation"], _VERIFICATION),
            # What it costs is measured here; nothing is to be refused for it.
            tolerances=Tolerances(agreement=0.0, relative_error=10.0),
        )
    portable, fused = report.form("portable"), report.form("fused")
    assert portable is not None
    return {
        **vars(run.run),
        "mode": run.mode,
        "bytes_portable": portable.bytes,
        "bytes_fused": fused and fused.bytes,
        "cer_file": error_of(Interpreter((fused or portable).path), corpus["test"]),
        "cer_keras": error_of(model, corpus["test"]),
    }
