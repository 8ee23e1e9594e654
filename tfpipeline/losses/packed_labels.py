"""Labels and lengths in one array, which is what `model.fit` can pass to a loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from keras import ops

from tfpipeline.losses.grams import check_grams, frames_needed


def pack_labels(
    labels: Iterable[Sequence[int]],
    frames: int | Sequence[int] | np.ndarray,
    blank: int = 0,
    max_label: int | None = None,
    grams: Sequence[Sequence[int]] | None = None,
) -> np.ndarray:
    """Return `y` for `CTC` and for the error rates: `(utterances, 1 + max_label)`, int32.

    The first column is the number of output frames of each utterance, that is frames of the logits,
    after all strides; the others are its label, padded with the blank.

    Args:
        labels: a sequence of symbol indices for each utterance, without blanks.
        frames: one number for all utterances, or one for each.
        blank: index of the blank symbol.
        max_label: width of the labels; that of the longest by default.
        grams: those of `GramCTC`, whose labels may fit into fewer frames.

    Raises:
        ValueError: a label holds a blank or a negative index, is longer than `max_label`, or does
            not fit into its frames: it needs one a symbol, and one more between equal neighbours;
            or there is not one number of frames, or one for each label.

    >>> pack_labels([[3, 1, 1], [2]], frames=[9, 7])
    array([[9, 3, 1, 1],
           [7, 2, 0, 0]], dtype=int32)
    """
    known = None if grams is None else check_grams(grams)
    rows = [np.asarray(row, dtype=np.int64).reshape(-1) for row in labels]
    counts = np.asarray(frames)
    whole = counts.dtype.kind in "iuf" and not np.any(counts % 1)
    if counts.shape not in ((), (len(rows),)) or not whole:
        raise ValueError(
            f"`frames` must be one int, or one for each of the {len(rows)} labels; received "
            f"{frames!r}."
        )
    counts = np.broadcast_to(counts.astype(np.int64), (len(rows),))
    longest = max((row.size for row in rows), default=0)
    width = longest if max_label is None else max_label
    if longest > width:
        raise ValueError(
            f"`max_label` must be the length of the longest label, {longest}, or more; received "
            f"{max_label}."
        )
    packed = np.full((len(rows), 1 + width), blank, dtype=np.int32)
    for index, (row, count) in enumerate(zip(rows, counts, strict=True)):
        if np.any((row < 0) | (row == blank)):
            raise ValueError(
                f"`labels` must hold symbol indices other than the blank, {blank}; label {index} "
                f"is {row.tolist()}."
            )
        needed = frames_needed(row.tolist(), known)
        if needed > count:
            raise ValueError(
                f"`frames` must leave room for the label; utterance {index} has {count} frames and "
                f"its label needs {needed}; leave it out, or use a smaller stride in time."
            )
        packed[index, 0] = count
        packed[index, 1 : 1 + row.size] = row
    return packed


def check_shapes(owner: str, y_true: Any, y_pred: Any, blank: int) -> None:
    """Raise unless the labels are packed and the logits have one for the blank."""
    if len(y_pred.shape) != 3 or len(y_true.shape) != 2:
        raise ValueError(
            f"{owner} expects `y_pred` as logits (batch, frames, symbols) and `y_true` as "
            f"(batch, 1 + max_label), the number of frames first; received shapes "
            f"{tuple(y_pred.shape)} and {tuple(y_true.shape)}; make `y_true` with "
            "tfpipeline.losses.pack_labels."
        )
    symbols = y_pred.shape[2]
    if symbols is not None and blank >= symbols:
        raise ValueError(
            f"`blank` must be the index of one of the {symbols} symbols that {owner} gets logits "
            f"for; received {blank}."
        )


def split_labels(packed: Any, blank: int) -> tuple[Any, Any, Any]:
    """Return frames `(batch,)`, labels `(batch, max_label)` padded with `blank`, lengths; int32."""
    numbers = ops.cast(packed, "int32")
    frames, labels = numbers[:, 0], numbers[:, 1:]
    is_symbol = (labels >= 0) & (labels != blank)
    return (
        frames,
        ops.where(is_symbol, labels, blank),
        ops.sum(ops.cast(is_symbol, "int32"), axis=1),
    )


def well_formed(packed: Any, blank: int) -> Any:
    """Return `(batch,)`: whether a label is padded at its end only, and frames are not negative.

    A blank or a negative number before a symbol is no symbol and no padding: dropping it would give
    the loss of another label.
    """
    numbers = ops.cast(packed, "int32")
    labels = numbers[:, 1:]
    is_symbol = (labels >= 0) & (labels != blank)
    gap = ops.any(ops.logical_not(is_symbol[:, :-1]) & is_symbol[:, 1:], axis=1)
    return ops.logical_not(gap) & (numbers[:, 0] >= 0)
