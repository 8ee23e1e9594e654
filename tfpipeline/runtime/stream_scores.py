"""What the rows of a stream's scores are: their labels, their kind, and how long one takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfpipeline.detection.units import SCORES
from tfpipeline.features import windows_of
from tfpipeline.runtime.errors import InputError


@dataclass(frozen=True)
class StreamScores:
    """What a detector must know of the rows of `Streamer.process_audio`.

    Args:
        labels: name of each score.
        scores: "logits", "probabilities" or "independent".
        frame_seconds: from one row to the next.
        first_frame_seconds: of audio that the first row has heard.
    """

    labels: tuple[str, ...]
    scores: str
    frame_seconds: float
    first_frame_seconds: float

    @classmethod
    def of(
        cls,
        name: object,
        card: Mapping[str, Any],
        labels: Sequence[str] | None = None,
        scores: str | None = None,
        hop_seconds: float | None = None,
    ) -> StreamScores:
        """Read a card.

        Args:
            name: of the model, for errors.
            card: of a stream.
            labels, scores, hop_seconds: what the card does not say; they go before what it says.

        Raises:
            InputError: the model has several outputs or no scores of classes, or neither the card
                nor the arguments say what is needed.
        """
        entries = card["outputs"]
        if len(entries) > 1:
            raise InputError(
                f"{name} has the outputs {[entry['name'] for entry in entries]}: make a "
                "tfpipeline.Detector of the one that holds the scores of words"
            )
        entry = entries[0]
        found = tuple(labels if labels is not None else card["labels"] or ())
        rank = 3 if entry["time_axis"] else 2
        if len(found) != entry["shape"][-1] or len(entry["shape"]) != rank:
            raise InputError(
                f"labels must name the {entry['shape'][-1]} scores of {name}, received "
                f"{list(found)}: export with labels=, or pass them"
            )
        kind = scores or entry.get("scores")
        if kind not in SCORES:
            raise InputError(
                f"scores must be one of {', '.join(SCORES)}, as the card of {name} does not say "
                f"what its scores are; received {scores!r}"
            )
        chunk = card.get("chunk") or 1
        frontend = card.get("frontend")
        config = windows_of(frontend) if frontend else None
        hop = hop_seconds
        if hop is None:
            if config is None:
                raise InputError(
                    f"hop_seconds must be the seconds of a frame of features, as {name} has no "
                    "frontend in its card; received None"
                )
            hop = config.hop_samples / config.sample_rate
        first = hop if config is None else config.window_samples / config.sample_rate
        rows = entry["shape"][1] if entry["time_axis"] else 1
        step = chunk * hop / rows
        return cls(found, kind, step, first + step - hop)
