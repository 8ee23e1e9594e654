"""A model as users meet it: false alarms an hour and missed words over long recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.arguments import is_number
from tfpipeline.bench import describe_source
from tfpipeline.detection import CutoffSweep, DetectionCurve, OperatingPoint, default_cutoffs
from tfpipeline.detection.detector import check_cutoff
from tfpipeline.progress import ProgressBar, progress
from tfpipeline.recipes.open_scores import open_scores
from tfpipeline.recipes.provenance import installed_versions
from tfpipeline.recipes.score_stream import ScoreStream
from tfpipeline.recipes.stream_recordings import Recording, open_recordings

TITLE = "Words in recordings: misses and false alarms"


@dataclass(frozen=True)
class StreamSettings:
    """How a stream is listened to, and judged.

    Args:
        window: seconds of the mean of scores; at least one row of them.
        refractory: seconds after a detection without another.
        tolerance: seconds after a spoken word in which it may be found.
        most_false_alarms: an hour, at most, at the operating point.
        cutoff: take this one; None chooses one on validation recordings.
        hop: seconds from one window of a whole-sequence model to the next.

    Raises:
        ValueError: a number that is impossible.
    """

    window: float = 0.1
    refractory: float = 1.0
    tolerance: float = 0.5
    most_false_alarms: float = 1.0
    cutoff: float | None = None
    hop: float = 0.1

    def __post_init__(self) -> None:
        for name in ("window", "refractory", "tolerance", "most_false_alarms", "hop"):
            value = getattr(self, name)
            if not is_number(value) or value < 0 or (value == 0 and name in ("window", "hop")):
                raise ValueError(f"`{name}` must be a positive number; received {value!r}.")
        if self.cutoff is not None:
            check_cutoff(self.cutoff)


@dataclass(frozen=True)
class StreamEvaluation:
    """What `evaluate_stream` found.

    Args:
        model: the file.
        kind, runtime: what it is and what ran it.
        settings: of the evaluation.
        window_rows: rows of scores in the mean.
        recordings: those that the result is of.
        test: their curve.
        validation: that of the validation recordings; None without them.
        chosen: the operating point where it was chosen; None where a cutoff was given, or none is
            within the limit.
        reported: the same cutoff on the recordings; None without one.
    """

    model: str
    kind: str
    runtime: str
    settings: StreamSettings
    window_rows: int
    recordings: tuple[dict[str, Any], ...]
    test: DetectionCurve
    validation: DetectionCurve | None
    chosen: OperatingPoint | None
    reported: OperatingPoint | None

    def by_word(self) -> dict[str, OperatingPoint]:
        """Return the operating point of each word on the recordings; empty without a cutoff."""
        if self.reported is None:
            return {}
        return {word: self.test.at(self.reported.cutoff, word) for word in self.test.words}

    def to_dict(self) -> dict[str, Any]:
        """Return everything for `results.json`."""
        point = self.reported
        return {
            "title": TITLE,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **describe_source(),
            "versions": installed_versions(),
            "model": self.model,
            "kind": self.kind,
            "runtime": self.runtime,
            "settings": {**asdict(self.settings), "window_rows": self.window_rows},
            "recordings": list(self.recordings),
            "operating_point": None if point is None else point.to_dict(),
            "chosen_on_validation": None if self.chosen is None else self.chosen.to_dict(),
            "words": {word: one.to_dict() for word, one in self.by_word().items()},
            "curve": self.test.to_dict(),
            "validation_curve": None if self.validation is None else self.validation.to_dict(),
        }


def evaluate_stream(
    model: str | Path,
    recordings: str | Path,
    validation: str | Path | None = None,
    settings: StreamSettings | None = None,
    card: str | Path | None = None,
) -> StreamEvaluation:
    """Let a model listen to recordings, and count what it misses and finds wrongly.

    `tfpipeline.detection.CutoffSweep` says what counts as what. All cutoffs are looked at in one
    pass; memory does not grow with the length of the recordings.

    Args:
        model: a streaming or whole-sequence `.tflite` file of this package, or a `.keras` file.
        recordings: folder of WAV files with label files; those without are heard for false alarms.
        validation: another such folder, on which the cutoff is chosen.
        settings: how to listen and to judge.
        card: of a `.keras` file: the `.card.json` or `.tflite` of its export.

    Raises:
        RunError, ModelFileError, ModelLoadError, InputError: the model cannot listen to audio.
        DataError, AudioError: a folder or a recording cannot be used.

    Example:
        `evaluate_stream("kws.stream.tflite", "test", "validation").reported.miss_rate`
    """
    settings = settings or StreamSettings()
    scores = open_scores(model, settings.hop, card)
    words = _sweep(scores, settings).words
    rate = scores.front_end.config.sample_rate
    heard = open_recordings(Path(recordings), rate, words)
    other = [] if validation is None else open_recordings(Path(validation), rate, words)
    seconds = sum(one.seconds for one in (*heard, *other))
    with progress("Listening, seconds of audio", total=round(seconds)) as bar:
        found = _listen(scores, other, settings, bar) if other else None
        test = _listen(scores, heard, settings, bar)
    chosen = None
    if found is not None and settings.cutoff is None:
        chosen = found.operating_point(settings.most_false_alarms)
    cutoff = settings.cutoff if chosen is None else chosen.cutoff
    return StreamEvaluation(
        model=str(model),
        kind=scores.kind,
        runtime=scores.runtime,
        settings=settings,
        window_rows=_window_rows(scores, settings),
        recordings=tuple(_row(one, words) for one in heard),
        test=test,
        validation=found,
        chosen=chosen,
        reported=None if cutoff is None else test.at(cutoff),
    )


def _listen(
    scores: ScoreStream, recordings: Sequence[Recording], settings: StreamSettings, bar: ProgressBar
) -> DetectionCurve:
    sweep = _sweep(scores, settings)
    rate = scores.front_end.config.sample_rate
    for recording in recordings:
        scores.reset()
        sweep.begin(recording.spoken)
        heard = drawn = 0
        for block in recording.audio:
            sweep.process(scores.process(block))
            heard += len(block)
            bar.advance(heard // rate - drawn, note=recording.path.name)
            drawn = heard // rate
        sweep.end(recording.seconds)
    return sweep.curve()


def _sweep(scores: ScoreStream, settings: StreamSettings) -> CutoffSweep:
    cutoffs = default_cutoffs()
    if settings.cutoff is not None:
        cutoffs = np.unique([*cutoffs, settings.cutoff])
    return CutoffSweep(
        scores.rows.labels,
        cutoffs,
        window=_window_rows(scores, settings),
        refractory=settings.refractory,
        scores=scores.rows.scores,
        tolerance=settings.tolerance,
        frame_seconds=scores.rows.frame_seconds,
        first_frame_seconds=scores.rows.first_frame_seconds,
    )


def _window_rows(scores: ScoreStream, settings: StreamSettings) -> int:
    return max(round(settings.window / scores.rows.frame_seconds), 1)


def _row(recording: Recording, words: Sequence[str]) -> dict[str, Any]:
    labels = [one.label for one in recording.spoken]
    return {
        "file": recording.path.name,
        "seconds": recording.seconds,
        "words": sum(label in words for label in labels),
        "other_labels": sum(label not in words for label in labels),
    }
