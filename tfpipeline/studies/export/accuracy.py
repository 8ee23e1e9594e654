"""What export costs trained keyword models: accuracy by number format, and drift of the state.

The models and their features are given, the test clips are used for nothing but the final figures:
scales come from training clips, and the exporter's own verification sees validation clips.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfpipeline.extras import missing_extra
from tfpipeline.recipes.atomic import write_json
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.studies.common.provenance import describe_run, file_digest
from tfpipeline.studies.common.rows import Row, RowStore, StudyError, StudyResult, write_csv
from tfpipeline.studies.common.tasks import run_tasks
from tfpipeline.studies.export.drift import STEPS, WINDOW, state_errors, state_walk

FORMS = {
    "float32": ("portable",),
    "float16": ("portable",),
    "dynamic": ("portable", "fused"),
    "int8": ("portable", "fused"),
    "int16x8": ("portable",),
    "int4": ("portable", "fused"),
    "int8x4": ("portable", "fused"),
}
"""Modes, the reference of the states first."""
_QUICK = ("float32", "int8", "int16x8")
_CALIBRATION, _VERIFICATION, _STREAMS = 256, 100, 5
COLUMNS = (
    *("model", "mode", "form", "keras_accuracy", "accuracy", "relative_loss", "agreement"),
    *("relative_error", "bytes", "state_error", "state_growth"),
)
DRIFT_COLUMNS = ("model", "mode", "form", "step", "state_error")
Features = dict[str, np.ndarray]


@dataclass(frozen=True)
class AccuracyTask:
    """All modes of one model, so that it is converted once."""

    model: Path
    number: int
    features: Path
    modes: tuple[str, ...]
    clips: int | None

    @property
    def rows(self) -> list[Row]:
        return [
            {"model": self.number, "mode": mode, "form": form}
            for mode in self.modes
            for form in FORMS[mode]
        ]


def run_accuracy(
    out: Path,
    models: Sequence[Path],
    data: Path | None,
    features: Path | None,
    quick: bool,
    processes: int,
    command: str,
) -> StudyResult:
    """See `export_accuracy.run`."""
    from tfpipeline.studies.export.accuracy_plot import plot_accuracy

    if features is None:
        assert data is not None
        features = out / "features.npz"
        _extract(data, features)
    modes = _QUICK if quick else tuple(FORMS)
    clips = 200 if quick else None
    hashes = {path.name + f" #{i}": file_digest(path) for i, path in enumerate(models)}
    basis = {**installed_versions(), **hashes, "features": file_digest(features), "clips": clips}
    store = RowStore(out / "export_accuracy.rows.jsonl", ("model", "mode", "form"), basis)
    tasks = [AccuracyTask(path, i, features, modes, clips) for i, path in enumerate(models)]
    run_tasks(tasks, measure, store, "Export accuracy", processes)
    rows = store.rows([row for task in tasks for row in task.rows])
    drift = [
        {**row, "step": (i + 1) * WINDOW, "state_error": error}
        for row in rows
        for i, error in enumerate(row["drift"])
    ]
    files = [out / f"export_{name}" for name in ("accuracy.csv", "drift.csv", "accuracy.json")]
    write_csv(files[0], COLUMNS, rows)
    write_csv(files[1], DRIFT_COLUMNS, drift)
    settings = {"quick": quick, "calibration": _CALIBRATION, "steps": STEPS, "streams": _STREAMS}
    about = describe_run("export-accuracy", command, range(len(models)), basis, settings)
    write_json(files[2], about)
    plot, summary = out / "export_accuracy.png", _summary(rows, modes)
    try:
        plot_accuracy(plot, rows)
    except ImportError as error:
        # Hours of measurements are worth a summary without a picture.
        return StudyResult(
            rows, tuple(files), f"{summary}\nno plot: {missing_extra(error) or error}"
        )
    return StudyResult(rows, (*files, plot), summary)


def _extract(data: Path, path: Path) -> None:
    """Features of a corpus, as `--features` takes them."""
    from tfpipeline.data import load_speech_commands
    from tfpipeline.recipes.atomic import replacing

    if path.exists():
        return
    found = load_speech_commands(data)
    with replacing(path) as partial:
        np.savez(
            partial,
            train_features=found.train.features,
            validation_features=found.validation.features,
            test_features=found.test.features,
            test_labels=found.test.labels,
        )


def _load(path: Path) -> Features:
    wanted = ("train_features", "validation_features", "test_features", "test_labels")
    with np.load(path) as stored:
        missing = sorted(set(wanted) - set(stored))
        if missing:
            raise StudyError(f"--features {path} has no {', '.join(missing)}: see --help")
        return {name: stored[name] for name in wanted}


def measure(task: AccuracyTask) -> Iterator[Row]:
    """Export one model in every mode and run the files on the test clips."""
    from tfpipeline.export import Tolerances, export, kept_conversions
    from tfpipeline.export.verify.relative_error import Scales, relative_errors
    from tfpipeline.loading import load_model
    from tfpipeline.recipes.measure import agreement
    from tfpipeline.runtime import Interpreter

    model = load_model(task.model, compile=False)
    data = _load(task.features)
    x, labels = data["test_features"][: task.clips], data["test_labels"][: task.clips]
    keras_scores = np.asarray(model.predict(x, verbose=0, batch_size=256))
    scales = Scales.of(keras_scores, comparable=True)
    keras_accuracy = float((keras_scores.argmax(-1) == labels).mean())
    train = data["train_features"]
    streams = [x[i::_STREAMS].reshape(-1, x.shape[-1])[:STEPS] for i in range(_STREAMS)]
    reference: list[list[np.ndarray]] = []
    with kept_conversions(), tempfile.TemporaryDirectory(prefix="export-accuracy-") as folder:
        for mode in task.modes:
            report = export(
                model,
                Path(folder) / f"{mode}.tflite",
                quantize=mode,
                calibration=_some(train, _CALIBRATION),
                verification=_some(data["validation_features"], _VERIFICATION),
                streaming="both",
                forms=FORMS[mode],
                # What it costs is measured here; nothing is to be refused for it.
                tolerances=Tolerances(agreement=0.0, relative_error=10.0),
            )
            for form in FORMS[mode]:
                whole, stream = report.form(form), report.form(f"stream {form}")
                assert whole is not None and stream is not None
                scores = Interpreter(whole.path).predict(x)
                walks = [state_walk(Path(stream.path), frames) for frames in streams]
                reference = reference or walks
                drift = state_errors(walks, reference)
                accuracy = float((scores.argmax(-1) == labels).mean())
                yield {
                    "model": task.number,
                    "mode": mode,
                    "form": form,
                    "keras_accuracy": keras_accuracy,
                    "accuracy": accuracy,
                    "relative_loss": 1.0 - accuracy / keras_accuracy,
                    "agreement": agreement(scores, keras_scores),
                    "relative_error": relative_errors(scores, keras_scores, scales).channel,
                    "bytes": whole.bytes,
                    "state_error": float(np.mean(drift)),
                    "state_growth": _growth(drift),
                    "drift": drift,
                }


def _some(features: np.ndarray, count: int) -> np.ndarray:
    """Features at even distances: corpora are sorted by word."""
    return features[:: max(1, len(features) // count)][:count]


def _growth(drift: Sequence[float]) -> float | None:
    """Mean state error of the last quarter of a stream over that of the second quarter.

    None where the stream is too short to say, or where there is no error.
    """
    quarter = len(drift) // 4
    if not quarter:
        return None
    early = float(np.mean(drift[quarter : 2 * quarter]))
    return float(np.mean(drift[-quarter:])) / early if early else None


def _summary(rows: Sequence[Row], modes: Sequence[str]) -> str:
    lines = [f"{'mode':<9} {'form':<9} {'loss mean':>10} {'spread':>17} {'state growth':>13}"]
    for mode in modes:
        for form in FORMS[mode]:
            own = [row for row in rows if (row["mode"], row["form"]) == (mode, form)]
            losses = [100 * row["relative_loss"] for row in own]
            grown = [row["state_growth"] for row in own if row["state_growth"] is not None]
            growth = f"{np.mean(grown):.2f}" if grown else "-"
            lines.append(
                f"{mode:<9} {form:<9} {np.mean(losses):>8.3f} % "
                f"{min(losses):>6.2f} to {max(losses):.2f} % {growth:>13}"
            )
    return "\n".join(lines)
