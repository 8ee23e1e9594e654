"""A trained run as files: their bytes, and their accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfpipeline.compress import fold_embedding
from tfpipeline.export import Tolerances, export, kept_conversions
from tfpipeline.loading import load_model
from tfpipeline.runtime import Interpreter
from tfpipeline.studies.embeddings.data import read_sentences
from tfpipeline.studies.embeddings.runs import Deployed, RunFiles

#: Modes of the files, weights only: activations stay in floating point.
MODES = ("float32", "float16", "dynamic", "int4")
_CALIBRATION, _VERIFICATION = 64, 32


def deploy_run(run: Deployed, files: RunFiles) -> dict[str, Any]:
    """Export a run's model in each mode.

    A row has `files`: for each mode `bytes` of the portable file, and `validation` and `test`, the
    accuracies of what it computes; `bytes_fused` where there is a fused one.
    """
    from tfpipeline.studies.embeddings.training import accuracy

    sentences = read_sentences(files)
    model = load_model(files.trained(run.run.name), compile=False)
    if run.folded:
        model = fold_embedding(model)
    found: dict[str, Any] = {}
    with kept_conversions():
        for mode in MODES:
            report = export(
                model,
                files.file(f"{run.name}-{mode}"),
                quantize=mode,
                calibration=sentences.train.x[:_CALIBRATION],
                verification=sentences.validation.x[:_VERIFICATION],
                # What it costs is measured here; nothing is to be refused for it.
                tolerances=Tolerances(agreement=0.0, relative_error=10.0, drift=1e3),
            )
            portable, fused = report.form("portable"), report.form("fused")
            assert portable is not None
            interpreter = Interpreter(portable.path)
            found[mode] = {
                "bytes": Path(portable.path).stat().st_size,
                "bytes_fused": None if fused is None else Path(fused.path).stat().st_size,
                "validation": accuracy(interpreter, sentences.validation),
                "test": accuracy(interpreter, sentences.test),
            }
    return {"files": found}
