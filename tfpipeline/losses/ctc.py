"""The loss of sequences without an alignment: connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tfpipeline.losses.packed_labels import check_shapes, split_labels, well_formed

# Stands for the logarithm of 0: adding a thousand of them stays finite in float32.
LOG_ZERO = -1e30


@keras.saving.register_keras_serializable(package="tfpipeline")
class CTC(keras.losses.Loss):
    """loss = -log sum of p(path) over all paths that collapse to the label (Graves et al. 2006).

    A path has one symbol a frame, p(path) is the product of their softmax probabilities, and a path
    collapses by merging repeated symbols and then dropping the blanks. The gradient is the one of
    Graves et al., equation (16), from one scan over time that runs forward and backward together:
    on TensorFlow and a CPU five times faster than differentiating `keras.ops.ctc_loss`, with XLA
    and without, and as fast on JAX (`python -m tfpipeline.bench.ctc`). Always in float32, also
    under mixed precision.

    A label that does not fit, because its length plus its repeated neighbours exceeds the frames,
    has probability 0; such an utterance counts with loss 0 and gradient 0, and `pack_labels`
    refuses it. That is decided from the lengths and the symbols alone: where logits of -inf leave a
    label that fits no probability, the loss is infinite, and NaN where a logit is. NaN also marks
    an utterance that claims more frames than there are logits, or whose label has a symbol without
    a logit, or the blank or a negative number before a symbol; its gradient is 0, so that it spoils
    the loss but not the weights. A Keras mask is ignored: the lengths in `y_true` are what counts.

    Args:
        blank: index of the blank symbol.
        reduction: as in Keras; the mean over the utterances by default.
        name: of the loss.

    Call arguments:
        y_true: `(batch, 1 + max_label)`, from `pack_labels`: the number of output frames, then the
            label, padded with the blank or with -1.
        y_pred: logits, `(batch, frames, symbols)`.

    Example:

    >>> y = pack_labels([alphabet.encode(text) for text in texts], frames)
    >>> model.compile("adam", CTC())
    >>> model.fit(x, y)
    """

    def __init__(
        self, blank: int = 0, reduction: str | None = "sum_over_batch_size", name: str = "ctc"
    ) -> None:
        if not isinstance(blank, int) or isinstance(blank, bool) or blank < 0:
            raise ValueError(
                f"`blank` must be the index of a symbol, 0 or more; received {blank!r}."
            )
        # A narrower type could not even hold the labels, which Keras casts to the loss' type.
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.blank = blank

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        # A mask has the shape of the frames, and there is one loss an utterance.
        return super().__call__(y_true, without_mask(y_pred), sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        check_shapes(type(self).__name__, y_true, y_pred, self.blank)
        frames, labels, lengths = split_labels(y_true, self.blank)
        sound = well_formed(y_true, self.blank)
        return ctc_loss(y_pred, frames, labels, lengths, self.blank, sound)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "blank": self.blank}


def without_mask(tensor: Any) -> Any:
    """Return the same values as a tensor that Keras has attached nothing to."""
    return ops.multiply(ops.cast(tensor, "float32"), 1.0)


def ctc_loss(
    logits: Any, frames: Any, labels: Any, lengths: Any, blank: int, sound: Any = True
) -> Any:
    """Return the loss of each utterance, `(batch,)`; see `CTC`.

    Args:
        logits: `(batch, frames, symbols)`, float32.
        frames, lengths: valid frames and label lengths, `(batch,)`, int32.
        labels: `(batch, max_label)`, int32, padded with `blank`.
        sound: whether the label is one, `(batch,)`, bool; see `well_formed`.
    """
    if labels.shape[1] == 0:  # all empty: one column of padding, since a state must have a width
        labels = ops.pad(labels, [(0, 0), (0, 1)], constant_values=blank)
    symbols = ops.shape(logits)[2]
    sound = sound & ops.all(labels < symbols, axis=1) & (frames <= ops.shape(logits)[1])
    labels = ops.minimum(labels, symbols - 1)
    states = _states(labels, blank)
    repeats = ops.sum(
        ops.cast((labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != blank), "int32"), axis=1
    )
    fits = (lengths + repeats <= frames) & (frames > 0)

    def with_gradient(values: Any) -> Any:
        # Or a persistent GradientTape would differentiate the loop as well, beside `gradient`.
        values = ops.stop_gradient(values)
        log_p = log_probabilities(values)
        loss, occupancy = _forward_backward(log_p, frames, states, lengths, blank)
        valid = valid_frames(frames, ops.shape(values)[1])
        loss, counts = judged(loss, log_p, valid, fits, sound)

        def gradient(*arguments: Any, upstream: Any = None) -> Any:
            (scale,) = arguments if upstream is None else (upstream,)
            chosen = (valid & counts[:, None])[:, :, None]
            slope = ops.where(chosen, ops.exp(log_p) - occupancy, 0.0)
            return scale[:, None, None] * slope

        return loss, gradient

    return ops.custom_gradient(with_gradient)(logits)


def log_probabilities(logits: Any) -> Any:
    """Return the log softmax, with LOG_ZERO for -inf, which sums of a forward pass cannot hold."""
    log_p = ops.log_softmax(logits)
    return ops.where(log_p < LOG_ZERO, LOG_ZERO, log_p)  # NaN stays


def judged(loss: Any, log_p: Any, valid: Any, fits: Any, sound: Any) -> tuple[Any, Any]:
    """Return the loss of each utterance as it counts, and which utterances have a gradient.

    Args:
        loss: -log p by the forward pass, `(batch,)`.
        log_p: of all symbols, `(batch, frames, symbols)`.
        valid: frames that count, `(batch, frames)`.
        fits: whether the frames hold the label, `(batch,)`.
        sound: whether the label and the number of frames are usable at all, `(batch,)`.
    """
    possible = loss < -0.1 * LOG_ZERO
    diverged = ops.any(ops.isnan(log_p) & valid[:, :, None], axis=(1, 2))
    diverged = diverged | (fits & ops.isnan(loss))
    loss = ops.where(possible, loss, float("inf"))
    loss = ops.where(fits, loss, 0.0)
    loss = ops.where(diverged | ops.logical_not(sound), float("nan"), loss)
    # A diverged utterance keeps its slope, which is NaN as well.
    return loss, fits & sound & (possible | diverged)


def _states(labels: Any, blank: int) -> Any:
    """Return the symbol of each state: blank, label 1, blank, label 2, ..., blank."""
    pairs = ops.stack([ops.full_like(labels, blank), labels], axis=2)
    pairs = ops.reshape(pairs, (-1, 2 * ops.shape(labels)[1]))
    return ops.pad(pairs, [(0, 0), (0, 1)], constant_values=blank)


def valid_frames(frames: Any, time: Any) -> Any:
    """Return `(batch, time)`: which frames of each utterance count."""
    return ops.arange(time, dtype="int32")[None, :] < frames[:, None]


def _forward_backward(log_p: Any, frames: Any, states: Any, lengths: Any, blank: int) -> Any:
    """Return the loss, and the share of each symbol in each frame of the paths of the label."""
    batch, time, symbols = ops.shape(log_p)
    width = ops.shape(states)[1]
    # The backward variables are the forward ones of the utterance read from its end.
    frame_index = frames[:, None] - 1 - ops.arange(time, dtype="int32")[None, :]
    frame_index = ops.clip(frame_index, 0, time - 1)
    state_index = 2 * lengths[:, None] - ops.arange(width, dtype="int32")[None, :]
    state_index = ops.maximum(state_index, 0)
    emitted = ops.take_along_axis(
        log_p, ops.broadcast_to(states[:, None, :], (batch, time, width)), axis=2
    )
    turned = _turn(emitted, frame_index, state_index)
    both = ops.concatenate([states, ops.take_along_axis(states, state_index, axis=1)], axis=0)
    log_alpha = _scan(ops.concatenate([emitted, turned], axis=0), both, blank)

    alpha, beta = log_alpha[:batch], _turn(log_alpha[batch:], frame_index, state_index)
    inside = (ops.arange(width, dtype="int32")[None, :] <= 2 * lengths[:, None])[:, None, :]
    joint = ops.where(inside, alpha + beta - emitted, LOG_ZERO)
    # The same in every frame, up to rounding; each frame's own makes its shares add up to 1.
    total = ops.logsumexp(joint, axis=2, keepdims=True)
    shares = ops.exp(joint - total)
    occupancy = ops.einsum("bts,bsk->btk", shares, ops.one_hot(states, symbols, dtype="float32"))
    return -total[:, 0, 0], occupancy


def _turn(values: Any, frame_index: Any, state_index: Any) -> Any:
    """`(batch, frames, states)` with both axes reversed within the length of each utterance."""
    values = ops.take_along_axis(values, frame_index[:, :, None], axis=1)
    return ops.take_along_axis(values, state_index[:, None, :], axis=2)


def _scan(emitted: Any, states: Any, blank: int) -> Any:
    """Return forward variables `(batch, frames, states)`: log p of all beginnings of a path."""
    changes = (states[:, 2:] != states[:, :-2]) & (states[:, 2:] != blank)
    skip = ops.pad(ops.where(changes, 0.0, LOG_ZERO), [(0, 0), (2, 0)], constant_values=LOG_ZERO)
    edge = ops.full_like(emitted[:, 0, :2], LOG_ZERO)
    # One state before the first frame, from which the first two can be reached.
    start = ops.concatenate([edge[:, :1] * 0.0, ops.full_like(emitted[:, 0, 1:], LOG_ZERO)], axis=1)

    def step(carry: Any, log_p: Any) -> Any:
        padded = ops.concatenate([edge, carry], axis=1)
        arrivals = ops.stack([carry, padded[:, 1:-1], padded[:, :-2] + skip])
        # ops.logsumexp also checks for infinities, of which there are none: half of the time.
        peak = ops.max(arrivals, axis=0)
        values = log_p + peak + ops.log(ops.sum(ops.exp(arrivals - peak), axis=0))
        return values, values

    _, collected = ops.scan(step, start, ops.transpose(emitted, (1, 0, 2)))
    return ops.transpose(collected, (1, 0, 2))
