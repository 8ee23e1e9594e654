"""Puts what the main job found into the form of `results.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfpipeline.bench import Timing, describe_machine, describe_source
from tfpipeline.recipes import measure
from tfpipeline.recipes.provenance import installed_versions

if TYPE_CHECKING:
    import numpy as np

    from tfpipeline.bench import KeywordRow
    from tfpipeline.compress import TruncationReport
    from tfpipeline.data import SpeechDataset
    from tfpipeline.export import ExportReport
    from tfpipeline.recipes.demo_config import DemoConfig

TITLE = "Spoken commands: from training to a verified int8 model"
_BYTES_OF_A_FLOAT = 4

History = Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """What the finished steps of the main job leave behind.

    Args:
        config: the settings.
        command: the command line.
        seconds: that each step took, by its name.
        dataset: the corpus as features.
        voices: numbers of speakers by split, where the corpus was synthesized.
        stage1, stage2: the Keras models.
        histories: losses and metrics by epoch, of both stages.
        truncation: what was cut between them.
        exported: the export's report.
        scores: float32 `(clips, classes)` of the test data, by the model form's name.
        streamed: accuracy on the test data as long recordings, by the same names.
        latency: times of the files.
    """

    config: DemoConfig
    command: str
    seconds: Mapping[str, float]
    dataset: SpeechDataset
    voices: Mapping[str, int] | None
    stage1: Any
    stage2: Any
    histories: tuple[History, History]
    truncation: TruncationReport
    exported: ExportReport
    scores: Mapping[str, np.ndarray]
    streamed: Mapping[str, float]
    latency: Sequence[KeywordRow]


def assemble(demo: DemoRun, created: str) -> dict[str, Any]:
    """Return what the finished steps of a demo found, as plain values for JSON."""
    labels = demo.dataset.test.labels
    classes = len(demo.dataset.labels)
    fused = demo.scores[measure.FUSED].argmax(axis=-1)
    return {
        "title": TITLE,
        "created": created,
        "seed": demo.config.seed,
        "command": demo.command,
        "quick": demo.config.quick,
        **describe_source(),
        "machine": describe_machine().to_dict(),
        "versions": installed_versions(),
        "data": _data(demo),
        "training": _training(demo),
        "singular_values": _singular_values(demo),
        "forms": _forms(demo),
        "latency": [row.to_dict() for row in demo.latency],
        "ratios": {
            "fused_vs_stock": measure.ratio(demo.latency, measure.STOCK, measure.FUSED),
            "fused_vs_portable": measure.ratio(demo.latency, measure.PORTABLE, measure.FUSED),
            "portable_vs_fused_agreement": measure.agreement(
                demo.scores[measure.PORTABLE],
                demo.scores[measure.STAGE2],
                demo.scores[measure.FUSED],
            ),
        },
        "confusion": {
            "labels": list(demo.dataset.labels),
            "matrix": measure.confusion_matrix(fused, labels, classes),
            "form": measure.FUSED,
        },
        "verification": _verification(demo.exported),
        "seconds": dict(demo.seconds),
    }


def _data(demo: DemoRun) -> dict[str, Any]:
    dataset = demo.dataset
    return {
        "source": "synthesized with espeak-ng" if demo.voices else Path(dataset.source).name,
        "labels": list(dataset.labels),
        "counts": {
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "test": len(dataset.test),
        },
        "voices": dict(demo.voices) if demo.voices else None,
        "skipped": len(dataset.skipped),
        "converted": len(dataset.converted),
    }


def _training(demo: DemoRun) -> dict[str, Any]:
    return {
        stage: {
            "history": {name: [float(v) for v in values] for name, values in history.items()},
            "seconds": demo.seconds[step],
        }
        for stage, step, history in zip(
            ("stage1", "stage2"), ("stage 1", "stage 2"), demo.histories, strict=True
        )
    }


def _singular_values(demo: DemoRun) -> list[dict[str, Any]]:
    from tfpipeline.layers.factored.named_factors import named_factors
    from tfpipeline.metrics.spectrum import product_svd

    after = {name: factor for name, _, factor in named_factors(demo.stage2)}
    return [
        {
            "matrix": matrix.name,
            "before": [float(value) for value in matrix.singular_values],
            "after": [
                float(value)
                for value in product_svd(after[matrix.name].left, after[matrix.name].right)[1]
            ][: matrix.rank_after],
            "rank_before": matrix.rank_before,
            "rank_after": matrix.rank_after,
            "explained_variance": matrix.explained_variance,
        }
        for matrix in demo.truncation.matrices
    ]


def _forms(demo: DemoRun) -> list[dict[str, Any]]:
    """Return the table of model forms; a float form's size is four bytes a parameter."""
    labels = demo.dataset.test.labels
    stage2 = demo.scores[measure.STAGE2]
    timings = {row.name: row for row in demo.latency}
    parameters = {
        name: int((demo.stage1 if name == measure.STAGE1 else demo.stage2).count_params())
        for name in demo.scores
    }
    report = demo.truncation
    others = report.model_parameters_after - report.parameters
    before = sum(matrix.parameters_before for matrix in report.matrices)
    forms = []
    for name, scores in demo.scores.items():
        row = timings.get(name)
        kernels = before if name == measure.STAGE1 else report.parameters
        forms.append(
            {
                "name": name,
                "parameters": parameters[name],
                "dense_parameters": report.dense_parameters + others,
                "kernel_share_of_dense": kernels / report.dense_parameters,
                "bytes": row.bytes if row else _BYTES_OF_A_FLOAT * parameters[name],
                "test_accuracy": measure.accuracy(scores.argmax(axis=-1), labels),
                "streamed_accuracy": demo.streamed[name],
                "agreement_with_stage2": (
                    None if name == measure.STAGE1 else measure.agreement(scores, stage2)
                ),
                "us_per_utterance": _median(row.us_per_utterance if row else None),
                "us_per_frame": _median(row.us_per_frame if row else None),
            }
        )
    return forms


def _median(timing: Timing | None) -> float | None:
    return None if timing is None else timing.median


def _verification(report: ExportReport) -> dict[str, Any]:
    forms = [
        {
            "form": form.name,
            "file": Path(form.path).name,
            "bytes": form.bytes,
            "agreement": form.agreement,
            "decisions": form.decisions,
            "disagreements": form.disagreements,
            "relative_error": form.relative_error,
            "channel_error": form.channel_error,
            "mean_error": form.mean_error,
            "max_error": form.max_error,
            "streaming_equals_whole": form.equals_whole,
        }
        for form in report.forms
    ]
    return {
        "forms": forms,
        "held_out_clips": report.verification["samples"],
        "calibration_clips": report.calibration["samples"],
        "portable_and_fused_agree": report.forms_agreement,
        "tolerances": report.verification["tolerances"],
    }
