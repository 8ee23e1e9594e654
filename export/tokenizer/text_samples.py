"""Calibration and verification samples that are texts, as ids."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.export.errors import ExportError
from tfpipeline.export.tokenizer.given_tokenizer import GivenTokenizer


def texts_of(samples: Any) -> list[bytes] | None:
    """Return samples as texts, or None where they are something else."""
    if isinstance(samples, np.ndarray) and samples.dtype.kind in "USO":
        samples = samples.reshape(-1).tolist()
    if not isinstance(samples, list | tuple) or not samples:
        return None
    if not all(isinstance(text, str | bytes) for text in samples):
        return None
    try:
        return [text.encode() if isinstance(text, str) else text for text in samples]
    except UnicodeEncodeError as error:
        raise ExportError(
            f"calibration and verification must be texts that UTF-8 can hold: {error}"
        ) from error


def ids_of(given: GivenTokenizer, texts: list[bytes], frames: int | None) -> np.ndarray:
    """Return the ids of texts as model inputs, `(texts, frames)`.

    Args:
        given: What makes them.
        texts: The texts.
        frames: How many ids the model takes; None takes what the tokenizer gives: its own length,
            or that of the longest text.
    """
    found = given.whole(_utf8(given, texts))
    length = frames or given.length or max(map(len, found)) or 1
    padding = given.padding or 0
    return np.array(
        [ids[:length] + [padding] * (length - len(ids[:length])) for ids in found], np.int32
    )


def _utf8(given: GivenTokenizer, texts: list[bytes]) -> list[bytes]:
    """Return texts that the tokenizer takes."""
    if given.takes_bytes:
        return texts
    return [text.decode("utf-8", "replace").encode() for text in texts]
