"""The manifest beside a wake word file: what ESPHome and microWakeWord read first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from tfpipeline.export.errors import ExportError

_VERSION = 2
_FEATURE_STEP_MS = 10
_MINIMUM_ESPHOME = "2024.7.0"
"""The first that reads manifests of this version."""


@dataclass(frozen=True)
class Manifest:
    """What only the user knows of a wake word, and how the device decides.

    Args:
        wake_word: What is said.
        author: Who trained it.
        website: Where it is from; None for none.
        trained_languages: Codes such as "en".
        probability_cutoff: Mean probability above which the wake word counts.
        sliding_window_size: Calls of the mean.

    Raises:
        ExportError: an entry is not what it should be.
    """

    wake_word: str
    author: str
    website: str | None
    trained_languages: tuple[str, ...]
    probability_cutoff: float
    sliding_window_size: int

    @classmethod
    def check(
        cls,
        wake_word: Any,
        author: Any,
        website: Any,
        trained_languages: Sequence[str],
        probability_cutoff: Any,
        sliding_window_size: Any,
    ) -> Manifest:
        """Check what the user gave."""
        texts = {"wake_word": wake_word, "author": author}
        texts |= {} if website is None else {"website": website}
        for argument, text in texts.items():
            if not isinstance(text, str) or not text.strip() and argument != "author":
                raise ExportError(f"{argument} must be a text, received {text!r}")
        named = isinstance(trained_languages, Sequence) and not isinstance(trained_languages, str)
        if not named or not all(isinstance(one, str) and one for one in trained_languages):
            raise ExportError(
                f"trained_languages must hold codes such as 'en', received {trained_languages!r}"
            )
        number = isinstance(probability_cutoff, Real) and not isinstance(probability_cutoff, bool)
        # A model says at most 255/256, and the device counts what is above the cutoff.
        if not number or not 0.0 < float(probability_cutoff) < 255.0 / 256.0:
            raise ExportError(
                "probability_cutoff must lie between 0 and 0.996, the largest probability of 8 "
                f"bits, received {probability_cutoff!r}"
            )
        whole = isinstance(sliding_window_size, Integral)
        if not whole or isinstance(sliding_window_size, bool) or not sliding_window_size > 0:
            raise ExportError(
                f"sliding_window_size must be a number of calls, received {sliding_window_size!r}"
            )
        return cls(
            wake_word,
            author,
            website,
            tuple(trained_languages),
            float(probability_cutoff),
            int(sliding_window_size),
        )

    def to_json(self, model: str, tensor_arena_size: int) -> str:
        """Return the manifest, version 2.

        Args:
            model: Name of the model file, which lies beside it.
            tensor_arena_size: Bytes that the model needs to run.
        """
        website = {} if self.website is None else {"website": self.website}
        entries = {
            "type": "micro",
            "wake_word": self.wake_word,
            "author": self.author,
            **website,
            "model": model,
            "trained_languages": list(self.trained_languages),
            "version": _VERSION,
            "micro": {
                "probability_cutoff": self.probability_cutoff,
                "feature_step_size": _FEATURE_STEP_MS,
                "sliding_window_size": self.sliding_window_size,
                "tensor_arena_size": tensor_arena_size,
                "minimum_esphome_version": _MINIMUM_ESPHOME,
            },
        }
        return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
