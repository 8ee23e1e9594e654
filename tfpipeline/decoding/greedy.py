"""The most probable symbol of each frame, as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfpipeline.decoding.alphabet import Alphabet


def greedy_decode(logits: Any, frames: Any = None, alphabet: Alphabet | None = None) -> list[str]:
    """Return the text of the best path: each frame's largest logit, without repeats and blanks.

    Args:
        logits: `(batch, frames, symbols)`; probabilities give the same.
        frames: valid frames of each utterance, `(batch,)`; None is all of them.
        alphabet: of the symbols; English by default.

    Returns:
        A text for each utterance.

    Raises:
        ValueError: when a shape does not fit, or a frame has no finite logit or a NaN.
    """
    alphabet = alphabet or Alphabet()
    values, lengths = check_logits(logits, frames, alphabet)
    best = values.argmax(axis=2)
    kept = best != alphabet.blank
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    kept &= np.arange(best.shape[1]) < lengths[:, None]
    return [alphabet.decode(row[keep]) for row, keep in zip(best, kept, strict=True)]


def check_logits(logits: Any, frames: Any, alphabet: Alphabet) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits and the valid frames of each utterance as arrays."""
    values = np.asarray(logits)
    if values.ndim != 3 or values.shape[2] != len(alphabet):
        raise ValueError(
            f"`logits` must have the shape (batch, frames, {len(alphabet)}), a logit for each "
            f"symbol of {alphabet!r} and for the blank; received {values.shape}."
        )
    batch, most = values.shape[:2]
    lengths = np.full(batch, most) if frames is None else np.asarray(frames).astype(np.int64)
    if lengths.shape != (batch,) or np.any((lengths < 0) | (lengths > most)):
        raise ValueError(
            f"`frames` must be {batch} numbers from 0 to {most}, the frames of the logits; "
            f"received {np.asarray(frames).tolist()}."
        )
    best = values.max(axis=2, initial=-np.inf)
    unusable = ~np.isfinite(best) & (np.arange(most) < lengths[:, None])
    if unusable.any():
        utterance, frame = np.argwhere(unusable)[0]
        raise ValueError(
            f"`logits` must hold a finite number in each frame and no NaN; utterance {utterance} "
            f"has none in frame {frame}, so training diverged: lower the learning rate."
        )
    return values, lengths
