"""Accuracy, agreement and latency of every form of a keyword model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.bench import Candidate, KeywordRow, keyword_table
from tfpipeline.data.commands.speech_dataset import Split
from tfpipeline.recipes.baseline import StockModel, StockRunner
from tfpipeline.runtime import Interpreter, Streamer

STAGE1, STAGE2 = "float stage 1", "float stage 2"
PORTABLE, FUSED = "portable int8", "fused int8"
STOCK = "stock Keras GRU, dynamic range"


@dataclass(frozen=True)
class FormFiles:
    """The two files of one int8 form: whole utterances, and single frames."""

    whole: Path
    stream: Path

    @classmethod
    def of(cls, whole: Path | None, stream: Path | None) -> FormFiles:
        """Return the files that an export reports, which may lack a form that was not asked for."""
        if whole is None or stream is None:
            raise ValueError("export: expected a whole and a streaming file, one is missing.")
        return cls(whole, stream)


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of clips with the right label."""
    return float(np.mean(predicted == labels))


def agreement(
    scores: np.ndarray, keras_scores: np.ndarray, other: np.ndarray | None = None
) -> float:
    """Return the share of decisions that equal the reference's, counted as an export does.

    Args:
        scores: of one file, `(..., labels)`.
        keras_scores: of the Keras model that it came from.
        other: scores of another file of that model, to compare with instead.
    """
    from tfpipeline.export import Tolerances
    from tfpipeline.export.verify.agreement import compare_decisions, margin
    from tfpipeline.export.verify.relative_error import Scales

    spread = Scales.of(keras_scores, comparable=True).spread
    allowed = margin(Tolerances().relative_error, spread)
    return compare_decisions(scores, keras_scores, allowed, other).agreement


def scores_of_file(path: Path, features: np.ndarray) -> np.ndarray:
    """Return the scores of each clip `(clips, labels)` by a whole-sequence `.tflite` file."""
    return np.asarray(Interpreter(path).predict(features))


def confusion_matrix(predicted: np.ndarray, labels: np.ndarray, classes: int) -> list[list[int]]:
    """Return counts by true label (rows) and predicted label (columns)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return [[int(count) for count in row] for row in counts]


def latency(
    portable: FormFiles,
    fused: FormFiles,
    stock: StockModel,
    test: Split,
    parameters: int,
    rounds: int,
) -> list[KeywordRow]:
    """Time the stock model and both of ours against each other on a real utterance."""
    utterance = test.features[0]
    return keyword_table(
        [
            _stock(stock, utterance),
            _ours(PORTABLE, portable, utterance, parameters),
            _ours(FUSED, fused, utterance, parameters),
        ],
        rounds=rounds,
    )


def _stock(stock: StockModel, utterance: np.ndarray) -> Candidate:
    whole = StockRunner(stock.path, utterance)
    return Candidate(
        name=STOCK,
        path=stock.path,
        utterance=whole,
        frame=StockRunner(stock.stream_path, utterance[:1]),
        parameters=stock.parameters,
        runtime=whole.runtime,
    )


def _ours(name: str, files: FormFiles, utterance: np.ndarray, parameters: int) -> Candidate:
    whole, stream = Interpreter(files.whole), Streamer(files.stream)
    whole.set_input(utterance)
    # A few frames, so that the state is a typical one.
    for frame in utterance[:20]:
        stream.process(frame)
    runtime = whole.runtime + (" and plug-in" if whole.card["form"] == "fused" else "")
    return Candidate(name, files.whole, whole, stream, parameters, runtime)


def ratio(rows: Sequence[KeywordRow], slow: str, fast: str) -> float | None:
    """Return how many times as fast `fast` is as `slow`, by the medians of an utterance."""
    medians: dict[str, Any] = {row.name: row.us_per_utterance for row in rows}
    if not medians.get(slow) or not medians.get(fast):
        return None
    return float(medians[slow].median / medians[fast].median)
