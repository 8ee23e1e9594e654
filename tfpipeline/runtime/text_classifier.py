"""Runs a model of text: text in, label out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfpipeline.runtime.errors import InputError, ModelFileError
from tfpipeline.runtime.interpreter import Interpreter
from tfpipeline.runtime.scores import INDEPENDENT, OutputScores
from tfpipeline.runtime.tflite_file import TFLiteFile
from tfpipeline.tokenization import (
    TOKENIZER_METADATA,
    Tokenizer,
    TokenizerBytesError,
    TokenizerTables,
    read_tokenizer,
)

_LEAST = 0.5
"""An entry of independent probabilities holds from here on."""


@dataclass(frozen=True)
class TextPrediction:
    """What a model says of a text.

    Args:
        label: The name of the largest score, or its number where the model has no labels. None
            where the scores are probabilities of independent entries, and none reaches one half.
        score: That of the label; without one the largest.
        scores: `(labels,)`, float32: probabilities where the model has any, which is after a
            softmax where it puts out logits; otherwise its values as they are.
        labels: Names of the scores.
    """

    label: str | None
    score: float
    scores: np.ndarray
    labels: tuple[str, ...]

    def best(self, count: int = 3) -> list[tuple[str, float]]:
        """Return the `count` labels of the largest scores, best first."""
        order = np.argsort(-self.scores, kind="stable")[: max(count, 0)]
        return [(self.labels[i], float(self.scores[i])) for i in order]


class TextClassifier:
    """Runs a model that was exported with its tokenizer, portable or fused.

    Args:
        path: A `.tflite` file that `tfpipeline.export.export(..., tokenizer=...)` wrote.
        num_threads: Threads of the interpreter.
        runtime: "litert", "tflite_runtime" or "tf"; None takes the first one installed.
        delegate_options: Options of the plug-in (`isa`, `verbose`), for fused models.

    Raises:
        InputError: an argument is not what it should be.
        ModelFileError: the file is missing, damaged or not ours, has no tokenizer, or more than
            scores as its output.
        NativeLibraryError: the model is fused and the plug-in cannot be loaded.

    Example:
        >>> TextClassifier("mood.tflite").predict("a fine movie").label  # doctest: +SKIP
        'good'
    """

    def __init__(
        self,
        path: str | Path,
        num_threads: int = 1,
        runtime: str | None = None,
        delegate_options: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        if not isinstance(path, str | os.PathLike):
            raise InputError(f"path must be the path of a .tflite file, received {path!r}")
        self._tokenizer = Tokenizer(tokenizer_tables(TFLiteFile(path)))
        self._interpreter = Interpreter(path, num_threads, runtime, delegate_options)
        card = self.card
        (first, *others), (output, *more) = card["inputs"], card["outputs"]
        if others or len(first["shape"]) != 2:
            raise ModelFileError(f"{path} has more inputs than ids (1, time): use Interpreter")
        if more or len(output["shape"]) != 2:
            raise ModelFileError(
                f"{path} puts out {[tuple(entry['shape']) for entry in card['outputs']]}, expected "
                "one output of scores (1, labels): use Interpreter with tokenize()"
            )
        self._frames = first["shape"][1]
        self._check_tokenizer(path)

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        return self._interpreter.card

    @property
    def labels(self) -> tuple[str, ...] | None:
        """Names of the scores, or None where the model has none."""
        labels = self.card["labels"]
        return None if labels is None else tuple(labels)

    def _check_tokenizer(self, path: str | Path) -> None:
        """Compare the ids that it makes with those that the model takes."""
        tables = self._tokenizer.tables
        least, most = tables.padded, max(tables.most, tables.padded)
        fits = least == most == self._frames
        if self.card.get("length"):
            fits = 0 < most <= self._frames
        if not fits or not tables.most:
            raise ModelFileError(
                f"{path} has a tokenizer of {least} to {most} ids, expected {self._frames} as the "
                "model takes: it was edited; export the model again"
            )

    def tokenize(self, text: str | bytes) -> list[int]:
        """Return the ids of a text, cut and padded as the model takes them.

        Args:
            text: Any text; bytes are UTF-8, or whatever they are.

        Raises:
            InputError: it is no text, or one that UTF-8 cannot hold.
        """
        if not isinstance(text, str | bytes):
            raise InputError(f"text must be a str or bytes, received {type(text).__name__}")
        try:
            return self._tokenizer.encode(text)
        except UnicodeEncodeError as error:
            raise InputError(
                f"text must be one that UTF-8 can hold, received {error.object[error.start]!r} at "
                f"position {error.start}: decode the text again, with errors='replace'"
            ) from error

    def predict(self, text: str | bytes | Sequence[str | bytes]) -> Any:
        """Classify a text, or each of several.

        Args:
            text: One text, or a list of texts, which run one after the other.

        Returns:
            A `TextPrediction`, or a list of them.

        Raises:
            InputError: something is no text, or has an id that the model does not know.
        """
        if isinstance(text, str | bytes):
            return self._predict(text)
        texts = text.tolist() if isinstance(text, np.ndarray) else text
        if not isinstance(texts, Sequence):
            raise InputError(
                f"text must be a str or a list of them, received {type(text).__name__}"
            )
        return [self._predict(one) for one in texts]

    def _predict(self, text: str | bytes) -> TextPrediction:
        ids = self.tokenize(text)
        if not ids:
            # A model of any length takes one id at least.
            ids = [self._tokenizer.tables.padding]
        entry = self.card["outputs"][0]
        values = self._interpreter.predict(np.array([ids], np.int32))[0]
        found = OutputScores.of(entry, self.card["labels"], values)
        probabilities = found.probabilities
        scores = np.asarray(found.values if probabilities is None else probabilities, np.float32)
        best = int(np.argmax(scores))
        holds = found.kind != INDEPENDENT or scores[best] >= _LEAST
        label = found.labels[best] if holds else None
        return TextPrediction(label, float(scores[best]), scores, found.labels)


def tokenizer_tables(file: TFLiteFile) -> TokenizerTables:
    """Read the tokenizer of a file.

    Raises:
        ModelFileError: it has none, or a damaged one.
    """
    data = file.metadata(TOKENIZER_METADATA)
    if data is None:
        raise ModelFileError(
            f"{file.path} has no tokenizer: export the model with tokenizer=..., or use "
            "tfpipeline.Interpreter with ids"
        )
    try:
        return read_tokenizer(data)
    except TokenizerBytesError as error:
        raise ModelFileError(
            f"{file.path} has a tokenizer that {error}: it was edited, or written by another "
            "version of tfpipeline; export the model again"
        ) from error
