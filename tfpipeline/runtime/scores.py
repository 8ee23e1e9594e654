"""What a model says of a file: the entries of its outputs, as what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PROBABILITIES, INDEPENDENT, LOGITS, UNKNOWN = "probabilities", "independent", "logits", "unknown"


@dataclass(frozen=True)
class OutputScores:
    """The last values of one output.

    Args:
        name: of the output.
        labels: name of each entry; its number where it has none.
        values: what the model puts out, `(labels,)`, or of another rank where it is no vector.
        kind: "probabilities" that sum to 1, "independent" probabilities, "logits" of classes, None
            for what is no score of classes, "unknown" where the model card does not say.
    """

    name: str
    labels: tuple[str, ...]
    values: np.ndarray
    kind: str | None

    @classmethod
    def of(
        cls, entry: Mapping[str, Any], labels: Sequence[str] | None, values: np.ndarray
    ) -> OutputScores:
        """Name the entries of `values`; `entry` is what the model card says of the output."""
        count = values.size if values.ndim == 1 else 0
        names = list(labels) if labels is not None and len(labels) == count else []
        if len(set(names)) < max(count, 1):
            # No names, or several entries of one.
            names = [f"{names[i]} [{i}]" if names else str(i) for i in range(count)]
        kind = entry.get("scores", UNKNOWN)
        if values.ndim != 1 or values.dtype.kind != "f":
            kind = None
        elif kind not in (PROBABILITIES, INDEPENDENT, None) and values.size < 2:
            # A softmax of one number says nothing.
            kind = None
        elif kind not in (PROBABILITIES, INDEPENDENT, LOGITS, None):
            kind = UNKNOWN
        return cls(entry["name"], tuple(names), values, kind)

    @property
    def probabilities(self) -> np.ndarray | None:
        """Probabilities of the entries, with a softmax of what are logits; None without any."""
        if self.kind in (PROBABILITIES, INDEPENDENT):
            return self.values
        if self.kind == LOGITS:
            return self._softmax()
        return None

    def best(self, count: int = 1) -> list[tuple[str, float]]:
        """Return the `count` entries with the largest values, best first."""
        values = self.values if self.probabilities is None else self.probabilities
        order = np.argsort(-values, kind="stable")[: max(count, 0)]
        return [(self.labels[i], float(values[i])) for i in order]

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON: `probabilities` where there are any, else the `scores`.

        Of scores that may be logits, for all that the card says, it has both.
        """
        if self.values.ndim != 1:
            return {"kind": self.kind, "scores": self.values.tolist()}
        found: dict[str, Any] = {"kind": None if self.kind == UNKNOWN else self.kind}
        if self.kind is not None:
            found["label"] = self.best()[0][0]
        probabilities = self._softmax() if self.kind == UNKNOWN else self.probabilities
        if probabilities is not None:
            found["probabilities"] = self._named(probabilities)
        if self.kind in (None, UNKNOWN):
            found["scores"] = self._named(self.values)
        return found

    def _softmax(self) -> np.ndarray:
        shifted = np.exp(self.values - self.values.max())
        softmax: np.ndarray = shifted / shifted.sum()
        return softmax

    def _named(self, values: np.ndarray) -> dict[str, Any]:
        return dict(zip(self.labels, values.tolist(), strict=True))


@dataclass(frozen=True)
class Scores:
    """What the model says of a file.

    Args:
        outputs: of each output.
        frames: time steps that were fed; None for a model without a time axis.
        left_over: time steps at the end that do not fill a call of a stream, and were not fed.
        streamed: whether they were fed call by call.
        runtime: name and version of what ran the model.
    """

    outputs: tuple[OutputScores, ...]
    frames: int | None
    left_over: int
    streamed: bool
    runtime: str

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the first output's entries."""
        return self.outputs[0].labels

    @property
    def probabilities(self) -> np.ndarray | None:
        """Those of the first output; None where it has none."""
        return self.outputs[0].probabilities

    def best(self, count: int = 1) -> list[tuple[str, float]]:
        """Return the `count` best entries of the first output."""
        return self.outputs[0].best(count)

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON; several outputs stand under their names."""
        if len(self.outputs) == 1:
            found = self.outputs[0].to_dict()
        else:
            found = {"outputs": {output.name: output.to_dict() for output in self.outputs}}
        return {
            **found,
            "frames": self.frames,
            "left_over": self.left_over,
            "streamed": self.streamed,
            "runtime": self.runtime,
        }
